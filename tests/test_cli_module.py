"""``robnas evaluate --module``: a network of one's own, measured and kept like any other."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from robnas.attacks import FGSM, PGD
from robnas.benchmarks import load
from robnas.building import module_records
from robnas.cli import main
from robnas.data import Dataset
from robnas.errors import InputError, StoreError
from robnas.evaluation import SUITES, Suite, evaluate
from robnas.records import RecordStore
from robnas.spaces import MODULES, SPACES, Space, space_of
from robnas.types import ThreatModel

SOURCE = """
import torch.nn as nn

def build(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 3))

def deep(depth): ...
def fails(): raise OSError("no luck")
def nothing(): ...
answer = 3
"""
X = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
Y = np.arange(60) % 3
THREAT = ThreatModel.linf("8/255")


def network(seed=0, classes=3):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))


def quick():
    return Suite("quick", (FGSM(THREAT), PGD(THREAT, steps=3, step_size=4 / 255)), checks=False)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SUITES, "quick", quick)
    (tmp_path / "my_model.py").write_text(SOURCE)
    np.savez("mine.npz", images=X, labels=Y)
    torch.save(network().state_dict(), "w.pt")
    return tmp_path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *map(str, arguments)])
    return ended.value.code or 0, *capsys.readouterr()


QUICK = ("--suite", "quick", "--limit-test", "4")
OWN = ("--module", "my_model.py:build", "--data", "mine.npz")


def test_the_numbers_are_those_of_python(here, capsys):
    code, out, _ = run(capsys, *OWN, "--weights", "w.pt", *QUICK, "--json")
    assert code == 0
    found = json.loads(out)
    data = Dataset.from_arrays(X, Y, name="mine")
    expected = evaluate(network(), data, quick(), split="test", seed=0, limit=4)
    assert [one["value"] for one in found["measurements"]] == [one.value for one in expected.measurements]
    assert (found["module"], found["weights"]) == ("my_model.py:build", "w.pt")
    assert (found["dataset_hash"], found["weights_hash"]) == (data.content_hash, expected.weights)
    asked = data.split("test").labels[:4].bincount(minlength=3).tolist()
    assert [one["images"] for one in found["measurements"][0]["per_class"]] == asked
    code, out, _ = run(capsys, "--module", "my_model.py:Net", "--data", "mine.npz", "--weights", "w.pt", *QUICK)
    assert code == 0
    assert "my_model.py:Net on mine test, suite quick" in out
    assert f"class 1  {asked[1]:>5} images  clean" in out


def test_measurements_and_records_are_kept_where_asked(here, capsys):
    arguments = (*OWN, "--weights", "w.pt", *QUICK, "--store", "sqlite:///runs.db", "--json", "kept")
    assert run(capsys, *arguments)[0] == run(capsys, *arguments)[0] == 0
    assert len(list((here / "kept" / "evaluation").iterdir())) == 3
    with RecordStore("sqlite:///runs.db") as store:
        assert len(store.records()) == 3
        assert {record.architecture.genes["module"] for record in store.records()} == {"my_model"}


def test_safetensors_are_weights_as_well(here, capsys):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(network().state_dict(), "w.safetensors")
    found = [
        json.loads(run(capsys, *OWN, "--weights", file, *QUICK, "--json")[1]) for file in ("w.pt", "w.safetensors")
    ]
    assert found[0]["weights_hash"] == found[1]["weights_hash"]


REFUSED = {
    "nothing": ((), "error: evaluate: expected a folder or --module, got neither; give the folder of a training"),
    "no data": (("--module", "my_model.py:build"), "error: --data: expected the images for --module"),
    "weights alone": (("--weights", "w.pt"), "error: --weights: expected --module with it"),
    "a space": ((*OWN, "--space", "theory"), "error: --space: expected none with --module"),
    "no function": (("--module", "my_model.py", *OWN[2:]), "error: module: expected FILE.py:FUNCTION, such as"),
    "no file": (("--module", "other.py:build", *OWN[2:]), "error: import of other.py: expected a Python file, got no"),
    "no such function": (
        ("--module", "my_model.py:made", *OWN[2:]),
        "expected a function made, got only build, Net",
    ),
    "a number": (("--module", "my_model.py:answer", *OWN[2:]), "expected a function answer, got int"),
    "arguments": (
        ("--module", "my_model.py:deep", *OWN[2:]),
        "of no arguments, or num_classes, got one that need",
    ),
    "an error": (
        ("--module", "my_model.py:fails", *OWN[2:]),
        "a function that returns a network, got OSError",
    ),
    "no network": (("--module", "my_model.py:nothing", *OWN[2:]), "returns a torch.nn.Module, got None"),
    "no weights": ((*OWN, "--weights", "other.pt"), "error: other.pt: expected a file of weights, got no such file"),
    "a bad name": ((*OWN, "--name", "a b"), "error: name of a module: expected at most 100 letters"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_meant_is_one_line(kind, here, capsys):
    arguments, text = REFUSED[kind]
    code, out, err = run(capsys, *arguments, *QUICK, "--json")
    assert (code, out) == (2, "")
    assert text in err
    assert len(err.strip().splitlines()) == 1


WEIGHTS = {
    "another shape": (
        lambda: network(classes=4).state_dict(),
        "got of another shape 1.weight (4, 64) for (3, 64)",
    ),
    "other names": (lambda: {"fc.weight": torch.ones(3)}, "got missing 1.weight, 1.bias; unexpected fc.weight"),
    "a whole module": (network, "expected a state_dict of tensors, got UnpicklingError"),
    "a checkpoint": (
        lambda: {"epoch": 3, "state": network().state_dict()},
        "tensors, got a dictionary of epoch",
    ),
    "a tensor": (lambda: torch.ones(3), "expected a state_dict of tensors, got Tensor"),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_of_another_network_are_one_line(kind, here, capsys):
    make, text = WEIGHTS[kind]
    torch.save(make(), "bad.pt")
    code, _, err = run(capsys, *OWN, "--weights", "bad.pt", *QUICK)
    assert code == 2
    assert "error: bad.pt: expected " in err
    assert text in err


def test_damaged_weights_are_one_line(here, capsys):
    for name in ("w.pt", "w.safetensors"):
        (here / name).write_bytes(b"nothing")
        code, _, err = run(capsys, *OWN, "--weights", name, *QUICK)
        assert code == 2
        assert f"error: {name}: expected" in err


# records


LIGHT = Suite("light", (), checks=False)


def test_records_of_modules_are_stored_and_made_into_a_table_and_never_mixed(here):
    data = Dataset.from_arrays(X, Y, test=1)
    with RecordStore("sqlite:///runs.db") as store:
        for name, seed in (("my-net", 0), ("my-net", 1), ("other.net", 2)):
            found = evaluate(network(seed), data, LIGHT, split="test", seed=0)
            records, settings = module_records(name, data, found)
            assert store.add(records, settings) == 1
            assert store.add(records, settings) == 0
            assert records[0].architecture.text == f"module={name},weights={found.weights}"
        (first, _, _) = records = store.records()
        assert {record.space for record in records} == {"modules"}
        assert store.spaces() == ("modules",)
        with pytest.raises(StoreError, match="perhaps another torch"):
            store.add([replace(first, value=0.5 if first.value != 0.5 else 0.25)])
    table = load("sqlite:///runs.db")
    assert len(table.architectures) == 3
    value = table.query(first.architecture, dataset="arrays", metric="clean", split="test", seed="mean")
    assert value == first.value
    assert load_exported(table, here).query(
        first.architecture, dataset="arrays", metric="clean", split="test", seed="mean"
    ) == value  # fmt: skip


def load_exported(table, folder):
    from robnas.benchmarks import read_table, write_table

    write_table(table, folder / "t.parquet")
    return read_table(folder / "t.parquet")


def test_an_evaluation_on_other_data_makes_no_records():
    data = Dataset.from_arrays(X, Y, test=1)
    found = evaluate(network(), data, LIGHT, split="test", seed=0)
    with pytest.raises(InputError, match="evaluation: expected one on arrays, content"):
        module_records("my-net", Dataset.from_arrays(X, Y[::-1].copy(), test=1), found)


def test_the_space_of_modules_is_known_by_its_name_and_cannot_be_searched():
    arch = MODULES.from_genes({"module": "my-net", "weights": "0" * 16})
    assert MODULES.parse(arch.text) == arch == space_of("modules").parse(arch)
    assert arch in MODULES
    assert MODULES.reads(arch.text)
    assert MODULES.name not in SPACES
    assert MODULES.neighbours(arch) == ()
    with pytest.raises(InputError, match="space modules: expected architectures that can be drawn"):
        MODULES.random(np.random.default_rng(0))
    with pytest.raises(InputError, match="space name: expected another, as this is that of networks of no space"):
        SPACES.register("modules", Space("modules", genes=SPACES["theory"].genes))
    for text in ("module=a b,weights=" + "0" * 16, "module=a,weights=0", "my-net"):
        with pytest.raises(InputError):
            MODULES.parse(text)

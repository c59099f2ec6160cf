"""NARes' file, made to its published schema: the file itself is not there to be tested with."""

import copy
import json
import math

import numpy as np
import pytest

from robnas.benchmarks import CATALOGUE, fetch, load
from robnas.cli import main
from robnas.errors import InputError
from robnas.networks import count
from robnas.spaces import SPACES
from tests.data.conftest import refused

SPACE = SPACES["wide-resnet"]
KINDS = [f"kind_{number}" for number in range(19)]


def lines(total=12):
    """Some architectures in the order of their MACs, ids with gaps; the third has no corruptions, the fourth no AA."""
    archs = sorted(SPACE.sample(np.random.default_rng(0), total), key=lambda arch: count(arch).macs)
    return [line(3 * place + 2, arch, place) for place, arch in enumerate(archs)]


def line(number, arch, place):
    epochs = [50.0 + place, 60.0 + place, 40.0 + place]
    test = {
        "test_clean_acc": 80.25 + place, "Linf_fgsm_acc": 60.5, "Linf_pgd_acc": 55.5, "Linf_cw_acc": 54.5,
        "Linf_aa_acc": None if place == 3 else 52.25, "test_loss": 0.5,
        "corruptions": {} if place == 2 else {
            kind: {level: {"acc": 70.0 + int(level), "loss": 1.0} for level in "12345"} for kind in KINDS
        },
    }  # fmt: skip
    train = {
        "seed": 1, "training_time": 0.5, "best_epoch": 1, "train_loss": [1.0] * 3, "train_acc": epochs,
        "val_loss": [1.0] * 3, "val_acc": epochs, "pgd": [value - 20 for value in epochs],
        "cw": [value - 21 for value in epochs], "gpu_type": "x",
    }  # fmt: skip
    counts = count(arch)
    return {
        "arch_id": number, "arch": dict(arch.genes), "MACs": counts.macs, "Params": counts.parameters,
        "train": [train], "test_best": [test],
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def written(folder, entries):
    (folder / "cifar10.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return folder


def test_the_published_file_becomes_a_table(folder):
    entries = lines()
    table = fetch("nares", written(folder, reversed(entries)))
    assert (table.space, len(table), table.partition) == (SPACE, 12, None)
    assert [dict(arch.genes) for arch in table.architectures] == [entry["arch"] for entry in entries]
    assert {column.name: column.mean[5] for column in table.columns} == pytest.approx({
        "cifar10 validation clean": 0.65, "cifar10 validation pgd@8/255": 0.45,
        "cifar10 validation pgd:cw@8/255": 0.44, "cifar10 test clean": 0.8525, "cifar10 test fgsm@8/255": 0.605,
        "cifar10 test pgd@8/255": 0.555, "cifar10 test pgd:cw@8/255": 0.545,
        "cifar10 test autoattack@8/255": 0.5225, "cifar10 test corruptions": 0.73,
    })  # fmt: skip
    assert {column.space for column in table.columns} == {"wide-resnet"}
    assert {column.seeds for column in table.columns} == {(1,)}
    assert table.column("cifar10", "clean", "validation").facts == {"images_of": "CIFAR-10.1"}
    assert [math.isnan(table.column("cifar10", "corruptions", "test").mean[row]) for row in (2, 3)] == [True, False]
    assert math.isnan(table.column("cifar10", "autoattack@8/255", "test").mean[3])
    assert table.provenance["gpu_days"] == 6
    assert table.provenance["missing_architectures"] == 15_625 - 12
    assert "CIFAR-10.1" in table.provenance["notes"]
    again = load("nares")
    assert again.texts == table.texts
    where = {"dataset": "cifar10", "metric": "pgd@8/255", "split": "validation", "seed": "mean"}
    assert again.query(entries[5]["arch"], **where) == pytest.approx(0.45)


def test_the_command_says_what_it_found(folder, capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["fetch", "nares", "--from", str(written(folder, lines()))])
    out = capsys.readouterr().out
    assert "nares: 12 architectures" in out
    assert "CIFAR-10.1" in out


def test_without_a_folder_the_release_is_named(folder):
    assert CATALOGUE["nares"].space == "wide-resnet"
    with refused("^table nares: expected --from a folder with cifar10.jsonl, got no folder; .*releases/download/v1.0/"):
        fetch("nares")


def test_several_trainings_are_several_seeds(folder):
    entries = lines()
    twice = copy.deepcopy(entries[4])
    entries[4]["train"] += [{**twice["train"][0], "seed": 7}]
    entries[4]["test_best"] += [{**twice["test_best"][0], "test_clean_acc": 90.0}]
    column = fetch("nares", written(folder, entries)).column("cifar10", "clean", "test")
    assert column.seeds == (1, 7)
    assert column.values[4].tolist() == pytest.approx([0.8425, 0.9])
    assert np.isnan(column.values[:, 1]).sum() == 11


def change(entries, place, *keys, to):
    entry = entries[place]
    for key in keys[:-1]:
        entry = entry[key]
    entry[keys[-1]] = to


BAD = {
    "a fraction of a line": (lambda e: e.__setitem__(2, []), "line 3: expected an architecture, its training"),
    "another space": (
        lambda e: change(e, 1, "arch", to={"depth": 4}),
        "line 2: expected an architecture of space wide",
    ),
    "a wrong gene": (lambda e: change(e, 1, "arch", "D1", to=6), "line 2: .*gene D1: expected one of 4, 5, 7, 9, 11"),
    "an id of nothing": (lambda e: change(e, 0, "arch_id", to=0), "expected ids from 1 to 15,625, each once, got 0"),
    "too high an id": (lambda e: change(e, 11, "arch_id", to=15_626), "ids from 1 to 15,625, each once, got 15626"),
    "an id twice": (lambda e: change(e, 1, "arch_id", to=2), "ids from 1 to 15,625, each once, got 2"),
    "another order": (
        lambda e: change(e, 1, "MACs", to=1),
        "expected ids by ascending MACs, more for 5 than for 2, got",
    ),
    "no MACs": (lambda e: change(e, 1, "MACs", to=float("nan")), "expected ids by ascending MACs"),
    "an architecture twice": (lambda e: change(e, 1, "arch", to=e[0]["arch"]), "each architecture once"),
    "more than percent": (lambda e: change(e, 1, "test_best", 0, "Linf_pgd_acc", to=101), "line 2: .*101 where a perc"),
    "a text": (lambda e: change(e, 1, "test_best", 0, "Linf_pgd_acc", to="50"), "line 2: .*where a percentage belongs"),
    "no such epoch": (lambda e: change(e, 1, "train", 0, "best_epoch", to=3), "line 2: expected an architecture, its"),
    "counted from behind": (lambda e: change(e, 1, "train", 0, "best_epoch", to=-1), "line 2: .*where a whole number"),
    "no training": (lambda e: change(e, 1, "train", to=[]), "line 2: .*as many test results as trainings"),
    "no seed": (lambda e: e[1]["train"][0].pop("seed"), "line 2: expected a key seed, got none"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_malformed_is_refused_in_one_line(name, folder):
    entries = lines()
    spoil, text = BAD[name]
    spoil(entries)
    with refused(f"^cifar10.jsonl.*{text}", InputError):
        fetch("nares", written(folder, entries))


def test_fractions_are_no_percentages(folder):
    text = json.dumps(lines())
    entries = json.loads(text, parse_float=lambda number: float(number) / 100)
    for entry in entries:
        entry["MACs"] = 1
    with refused("^cifar10.jsonl: expected accuracies in percent, got none above 1"):
        fetch("nares", written(folder, entries))


@pytest.mark.parametrize("content", ["", "\n\n", "{", "[1]\n", '{"arch_id": 1}\n', "x" * 100])
def test_files_that_are_none_are_refused(content, folder):
    (folder / "cifar10.jsonl").write_text(content)
    with refused("^cifar10.jsonl"):
        fetch("nares", folder)

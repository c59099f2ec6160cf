"""``robnas evaluate --suite corruptions``: a training, a network of one's own, records and queries of them."""

import json
import os

import numpy as np
import pytest
import torch
from torch import nn

from robnas.cli import main
from robnas.data import load_data
from robnas.evaluation import EVALUATION
from robnas.types import COMMON_CORRUPTIONS as COMMON
from robnas.types import SEVERITIES
from tests.data.conftest import TEN

SOURCE = """
import torch.nn as nn

def build(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, num_classes))
"""


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0, *capsys.readouterr()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    arguments = ("--data", "digits", "--recipe", "digits", "--epochs", "1", "--limit-train", "64", "--channels", "2")
    with pytest.raises(SystemExit) as ended:
        main(["train", "323133", *arguments, "--out", str(folder), "--json"])
    assert not ended.value.code
    return folder


def test_a_training_is_measured_kept_and_queried(trained, capsys, tmp_path):
    store = f"sqlite:///{tmp_path}/runs.db"
    asked = ("evaluate", trained, "--suite", "corruptions", "--limit-test", "5", "--store", store, "--json")
    code, out, _ = run(capsys, *asked)
    assert code == 0
    found = json.loads(out)
    by_name, left_out = found["corruptions"], found["left_out"]
    assert sorted([*by_name, *left_out]) == sorted(COMMON)
    assert all(list(of) == [str(severity) for severity in SEVERITIES] for of in by_name.values())
    measured = {one["metric"]: one for one in found["measurements"]}
    assert measured["brightness:made@3"]["value"] == by_name["brightness"]["3"]
    assert sum(share["images"] for share in measured["brightness:made@3"]["per_class"]) == 5
    mean = np.mean([list(of.values()) for of in by_name.values()])
    assert measured["corruptions:made"]["value"] == pytest.approx(mean, abs=1e-12)
    kept = {path: os.stat(trained / EVALUATION / path).st_mtime_ns for path in os.listdir(trained / EVALUATION)}
    again = json.loads(run(capsys, *asked)[1])
    assert again["measurements"] == found["measurements"]
    assert kept == {path: os.stat(trained / EVALUATION / path).st_mtime_ns for path in os.listdir(trained / EVALUATION)}
    listed = run(capsys, "tables", store)[1]
    assert listed.count("  corrupted ") == len(measured) - 1
    for metric in ("brightness:made@3", "corruptions:made"):
        where = ("--table", store, "--dataset", "digits", "--metric", metric)
        code, out, _ = run(capsys, "query", "323133", *where, "--json")
        assert (code, json.loads(out)["value"]) == (0, measured[metric]["value"])
        assert ", corrupted " in run(capsys, "query", "323133", *where)[1]
    run(capsys, "export", store, "--out", tmp_path / "t.parquet")
    assert "brightness:made@1 … 5 (one run, 5 images), " in run(capsys, "tables", tmp_path / "t.parquet")[1]
    err = run(capsys, "query", "323133", *where[:-1], "brightness@3")[2]
    assert "brightness:made@1 … 5, " in err
    assert "did you mean brightness:made@3?" in err


def test_people_see_a_grid(trained, capsys):
    code, out, _ = run(capsys, "evaluate", trained, "--suite", "corruptions", "--limit-test", "5")
    assert code == 0
    lines = out.splitlines()
    assert lines[1].split() == ["corruption", "1", "2", "3", "4", "5", "mean"]
    row = next(line for line in lines if line.strip().startswith("frost")).split()
    assert [float(cell) for cell in row[1:6]] == [float(cell) for cell in row[1:6] if 0 <= float(cell) <= 100]
    assert "synthetic" in " ".join(row)
    assert any(line.strip().startswith("left out: ") for line in lines)
    assert "no mean" not in out
    assert sum("brightness" in line for line in lines) == 1
    assert any(line.split()[0] == "corruptions:made" for line in lines if line.strip())
    classes = [line for line in lines if line.strip().startswith("class ")]
    assert classes
    assert all("corruptions:made" in line and "brightness" not in line for line in classes)


def test_an_own_network_on_own_images(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "my_model.py").write_text(SOURCE)
    np.savez("mine.npz", images=rng.integers(0, 256, (60, 32, 32, 3), np.uint8), labels=np.arange(60) % 3)
    torch.manual_seed(0)
    torch.save(nn.Sequential(nn.Flatten(), nn.Linear(3072, 3)).state_dict(), "w.pt")
    own = ("--module", "my_model.py:build", "--data", "mine.npz", "--weights", "w.pt")
    code, out, _ = run(capsys, "evaluate", *own, "--suite", "corruptions", "--limit-test", "3", "--json")
    found = json.loads(out)
    assert (code, found["left_out"], list(found["corruptions"])) == (0, {}, list(COMMON))
    assert found["measurements"][-1]["metric"] == "corruptions:made"
    assert [flag["check"] for flag in found["flags"]] == ["the network answers twice alike"]


def test_an_unknown_suite_lists_those_of_corruptions(trained, capsys):
    code, _, err = run(capsys, "evaluate", trained, "--suite", "corruption")
    assert code == 2
    assert "corruptions-19" in err
    assert "did you mean corruptions" in err


def test_an_own_network_is_asked_about_a_part_of_the_official_images_where_that_is_said(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model.py").write_text(SOURCE)
    rng = np.random.default_rng(0)
    TEN.write_binary(tmp_path)
    test = load_data("cifar10", data_dir=tmp_path, allow_partial=True).split("test")
    (tmp_path / "CIFAR-10-C").mkdir()
    np.save("CIFAR-10-C/labels.npy", np.tile(test.labels.numpy(), 5))
    for name in COMMON:
        np.save(f"CIFAR-10-C/{name}.npy", rng.integers(0, 256, (5 * len(test), 32, 32, 3), np.uint8))
    asked = ("evaluate", "--module", "my_model.py:build", "--data", "cifar10", "--suite", "corruptions", "--json")
    code, _, err = run(capsys, *asked, "--data-dir", tmp_path)
    assert code
    assert "--allow-partial" in err
    code, out, _ = run(capsys, *asked, "--data-dir", tmp_path, "--allow-partial")
    last = json.loads(out)["measurements"][-1]
    assert (code, last["metric"], last["images"]) == (0, "corruptions", len(test))
    os.remove("CIFAR-10-C/fog.npy")
    code, out, _ = run(capsys, *asked[:-1], "--data-dir", tmp_path, "--allow-partial")
    assert (code, "no mean: it is over all common corruptions" in out) == (0, True)
    assert "left out: fog, no file in CIFAR-10-C" in out

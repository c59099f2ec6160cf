"""robnas export-weights, and build --keep-weights from the command line."""

import json

import pytest
import torch

import robnas
from robnas.cli import main


def call(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    out, err = capsys.readouterr()
    return ended.value.code, out, err


@pytest.fixture
def folder(tmp_path, capsys):
    run = tmp_path / "run"
    words = (
        "--data",
        "digits",
        "--recipe",
        "digits",
        "--epochs",
        1,
        "--limit-train",
        64,
        "--channels",
        2,
        "--cells",
        1,
    )
    assert call(capsys, "train", "323133", *words, "--cells", 1, "--out", run)[0] == 0
    return run


def test_weights_are_exported_and_the_normalisation_is_said(folder, capsys):
    out = folder / "net.pt"
    code, text, _ = call(capsys, "export-weights", folder, "--layout", "nas-bench-201", "--out", out)
    assert code == 0
    assert "the published network normalises nothing itself" in text
    assert "cells.0.layers.0.op.1.weight" in torch.load(out, weights_only=True)
    code, text, _ = call(capsys, "export-weights", folder, "--out", folder / "net.safetensors", "--json")
    assert code == 0
    assert json.loads(text)["normalises"] is True
    assert robnas.load_network(folder / "net.safetensors").num_classes == 10
    code, _, text = call(capsys, "export-weights", folder, "--out", out)
    assert (code, "expected a new file" in text) == (2, True)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--layout", "darts", "--out", "net.pt"), "layout: expected one of plain, nas-bench-201, torch-export, onnx"),
        (("--which", "first", "--out", "net.pt"), "which weights: expected one of best, last, got 'first'"),
        (("--out", "net.bin"), "expected a file ending in .pt or .safetensors"),
        (("--out", "net.pt", "--space", "wide-resnet"), "--space: expected nas-bench-201"),
    ],
)
def test_bad_input_is_one_line(folder, capsys, words, text, monkeypatch):
    monkeypatch.chdir(folder)
    code, _, err = call(capsys, "export-weights", folder, *words)
    assert code == 2
    assert text in err
    assert err.strip().count("\n") == 0


@pytest.mark.filterwarnings("ignore:The given buffer is not writable:UserWarning")  # torch 2.11, of its own file
def test_a_graph_gives_the_same_logits(folder, capsys):
    out = folder / "net.pt2"
    assert call(capsys, "export-weights", folder, "--layout", "torch-export", "--out", out)[0] == 0
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    graph = torch.export.load(out).module()
    torch.testing.assert_close(graph(images), robnas.load_network(folder)(images))

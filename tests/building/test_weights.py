"""Trained networks come back without their data set, and no other ones do."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import robnas
from robnas._content import seal
from robnas.building import TRIAL, Source, Trial, load_network, load_trained, load_trial, write_weights
from robnas.errors import CheckpointError, DataError, InputError, WriteError
from robnas.evaluation import load_weights
from robnas.networks import build_network
from robnas.spaces import SPACES, Architecture, NASBench201
from robnas.training import CHECKPOINT, EMA, EarlyStopping, Recipe, _checkpoint, result_epoch
from tests.reference.network import ReferenceNetwork


def trial_of(code="323133", **changes):
    space, source = NASBench201(channels=2, cells=1), Source(name="digits", limit_train=64)
    recipe = Recipe.digits().replace(epochs=1)
    return Trial(
        **{"space": space, "architecture": Architecture(code), "source": source, "recipe": recipe, "seed": 1} | changes
    )


@pytest.fixture(scope="module")
def data():
    return Source(name="digits", limit_train=64).load()


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A folder of a finished training, its network and images."""
    folder = tmp_path_factory.mktemp("finished")
    network, _ = trial_of().train(data, folder)
    return folder, network, data.split("test").images[:40].float() / 255


@pytest.fixture
def folder(finished, tmp_path):
    for name in (TRIAL, CHECKPOINT):
        (tmp_path / name).write_bytes((finished[0] / name).read_bytes())
    return tmp_path


@pytest.fixture
def without_data(monkeypatch):
    monkeypatch.setattr(Source, "load", lambda *_, **__: pytest.fail("the images were read"))


def same(first, second):
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.usefixtures("without_data")
def test_the_network_of_a_folder_comes_back_without_its_data_set(finished):
    folder, network, images = finished
    again = robnas.load_network(folder)
    assert same(network, again)
    assert not any(part.training for part in again.modules())
    assert torch.equal(again(images), network(images))
    assert load_trained(str(folder)).trial == load_trial(folder)


@pytest.fixture(scope="module", params=[None, "ema"])
def stopped(request, data, tmp_path_factory):
    """A folder of a training that stopped early, and the weights that were measured after each epoch."""
    averaging = None if request.param is None else EMA(decay=0.9)
    rough = {"optimizer": {"lr": 0.3}, "schedule": "constant", "averaging": averaging}
    recipe = Recipe.digits().replace(epochs=8, stopping=EarlyStopping(patience=1, images=30), **rough)
    folder, seen = tmp_path_factory.mktemp("stopped"), []

    def look(network, epoch):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return {}

    _, history = trial_of(recipe=recipe).train(data, folder, measure=look)
    return folder, seen, result_epoch(history).epoch


@pytest.mark.usefixtures("without_data")
def test_the_best_weights_come_back_and_the_last_ones_where_they_are_asked_for(stopped):
    folder, seen, best = stopped
    assert len(seen) == best + 1 < 8
    for asked, epoch in (({}, best), ({"which": "best"}, best), ({"which": "last"}, best + 1)):
        found = load_network(folder, **asked).state_dict()
        assert all(torch.equal(found[name], value) for name, value in seen[epoch - 1].items())
    assert found["normalize.std"].item() == torch.tensor(load_trained(folder).inputs.std).item()  # averaged or not
    with pytest.raises(InputError, match="which weights: expected one of best, last, got 'first'"):
        load_network(folder, which="first")


def test_without_early_stopping_the_last_weights_are_the_result(finished):
    assert same(load_network(finished[0], which="last"), load_network(finished[0]))


def test_the_last_weights_are_recognised_by_answers_of_their_own(stopped, tmp_path):
    folder, _, _ = stopped
    (tmp_path / TRIAL).write_bytes((folder / TRIAL).read_bytes())
    state = _checkpoint.load(folder / CHECKPOINT, "cpu")
    assert state["last notes"]["noise"] != state["noise"]
    state["last"]["head.linear.bias"] += 1
    kept = {key: value for key, value in state.items() if key not in ("version", "identity")}
    _checkpoint.save(tmp_path / CHECKPOINT, state["identity"], kept)
    load_network(tmp_path, which="best")
    with pytest.raises(CheckpointError, match="got other logits with the same weights"):
        load_network(tmp_path, which="last")


@pytest.mark.parametrize("space", ["theory", "wide-resnet"])
def test_networks_of_every_space_come_back(space, data, tmp_path, monkeypatch):
    if space == "theory":
        trial = trial_of(architecture=SPACES["theory"].parse("fc:relu,tanh,erf:10"), space=SPACES["theory"])
    else:
        monkeypatch.setitem(robnas.networks.BUILDERS, "wide-resnet", _thin)
        trial = trial_of(architecture=SPACES[space].parse("D1=4,W1=8,D2=4,W2=8,D3=4,W3=8"), space=SPACES[space])
    trial = replace(trial, recipe=trial.recipe.replace(epochs=1))
    network, _ = trial.train(data, tmp_path)
    assert same(network, load_network(tmp_path))


def _thin(arch, space, **sizes):
    return robnas.networks.build_wide_resnet(dict.fromkeys(("D1", "W1", "D2", "W2", "D3", "W3"), 1), **sizes)


def test_a_folder_of_an_earlier_version_asks_for_its_data_set(folder, finished, monkeypatch):
    values = json.loads((folder / TRIAL).read_text())
    plain = {key: value for key, value in values.items() if key not in ("inputs", "content")} | {"version": 3}
    (folder / TRIAL).write_text(json.dumps(seal("robnas trial", plain)))
    assert same(finished[1], load_network(folder))

    def absent(*_, **__):
        raise DataError("data set digits", expected="its files", got="none")

    monkeypatch.setattr(Source, "load", absent)
    with pytest.raises(DataError, match=r"an earlier version: expected the data set digits, .*; name its folder by"):
        load_network(folder)


def test_a_training_that_is_not_finished_is_said(data, tmp_path):
    with pytest.raises(DataError, match="a folder written by robnas train, got no such file; train first"):
        load_network(tmp_path)
    trial = trial_of(recipe=Recipe.digits().replace(epochs=2))

    def stop(entry):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trial.train(data, tmp_path, on_epoch=stop)
    with pytest.raises(CheckpointError, match=r"a finished training of 2 epochs, got 1; finish it by the same train"):
        load_network(tmp_path)
    (tmp_path / CHECKPOINT).unlink()
    with pytest.raises(CheckpointError, match="a finished training of 2 epochs, got 0"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"architecture": Architecture("111111")}, "network"),
        ({"seed": 2}, "seed"),
        ({"recipe": Recipe.digits().replace(epochs=1, batch_size=60)}, "recipe"),
    ],
)
def test_weights_of_another_training_are_refused(folder, data, tmp_path, changes, what):
    other = tmp_path / "other"
    trial_of(**changes).train(data, other)
    (folder / CHECKPOINT).write_bytes((other / CHECKPOINT).read_bytes())
    with pytest.raises(CheckpointError, match=rf"checkpoint\.pt, {what}: expected .* holds another training"):
        load_network(folder)


def test_weights_of_other_images_are_refused(folder, tmp_path):
    other = replace(trial_of(), source=Source(name="digits", limit_train=65))
    other.train(other.source.load(), tmp_path / "other")
    (folder / CHECKPOINT).write_bytes((tmp_path / "other" / CHECKPOINT).read_bytes())
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt, data: expected"):
        load_network(folder)


def test_a_network_that_only_looks_the_same_is_refused(folder, tmp_path, monkeypatch):
    write_weights(load_trained(folder), tmp_path / "net.safetensors")
    forward = robnas.networks.Normalize.forward
    monkeypatch.setattr(robnas.networks.Normalize, "forward", lambda self, x: forward(self, x) * 1.5)
    with pytest.raises(CheckpointError, match="got other logits with the same weights"):
        load_network(folder)
    with pytest.raises(DataError, match="got other logits with the same weights"):
        load_network(tmp_path / "net.safetensors")


def test_damage_is_found(folder):
    content = bytearray((folder / CHECKPOINT).read_bytes())
    content[len(content) // 2] ^= 255
    (folder / CHECKPOINT).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt: expected"):
        load_network(folder)
    text = (folder / TRIAL).read_text()
    (folder / TRIAL).write_text(text.replace('"num_classes": 10', '"num_classes": 11'))
    with pytest.raises(DataError, match=r"trial\.json: expected the content that was written"):
        load_network(folder)


def test_a_file_in_a_folder_is_not_the_folder(folder):
    with pytest.raises(DataError, match="got another file; give the folder itself"):
        load_network(folder / CHECKPOINT)


# files of weights


@pytest.mark.usefixtures("without_data")
def test_a_plain_file_in_safetensors_says_what_it_is_and_comes_back(folder, finished):
    _, network, images = finished
    path = folder / "net.safetensors"
    write_weights(load_trained(folder), path)
    again = load_network(path)
    assert same(network, again)
    assert torch.equal(again(images), network(images))
    with safe_open(path, framework="pt") as stream:
        said = stream.metadata()
    trial, content = trial_of(), json.loads((folder / TRIAL).read_text())["inputs"]["content_hash"]
    expected = {
        "format": "pt",
        "layout": "plain",
        "architecture": trial.architecture.text,
        "space": "nas-bench-201:channels=2,cells=1",
        "recipe_hash": trial.recipe.hash,
        "seed": "1",
        "dataset_hash": content,
    }
    assert expected.items() <= said.items()
    assert load_file(path).keys() == network.state_dict().keys()


def test_a_file_for_torch_holds_tensors_and_nothing_else(folder, finished):
    write_weights(load_trained(folder), folder / "net.pt")
    state = torch.load(folder / "net.pt", weights_only=True)
    other = build_network("323133", num_classes=10, channels=2, cells=1, in_channels=1)
    other.load_state_dict(state)
    assert same(other, finished[1])


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_the_published_layout_gives_the_logits_of_the_published_network(folder, finished, data, suffix):
    _, network, images = finished
    path = folder / f"net{suffix}"
    write_weights(load_trained(folder), path, "nas-bench-201")
    sizes = {"channels": 2, "cells": 1, "in_channels": 1, "mean": data.mean, "std": data.std}
    reference = ReferenceNetwork("323133", **sizes)
    reference.load_state_dict(torch.load(path, weights_only=True) if suffix == ".pt" else load_file(path), strict=True)
    ours, theirs = network.double()(images.double()), reference.double().eval()(images.double())
    network.float()
    torch.testing.assert_close(theirs, ours, rtol=1e-10, atol=1e-10)
    if suffix != ".pt":
        with pytest.raises(DataError, match="expected weights in the plain layout, got 'nas-bench-201'"):
            load_network(path)
        with pytest.raises(InputError, match="expected best, as a file has one kind, got 'last'; give the folder"):
            load_network(path, which="last")


def test_no_other_file_is_taken_for_weights(folder, tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(DataError, match="a file of weights, got no such file"):
        load_network(path)
    path.write_bytes(b"{}")
    with pytest.raises(DataError, match="expected a file of weights in safetensors, got SafetensorError"):
        load_network(path)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(DataError, match="got 1 tensors without that; build the network and give them"):
        load_network(path)
    write_weights(load_trained(folder), path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="got other content: the file is damaged"):
        load_network(path)
    path.write_bytes(content[:-100])
    with pytest.raises(DataError, match="expected a file of weights in safetensors"):
        load_network(path)


def test_a_layout_of_another_space_is_refused(data, tmp_path):
    trial = trial_of(architecture=SPACES["theory"].parse("fc:relu,tanh,relu:10"), space=SPACES["theory"])
    trial.train(data, tmp_path)
    with pytest.raises(InputError, match="layout nas-bench-201: expected a network of that space"):
        write_weights(load_trained(tmp_path), tmp_path / "net.pt", "nas-bench-201")
    assert not (tmp_path / "net.pt").exists()


def test_a_full_disk_leaves_no_half_a_file(folder):
    with pytest.raises(WriteError, match="expected room and permission"):
        write_weights(load_trained(folder), folder / CHECKPOINT / "net.safetensors")


def test_machines_without_safetensors_train_load_folders_and_write_for_torch(folder, finished):
    """Everything that a worker needs runs without it; where it is needed, one line says so."""
    code = f"""
import sys
sys.modules["safetensors"] = None
import robnas.building, robnas.building._trainer, robnas.evaluation
from robnas.building import load_network, load_trained, write_weights
write_weights(load_trained({str(folder)!r}), {str(folder / "net.pt")!r})
robnas.evaluation.load_weights(load_network({str(folder)!r}), {str(folder / "net.pt")!r})
open({str(folder / "net.safetensors")!r}, "w").close()
for call in (
    lambda: load_network({str(folder / "net.safetensors")!r}),
    lambda: write_weights(load_trained({str(folder)!r}), {str(folder / "other.safetensors")!r}),
):
    try:
        call()
    except robnas.errors.InputError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(
        "expected the package safetensors, got no such package; pip install safetensors" in line for line in lines
    )


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_what_is_exported_are_weights_for_a_network_of_ones_own(folder, finished, data, suffix):
    path = folder / f"net{suffix}"
    write_weights(load_trained(folder), path)
    sizes = {"num_classes": 10, "channels": 2, "cells": 1, "in_channels": 1, "mean": data.mean, "std": data.std}
    network = build_network("323133", **sizes, seed=5)
    load_weights(network, path)
    assert same(network, finished[1])
    if suffix != ".pt":
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content)
        with pytest.raises(DataError, match="got other content: the file is damaged"):
            load_weights(network, path)

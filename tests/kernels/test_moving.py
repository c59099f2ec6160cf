"""Kernels along a training."""

import dataclasses
import json

import numpy as np
import pytest
import torch

import robnas
from robnas.data import Dataset, Images
from robnas.errors import CheckpointError, DataError, InputError
from robnas.kernels import SCORES, KernelProbe, NTKSettings, empirical_ntk, robust_ntk, train_with_kernels
from robnas.networks import build_network
from robnas.training import Recipe

THREAT = robnas.ThreatModel.linf("32/255")
RECIPE = Recipe.digits().replace(epochs=3, batch_size=8, crop=0.0, flip=False, beta=0.5)
SHORT = RECIPE.replace(epochs=1)
LABELS = torch.arange(8) % 4


def data(count=16, seed=0):
    images = torch.randint(256, (count, 1, 8, 8), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return Dataset("noise", 4, {"train": Images(images, torch.arange(count) % 4)}, (0.5,), (0.3,))


IMAGES = data().split("train").images[:8] / 255


def probe(code="323133", **settings):
    network = build_network(code, num_classes=4, channels=2, cells=1, in_channels=1, seed=0)
    return KernelProbe(network, IMAGES, LABELS, threat=THREAT, **settings)


def test_kernels_are_those_of_the_network_after_each_epoch_and_the_training_is_the_usual_one():
    wanted, checked = probe().network, [empirical_ntk(probe().network, IMAGES)]
    usual = robnas.train(
        wanted, data(), RECIPE, seed=1,
        measure=lambda network, epoch: checked.append(empirical_ntk(network, IMAGES)) or {},
    )  # fmt: skip
    moved = probe()
    path = train_with_kernels(moved, data(), RECIPE, seed=1)
    np.testing.assert_array_equal(path.kernels, checked)
    assert [entry.loss for entry in path.history] == [entry.loss for entry in usual]
    for name, value in wanted.state_dict().items():
        assert torch.equal(moved.network.state_dict()[name], value)
    for epoch, entry in enumerate(path.history, start=1):
        assert entry.measured["kernel-change"] == pytest.approx(path.change[epoch])
        assert entry.measured["kernel-target-alignment"] == pytest.approx(path.target_alignment[epoch])
    assert path.change[0] == 0
    assert (path.change[1:] > 0).all()


def test_attacked_kernels_are_of_the_network_as_it_is():
    path = train_with_kernels(probe(seed=3), data(), SHORT, seed=1, kernel="robust")
    wanted = [probe().network, probe().network]
    robnas.train(wanted[1], data(), SHORT, seed=1)
    for kernel, network in zip(path.kernels, wanted, strict=True):
        found = robust_ntk(network, IMAGES, LABELS, threat=THREAT, seed=3)
        np.testing.assert_allclose(kernel, found.robust, rtol=1e-6)


def test_a_training_that_was_paused_or_killed_goes_on_with_the_kernels_it_had(tmp_path):
    wanted = train_with_kernels(probe(), data(), RECIPE, seed=1)
    first = train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path, until=1)
    np.testing.assert_array_equal(first.kernels, wanted.kernels[:2])

    class KilledError(Exception):
        pass

    def kill(entry):
        if entry.epoch == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path, on_epoch=kill)
    for _ in range(2):  # goes on, and is finished
        found = train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path)
        np.testing.assert_array_equal(found.kernels, wanted.kernels)
        assert [entry.measured for entry in found.history] == [entry.measured for entry in wanted.history]
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[2]["measured"]["kernel-change"] == pytest.approx(wanted.change[3])


def test_kernels_of_an_epoch_whose_checkpoint_was_not_written_are_made_again(tmp_path):
    """The process died between the two files."""
    wanted = train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path, until=1)
    checkpoint = (tmp_path / "checkpoint.pt").read_bytes()
    train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(checkpoint)
    paused = train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path, until=1)
    np.testing.assert_array_equal(paused.kernels, wanted.kernels)
    whole = train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path)
    assert len(whole.kernels) == 4


def test_other_kernels_and_trainings_are_refused(tmp_path):
    first = probe()
    train_with_kernels(first, data(), SHORT, seed=1, directory=tmp_path)

    def again(change=None, recipe=SHORT, **others):
        asked = dataclasses.replace(probe(), **change or {})
        return train_with_kernels(asked, data(), recipe, seed=1, directory=tmp_path, **others)

    again({"settings": NTKSettings(memory_mib=100), "threat": robnas.ThreatModel.linf("1/255")})  # means the same
    for refused, what in (
        ({"kernel": "robust"}, "kernel"),
        ({"recipe": RECIPE.replace(epochs=1, batch_size=16)}, "recipe"),
        ({"change": {"images": IMAGES.flip(0)}}, "images"),
        ({"change": {"labels": LABELS.flip(0)}}, "images"),
        ({"change": {"calibration": IMAGES[:4]}}, "images"),
        ({"change": {"settings": NTKSettings(reduction="sum")}}, "settings"),
    ):
        with pytest.raises(CheckpointError, match=rf"kernels.npz, {what}: expected"):
            again(**refused)


def test_a_training_begun_without_kernels_is_refused_before_it_goes_on(tmp_path):
    robnas.train(probe().network, data(), RECIPE, seed=1, directory=tmp_path, until=1)
    log = (tmp_path / "log.jsonl").read_text()
    with pytest.raises(DataError, match="expected the kernels of all epochs of the training, got none of the start"):
        train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path)
    assert (tmp_path / "log.jsonl").read_text() == log


def test_an_epoch_trained_without_kernels_is_missed(tmp_path):
    train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path, until=1)
    robnas.train(probe().network, data(), RECIPE, seed=1, directory=tmp_path, until=2)
    with pytest.raises(DataError, match="got none of epoch 2; train in another directory"):
        train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path)


def test_damaged_kernels_are_refused(tmp_path):
    train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path, until=1)
    content = (tmp_path / "kernels.npz").read_bytes()
    (tmp_path / "kernels.npz").write_bytes(content[:200] + b"x" + content[201:])
    with pytest.raises(DataError, match=r"kernels.npz: .*train in another directory"):
        train_with_kernels(probe(), data(), RECIPE, seed=1, directory=tmp_path)


def test_a_victim_that_is_the_network_moves_with_it(tmp_path):
    """So a training goes on although the victim is no longer what it was."""
    wanted = train_with_kernels(probe(), data(), RECIPE.replace(epochs=2), seed=1, kernel="robust")
    same = probe()
    given = dataclasses.replace(same, victim=same.network)
    for until in (1, None):
        found = train_with_kernels(
            given, data(), RECIPE.replace(epochs=2), seed=1, kernel="robust", directory=tmp_path, until=until
        )
    np.testing.assert_array_equal(found.kernels, wanted.kernels)


def test_images_that_are_attacked_too_few_times_are_refused():
    given = probe(attacked=(IMAGES.flip(2),))
    with pytest.raises(InputError, match="attacked images of the kernel twice: expected 2 attacks, got 1"):
        train_with_kernels(given, data(), SHORT, seed=1, kernel="twice")
    with pytest.raises(InputError, match="kernel mixed-twice: expected 2 attacks, got 1"):
        SCORES["ntk-mixed-twice-trace"](given)
    with pytest.raises(InputError, match="kernel robust: expected 1 attacks, got 0"):
        SCORES["ntk-robust-trace"](probe(attacks=0))


def test_what_cannot_be_asked_is_refused_before_a_training():
    def none(entry):
        raise AssertionError("trained")

    for asked, change, said in (
        ({"kernel": "warm"}, {}, "kernel: expected one of"),
        ({}, {"settings": NTKSettings(reduction="full")}, "reduction: expected trace, sum, label or proj"),
        ({}, {"labels": torch.zeros(8, dtype=torch.int64)}, "labels: expected at least two classes"),
    ):
        with pytest.raises(InputError, match=said):
            train_with_kernels(dataclasses.replace(probe(), **change), data(), RECIPE, seed=0, on_epoch=none, **asked)

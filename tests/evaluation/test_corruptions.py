"""Accuracy on corrupted copies of the images: by corruption and severity, their mean, and nothing measured twice."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from robnas._settings import content_hash
from robnas.attacks import PGD
from robnas.data import Dataset, Images, corrupted, load_data, to_pixels
from robnas.errors import DataError, InputError
from robnas.evaluation import EVALUATION, SUITES, Suite, evaluate, suite
from robnas.types import COMMON_CORRUPTIONS as COMMON
from robnas.types import CORRUPTIONS, SEVERITIES, Metric, ThreatModel
from tests.evaluation.test_ledger import Wrapped

ATTACK = PGD(ThreatModel.linf("16/255"), 2, 8 / 255)
TWO = Suite("two", (), checks=False, corruptions=("contrast", "brightness"))


@pytest.fixture(scope="module")
def data():
    whole = load_data("digits")
    return replace(whole, splits={"train": whole.split("train"), "test": whole.split("test").limit(30)})


@pytest.fixture(scope="module")
def whole(data):
    """The suite of 15 on images on which not all of them mean anything."""
    return evaluate(Wrapped(data), data, suite("corruptions"), split="test", seed=0)


class Counting(nn.Module):
    """Counts the images that it is asked for."""

    def __init__(self, network):
        super().__init__()
        self.network, self.asked = network, []

    def forward(self, images):
        self.asked.append(len(images))
        return self.network(images)


def right(network, data, name, severity, split="test", **options):
    """Which images are right, one after the other, without the machinery."""
    part = corrupted(data, name, severity, split=split, **options)
    with torch.no_grad():
        answers = [int(network(to_pixels(image[None])).argmax()) for image in part.images]
    return np.array(answers) == part.labels.numpy()


def test_each_accuracy_is_that_on_the_corrupted_images_and_the_mean_is_over_all(data, whole):
    network, found = Wrapped(data).eval(), {one.metric: one for one in whole.measurements}
    names = [name for name in COMMON if name not in whole.left_out]
    assert list(found) == ["clean", *(f"{name}:made@{s}" for name in names for s in SEVERITIES), "corruptions:made"]
    assert {name: list(of) for name, of in whole.corruptions.items()} == {name: [1, 2, 3, 4, 5] for name in names}
    for name, severity in (("brightness", 1), ("contrast", 5), ("frost", 3)):
        one = found[f"{name}:made@{severity}"]
        assert (one.correct == right(network, data, name, severity)).all()
        assert one.value == whole.corruptions[name][severity] == whole[f"{name}:made@{severity}"]
    by_hand = np.mean([np.mean(list(of.values())) for of in whole.corruptions.values()])
    assert whole["corruptions:made"] == pytest.approx(by_hand, abs=1e-12)


def test_what_means_nothing_on_the_images_is_named(data, whole):
    assert set(whole.left_out) == set(COMMON) - set(whole.corruptions)
    assert all(isinstance(why, str) and why for why in whole.left_out.values())
    assert "synthetic" in whole.notes["frost"]


def test_the_mean_knows_that_its_images_are_the_same_ones(whole):
    *parts, mean = (one for one in whole.measurements if one.metric != "clean")
    assert (mean.images, mean.times, mean.correct.shape) == (30, len(parts), (len(parts), 30))
    shares = np.mean([one.correct for one in parts], axis=0)
    assert mean.standard_error == pytest.approx(shares.std() / np.sqrt(30))
    assert mean.standard_error > np.sqrt(mean.value * (1 - mean.value) / (30 * len(parts)))  # as if they were others
    assert mean.seconds == pytest.approx(sum(one.seconds for one in parts))
    for place, share in enumerate(mean.per_class):
        of_class = [one.per_class[place] for one in parts]
        assert share.correct == sum(one.correct for one in of_class)
        assert share.images == sum(one.images for one in of_class)


def test_a_network_that_is_always_right_has_the_error_of_the_images(data):
    class Right(nn.Module):
        def __init__(self, labels):
            super().__init__()
            self.labels, self.weight = labels, nn.Parameter(torch.zeros(1))

        def forward(self, images):
            return torch.nn.functional.one_hot(self.labels[: len(images)], 10) + self.weight

    same = replace(data, splits={**data.splits, "test": Images(data.split("test").images, torch.zeros(30).long())})
    found = evaluate(
        Right(torch.zeros(30).long()), same, replace(suite("corruptions"), checks=False), split="test", seed=0
    )
    assert found["corruptions:made"] == 1
    assert 0 < found.measurements[-1].standard_error == found.measurements[0].standard_error


def test_clean_accuracy_and_attacks_are_as_without_corruptions(data, tmp_path):
    plain = Suite("plain", (ATTACK,))
    before = evaluate(Wrapped(data), data, plain, split="test", seed=5, directory=tmp_path)
    kept = {path: path.read_bytes() for path in (tmp_path / EVALUATION).iterdir()}
    both = replace(plain, corruptions=TWO.corruptions)
    network = Counting(Wrapped(data))
    after = evaluate(Wrapped(data), data, both, split="test", seed=5, directory=tmp_path)
    assert after.measurements[:2] == before.measurements
    assert {path: path.read_bytes() for path in kept} == kept
    assert len(os.listdir(tmp_path / EVALUATION)) == 2 + 10
    assert after.flags == before.flags
    assert network.asked == []


def test_corruptions_are_no_matter_of_the_checks_of_attacks(data):
    found = evaluate(Wrapped(data), data, replace(TWO, checks=True), split="test", seed=0)
    assert [flag.check for flag in found.flags] == ["the network answers twice alike"]
    rising = evaluate(Wrapped(data, lambda x: 1 - x), data, replace(TWO, attacks=(ATTACK,)), split="test", seed=0)
    assert not any("brightness" in metric for flag in rising.flags for metric in flag.metrics)
    assert found.checks("brightness:made@3") == {"the network answers twice alike": True}


def test_the_copies_are_the_same_for_all_seeds(data):
    several = [evaluate(Wrapped(data), data, TWO, split="test", seed=seed) for seed in (0, 7)]
    first, second = ([replace(one, seconds=0) for one in found.measurements] for found in several)
    assert first == second
    assert {one.seed for one in first} == {0}


def test_what_was_measured_before_a_kill_is_not_measured_again(data, tmp_path):
    def ask(directory, progress=lambda *_: None):
        network = Counting(Wrapped(data))
        try:
            found = evaluate(network, data, TWO, split="test", seed=0, directory=directory, progress=progress)
        except KeyboardInterrupt:
            found = None
        return network.asked.count(30), found

    def killed(done, total, text):
        if text.startswith("brightness:made@3") or "brightness:made@3" in text:
            raise KeyboardInterrupt

    at_once, expected = ask(tmp_path / "whole")
    before, nothing = ask(tmp_path / "killed", killed)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "killed" / EVALUATION).iterdir()}
    after, found = ask(tmp_path / "killed")
    assert nothing is None
    assert len(kept) == 3
    assert (before, after, at_once) == (3, 8, 11)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "killed" / EVALUATION).iterdir()
            if path.name in kept} == kept  # fmt: skip
    assert [one.value for one in found.measurements] == [one.value for one in expected.measurements]
    assert ask(tmp_path / "killed")[0] == 0


def test_progress_goes_through_all_corruptions(data):
    seen = []
    evaluate(Wrapped(data), data, TWO, split="test", seed=0, progress=lambda *given: seen.append(given))
    assert [done for done, *_ in seen] == sorted(done for done, *_ in seen)
    assert seen[-1][:2] == (11_000, 11_000)
    assert any("contrast:made@5" in text for *_, text in seen)


def test_limits_take_the_first_images(data):
    found = evaluate(Wrapped(data), data, replace(TWO, limits={"corruptions": 7}), split="test", seed=0)
    fewer = evaluate(Wrapped(data), data, TWO, split="test", seed=0, limit=7)
    assert [one.images for one in found.measurements] == [30] + 10 * [7]
    assert [one.outcomes for one in found.measurements[1:]] == [one.outcomes for one in fewer.measurements[1:]]


def test_a_mean_over_some_of_them_is_none(data):
    found = evaluate(Wrapped(data), data, TWO, split="test", seed=0)
    assert not [one for one in found.measurements if Metric.parse(one.metric).attack == "corruptions"]


def test_the_extra_ones_are_no_part_of_the_mean(data, whole):
    found = evaluate(Wrapped(data), data, replace(suite("corruptions-19"), checks=False), split="test", seed=0)
    assert set(found.corruptions) > set(whole.corruptions)
    assert found["corruptions:made"] == whole["corruptions:made"]
    assert found.measurements[-1].attack == whole.measurements[-1].attack


def test_suites_are_checked_and_ordered():
    assert (SUITES["corruptions"]().corruptions, SUITES["corruptions-19"]().corruptions) == (COMMON, CORRUPTIONS)
    assert len(COMMON) == 15
    assert TWO.corruptions == ("brightness", "contrast")
    with pytest.raises(InputError, match=r"corruption: expected one of gaussian_noise.*got 'brightnes'.*brightness"):
        Suite("own", (), corruptions=("brightnes",))
    with pytest.raises(InputError, match="suite corruptions: expected names of corruptions, got 'brightness'"):
        Suite("own", (), corruptions="brightness")
    with pytest.raises(InputError, match="suite limit"):
        Suite("own", (ATTACK,), limits={"corruptions": 3})


# official images

SIZE = 12


@pytest.fixture(scope="module")
def small():
    """CIFAR-10 with a few test images."""
    rng = np.random.default_rng(0)
    images, labels = torch.from_numpy(rng.integers(0, 256, (SIZE, 3, 32, 32), np.uint8)), torch.arange(SIZE) % 10
    return Dataset(
        "cifar10", 10, {"test": Images(images, labels), "train": Images(images, labels)}, (0.5,) * 3, (0.2,) * 3
    )


@pytest.fixture
def folder(small, tmp_path):
    place, rng = tmp_path / "CIFAR-10-C", np.random.default_rng(1)
    place.mkdir()
    for name in COMMON:
        np.save(place / f"{name}.npy", rng.integers(0, 256, (5 * SIZE, 32, 32, 3), np.uint8))
    np.save(place / "labels.npy", np.tile(small.split("test").labels.numpy(), 5).astype(np.uint8))
    return tmp_path


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))


def official(small, folder, **options):
    chosen = replace(suite("corruptions"), checks=False)
    return evaluate(linear(), small, chosen, split="test", seed=3, data_dir=folder, allow_partial=True, **options)


def test_official_images_are_taken_where_they_are(small, folder):
    found = official(small, folder)
    assert [one.metric for one in found.measurements][1:] == [f"{n}@{s}" for n in COMMON for s in SEVERITIES] + [
        "corruptions"
    ]
    pixels = np.load(folder / "CIFAR-10-C" / "fog.npy")[3 * SIZE : 4 * SIZE].transpose(0, 3, 1, 2)
    answers = linear()(torch.from_numpy(pixels.copy()).float() / 255).argmax(1)
    one = next(one for one in found.measurements if one.metric == "fog@4")
    assert (one.correct == (answers == small.split("test").labels).numpy()).all()
    assert (one.attack["source"], one.seed) == ("official", 0)
    assert found["corruptions"] == pytest.approx(np.mean([list(of.values()) for of in found.corruptions.values()]))
    made = evaluate(linear(), small, TWO, split="train", seed=3, data_dir=folder)
    assert made.measurements[1].metric == "brightness:made@1"


def test_other_pixels_are_other_measurements(small, folder, tmp_path):
    before = official(small, folder, directory=tmp_path / "kept")
    path = folder / "CIFAR-10-C" / "fog.npy"
    pixels = np.load(path)
    pixels[2 * SIZE : 3 * SIZE] = 0
    np.save(path, pixels)
    after = official(small, folder, directory=tmp_path / "kept")
    changed = [a.metric for a, b in zip(after.measurements, before.measurements, strict=True) if a.attack != b.attack]
    assert changed == ["fog@3", "corruptions"]
    assert len(os.listdir(tmp_path / "kept" / EVALUATION)) == 1 + 75 + 1


def test_the_official_mean_is_over_all_15_or_there_is_none(small, folder):
    (folder / "CIFAR-10-C" / "fog.npy").unlink()
    found = official(small, folder)
    assert (list(found.left_out), len(found.corruptions)) == (["fog"], 14)
    assert found.measurements[-1].metric == "jpeg_compression@5"


def test_damaged_official_images_are_no_reason_to_make_some(small, folder):
    np.save(folder / "CIFAR-10-C" / "fog.npy", np.zeros((4 * SIZE, 32, 32, 3), np.uint8))
    with pytest.raises(DataError, match=r"fog\.npy"):
        official(small, folder)


def test_settings_are_plain_and_have_one_hash_each(whole):
    hashes = [content_hash(one.attack) for one in whole.measurements if one.attack is not None]
    assert len(set(hashes)) == len(hashes)
    assert json.loads(json.dumps(whole.measurements[-1].attack))["over"] == list(whole.corruptions)


def test_no_corruption_that_means_anything_is_one_clear_line(data):
    left_out = next(iter(evaluate(Wrapped(data), data, suite("corruptions"), split="test", seed=0).left_out))
    with pytest.raises(
        InputError, match=f"corruptions of digits: expected some that these images allow, got {left_out}"
    ):
        evaluate(Wrapped(data), data, Suite("own", (), corruptions=(left_out,)), split="test", seed=0)


def test_the_folder_for_measurements_holds_no_mean(whole, data, tmp_path):
    evaluate(Wrapped(data), data, suite("corruptions"), split="test", seed=0, directory=tmp_path)
    kept = [json.loads(path.read_text()) for path in Path(tmp_path / EVALUATION).iterdir()]
    assert {one["metric"] for one in kept} == {one.metric for one in whole.measurements} - {"corruptions:made"}
    assert not any("times" in one for one in kept)

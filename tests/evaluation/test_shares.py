"""Accuracy per class, and after each attack of AutoAttack, beside the accuracy that they add up to."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from robnas._content import seal
from robnas.attacks import FGSM, AutoAttack, perturb
from robnas.data import Dataset, Images, load_data
from robnas.evaluation import EVALUATION, Suite, evaluate
from robnas.evaluation._ledger import _KIND
from robnas.types import ThreatModel
from tests.attacks.short import short_autoattack

STRONG = ThreatModel.linf("24/255")
SUITE = Suite("s", (FGSM(STRONG), AutoAttack(STRONG)), {"autoattack": 12}, checks=False)
CLASSES = 4
PARTS = ("apgd-ce", "apgd-t", "fab-t", "square")


@pytest.fixture(scope="module", autouse=True)
def short():
    with short_autoattack():
        yield


@pytest.fixture(scope="module")
def data():
    """Four of the digits: AutoAttack aims at each other class."""
    digits = load_data("digits")
    few = {name: part.labels < CLASSES for name, part in digits.splits.items()}
    splits = {name: Images(part.images[few[name]], part.labels[few[name]]) for name, part in digits.splits.items()}
    return replace(digits, num_classes=CLASSES, splits=splits)


@pytest.fixture(scope="module")
def network(data):
    """Its logits are so large that the cross-entropy has no slope: the first attack fails where the second does not."""
    torch.manual_seed(0)
    means = data.split("train")
    found = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES))
    images, labels = means.images.float() / 255, means.labels
    optimizer = torch.optim.Adam(found.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(found(images), labels).backward()
        optimizer.step()
    found[3].weight.data *= 300
    found[3].bias.data *= 300
    return found.eval()


@pytest.fixture(scope="module")
def result(data, network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    return evaluate(network, data, SUITE, split="test", seed=0, directory=folder, batch_size=10), folder


def test_classes_add_up_to_the_whole(data, result):
    found, _ = result
    labels = data.split("test").labels.numpy()
    for measurement in found.measurements:
        assert [share.name for share in measurement.per_class] == [str(digit) for digit in range(CLASSES)]
        asked = labels[: measurement.images]
        for digit, share in enumerate(measurement.per_class):
            assert share.images == (asked == digit).sum()
            assert share.correct == measurement.correct[asked == digit].sum()
            assert share.value == (share.correct / share.images if share.images else None)
        assert sum(share.correct for share in measurement.per_class) == measurement.correct.sum()


def test_names_of_classes_and_classes_without_images(network):
    x, y = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    names = [f"class {digit}" for digit in range(CLASSES)]
    data = Dataset.from_arrays(x, y, classes=names, test=1)
    (clean,) = evaluate(network, data, Suite("s", (), checks=False), split="test", seed=0).measurements
    assert [share.name for share in clean.per_class] == names
    assert [share.images for share in clean.per_class] == [10, 10, 0, 0]
    assert clean.per_class[3].value is None


def test_each_attack_of_autoattack_leaves_what_the_library_alone_leaves_after_it(data, network, result):
    """Against the library itself, told to run the first one, two, three and four of its attacks."""
    from pyautoattack import AutoAttack as Library

    part = data.split("test").limit(12)
    images = part.images.float() / 255
    found, _ = result
    left = network(images).argmax(1) == part.labels
    expected = []
    for count in range(1, 5):
        library = Library(network, attacks=list(PARTS[:count]), version="custom", eps=STRONG.epsilon, seed=0)
        library.verbose = False
        library.apgd.n_restarts = library.fab.n_restarts = 1
        library.apgd_targeted.n_target_classes = library.fab.n_target_classes = CLASSES - 1
        adversarial, _ = library.run_standard_evaluation(images[left], part.labels[left], batch_size=10)
        expected.append(int((network(adversarial).argmax(1) == part.labels[left]).sum()))
    shares = found.measurements[2].per_attack
    assert [share.name for share in shares] == list(PARTS)
    assert [share.correct for share in shares] == expected
    assert [share.images for share in shares] == [12] * 4
    assert shares[-1].value == found["autoattack@24/255"] < shares[0].value < found["clean"]
    assert found.measurements[0].per_attack == found.measurements[1].per_attack == ()


def test_an_image_counts_as_broken_by_one_attack(data, network):
    part = data.split("test").limit(12)
    images = part.images.float() / 255
    found = perturb(AutoAttack(STRONG), network, images, part.labels, seed=0, batch_size=10)
    assert list(found.after) == list(PARTS)
    before = torch.ones(12, dtype=torch.bool)
    for left in found.after.values():
        assert not (left & ~before).any()
        before = left
    assert torch.equal(before, found.correct)


class Constant(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, images):
        return nn.functional.one_hot(torch.tensor([self.answer]), CLASSES).float() + 0 * images.sum((1, 2, 3))[:, None]


def test_without_an_image_that_is_correct_nothing_is_left_after_any(data):
    zeros = replace(data, splits={**data.splits, "test": data.split("test").limit(1)})
    answer = (int(zeros.split("test").labels[0]) + 1) % CLASSES
    found = evaluate(Constant(answer), zeros, Suite("s", (AutoAttack(STRONG),), checks=False), split="test", seed=0)
    assert [(share.name, share.correct) for share in found.measurements[1].per_attack] == [(name, 0) for name in PARTS]


def test_radius_0_leaves_all_after_each(data, network):
    part = data.split("test").limit(12)
    found = perturb(AutoAttack(ThreatModel.linf(0)), network, part.images.float() / 255, part.labels, seed=0)
    assert all(torch.equal(left, found.correct) for left in found.after.values())


def test_what_was_kept_comes_back_with_its_shares(data, network, result):
    found, folder = result
    again = evaluate(network, data, SUITE, split="test", seed=0, directory=folder, batch_size=10)
    assert again.measurements == found.measurements


def test_what_earlier_versions_kept_still_counts(data, network, result, tmp_path):
    """They wrote nothing of parts and classes."""
    found, folder = result
    (tmp_path / EVALUATION).mkdir()
    for path in (folder / EVALUATION).iterdir():
        entry = json.loads(path.read_text())
        assert "per_class" not in entry
        assert ("per_attack" in entry) == entry["metric"].startswith("auto")
        entry.pop("per_attack", None)
        (tmp_path / EVALUATION / path.name).write_text(json.dumps(seal(_KIND, entry)))
    again = evaluate(network, data, SUITE, split="test", seed=0, directory=tmp_path, batch_size=10)
    assert again.remeasured == ()
    for old, new in zip(again.measurements, found.measurements, strict=True):
        assert old == replace(new, per_attack=())


def test_an_attack_of_ones_own_may_have_parts(data, network):
    @dataclass(frozen=True)
    class Two:
        threat: ThreatModel
        name: str = "two"
        parts = ("even", "odd")

        def __call__(self, network, images, labels, **options):
            return self.in_parts(network, images, labels, **options)[0]

        def in_parts(self, network, images, labels, **options):
            broken_by = torch.arange(len(images)) % 3
            inverted = torch.where(images > 0.5, 0.0, 1.0)
            return torch.where((broken_by < 2)[:, None, None, None], inverted, images), broken_by

    found = evaluate(network, data, Suite("s", (Two(ThreatModel.linf(1)),), checks=False), split="test", seed=0)
    first, second = found.measurements[1].per_attack
    assert (first.name, second.name) == ("even", "odd")
    assert found["clean"] > first.value > second.value == found["two@1"]

"""Kept measurements count only for the network, the attack and the images that they were made of."""

import json
import os
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from robnas._content import seal
from robnas.attacks import FGSM, PGD, Answers
from robnas.data import load_data
from robnas.errors import DataError
from robnas.evaluation import EVALUATION, Suite, evaluate
from robnas.evaluation._ledger import _KIND
from robnas.types import ThreatModel

WEAK = ThreatModel.linf("16/255")
LIGHT = Suite("light", (FGSM(WEAK), PGD(WEAK, 3, 8 / 255)), checks=False)
KEYS = ("clean", "fgsm@16/255", "pgd@16/255")


@pytest.fixture(scope="module")
def data():
    whole = load_data("digits")
    return replace(whole, splits={"train": whole.split("train"), "test": whole.split("test").limit(60)})


class Wrapped(nn.Module):
    """A linear classifier of the digits behind a function that no hash of weights and structure sees."""

    def __init__(self, data, before=lambda x: x):
        super().__init__()
        part = data.split("train")
        means = torch.stack([part.images[part.labels == c].double().mean(0).flatten() / 255 for c in range(10)])
        self.linear = nn.Linear(64, 10)
        self.linear.weight.data = (8 * means).float()
        self.linear.bias.data = (-4 * (means**2).sum(1)).float()
        self.before = before

    def forward(self, images):
        return self.linear(self.before(images).flatten(1))


def values(network, data, directory=None, suite=LIGHT, **options):
    result = evaluate(network, data, suite, split="test", seed=0, directory=directory, **options)
    return [found.value for found in result.measurements], result.remeasured


def test_the_wrapper_is_worth_measuring(data):
    (clean, fgsm, pgd), _ = values(Wrapped(data), data)
    assert clean > max(fgsm, pgd)
    assert clean > 0.6


@pytest.mark.parametrize(
    "before",
    [
        lambda x: 1 - x,
        lambda x: 3 * x,
        lambda x: 1.02 * x,
        lambda x: x.detach() + 0 * x,
        lambda x: (x * 16).round() / 16 + x - x.detach(),
        lambda x: x + ((x * 255).round() / 255 - x).detach(),
        lambda x: x.detach() - (x - x.detach()),
        lambda x: 10 * x - 9 * x.detach() + 0.3 * (x.flip(3) - x.flip(3).detach()),
    ],
    ids=[
        "inverted",
        "scaled",
        "scaled little",
        "no gradient",
        "rounded",
        "grey levels",
        "gradient reversed",
        "gradient mixed",
    ],
)
def test_a_changed_attribute_gets_no_old_numbers(before, data, tmp_path):
    network = Wrapped(data)
    old, _ = values(network, data, tmp_path)
    network.before = before
    expected, _ = values(network, data)
    assert values(network, data, tmp_path) == (expected, KEYS)
    assert values(network, data, tmp_path) == (expected, ())  # what was kept is replaced
    assert len(os.listdir(tmp_path / EVALUATION)) == 3
    network.before = lambda x: x
    assert values(network, data, tmp_path) == (old, KEYS)


def test_rounding_of_other_devices_is_no_other_network(data, tmp_path):
    network = Wrapped(data)
    expected = values(network, data, tmp_path)
    kinks = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for before in (lambda x: x * (1 + 1e-6), lambda x: x + 1e-6 * kinks, lambda x: x - 0.01 * (x - x.detach()) * kinks):
        network.before = before
        assert values(network, data, tmp_path) == expected


def test_logits_of_any_size_are_compared(data, tmp_path):
    for scale in (1e-4, 1e4):
        network = Wrapped(data, lambda x: scale * x)  # noqa: B023
        network.linear.bias.data.zero_()
        values(network, data, tmp_path / str(scale))
        network.before = lambda x: scale * (1 - x)  # noqa: B023
        assert values(network, data, tmp_path / str(scale))[1] == KEYS


def test_the_limit_does_not_decide_about_what_a_network_is_asked(data, tmp_path):
    limited = replace(LIGHT, limits={"pgd": 20})
    expected = values(Wrapped(data), data, tmp_path, limited)[0][2]
    other = evaluate(Wrapped(data), data, LIGHT, split="test", seed=0, limit=20, directory=tmp_path)
    assert (other["pgd@16/255"], other.remeasured) == (expected, ())
    assert len(os.listdir(tmp_path / EVALUATION)) == 5


def damaged(folder, change):
    for path in (folder / EVALUATION).iterdir():
        entry = json.loads(path.read_text())
        change(entry)
        path.write_text(json.dumps(entry))


@pytest.mark.parametrize("missing", [("answers",), ("content",), ("answers", "content")])
def test_a_measurement_without_evidence_is_made_again(missing, data, tmp_path):
    network = Wrapped(data)
    expected = values(network, data, tmp_path)[0]

    def change(entry):
        for key in missing:
            del entry[key]
        if "content" not in missing:  # as if it had been written so
            entry |= seal(_KIND, {**entry, "answers": None})
        entry["outcomes"] = entry["outcomes"] if "content" in entry else "00" * (len(entry["outcomes"]) // 2)

    damaged(tmp_path, change)
    assert values(network, data, tmp_path) == (expected, KEYS)
    assert values(network, data, tmp_path) == (expected, ())


def test_no_flipped_bit_changes_a_number(data, tmp_path):
    """A flip is an error, or the measurement is made again, or it changes nothing."""
    network, suite = Wrapped(data), Suite("clean", (), checks=False)
    expected = evaluate(network, data, suite, split="test", seed=0, directory=tmp_path).measurements[0]
    (path,) = (tmp_path / EVALUATION).iterdir()
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for position in rng.integers(8 * len(whole), size=120):
        spoiled = bytearray(whole)
        spoiled[position // 8] ^= 1 << (position % 8)
        path.write_bytes(spoiled)
        try:
            found = evaluate(network, data, suite, split="test", seed=0, directory=tmp_path).measurements[0]
        except DataError:
            refused += 1
        else:
            assert replace(found, seconds=0) == replace(expected, seconds=0)
    assert refused > 90


@pytest.mark.parametrize(
    "change",
    [
        {"outcomes": "zz"}, {"outcomes": 3}, {"outcomes": ""}, {"images": "many"}, {"images": -1}, {"answers": 3},
        {"answers": {"logits": "00"}}, {"warnings": None},
    ],
)  # fmt: skip
def test_entries_of_another_type_are_one_clear_error(change, data, tmp_path):
    values(Wrapped(data), data, tmp_path)
    damaged(tmp_path, lambda entry: entry.update(change))
    with pytest.raises(DataError, match=r"expected a measurement written by robnas.*delete it to measure again"):
        values(Wrapped(data), data, tmp_path)


def test_the_code_of_an_attack_from_elsewhere_decides(data, tmp_path):
    def attack(step):
        @dataclass(frozen=True)
        class Mine:
            threat: ThreatModel
            name: str = "mine"

            def __call__(self, network, images, labels, **options):
                return images

        @dataclass(frozen=True)
        class MineToo(Mine):
            def __call__(self, network, images, labels, **options):
                return 1 - images

        MineToo.__name__ = MineToo.__qualname__ = "Mine"
        return (Mine, MineToo)[step](ThreatModel.linf(1))

    found = [values(Wrapped(data), data, tmp_path, Suite("s", (attack(step),), checks=False))[0] for step in (0, 1, 0)]
    assert found[0] == found[2]
    assert found[1] != found[0]
    assert len(os.listdir(tmp_path / EVALUATION)) == 3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_networks_of_any_dtype_are_recognised(dtype, data, tmp_path):
    network = Wrapped(data).to(dtype)
    expected = values(network, data, tmp_path)
    assert values(network, data, tmp_path) == expected
    network.before = lambda x: 1 - x
    assert values(network, data, tmp_path)[1] == KEYS


def test_answers_of_networks_without_a_gradient(data):
    class Hard(nn.Module):
        def forward(self, images):
            with torch.no_grad():
                return nn.functional.one_hot(images.flatten(1).sum(1).long() % 10, 10).float()

    images = torch.rand(4, 1, 8, 8)
    answers = Answers.of(Hard(), images, 0)
    assert answers.agree(Answers.of(Hard(), images, 1))
    assert not answers.gradients.any()


def test_networks_that_draw_random_numbers_are_recognised(data, tmp_path):
    network = Wrapped(data, lambda x: x + 0.1 * torch.randn(x.shape))
    expected = values(network, data, tmp_path)
    assert values(network, data, tmp_path) == expected
    assert values(network, data) == expected

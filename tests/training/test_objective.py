"""Objectives with settings, against ones written out, and attacks of every kind under them."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F

from robnas.attacks import APGD, FGSM, NFGSM, PGD, RSFGSM, Free
from robnas.errors import InputError
from robnas.training import MART, OBJECTIVES, TRADES, Mixed, Outcome, attacked, logits
from robnas.types import ThreatModel
from tests.reference import objectives

pytestmark = pytest.mark.usefixtures("one_thread")
LINF = ThreatModel.linf("32/255")
PGD_2 = PGD(LINF, steps=2, step_size=20 / 255)


def settings(attack=PGD_2, **others):
    return SimpleNamespace(attack=attack, precision="float32", **others)


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def batch(data, count=8):
    part = data.split("train")
    return part.images[:count].double() / 255, part.labels[:count]


def trained(build):
    """A network that is sure of itself, right or wrong."""
    network = build().double().train()
    with torch.no_grad():
        network.head.linear.weight.mul_(20)
    return network


@pytest.mark.parametrize("weight", [0.0, 5.0, 50])
def test_mart_is_the_stated_sum(data, build, weight):
    network, reference, (images, labels) = trained(build), trained(build), batch(data)
    outcome = MART(weight)(network, images, labels, settings(), seeded())
    moved = attacked(reference, images, labels, settings(), seeded())
    clean, robust = reference(images), reference(moved)
    expected = objectives.mart(clean, robust, labels, weight)
    torch.testing.assert_close(outcome.loss, expected, rtol=1e-9, atol=0)
    assert torch.equal(outcome.robust_correct, robust.argmax(1) == labels)
    ours = torch.autograd.grad(outcome.loss, list(network.parameters()))
    theirs = torch.autograd.grad(expected, list(reference.parameters()))
    for found, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)


def test_mart_stays_finite_where_probabilities_are_zero_and_one():
    class Sure(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(1.0))

        def forward(self, images):
            return self.scale * torch.tensor([[300.0, 0.0, -300.0]]).repeat(len(images), 1) + images.sum() * 0

    network = Sure()
    for label in range(3):
        labels = torch.full((4,), label)
        outcome = MART()(network, torch.rand(4, 1, 2, 2, generator=seeded()), labels, settings(RSFGSM(LINF)), seeded())
        (gradient,) = torch.autograd.grad(outcome.loss, network.scale)
        assert outcome.loss.isfinite()
        assert gradient.isfinite()
        assert outcome.loss.item() == pytest.approx([0, 600, 900][label])


def test_objectives_with_settings_are_those_of_the_names(data, build):
    images, labels = batch(data)
    for name, flat, made in (
        ("mixed", {"beta": 0.25}, Mixed(0.25)),
        ("trades", {"trades_weight": 3.0}, TRADES(3)),
        ("mart", {}, MART(5.0)),
    ):
        one = OBJECTIVES[name](build().train().double(), images, labels, settings(**flat), seeded())
        other = made(build().train().double(), images, labels, settings(), seeded())
        assert torch.equal(one.loss, other.loss)
        assert torch.equal(one.robust_correct, other.robust_correct)


@pytest.mark.parametrize("attack", [FGSM(LINF), RSFGSM(LINF), NFGSM(LINF), NFGSM(ThreatModel.l2(1)), APGD(LINF, 3)])
def test_the_cross_entropy_is_attacked_by_whatever_the_recipe_has(data, build, attack):
    images, labels = batch(data)
    network = build().train()
    images = images.float()
    state = torch.get_rng_state()
    moved = attacked(network, images, labels, settings(attack), seeded())
    assert torch.equal(moved, attacked(network, images, labels, settings(attack), seeded()))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in network.modules())
    assert moved.min() >= 0
    assert moved.max() <= 1
    frozen = build().eval()
    assert F.cross_entropy(frozen(moved), labels) >= F.cross_entropy(frozen(images), labels)
    for objective in (Mixed(), Mixed(0.5), MART()):
        outcome = objective(build().train(), images, labels, settings(attack), seeded())
        assert outcome.loss.isfinite()
        assert outcome.robust_correct.shape == (8,)


@pytest.mark.parametrize("attack", [RSFGSM(LINF), NFGSM(LINF)])
def test_trades_lets_other_gradient_attacks_increase_the_divergence(data, build, attack):
    images, labels = batch(data)
    outcome = TRADES()(build().double().train(), images, labels, settings(attack), seeded())
    reference = build().double().eval()
    target = F.log_softmax(reference(images), 1).detach()
    moved = attack.once(
        lambda x: F.kl_div(F.log_softmax(reference(x), 1), target, reduction="sum", log_target=True), images, seeded()
    )
    reference.train()
    clean, robust = (F.log_softmax(reference(x), 1) for x in (images, moved))
    expected = F.nll_loss(clean, labels) + 6 * (clean.exp() * (clean - robust)).sum(1).mean()
    torch.testing.assert_close(outcome.loss, expected)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Mixed(1.5), r"Mixed beta: expected a number in \[0, 1\], got 1.5"),
        (lambda: TRADES("6"), "TRADES weight: expected a number, got '6'"),
        (lambda: MART(float("nan")), "MART weight: expected a number in .* got nan"),
        (lambda: MART(-1), "MART weight: expected a number in"),
    ],
)
def test_impossible_settings_are_refused(make, text):
    with pytest.raises(InputError, match=text):
        make()


@dataclass(frozen=True)
class Smooth:
    """One's own."""

    name: ClassVar[str] = "smooth"
    smoothing: float = 0.1

    def __call__(self, network, images, labels, recipe, generator):
        robust = logits(network, attacked(network, images, labels, recipe, generator), recipe)
        loss = F.cross_entropy(robust, labels, label_smoothing=self.smoothing)
        return Outcome(loss, robust.argmax(1) == labels)


def test_free_is_given_to_objectives_as_the_perturbation_that_there_is(data, build):
    """Outside of a training step there is none: it is then an attack as any other."""
    images, labels = batch(data)
    outcome = Smooth()(build().double().train(), images, labels, settings(Free(LINF)), seeded())
    assert outcome.loss.isfinite()

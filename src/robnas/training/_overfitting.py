"""Catastrophic overfitting: a network robust to the one step that it was trained on, and to nothing stronger."""

from __future__ import annotations

from torch import Tensor, nn

from robnas._products import products
from robnas._seeds import generator
from robnas.attacks import PGD, frozen, predict
from robnas.training._asked import once
from robnas.training._recipe import Recipe

SAMPLE = 128
"""Training images on which the training attack is compared with PGD."""
_STEPS = 10
_GAP, _SHARE = 0.2, 0.5


class TrainingWarning(UserWarning):
    """A training whose result is not what it seems."""


def is_checked(recipe: Recipe) -> bool:
    """Whether an epoch ends with this check: after attacks of one step, where alone the fault is known to occur."""
    return recipe.attacks and getattr(recipe.attack, "steps", None) == 1


def accuracies(network: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe, seed: int) -> tuple[float, float]:
    """Under the attack of the training and under PGD, from random streams that nothing else draws from.

    Args:
        network: asked in evaluation mode.
        images: shape (n, channels, height, width), pixels in [0, 1].
        labels: shape (n,).
        recipe: of the training.
        seed: of both attacks.
    """
    threat = recipe.attack.threat
    pgd = PGD(threat, steps=_STEPS, step_size=threat.epsilon / 4)
    attacks = (recipe.attack, pgd)
    with products(images.device), frozen(network) as victim:
        found = [
            once(attack, victim, images, labels, generator(images.device, seed, number))
            for number, attack in enumerate(attacks)
        ]
        correct = [predict(victim, attacked, len(images)) == labels for attacked in found]
    return correct[0].double().mean().item(), correct[1].double().mean().item()


def is_overfitted(attack: float, pgd: float) -> bool:
    """Whether PGD breaks far more than the training attack: accuracy falls by more than .2, and by more than half."""
    return attack - pgd > _GAP and pgd < _SHARE * attack

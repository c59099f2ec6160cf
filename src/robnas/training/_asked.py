"""How an objective asks the network: under the attack and at the precision of the recipe."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from robnas.attacks import Attack, GradientAttack, check_logits, clip_to_ball, frozen, summed_cross_entropy
from robnas.training._free import Running
from robnas.training._precision import Precision, attack_dtype, mixed_precision
from robnas.types import silent


class Settings(Protocol):
    """What is read here of a `Recipe`, which knows the names of objectives."""

    @property
    def precision(self) -> Precision: ...

    @property
    def attack(self) -> Any: ...


def attacked(
    network: nn.Module, images: Tensor, labels: Tensor, recipe: Settings, generator: torch.Generator
) -> Tensor:
    """Images under the attack of the recipe, which is made with the network in evaluation mode.

    Args:
        network: in training mode, and so afterwards; no statistic of a batch norm has changed.
        images: shape (batch, channels, height, width), pixels in [0, 1].
        labels: shape (batch,).
        recipe: whose attack it is.
        generator: of the attack.
    """
    if isinstance(recipe.attack, Running):  # which asks no network
        return recipe.attack.moved
    with frozen(network, attack_dtype(recipe.precision)) as victim:
        return once(recipe.attack, victim, images, labels, generator)


def once(attack: Attack, victim: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Images under any attack on the cross-entropy; `victim` is frozen."""
    if isinstance(attack, GradientAttack):
        return attack.once(partial(summed_cross_entropy, victim, labels), images, generator)
    seed = int(torch.randint(2**62, (), generator=generator, device=images.device))
    found = attack(victim, images, labels, seed=seed, batch_size=len(images), progress=silent)
    return clip_to_ball(found.detach(), images, attack.threat)


def logits(network: nn.Module, images: Tensor, recipe: Settings) -> Tensor:
    """What the network answers, at the recipe's precision, in the dtype of the images: losses are summed in that.

    Args:
        network: in whatever mode it is.
        images: shape (batch, channels, height, width).
        recipe: whose precision it is.

    Returns:
        Shape (batch, classes).
    """
    with mixed_precision(recipe.precision, images.device):
        found = check_logits(network(images), len(images))
    return found.to(images.dtype)

"""What a training step minimises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas._registry import Registry
from robnas.attacks import PGD, Ball, ascend, check_logits, clip_to_ball, frozen, summed_cross_entropy
from robnas.training._precision import Precision, attack_dtype, mixed_precision


@final
@dataclass(frozen=True, eq=False)
class Outcome:
    """Loss of a batch, with gradient, and which attacked images were classified correctly."""

    loss: Tensor
    """Scalar, mean over the batch."""
    robust_correct: Tensor | None
    """Shape (batch,), bool, in training mode; None if nothing was attacked."""


Objective: TypeAlias = Callable[[nn.Module, Tensor, Tensor, Any, torch.Generator], Outcome]
"""Network in training mode, pixels in [0, 1], labels, `Recipe`, random numbers of the attack → what is minimised."""


class _Recipe(Protocol):
    """What the objectives here read of a `Recipe`, which knows their names."""

    @property
    def beta(self) -> float: ...

    @property
    def trades_weight(self) -> float: ...

    @property
    def precision(self) -> Precision: ...

    @property
    def attack(self) -> PGD: ...


def mixed(network: nn.Module, images: Tensor, labels: Tensor, recipe: _Recipe, generator: torch.Generator) -> Outcome:
    """(1−β)·clean + β·robust cross-entropy (Wu et al. 2024, Eq. 3).

    Clean and attacked images pass through the network apart, so each batch norm sees one kind at a time.
    """
    loss, robust_correct = torch.zeros((), device=images.device), None
    if recipe.beta < 1:
        loss = loss + (1 - recipe.beta) * F.cross_entropy(_logits(network, images, recipe), labels)
    if recipe.beta > 0:
        with frozen(network, attack_dtype(recipe.precision)) as victim:
            attacked = recipe.attack.once(partial(summed_cross_entropy, victim, labels), images, generator)
        logits = _logits(network, attacked, recipe)
        loss = loss + recipe.beta * F.cross_entropy(logits, labels)
        robust_correct = logits.detach().argmax(1) == labels
    return Outcome(loss, robust_correct)


def trades(network: nn.Module, images: Tensor, labels: Tensor, recipe: _Recipe, generator: torch.Generator) -> Outcome:
    """Clean cross-entropy + weight · KL(clean ‖ attacked) (Zhang et al. 2019, Eq. 5).

    The attack increases the divergence, from the image plus Gaussian noise of standard deviation 0.001.
    """
    attack = recipe.attack
    with frozen(network, attack_dtype(recipe.precision)) as victim:
        with torch.no_grad():
            target = F.log_softmax(victim(images), dim=1)
        ball = Ball(images, attack.threat)
        noise = torch.empty_like(images).normal_(0, 1e-3, generator=generator)
        found = ascend(
            lambda x: _divergence(victim(x), target),
            ball.project(images + noise),
            ball,
            steps=attack.steps,
            step_size=attack.step_size,
        )
        attacked = clip_to_ball(found, images, attack.threat)
    clean, robust = _logits(network, images, recipe), _logits(network, attacked, recipe)
    divergence = _divergence(robust, F.log_softmax(clean, dim=1)) / len(images)
    loss = F.cross_entropy(clean, labels) + recipe.trades_weight * divergence
    return Outcome(loss, robust.detach().argmax(1) == labels)


def _logits(network: nn.Module, images: Tensor, recipe: _Recipe) -> Tensor:
    """In training mode, at the recipe's precision; losses are summed in float32 at least."""
    with mixed_precision(recipe.precision, images.device):
        logits = check_logits(network(images), len(images))
    return logits.to(images.dtype)


def _divergence(logits: Tensor, target: Tensor) -> Tensor:
    """KL(target ‖ softmax(logits)) summed over the batch; `target` holds log-probabilities."""
    return F.kl_div(F.log_softmax(logits, dim=1), target, reduction="sum", log_target=True)


OBJECTIVES: Registry[Objective] = Registry("recipe objective", {"mixed": mixed, "trades": trades}, Callable)
"""By the name that recipes give."""

"""What a training step minimises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas._registry import Registry
from robnas.attacks import PGD, Ball, ascend, clip_to_ball, frozen
from robnas.errors import InputError
from robnas.training._asked import Settings, attacked, logits
from robnas.training._precision import attack_dtype
from robnas.types import check_range


@final
@dataclass(frozen=True, eq=False)
class Outcome:
    """What an objective answers about a batch.

    ```python
    outcome = Outcome(F.cross_entropy(network(images), labels), robust_correct=None)
    ```
    """

    loss: Tensor
    """Scalar with a gradient to the weights, the mean over the batch."""
    robust_correct: Tensor | None
    """Shape (batch,), bool: which attacked images were classified correctly, in training mode; None if nothing was
    attacked. Its mean over an epoch is `EpochLog.robust_accuracy`."""


Objective: TypeAlias = Callable[[nn.Module, Tensor, Tensor, Any, torch.Generator], Outcome]
"""Network in training mode, pixels in [0, 1], labels, `Recipe`, random numbers of the attack → what is minimised.

A function, or an object of a frozen dataclass whose fields are its settings and whose class attribute `name` is that in
`OBJECTIVES`. `attacked` and `logits` ask the network as the recipe says. Draw from the generator and nothing else, and
wait for no device: on a GPU the step is captured.
"""


@final
@dataclass(frozen=True)
class Mixed:
    """(1−β)·clean + β·robust cross-entropy (Wu et al. 2024, Eq. 3).

    Clean and attacked images pass through the network apart, so each batch norm sees one kind at a time.

    Raises:
        InputError: β outside [0, 1].
    """

    name: ClassVar[str] = "mixed"
    beta: float = 1.0
    """β: 0 is standard training and costs no attack, 1 trains on attacked images only."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", _weight("Mixed beta", self.beta, 1))

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, recipe: Settings, generator: torch.Generator
    ) -> Outcome:
        """See `Objective`."""
        loss, robust_correct = torch.zeros((), device=images.device), None
        if self.beta < 1:
            loss = loss + (1 - self.beta) * F.cross_entropy(logits(network, images, recipe), labels)
        if self.beta > 0:
            robust = logits(network, attacked(network, images, labels, recipe, generator), recipe)
            loss = loss + self.beta * F.cross_entropy(robust, labels)
            robust_correct = _correct(robust, labels)
        return Outcome(loss, robust_correct)


@final
@dataclass(frozen=True)
class TRADES:
    """Clean cross-entropy + weight · KL(clean ‖ attacked) (Zhang et al. 2019, Eq. 5).

    The attack increases the divergence, with PGD from the image plus Gaussian noise of standard deviation 0.001, as the
    authors' code does; any other attack of `robnas.attacks.GradientAttack` begins where it does by itself.

    Raises:
        InputError: a weight that is no number, or not in [0, 1e6].
    """

    name: ClassVar[str] = "trades"
    weight: float = 6.0
    """1/λ."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weight("TRADES weight", self.weight))

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, recipe: Settings, generator: torch.Generator
    ) -> Outcome:
        """See `Objective`."""
        with frozen(network, attack_dtype(recipe.precision)) as victim:
            with torch.no_grad():
                target = F.log_softmax(victim(images), dim=1)
            moved = _diverging(recipe.attack, lambda x: _divergence(victim(x), target), images, generator)
        clean, robust = logits(network, images, recipe), logits(network, moved, recipe)
        divergence = _divergence(robust, F.log_softmax(clean, dim=1)) / len(images)
        return Outcome(F.cross_entropy(clean, labels) + self.weight * divergence, _correct(robust, labels))


@final
@dataclass(frozen=True)
class MART:
    """Margin-aware cross-entropy + a divergence that weighs misclassified images more (Wang et al. 2020, Eq. 8, 11).

    With p of the clean and p′ of the attacked image (cross-entropy attack of the recipe), the mean over the batch of
    −log p′_y − log(1 − max_{k≠y} p′_k) + weight · (1 − p_y) · KL(p ‖ p′). Logarithms are taken of logits, without the
    small constants that the authors' code adds to probabilities.

    Raises:
        InputError: a weight that is no number, or not in [0, 1e6].
    """

    name: ClassVar[str] = "mart"
    weight: float = 5.0
    """λ of the divergence."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weight("MART weight", self.weight))

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, recipe: Settings, generator: torch.Generator
    ) -> Outcome:
        """See `Objective`."""
        moved = attacked(network, images, labels, recipe, generator)
        clean, robust = logits(network, images, recipe), logits(network, moved, recipe)
        own = F.one_hot(labels, robust.shape[1]).bool()
        rival = robust.masked_fill(own, -torch.inf).argmax(1, keepdim=True)
        others = robust.scatter(1, rival, -torch.inf).logsumexp(1)  # log of all probability but the rival's
        boosted = F.cross_entropy(robust, labels) + (robust.logsumexp(1) - others).mean()
        log_clean, log_robust = F.log_softmax(clean, dim=1), F.log_softmax(robust, dim=1)
        divergence = F.kl_div(log_robust, log_clean, reduction="none", log_target=True).sum(1)
        missing = -torch.expm1(log_clean.gather(1, labels[:, None]).squeeze(1))
        return Outcome(boosted + self.weight * (missing * divergence).mean(), _correct(robust, labels))


def mixed(network: nn.Module, images: Tensor, labels: Tensor, recipe: Any, generator: torch.Generator) -> Outcome:
    """`Mixed` with the `beta` of the recipe."""
    return Mixed(recipe.beta)(network, images, labels, recipe, generator)


def trades(network: nn.Module, images: Tensor, labels: Tensor, recipe: Any, generator: torch.Generator) -> Outcome:
    """`TRADES` with the `trades_weight` of the recipe."""
    return TRADES(recipe.trades_weight)(network, images, labels, recipe, generator)


def _diverging(attack: Any, loss: Callable[[Tensor], Tensor], images: Tensor, generator: torch.Generator) -> Tensor:
    if not isinstance(attack, PGD):
        moved: Tensor = attack.once(loss, images, generator)
        return moved
    ball = Ball(images, attack.threat)
    noise = torch.empty_like(images).normal_(0, 1e-3, generator=generator)
    found = ascend(loss, ball.project(images + noise), ball, steps=attack.steps, step_size=attack.step_size)
    return clip_to_ball(found, images, attack.threat)


def _divergence(logits: Tensor, target: Tensor) -> Tensor:
    """KL(target ‖ softmax(logits)) summed over the batch; `target` holds log-probabilities."""
    return F.kl_div(F.log_softmax(logits, dim=1), target, reduction="sum", log_target=True)


def _weight(what: str, value: object, high: float = 1e6) -> float:
    """A setting that is a number: 1 and 1.0 are one and have one hash."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InputError(what, expected="a number", got=value)
    check_range(what, value, 0, high)
    return float(value)


def _correct(robust: Tensor, labels: Tensor) -> Tensor:
    return robust.detach().argmax(1) == labels


OBJECTIVES: Registry[Any] = Registry("recipe objective", {"mixed": mixed, "trades": trades, "mart": MART()}, Callable)
"""By the name that recipes give: functions, objects, or classes whose objects are such."""


def objective_of(given: Any) -> Objective:
    """What a recipe names, or the object itself."""
    found: Objective = OBJECTIVES[given] if isinstance(given, str) else given
    return found


def check_outcome(what: str, found: Any, count: int) -> None:
    """Raise `InputError` unless an objective's answer about `count` images can be trained on; waits for no device."""
    if not isinstance(found, Outcome):
        raise InputError(what, expected="a robnas.training.Outcome, which has a loss", got=found)
    loss, correct = found.loss, found.robust_correct
    if not isinstance(loss, Tensor) or loss.dim() or not loss.requires_grad:
        raise InputError(what, expected="a loss that is a scalar tensor with a gradient to the weights", got=loss)
    if correct is not None and (
        not isinstance(correct, Tensor) or correct.shape != (count,) or correct.dtype.is_floating_point
    ):
        raise InputError(what, expected="robust_correct that says true or false of each image, or None", got=correct)


def name_of(given: Any) -> str:
    """By which people know the objective of a recipe."""
    return given if isinstance(given, str) else str(given.name)

"""When a training ends before its last epoch, and which of its epochs is the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol, final, runtime_checkable

from torch import nn

from robnas._products import products
from robnas._registry import Registry
from robnas._seeds import derive_seed, generator
from robnas.attacks import PGD, frozen, parameter_dtype, predict, summed_cross_entropy
from robnas.data import Images, to_pixels
from robnas.training._parts import parts_with
from robnas.types import ThreatModel, check_count

_STEPS = 10


@runtime_checkable
class Stopping(Protocol):
    """When to stop by accuracy on validation images: a frozen dataclass of settings.

    The result of the training are the weights of the epoch with the highest accuracy, the first of equal ones.
    """

    name: ClassVar[str]
    """In `STOPPINGS`."""

    @property
    def images(self) -> int:
        """So many of the first validation images are attacked after each epoch."""
        ...

    def is_over(self, accuracies: Sequence[float]) -> bool:
        """Whether to stop after epochs with these accuracies."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stop when robust accuracy on validation images no longer rises: robust overfitting (Rice et al. 2020).

    Raises:
        InputError: a setting out of range.
    """

    name: ClassVar[str] = "early-stopping"
    patience: int = 10
    """Stop after so many epochs without a new best one; as many as the recipe has: keep the best, and never stop."""
    images: int = 500
    """So many of the first validation images are attacked after each epoch, or all if there are fewer."""

    def __post_init__(self) -> None:
        for what in ("patience", "images"):
            object.__setattr__(self, what, check_count(f"recipe stopping {what}", getattr(self, what), high=10**9))

    def is_over(self, accuracies: Sequence[float]) -> bool:
        """Whether to stop after epochs with these accuracies."""
        return bool(accuracies) and len(accuracies) - 1 - accuracies.index(max(accuracies)) >= self.patience


STOPPINGS: Registry[type[Stopping]] = Registry(
    "recipe stopping", {"early-stopping": EarlyStopping}, type, parts_with("images", "is_over"), own_name=True
)
"""By the name that recipes give."""


def validation_accuracy(
    network: nn.Module, images: Images, threat: ThreatModel | None, seed: int, batch_size: int
) -> float:
    """Accuracy under PGD with ten steps of ε/4, from random streams that nothing else draws from, equal in all epochs.

    Args:
        network: asked in evaluation mode.
        images: on its device.
        threat: of the attack; None for clean accuracy.
        seed: of the training.
        batch_size: images per pass.
    """
    correct = 0
    with products(images.labels.device), frozen(network) as victim:
        for number, begin in enumerate(range(0, len(images), batch_size)):
            labels = images.labels[begin : begin + batch_size]
            pixels = to_pixels(images.images[begin : begin + batch_size], parameter_dtype(network))
            if threat is not None and threat.epsilon:
                attack = PGD(threat, steps=_STEPS, step_size=threat.epsilon / 4)
                draws = generator(pixels.device, derive_seed(seed, "stopping"), number)
                pixels = attack.once(partial(summed_cross_entropy, victim, labels), pixels, draws)
            correct += int((predict(victim, pixels, batch_size) == labels).sum())
    return correct / len(images)

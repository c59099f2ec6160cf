"""Schedules of the learning rate, without state: the rates of a step follow from its number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, final, runtime_checkable

from robnas._registry import Registry
from robnas.training._parts import check_part, set_numbers


@runtime_checkable
class Schedule(Protocol):
    """How the learning rate changes: a frozen dataclass of settings."""

    name: ClassVar[str]
    """In `SCHEDULES`."""

    def rates(self, lr: float, step: int, total_steps: int) -> tuple[float, float | None]:
        """Learning rate and momentum of a step; None for the optimizer's own momentum.

        Args:
            lr: of the optimizer, the highest one.
            step: 0 … total_steps − 1.
            total_steps: steps of the whole training.
        """
        ...


@final
@dataclass(frozen=True, kw_only=True)
class OneCycle:
    """One cycle up and down, of the momentum down and up (Smith and Topin 2018), as PyTorch's `OneCycleLR` computes it.

    Raises:
        InputError: a setting out of range.
    """

    name: ClassVar[str] = "one-cycle"
    warmup: float = 0.3
    """Share of the steps in which the learning rate rises."""
    start_divisor: float = 25.0
    """The first learning rate is the highest one divided by this."""
    end_divisor: float = 1e4
    """The last learning rate is the first one divided by this."""
    low_momentum: float = 0.85
    """Momentum at the top of the learning rate; of AdamW its β₁."""
    high_momentum: float = 0.95
    """Momentum at the first and last step."""

    def __post_init__(self) -> None:
        set_numbers(
            "recipe schedule", self, warmup=(0, 1), start_divisor=(1, 1e9), end_divisor=(1, 1e12),
            low_momentum=(0, 1), high_momentum=(0, 1),
        )  # fmt: skip

    def rates(self, lr: float, step: int, total_steps: int) -> tuple[float, float]:
        """Learning rate and momentum of a step, see `Schedule`."""
        first_lr = lr / self.start_divisor
        last_lr = first_lr / self.end_divisor
        top, end = self.warmup * total_steps - 1, float(total_steps - 1)
        if step <= top:
            share = step / top if top else 1.0
            return _cosine(first_lr, lr, share), _cosine(self.high_momentum, self.low_momentum, share)
        share = (step - top) / (end - top)
        return _cosine(lr, last_lr, share), _cosine(self.low_momentum, self.high_momentum, share)


def _cosine(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


SCHEDULES: Registry[type[Schedule]] = Registry(
    "recipe schedule", {"one-cycle": OneCycle}, type, check_part, own_name=True
)
"""By the name that recipes give."""


def one_cycle(recipe: Any, step: int, total_steps: int) -> tuple[float, float]:
    """Learning rate and momentum of a step: `Recipe.rates`, by the name of a time when all recipes had one cycle."""
    found: tuple[float, float] = recipe.rates(step, total_steps)
    return found

"""Schedules of the learning rate, without state: the rates of a step follow from its number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, final, runtime_checkable

from robnas._registry import Registry
from robnas.errors import InputError
from robnas.training._parts import parts_with, set_numbers


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


@final
@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Half a cosine down from the highest rate (Loshchilov and Hutter 2017), after a straight rise (Goyal et al. 2017).

    Raises:
        InputError: a setting out of range.
    """

    name: ClassVar[str] = "cosine"
    warmup: float = 0.0
    """Share of the steps in which the learning rate rises from 0; their number is rounded."""
    end: float = 0.0
    """The learning rate after the last step, as a share of the highest one."""

    def __post_init__(self) -> None:
        set_numbers("recipe schedule", self, warmup=(0, 1), end=(0, 1))

    def rates(self, lr: float, step: int, total_steps: int) -> tuple[float, None]:
        """Learning rate of a step, see `Schedule`; the momentum stays."""
        rising = round(self.warmup * total_steps)
        if step < rising:
            return lr * (step + 1) / rising, None
        return _cosine(lr, lr * self.end, (step - rising) / (total_steps - rising)), None


@final
@dataclass(frozen=True, kw_only=True)
class Cyclic:
    """Straight up from 0 and down again (Smith 2017), of the momentum down and up, as PyTorch's `CyclicLR` computes it.

    Fast adversarial training has one such cycle (Wong et al. 2020).

    Raises:
        InputError: a setting out of range.
    """

    name: ClassVar[str] = "cyclic"
    peak: float = 0.5
    """Share of the steps in which the learning rate rises."""
    low_momentum: float = 0.8
    """Momentum at the top of the learning rate; of AdamW its β₁."""
    high_momentum: float = 0.9
    """Momentum at the first step and after the last one."""

    def __post_init__(self) -> None:
        set_numbers("recipe schedule", self, peak=(0, 1), low_momentum=(0, 1), high_momentum=(0, 1))

    def rates(self, lr: float, step: int, total_steps: int) -> tuple[float, float]:
        """Learning rate and momentum of a step, see `Schedule`."""
        done = step / total_steps
        height = done / self.peak if done < self.peak else (1 - done) / (1 - self.peak)
        return lr * height, self.high_momentum - height * (self.high_momentum - self.low_momentum)


@final
@dataclass(frozen=True, kw_only=True)
class Piecewise:
    """A learning rate that falls by a factor at some points, as in the trainings of He et al. (2016) and TRADES.

    Raises:
        InputError: a setting out of range, or points that do not ascend.
    """

    name: ClassVar[str] = "piecewise"
    at: tuple[float, ...] = (0.5, 0.75)
    """Shares of the steps after which it falls; their number is rounded."""
    factor: float = 0.1
    """By which it is multiplied each time."""

    def __post_init__(self) -> None:
        set_numbers("recipe schedule", self, factor=(0, 1))
        points = self.at if isinstance(self.at, tuple | list) else ()
        numbers = [one for one in points if isinstance(one, int | float) and not isinstance(one, bool)]
        fine = len(numbers) == len(points) > 0 and all(0 < one < 1 for one in numbers)
        if not fine or sorted(set(numbers)) != list(numbers):
            raise InputError(
                "recipe schedule at", expected="ascending shares of the steps between 0 and 1, such as 0.5, 0.75",
                got=self.at,
            )  # fmt: skip
        object.__setattr__(self, "at", tuple(map(float, points)))

    def rates(self, lr: float, step: int, total_steps: int) -> tuple[float, None]:
        """Learning rate of a step, see `Schedule`; the momentum stays."""
        for point in self.at:
            if step >= round(point * total_steps):
                lr = lr * self.factor
        return lr, None


@final
@dataclass(frozen=True, kw_only=True)
class Constant:
    """The same learning rate in all steps (Robbins and Monro 1951 ask for a falling one: combine it with averaging)."""

    name: ClassVar[str] = "constant"

    def rates(self, lr: float, step: int, total_steps: int) -> tuple[float, None]:
        """Learning rate of a step, see `Schedule`; the momentum stays."""
        return lr, None


def _cosine(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


SCHEDULES: Registry[type[Schedule]] = Registry(
    "recipe schedule",
    {"one-cycle": OneCycle, "cosine": Cosine, "cyclic": Cyclic, "piecewise": Piecewise, "constant": Constant},
    type,
    parts_with("rates"),
    own_name=True,
)
"""By the name that recipes give."""


def rates_of(schedule: Schedule, lr: float, step: int, total_steps: int) -> tuple[float, float | None]:
    """What a schedule answers, which may be somebody's own.

    Raises:
        InputError: it is no finite learning rate with a finite momentum or None.
    """
    found: Any = schedule.rates(lr, step, total_steps)
    pair: Any = found if isinstance(found, tuple) and len(found) == 2 else (None, None)
    rate, momentum = pair
    if not _is_finite(rate) or not (momentum is None or _is_finite(momentum)):
        what = f"recipe schedule {schedule.name}, rates of step {step} of {total_steps}"
        raise InputError(what, expected="a learning rate and a momentum or None", got=found)
    return rate, momentum


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def one_cycle(recipe: Any, step: int, total_steps: int) -> tuple[float, float]:
    """Learning rate and momentum of a step: `Recipe.rates`, by the name of a time when all recipes had one cycle."""
    found: tuple[float, float] = recipe.rates(step, total_steps)
    return found

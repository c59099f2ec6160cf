"""Parts of a recipe: their registries, their settings under short names, and how a changed one is shown."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from robnas._registry import Registry
from robnas.attacks import Attack
from robnas.errors import InputError, Verbatim
from robnas.training._attack import shown_attack
from robnas.training._averaging import AVERAGINGS
from robnas.training._optimizer import OPTIMIZERS, Optimizer
from robnas.training._schedule import SCHEDULES, Schedule, rates_of
from robnas.training._stopping import STOPPINGS

_SOME = 1000  # steps of a training for which a schedule is asked whether it sets the momentum
PARTS: dict[str, Registry[Any]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "averaging": AVERAGINGS,
    "stopping": STOPPINGS,
}
SHORT = {
    "max_lr": ("optimizer", "lr"),
    "warmup": ("schedule", "warmup"),
    "start_divisor": ("schedule", "start_divisor"),
    "end_divisor": ("schedule", "end_divisor"),
    "low_momentum": ("schedule", "low_momentum"),
    "high_momentum": ("schedule", "high_momentum"),
    "weight_decay": ("optimizer", "weight_decay"),
}
"""Settings of parts by the name that they have in a recipe of SGD and one cycle, as plain values and arguments."""


def agreed(key: str, value: float, other: float) -> float:
    """A setting of the objective that may be one of the recipe, too."""
    if value != other:
        got = Verbatim("both, with other values")
        raise InputError(f"recipe {key}", expected=f"{key} or the setting of the objective", got=got)
    return value


def check_momentum(optimizer: Optimizer, schedule: Schedule) -> None:
    """Refuse a momentum that has no effect, since the schedule sets it."""
    if rates_of(schedule, optimizer.lr, 0, _SOME)[1] is None:
        return
    for field in dataclasses.fields(cast(Any, optimizer)):
        if field.name in ("momentum", "beta1") and getattr(optimizer, field.name) != field.default:
            raise InputError(
                f"recipe optimizer {field.name}",
                expected=f"none, since the schedule {schedule.name} sets it",
                got=getattr(optimizer, field.name),
                remedy="set schedule.low_momentum and schedule.high_momentum, or take another schedule",
            )


def change_text(key: str, value: Any, before: Any) -> str:
    """A changed setting in a name: ``epochs=3``, ``optimizer.lr=0.05``, ``attack=pgd-7@8/255``."""
    if key == "attack" and isinstance(value, Attack):
        return f"{key}={shown_attack(value, before)}"
    if value is None or (key not in PARTS and not (key == "objective" and dataclasses.is_dataclass(value))):
        return f"{key}={value}"
    same = type(value) is type(before)
    shown = [] if same else [f"{key}={value.name}"]
    for field in dataclasses.fields(value):
        setting = getattr(value, field.name)
        if setting != (getattr(before, field.name) if same else field.default):
            shown.append(f"{key}.{field.name}={setting}")
    return ",".join(shown)

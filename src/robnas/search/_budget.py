"""What a search may spend."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from robnas.errors import InputError, Verbatim
from robnas.search._algorithm import Algorithm, name_of
from robnas.search._classes import Classes
from robnas.search._ledger import Unit
from robnas.search._objective import Objective
from robnas.search._task import Task
from robnas.types import check_count


def check_budget(
    objective: Objective, budget: Any, unit: Unit = "trainings", algorithm: Algorithm | None = None
) -> float:
    """The budget as a Python number.

    Raises:
        InputError: it is not positive, of trainings no whole number or more than may be asked for, or in trainings or
            epochs smaller than the `algorithm` needs it.
    """
    if unit != "trainings":
        if isinstance(budget, bool) or not isinstance(budget, Real) or not 0 < float(budget) < math.inf:
            raise InputError("budget", expected=f"a number of {unit} above 0", got=budget)
        found = int(budget) if isinstance(budget, Integral) else float(budget)
        if unit == "epochs" and objective.classes.epochs:
            _check_least(algorithm, objective, found, objective.classes.epochs[-1], unit)
        return found
    whole = check_count("budget", budget)
    size = objective.size if isinstance(objective, Task) else objective.classes.size
    if size is not None and whole > size:
        under = f" under {objective.charged_by}" if isinstance(objective, Task) else ""
        raise InputError(
            "budget",
            expected=f"at most {size:,}, the distinct architectures of {objective.name}{under}",
            got=Verbatim(f"{whole:,}"),
        )
    _check_least(algorithm, objective, whole, 1, unit)
    return whole


def _check_least(algorithm: object, objective: Objective, budget: float, scale: int, unit: Unit) -> None:
    """Raise `InputError` if a budget of so many per training is below what an algorithm needs to finish anything."""
    least: Callable[[Classes], float] | None = getattr(algorithm, "least", None)
    if least is None:
        return
    needed = scale * least(objective.classes)
    if budget < needed * (1 - 1e-12):
        raise InputError(
            f"budget of {name_of(algorithm)}",
            expected=f"at least {math.ceil(needed - 1e-9):,} {unit}, of which it needs {needed:.4g} for one bracket",
            got=budget,
            remedy="or set min_epochs or brackets so that it is smaller",
        )

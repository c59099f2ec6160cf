"""Regrets as people read them: in percentage points, in percent of the hypervolume, or in the unit of a cost."""

from __future__ import annotations

from collections.abc import Sequence

from robnas.search import Result
from robnas.statistics import IN_PERCENT, PairedTest, regret_unit


def regret_words(result: Result) -> str:
    """What the regrets of a task are: ``mean regret, percentage points`` or ``mean regret, ms``."""
    if result.several:
        return "share of hypervolume missing, %"
    return f"mean regret, {'percentage points' if result.goal.is_accuracy else regret_unit(result)}"


def factor_of(unit: str) -> int:
    """What a regret is multiplied by where it is shown."""
    return 100 if unit in IN_PERCENT else 1


def regret_number(value: float, unit: str, sign: str = "") -> str:
    """``12.300`` percentage points, ``0.4200`` ms; with `sign` ``+`` also of what is positive."""
    return f"{factor_of(unit) * value:{sign}{'.3f' if unit in IN_PERCENT else '.4g'}}"


def rope_text(tests: Sequence[PairedTest]) -> str:
    """Which differences do not matter: ``±0.1``, and in the units of what is no accuracy."""
    units = {(test.rope, test.unit): "" if test.unit in IN_PERCENT else f" {test.unit}" for test in tests}
    return " or ".join(dict.fromkeys(f"±{factor_of(unit) * rope:.4g}{end}" for (rope, unit), end in units.items()))

"""Traces and results as frames, and traces from their plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, RobnasError, reason
from robnas.search._charged import space_of_task
from robnas.search._goal import Goal, goals_of
from robnas.search._ledger import UNITS
from robnas.spaces import Space

Floats = npt.NDArray[np.float64]


def reported(task: Mapping[str, Any]) -> tuple[Goal, ...]:
    """What the columns of `Trace.outcomes` and `Result.outcomes` are."""
    if "goals" in task:
        return tuple(Goal(**goal) for goal in task["goals"])
    return goals_of(task, "reported")


def columns(values: Floats, goals: tuple[Goal, ...], prefix: str = "") -> dict[str, Floats]:
    """As they were measured, nan where there is none."""
    known = np.where(np.isfinite(values), values, np.nan)
    return {f"{prefix}{goal.name}": goal.sign * known[:, place] for place, goal in enumerate(goals)}


def fields_of_trace(values: Mapping[str, Any], space: Space | None) -> tuple[dict[str, Any], Floats | None]:
    """The arguments of a trace, and its regret.

    Raises:
        InputError: these are no plain values of a trace.
        DataError: its space is not registered here.
    """
    try:
        task, count = dict(values["task"]), len(values["architectures"])
        space = space or space_of_task(task)
        told, shown = (_rows(values[key], gap, count) for key, gap in (("values", -np.inf), ("reported", np.nan)))
        series = {
            name: None if values.get(key) is None else _series(values[key], kind, count)
            for name, key, kind in (
                ("hours", "hours", np.float64), ("fidelities", "epochs", np.int64),
                ("charged", "charged", np.float64), ("seconds", "seconds", np.float64),
            )
        }  # fmt: skip
        known = None if values["regret"] is None else _series(values["regret"], np.float64, count)
        kept = ("algorithm", "settings", "budget", "seed", "duplicates", "infeasible", "failed", "stopped")
        fields = {
            **{key: values[key] for key in kept},
            **series,
            "task": task,
            "architectures": tuple(map(space.parse, values["architectures"])),
            "values": told,
            "outcomes": shown,
            "scale": None,
            "questions": _series(values["questions"], np.int64, count),
            "oracle_selection": tuple(values["oracle_selection"]),
            "unit": values.get("unit", "trainings"),
        }
        if not _of_right_kind(fields):
            raise ValueError("an entry of another kind")
        if not count or told.shape[1] < 1 or shown.shape[1] != len(reported(task)):
            raise ValueError("numbers that do not belong together")
    except RobnasError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError("trace", expected="the plain values of Trace.to_dict", got=reason(error)) from None
    return fields, known


def _of_right_kind(fields: Mapping[str, Any]) -> bool:
    whole = [fields[key] for key in ("seed", "duplicates", "infeasible", "failed")]
    return (
        all(type(one) is int and one >= 0 for one in whole)
        and type(fields["budget"]) in (int, float)
        and isinstance(fields["algorithm"], str)
        and isinstance(fields["settings"], Mapping)
        and fields["stopped"] in ("budget", "finished", "stalled")
        and fields["unit"] in UNITS
    )


def _rows(given: Any, gap: float, count: int) -> Floats:
    found = np.array([[gap if one is None else one for one in row] for row in given], dtype=np.float64)
    if found.ndim != 2 or len(found) != count:
        raise ValueError("numbers that do not belong together")
    return found


def _series(given: Any, kind: Any, count: int) -> Any:
    found = np.array(given, dtype=kind)
    if found.shape != (count,):
        raise ValueError("numbers that do not belong together")
    return found

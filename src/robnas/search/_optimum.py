"""What a regret is against, in words: a regret tells nothing without its optimum and the sample that it is of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from robnas.search._goal import goals_of

HIGHEST, LOWEST = "highest table value", "lowest table value"
EXPECTED, FRONT = "expected best", "front of the table values"
"""What an optimum is."""


def optimum_text(task: Mapping[str, Any]) -> str:
    """Such as ``highest table value 48.11 % of 6,466 architectures of nas-robbench-201``.

    Args:
        task: see `Task.to_dict`; those that were kept before they named an optimum tell of the table values only.
    """
    found = task.get("optimum") or {}
    value = found.get("value")
    number = "" if value is None else f" {goals_of(task, 'reported')[0].text(value)}"
    count = f"{found['architectures']:,} architectures of " if found else ""
    guessed = f", {found['predicted']:,} of them predicted" if found.get("predicted") else ""
    several = len(task["seen"]) + len(task["costs"]) > 1
    return f"{found.get('is', FRONT if several else HIGHEST)}{number} of {count}{task['table']}{guessed}"


def is_optimum(found: object) -> bool:
    """Whether an entry of a file is what `Task.optimum` gives, or None."""
    if found is None:
        return True
    if not isinstance(found, dict) or found.keys() - {"range", "predicted"} != {"is", "value", "architectures"}:
        return False
    count, value = found["architectures"], found["value"]
    numbers = [one for one in (value, found.get("range")) if one is not None]
    finite = all(type(one) in (int, float) and math.isfinite(one) for one in numbers) and found.get("range", 0) >= 0
    counts = (count, found.get("predicted", 0))
    return (
        found["is"] in (HIGHEST, LOWEST, EXPECTED, FRONT) and finite and all(type(n) is int and n >= 0 for n in counts)
    )

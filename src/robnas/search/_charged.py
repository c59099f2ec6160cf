"""By which classes a search was charged, as its plain values say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robnas.spaces import partition_facts, partition_of

ROWS = "rows"
"""Each row of the table is charged once: what a table of no partition has."""


def charged_by(task: Mapping[str, Any]) -> str:
    """`Task.charged_by` of the plain values of a task, which may be older than the present version of the partition.

    Raises:
        InputError: there is no such partition.
    """
    return str(task["partition"] if task["partition"] == ROWS else partition_of(task))


def facts_of_classes(name: str) -> dict[str, Any]:
    """What the plain values of a task say of `Task.charged_by`."""
    return {"partition": name} if name == ROWS else partition_facts(name)

"""In which space a search was, and by which classes it was charged, as its plain values say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robnas.errors import DataError
from robnas.spaces import SPACES, Space, parse_key, space_of

ROWS = "rows"
"""Each row of the table is charged once: what a table of no partition has."""


def charged_by(task: Mapping[str, Any]) -> str:
    """`Task.charged_by` of the plain values of a task, which may be older than the present version of the partition.

    Raises:
        DataError: its space is not registered here.
        InputError: there is no such partition.
    """
    return str(task["partition"] if task["partition"] == ROWS else space_of_task(task).partition_of(task))


def space_of_task(task: Mapping[str, Any]) -> Space:
    """The space of the plain values of a task; those of earlier versions, which name none, are of the usual one.

    Raises:
        DataError: it is not registered here.
        InputError: its settings are wrong.
    """
    facts = parse_key(task["space"]) if "space" in task else None
    if facts is not None and facts["name"] not in SPACES:
        remedy = "a space of your own is brought by --import FILE"
        raise DataError(
            "space of search results", expected=f"one of {', '.join(SPACES)}", got=facts["name"], remedy=remedy
        )
    return space_of(facts)


def without_usual_space(task: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of a task as earlier versions wrote them, by which what they made is found again."""
    usual = space_of(None).name
    return {key: value for key, value in task.items() if key != "space" or parse_key(value)["name"] != usual}


def facts_of_classes(name: str, space: Space) -> dict[str, Any]:
    """What the plain values of a task say of `Task.charged_by`."""
    return {"partition": name} if name == ROWS else space.partition_facts(name)

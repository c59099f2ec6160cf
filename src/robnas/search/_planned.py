"""How many runs were planned, written down before the first one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from robnas._files import read_text, write_text
from robnas._settings import content_hash
from robnas.search._charged import without_usual_space
from robnas.search._result import Result

PLANNED = "planned.jsonl"
"""File in the folder of a report: a line for each plan, in the order in which they were made."""


@final
@dataclass(frozen=True)
class Planned:
    """So many runs of an algorithm on a task."""

    task: str
    algorithm: str
    question: str
    """Hash of what is compared: settings, task and budget, not how often."""
    runs: int
    seed: int
    """Of the first run."""

    @classmethod
    def of(
        cls, label: str, settings: dict[str, Any], task: dict[str, Any], budget: int, runs: int, seed: int
    ) -> Planned:
        """The plan of one pair of algorithm and task."""
        known = without_usual_space(task)
        asked = {key: value for key, value in known.items() if key != "optimum" and (key, value) != ("regret", "table")}
        question = content_hash({"settings": settings, "task": asked, "budget": budget})  # as of earlier versions
        return cls(task["name"], label, question, runs, seed)

    @classmethod
    def by(cls, result: Result) -> Planned:
        """The plan that a result was made by."""
        return cls.of(result.algorithm, result.settings, result.task, result.budget, result.runs, result.seed)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Planned:
        """What `dataclasses.asdict` gave.

        Raises:
            ValueError, TypeError, KeyError: it is none.
        """
        found = cls(**{key: values[key] for key in cls.__dataclass_fields__})
        texts, counts = (found.task, found.algorithm, found.question), (found.runs, found.seed)
        if not (all(isinstance(text, str) for text in texts) and all(type(count) is int for count in counts)):
            raise ValueError("no plan of runs")
        if found.runs < 1 or found.seed < 0:
            raise ValueError("no number of runs")
        return found


def record(folder: Path, plans: Iterable[Planned]) -> None:
    """Add those that are not in the folder yet; called before anything runs."""
    known = read_planned(folder)
    added = [plan for plan in plans if plan not in known]
    if added:
        write_text(folder / PLANNED, "".join(json.dumps(asdict(plan)) + "\n" for plan in (*known, *added)))


def read_planned(folder: Path) -> tuple[Planned, ...]:
    """The plans of a folder in their order; without a file, or for lines that are none, nothing."""
    try:
        lines = read_text(folder / PLANNED).splitlines()
    except (OSError, ValueError):
        return ()
    found = []
    for line in lines:
        try:
            found.append(Planned.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return tuple(found)

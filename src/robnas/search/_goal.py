"""What one value of an answer is: its name, its unit, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, final, get_args

from robnas._settings import check_keys
from robnas.benchmarks import Column
from robnas.errors import InputError

Direction = Literal["maximise", "minimise"]


@final
@dataclass(frozen=True)
class Goal:
    """A quantity that a search improves; it may have any unit and range.

    Raises:
        InputError: no name, or another direction.
    """

    name: str
    """Such as ``pgd@8/255`` or ``latency``."""
    unit: str = ""
    """Such as ``ms``; empty for fractions and counts."""
    direction: Direction = "maximise"
    """Which way is better."""

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("unit", self.unit)):
            if not isinstance(text, str) or not text.isprintable() or (what == "name" and not text):
                raise InputError(f"goal {what}", expected="a printable text", got=text)
        check_keys("goal direction", [self.direction], get_args(Direction))

    @classmethod
    def of(cls, column: Column) -> Goal:
        """What the values of a column are."""
        return cls(column.name, column.unit, column.direction)

    @property
    def is_accuracy(self) -> bool:
        """Whether a goal of a table is a fraction in [0, 1], which is shown in percent."""
        return self.unit == "" and self.direction == "maximise"

    @property
    def sign(self) -> float:
        """What a measured value is multiplied by so that higher is better."""
        return 1.0 if self.direction == "maximise" else -1.0

    def __str__(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))

    def text(self, value: float) -> str:
        """A measured value of a goal of a table: ``48.11 %``, ``5.807 ms``."""
        return f"{100 * value:.2f} %" if self.is_accuracy else f"{value:,.6g} {self.unit}".rstrip()


def goals_of(task: Mapping[str, Any], key: str) -> tuple[Goal, ...]:
    """What the columns ``seen`` or ``reported`` of the plain values of a task are, and its costs.

    ``kinds`` has unit and direction of those that are no accuracies, see `kinds_of`.
    """
    kinds = task.get("kinds", {})
    costs = (Goal(cost, direction="minimise") for cost in task["costs"])
    return (*(Goal(name, **kinds.get(name, {})) for name in task[key]), *costs)


def kinds_of(goals: Iterable[Goal]) -> dict[str, Any]:
    """An entry of the plain values of a task; none where all are accuracies."""
    found = {goal.name: {"unit": goal.unit, "direction": goal.direction} for goal in goals if not goal.is_accuracy}
    return {"kinds": found} if found else {}

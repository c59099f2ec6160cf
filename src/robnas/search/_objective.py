"""What a search asks: anything that answers questions about architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, final, runtime_checkable

from robnas.search._algorithm import Values
from robnas.search._classes import Classes
from robnas.search._goal import Goal
from robnas.search._question import Question as Question


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """To one question."""

    values: Values
    """One per goal, higher is better: what is minimised has a minus; -inf in all of them where the training failed."""
    seconds: float | None = None
    """What it took to know them, where that was measured."""
    hours: float | None = None
    """GPU-hours, where a cost model tells them, of all epochs that it rests on: those that were charged before are not
    charged again."""
    feasible: bool = True
    """False where a measured constraint is broken; the values are then -inf."""


Ask: TypeAlias = Callable[[int], tuple[Question, ...]]
"""Gives up to so many questions that wait for an answer; fewer, or none, while the algorithm waits for answers itself.
None where nothing waits for an answer: the search is over."""


@runtime_checkable
class Objective(Protocol):
    """What answers a search: a `Task` of a table, a `Function`, a training.

    The loop charges what it answers: a class once, a further fidelity of it with the epochs that are added. Where there
    is a method ``to_dict``, results describe the objective by its plain values; where there is a method ``journal``,
    the `Journal` that it returns for the plain values that decide a run brings back one that was interrupted.
    """

    @property
    def name(self) -> str:
        """How it is called in results."""
        ...

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What the values of an answer are."""
        ...

    @property
    def classes(self) -> Classes:
        """What may be asked, what is charged once, and which epochs there are."""
        ...

    def serve(self, ask: Ask, seed: int) -> Iterator[tuple[Question, Answer]]:
        """Questions with their answers, in whatever order they are ready.

        It calls ``ask`` for as many questions as it can work on besides those that it has, and ends when there are none
        and it has none.

        Args:
            ask: see `Ask`.
            seed: of the run, for whatever is random in the answers.
        """
        ...


def facts_of(objective: Objective) -> dict[str, Any]:
    """The plain values by which results describe an objective."""
    own: Callable[[], Mapping[str, Any]] | None = getattr(objective, "to_dict", None)
    if own is not None:
        return dict(own())
    return {
        "name": objective.name,
        "space": objective.classes.space.key,
        "goals": [goal.to_dict() for goal in objective.goals],
    }


def one_by_one(ask: Ask, answer: Callable[[Question], Answer]) -> Iterator[tuple[Question, Answer]]:
    """`Objective.serve` of what answers at once."""
    while asked := ask(1):
        (question,) = asked
        yield question, answer(question)

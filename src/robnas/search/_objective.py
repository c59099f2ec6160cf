"""What a search asks: anything that answers questions about architectures."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, final, runtime_checkable

import numpy as np

from robnas.errors import InputError
from robnas.search._algorithm import Values, answer
from robnas.search._classes import Classes
from robnas.search._goal import Goal
from robnas.search._question import Question as Question
from robnas.types import check_range


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


def check_objective(objective: Objective) -> Objective:
    """The objective.

    Raises:
        InputError: its goals or classes are none, or do not belong together.
    """
    goals, classes, what = objective.goals, objective.classes, f"objective {objective.name}"
    if not isinstance(classes, Classes):
        raise InputError(f"{what}, classes", expected="search.Classes(space)", got=classes)
    if not isinstance(goals, tuple) or not goals or not all(isinstance(goal, Goal) for goal in goals):
        raise InputError(f"{what}, goals", expected="a tuple of search.Goal, at least one", got=goals)
    if len(goals) != classes.objectives:
        expected = f"as many as its classes have objectives, {classes.objectives}"
        remedy = f"search.Classes(space, objectives={len(goals)})"
        raise InputError(f"{what}, goals", expected=expected, got=len(goals), remedy=remedy)
    return objective


def checked(objective: Objective, served: Any) -> Iterator[tuple[Question, Answer]]:
    """What an objective serves, before anything is done about it.

    Raises:
        InputError: it serves something else than questions with their answers.
    """
    what, count = f"objective {objective.name}", len(objective.goals)
    if not isinstance(served, Iterable):
        raise InputError(f"{what}, serve", expected="pairs of a Question and its Answer", got=served)
    for pair in served:
        good = isinstance(pair, tuple) and len(pair) == 2
        if not (good and isinstance(pair[0], Question) and isinstance(pair[1], Answer)):
            raise InputError(f"{what}, serve", expected="a Question and its Answer", got=pair)
        question, found = pair
        values = answer(found.values, count)
        if math.inf in values or any(isinstance(one, bool | np.bool_) for one in found.values):
            expected = f"{count} numbers, higher is better, -inf where the training failed"
            raise InputError(f"{what}, answer to {question}", expected=expected, got=found.values)
        for name in ("seconds", "hours"):
            cost = getattr(found, name)
            if cost is not None:
                check_range(f"{what}, {name} of {question}", cost, 0, sys.float_info.max)
        yield question, found if type(found.values) is tuple else replace(found, values=values)


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

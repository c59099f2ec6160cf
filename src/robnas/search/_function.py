"""A function of an architecture as an objective."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

from robnas.errors import DivergedError, InputError, Verbatim, reason
from robnas.search._classes import Classes
from robnas.search._goal import Goal
from robnas.search._objective import Answer, Ask, Question, one_by_one
from robnas.spaces import Space
from robnas.types import check_count

_SCORE = Goal("value")


@final
class Function:
    """Whatever a Python function knows about an architecture.

    Args:
        function: of an architecture, and of the number of epochs as well where `epochs` are given. It returns a number,
            or one per goal, in their units. A training that fails raises `robnas.errors.DivergedError`, or returns
            -inf of what is maximised and inf of what is minimised: then that is told, and charged.
        space: what may be asked for: a space, or `Classes`, whose number of objectives is not looked at.
        goals: what the numbers are.
        epochs: the fidelities that there are, ascending, of which the last is the whole training; none if the function
            knows the whole only.
        name: how it is called in results; that of the function if empty.

    Raises:
        InputError: no function, no goals or several of one name, epochs that do not ascend.
    """

    def __init__(
        self,
        function: Callable[..., float | Sequence[float]],
        space: Space | Classes,
        goals: Goal | Sequence[Goal] = _SCORE,
        *,
        epochs: Sequence[int] = (),
        name: str = "",
    ) -> None:
        if not callable(function):
            raise InputError("function of a search", expected="something to be called", got=function)
        self._function = function
        self.goals = (goals,) if isinstance(goals, Goal) else tuple(goals)
        if not self.goals or not all(isinstance(goal, Goal) for goal in self.goals):
            raise InputError("goals of a function", expected="at least one search.Goal", got=goals)
        if len({goal.name for goal in self.goals}) < len(self.goals):
            raise InputError("goals of a function", expected="different names", got=[goal.name for goal in self.goals])
        found = tuple(check_count("epochs of a function", one) for one in epochs)
        if list(found) != sorted(set(found)):
            raise InputError("epochs of a function", expected="ascending numbers", got=list(epochs))
        self.classes = Classes.of(space).answering(len(self.goals), found)
        self.name = name or str(getattr(function, "__name__", type(function).__name__))

    def to_dict(self) -> dict[str, Any]:
        """What describes it in results, as plain values."""
        epochs = {"epochs": list(self.classes.epochs)} if self.classes.epochs else {}
        return {
            "name": self.name,
            "space": self.classes.space.key,
            "goals": [goal.to_dict() for goal in self.goals],
            **epochs,
        }

    def serve(self, ask: Ask, seed: int) -> Iterator[tuple[Question, Answer]]:
        """See `Objective.serve`; the function is called once per question, one after the other.

        Raises:
            InputError: it raised, or returned something else than it should.
        """
        return one_by_one(ask, self._answer)

    def _answer(self, question: Question) -> Answer:
        begun = time.perf_counter()
        try:
            found = self._call(question)
        except DivergedError:
            values: tuple[float, ...] = (-math.inf,) * len(self.goals)
        except Exception as error:
            raise self._wrong(question, Verbatim(f"{type(error).__name__} ({reason(error)})")) from error
        else:
            values = self._values(question, found)
        return Answer(values, seconds=time.perf_counter() - begun)

    def _call(self, question: Question) -> float | Sequence[float]:
        if not self.classes.epochs:
            return self._function(question.architecture)
        epochs = self.classes.epochs[-1] if question.epochs is None else question.epochs
        return self._function(question.architecture, epochs)

    def _values(self, question: Question, found: Any) -> tuple[float, ...]:
        try:
            raw = [found] if hasattr(found, "__float__") and not getattr(found, "shape", ()) else list(found)
            if isinstance(found, str | bytes) or any(isinstance(one, str | bytes | bool) for one in raw):
                raise TypeError
            values = tuple(goal.sign * float(one) for goal, one in zip(self.goals, raw, strict=True))
        except (TypeError, ValueError):
            raise self._wrong(question, found) from None
        if any(math.isnan(one) or one == math.inf for one in values):
            raise self._wrong(question, found)
        return values if all(map(math.isfinite, values)) else (-math.inf,) * len(values)

    def _wrong(self, question: Question, got: object) -> InputError:
        count = "a finite number" if len(self.goals) == 1 else f"{len(self.goals)} finite numbers"
        named = ", ".join(map(str, self.goals))
        return InputError(
            f"function {self.name} of {question}",
            expected=f"{count} ({named})",
            got=got,
            remedy="a training that failed raises robnas.errors.DivergedError",
        )

"""A function of an architecture as an objective."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, final

from robnas.errors import DivergedError, InputError, reason
from robnas.search._classes import Classes
from robnas.search._constraint import Constraint, check_constraints
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
        constraints: what has to keep within bounds. Those of a number that is known for free are not asked for where
            they break it, see `Constraint.of`. The numbers of the others are returned after those of the goals, in this
            order: a question that breaks them is charged, told as -inf in every goal, and counted as infeasible.
        epochs: the fidelities that there are, ascending, of which the last is the whole training; none if the function
            knows the whole only.
        name: how it is called in results; that of the function if empty.

    Raises:
        InputError: no function, no goals or several of one name, epochs that do not ascend, constraints that nothing
            keeps.
    """

    def __init__(
        self,
        function: Callable[..., float | Sequence[float]],
        space: Space | Classes,
        goals: Goal | Sequence[Goal] = _SCORE,
        *,
        constraints: Constraint | Sequence[Constraint] = (),
        epochs: Sequence[int] = (),
        name: str = "",
    ) -> None:
        if not callable(function):
            raise InputError("function of a search", expected="something to be called", got=function)
        self._function = function
        self.goals = _goals(goals)
        self.constraints = check_constraints(constraints, measured=True)
        self._measured = tuple(one for one in self.constraints if one.of is None)
        """Constraints whose numbers the function returns."""
        names = [*(goal.name for goal in self.goals), *(one.name for one in self._measured)]
        if len(set(names)) < len(names):
            raise InputError("goals and constraints of a function", expected="different names", got=names)
        classes, free = Classes.of(space), [one for one in self.constraints if one.of is not None]
        if free:
            classes = classes.keeping(lambda arch: all(one.allows(arch) for one in free))
        self.classes = classes.answering(len(self.goals), _epochs(epochs))
        if not isinstance(name, str) or not name.isprintable():
            raise InputError("name of a function", expected="a printable text", got=name)
        self.name = name or str(getattr(function, "__name__", type(function).__name__))

    def to_dict(self) -> dict[str, Any]:
        """What describes it in results, as plain values."""
        epochs = {"epochs": list(self.classes.epochs)} if self.classes.epochs else {}
        return {
            "name": self.name,
            "space": self.classes.space.key,
            "goals": [goal.to_dict() for goal in self.goals],
            **({"constraints": [one.to_dict() for one in self.constraints]} if self.constraints else {}),
            **epochs,
        }

    def serve(self, ask: Ask, seed: int) -> Iterator[tuple[Question, Answer]]:
        """See `Objective.serve`; the function is called once per question, one after the other.

        Raises:
            InputError: it raised, or returned something else than it should.
        """
        return one_by_one(ask, self._answer)

    def _answer(self, question: Question) -> Answer:
        begun, feasible = time.perf_counter(), True
        try:
            found = self._call(question)
        except DivergedError:
            values: tuple[float, ...] = (-math.inf,) * len(self.goals)
        except Exception as error:
            raise self._wrong(question, reason(error)) from error
        else:
            values, feasible = self._values(question, found)
        return Answer(values, seconds=time.perf_counter() - begun, feasible=feasible)

    def _call(self, question: Question) -> float | Sequence[float]:
        if not self.classes.epochs:
            return self._function(question.architecture)
        epochs = self.classes.epochs[-1] if question.epochs is None else question.epochs
        return self._function(question.architecture, epochs)

    def _values(self, question: Question, found: Any) -> tuple[tuple[float, ...], bool]:
        """What is told, higher is better, and whether the measured constraints are kept."""
        width = len(self.goals)
        try:
            raw = _numbers(found, width + len(self._measured))
        except (TypeError, ValueError, OverflowError):
            raise self._wrong(question, found) from None
        values = tuple(goal.sign * one for goal, one in zip(self.goals, raw, strict=False))
        if any(map(math.isnan, raw)) or math.inf in values:
            raise self._wrong(question, found)
        failed = (-math.inf,) * width
        if not all(map(math.isfinite, values)):
            return failed, True  # the training failed: whatever else was measured means nothing
        if not all(one.keeps(number) for one, number in zip(self._measured, raw[width:], strict=True)):
            return failed, False
        return values, True

    def _wrong(self, question: Question, got: object) -> InputError:
        count = len(self.goals) + len(self._measured)
        named = ", ".join([*map(str, self.goals), *(f"constraint {one}" for one in self._measured)])
        return InputError(
            f"function {self.name} of {question}",
            expected=f"{'a finite number' if count == 1 else f'{count} finite numbers'} ({named})",
            got=got,
            remedy="a training that failed raises robnas.errors.DivergedError",
        )


def _goals(given: Any) -> tuple[Goal, ...]:
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    if not found or not all(isinstance(goal, Goal) for goal in found):
        raise InputError("goals of a function", expected="at least one search.Goal", got=given)
    if len({goal.name for goal in found}) < len(found):
        raise InputError("goals of a function", expected="different names", got=[goal.name for goal in found])
    return found


def _epochs(given: Any) -> tuple[int, ...]:
    if not isinstance(given, Iterable):
        raise InputError("epochs of a function", expected="ascending numbers", got=given)
    found = tuple(check_count("epochs of a function", one) for one in given)
    if list(found) != sorted(set(found)):
        raise InputError("epochs of a function", expected="ascending numbers", got=list(found))
    return found


def _numbers(found: Any, count: int) -> tuple[float, ...]:
    """What a function returned as so many numbers.

    Raises:
        TypeError, ValueError, OverflowError: it is something else: other many, truth values, texts, without an order.
    """
    plain = _plain(found)
    raw = [plain] if hasattr(plain, "__float__") else [_plain(one) for one in _ordered(plain)]
    if len(raw) != count or any(isinstance(one, str | bytes | bool) for one in raw):
        raise TypeError
    return tuple(map(float, raw))


def _plain(found: Any) -> Any:
    """Arrays and tensors, of one element too, as Python numbers and lists."""
    return found.tolist() if hasattr(found, "tolist") else found


def _ordered(found: Any) -> Iterable[Any]:
    if isinstance(found, str | bytes | Mapping | Set):
        raise TypeError
    return found  # type: ignore[no-any-return]

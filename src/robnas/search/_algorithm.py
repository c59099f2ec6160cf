"""What a search algorithm is: settings that start a searcher, which asks and is told."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from math import isnan
from typing import Any, Protocol, TypeAlias, TypeVar, final, overload

import numpy as np

from robnas.errors import InputError, Verbatim
from robnas.search._classes import Classes
from robnas.search._question import Question
from robnas.spaces import Architecture, Space
from robnas.types import check_count

Values: TypeAlias = tuple[float, ...]
"""The answer to one question: a value per objective, higher is better; -inf where the training failed."""
Asked: TypeAlias = Architecture | Question
"""What a searcher asks: an architecture, or a question about one by a searcher that trains some for fewer epochs."""
Steps: TypeAlias = Generator[Asked | Iterable[Asked], Any, None]
"""An algorithm written as a loop: ``values = yield arch`` asks for one architecture, or one `Question`,
``answers = yield architectures`` for several that do not depend on each other's answers, which come as a list in the
same order. An iterator is read only as far as is asked."""


_Q = TypeVar("_Q")


class WaitingError(InputError):
    """The next question depends on answers that were not told yet."""


class Searcher(Protocol):
    """One run of an algorithm."""

    @overload
    def ask(self) -> Any: ...

    @overload
    def ask(self, n: int) -> tuple[Any, ...]: ...

    def ask(self, n: int | None = None) -> Any:
        """What to evaluate next, inside the space; None, or an empty tuple, if there is nothing left to ask.

        It is an architecture, or a `Question` by a searcher of several fidelities, which is told of the same.

        Args:
            n: how many at most, as a tuple, of those that do not wait for an answer; one by itself if omitted.

        Raises:
            WaitingError: the next one depends on answers that were not told yet.
        """
        ...

    def tell(self, arch: Any, values: Values) -> None:
        """The answer for one that was asked, in any order; for one that was asked before it is the same as before."""
        ...


class Algorithm(Protocol):
    """Settings of an algorithm, a frozen dataclass.

    A third method is not needed: with `Searcher` this is everything that the loop calls. Where there is a method
    ``for_space(space)``, it returns the same algorithm with what a setting leaves to the space filled in, and results
    record that one. Where there is a method ``least(space)``, it returns the whole trainings' worth of epochs that a
    budget has to allow, without which nothing is trained to its end. Where an attribute ``asynchronous`` is true, its
    searcher asks on while answers are missing, in whose order its questions then depend on the answers; others are
    *sequential*.
    """

    def start(self, space: Classes, rng: np.random.Generator) -> Searcher:
        """Begin a run.

        Args:
            space: what may be asked for, and how many objectives each answer has.
            rng: the only source of randomness, so that equal seeds give equal runs.

        Raises:
            InputError: the algorithm cannot search there.
        """
        ...


_ONE = (Architecture, str)  # a text is no architecture, and no iterable of them either


@final
class Loop:
    """A searcher from a generator: `start` returns ``Loop(self._steps(space, rng))``.

    Args:
        steps: see `Steps`.
        objectives: values per answer, if they are to be counted.
    """

    def __init__(self, steps: Steps, objectives: int | None = None) -> None:
        self._steps, self._objectives = steps, objectives
        self._left: Iterator[Asked] = iter(())  # of what was yielded last, those that nobody has asked for
        self._asked: list[Asked] = []  # the others
        self._answers: list[Values | None] = []  # to them
        self._waiting = self._told = 0  # how many answers are missing, and are there before the first of these
        self._begun = self._single = self._ended = False

    @overload
    def ask(self) -> Any: ...

    @overload
    def ask(self, n: int) -> tuple[Any, ...]: ...

    def ask(self, n: int | None = None) -> Any:
        """What the generator has yielded; None, or an empty tuple, once it has returned."""
        if n is not None:
            found = several(self._next, n)
            if not found and self._waiting:
                raise self._unanswered()
            return found
        arch = self._next()
        if arch is None and self._waiting:
            raise self._unanswered()
        return arch

    def _next(self) -> Asked | None:
        """None at the end, and where answers are missing."""
        while True:
            for arch in self._left:
                self._asked.append(arch)
                self._answers.append(None)
                self._waiting += 1
                return arch
            if self._waiting or self._ended:
                return None
            self._go_on()

    def _go_on(self) -> None:
        """Let the generator have its answers and come to its next question."""
        try:
            if self._begun:
                yielded = self._steps.send(self._answers[0] if self._single else self._answers)
            else:
                self._begun, yielded = True, next(self._steps)
        except StopIteration:
            yielded = None
        self._asked, self._answers, self._told = [], [], 0
        self._ended, self._single = yielded is None, isinstance(yielded, _ONE) or not isinstance(yielded, Iterable)
        self._left = iter(() if yielded is None else (yielded,) if self._single else yielded)  # type: ignore[arg-type]

    def _unanswered(self) -> WaitingError:
        return unanswered([arch for arch, known in zip(self._asked, self._answers, strict=True) if known is None])

    def tell(self, arch: Any, values: Values) -> None:
        """Keep the answer for the generator, which goes on once all that it yielded is told."""
        place = self._place(arch)
        self._answers[place] = answer(values, self._objectives)
        self._waiting -= 1

    def _place(self, arch: Asked) -> int:
        """Of a question that waits for its answer."""
        asked, answers = self._asked, self._answers
        if asked and asked[-1] is arch and answers[-1] is None:  # one after the other, as a run asks
            return len(asked) - 1
        while self._told < len(answers) and answers[self._told] is not None:
            self._told += 1
        for place in range(self._told, len(asked)):
            if answers[place] is None and asked[place] == arch:
                return place
        raise unasked(arch, [one for one, known in zip(asked, answers, strict=True) if known is None])


def several(draw: Callable[[], _Q | None], n: int) -> tuple[_Q, ...]:
    """Up to `n` of what a function gives, which is None where there are no more for now."""
    found: list[_Q] = []
    check_count("ask", n)
    while len(found) < n and (arch := draw()) is not None:
        found.append(arch)
    return tuple(found)


def unanswered(waiting: Sequence[Asked]) -> WaitingError:
    """The error that something is asked before what it depends on was told."""
    expected = "tell first, because the next question depends on the answers"
    return WaitingError("ask", expected=expected, got=Verbatim(f"none for {_listed(waiting)}"))


def unasked(arch: object, waiting: Sequence[Asked]) -> InputError:
    """The error that an architecture is told which waits for no answer."""
    known = _listed(waiting) or "none, because nothing is asked"
    return InputError("tell", expected=f"one that was asked and not told yet: {known}", got=str(arch))


def _listed(architectures: Sequence[Asked]) -> str:
    return ", ".join(map(str, architectures[:3])) + (" …" if len(architectures) > 3 else "")


def answer(values: Values, objectives: int | None = None) -> Values:
    """An answer as a tuple of floats.

    Raises:
        InputError: it is none, has another number of values, or one that is nan.
    """
    if objectives == 1 and type(values) is tuple and len(values) == 1 and type(values[0]) is float:
        value = values[0]  # at once, as a run tells it
        if not isnan(value):
            return values
    try:
        found = tuple(map(float, values))
    except (TypeError, ValueError):
        found = ()
    if not found or True in map(isnan, found) or (objectives is not None and len(found) != objectives):
        expected = f"a tuple of {'a number per objective' if objectives is None else f'{objectives} numbers'}"
        raise InputError("tell, values", expected=f"{expected}, -inf where the training failed", got=values)
    return found


# what fits together


class ObjectivesError(InputError):
    """An algorithm for one objective was given several."""


class EpochsError(InputError):
    """An algorithm that trains some for fewer epochs was given whole trainings only."""


def one_objective(algorithm: object, space: Classes) -> None:
    """Raise `ObjectivesError` if `space` has several objectives."""
    if space.objectives != 1:
        raise ObjectivesError(
            f"objectives of {name_of(algorithm)}",
            expected="one",
            got=Verbatim(str(space.objectives)),
            remedy="nsga2, mo-regularized-evolution, random-search and optuna (nsga3, nsga2, tpe) take several",
        )


def name_of(algorithm: object) -> str:
    """How an algorithm is called in results: its attribute `name`, or its class."""
    return str(getattr(algorithm, "name", type(algorithm).__name__))


_A = TypeVar("_A", bound=Algorithm)


def settled(algorithm: _A, space: Space) -> _A:
    """The algorithm with what it leaves to the space filled in, by its method ``for_space`` if it has one."""
    fill = getattr(algorithm, "for_space", None)
    found: _A = algorithm if fill is None else fill(space)
    return found

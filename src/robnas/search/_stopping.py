"""Any algorithm, whose trainings are stopped when they look bad."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, ClassVar, Protocol, TypeAlias, final, overload

import numpy as np

from robnas.errors import InputError
from robnas.search._algorithm import (
    Algorithm,
    Searcher,
    Values,
    WaitingError,
    answer,
    name_of,
    one_objective,
    settled,
    several,
    unanswered,
    unasked,
)
from robnas.search._classes import Classes
from robnas.search._named import searcher
from robnas.search._question import Question
from robnas.search._rungs import epochs_of
from robnas.spaces import Architecture, Space
from robnas.types import check_count

Curve: TypeAlias = list[float]
"""What a training was after each of its epochs that were asked for, so far."""


class Rule(Protocol):
    """Decides which trainings are stopped."""

    def begin(self) -> Callable[[Curve, bool], bool]:
        """Of a new training: a function that is told its curve, and whether that is its end, whenever it grows.

        It returns whether the training is to stop there.
        """
        ...


@final
@dataclass(frozen=True)
class MedianStopping:
    """A training is stopped whose best so far is below the median of the others' averages (Golovin et al. 2017, 3.2.2).

    Around any algorithm that trains to the end: it is told the last value of what was stopped. The averages are those
    of the whole trainings, each over its epochs up to the one where it is looked at.
    """

    name: ClassVar[str] = "median-stopping"
    multi_fidelity: ClassVar[bool] = True

    algorithm: str | Algorithm = "random-search"
    """What asks for architectures: a name of `SEARCHERS`, or an algorithm."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the algorithm, where that is a name."""
    min_epochs: int = 1
    """Nothing is stopped before."""
    trainings: int = 5
    """Whole trainings before anything is stopped."""

    def __post_init__(self) -> None:
        check_count(f"{self.name} min_epochs", self.min_epochs)
        check_count(f"{self.name} trainings", self.trainings)
        inner(self.name, self.algorithm, self.settings)

    @property
    def asynchronous(self) -> bool:
        """As the algorithm."""
        return is_asynchronous(inner(self.name, self.algorithm, self.settings))

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Stopping:
        """Begin a run."""
        classes = Classes.of(space)
        return Stopping.of(self, classes, rng, lambda _: _Median(self.trainings))


class Wrapping(Protocol):
    """The settings of an algorithm around another one."""

    @property
    def name(self) -> str: ...

    @property
    def algorithm(self) -> str | Algorithm: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    @property
    def min_epochs(self) -> int: ...


def inner(name: str, algorithm: str | Algorithm, settings: Mapping[str, Any]) -> Algorithm:
    """The algorithm that an other one is around.

    Raises:
        InputError: there is no such one, it has settings already, or it decides itself how long trainings are.
    """
    if not isinstance(settings, Mapping):
        raise InputError(f"{name} settings", expected="those of the algorithm by name", got=settings)
    if isinstance(algorithm, str):
        found = searcher(algorithm, settings)
    elif not hasattr(algorithm, "start") or isinstance(algorithm, type):
        raise InputError(f"{name} algorithm", expected="a name, or an algorithm", got=algorithm)
    elif settings:
        raise InputError(f"{name} settings", expected="none beside an algorithm that has its own", got=dict(settings))
    else:
        found = algorithm
    if getattr(found, "multi_fidelity", False):
        expected = "one that trains to the end, such as random-search or regularized-evolution"
        raise InputError(f"{name} algorithm", expected=expected, got=name_of(found))
    return found


def is_asynchronous(algorithm: Algorithm) -> bool:
    """Whether an algorithm says so."""
    return bool(getattr(algorithm, "asynchronous", False))


@dataclass
class _Training:
    architecture: Architecture
    look: Callable[[Curve, bool], bool]
    curve: Curve = field(default_factory=list)


@final
class Stopping:
    """One run: asks what the inner searcher asks, epoch by epoch.

    Args:
        searcher: the inner one.
        epochs: at which trainings are looked at, ascending, the last of which is the whole.
        rule: which of them stop.
    """

    def __init__(self, searcher: Searcher, epochs: tuple[int, ...], rule: Rule) -> None:
        self._searcher, self._epochs, self._rule = searcher, epochs, rule
        self._ready = deque[_Training]()
        self._open: list[tuple[Question, _Training]] = []

    @classmethod
    def of(
        cls, settings: Wrapping, classes: Classes, rng: np.random.Generator, rule: Callable[[tuple[int, ...]], Rule]
    ) -> Stopping:
        """Begin a run of the algorithm inside."""
        one_objective(settings, classes)
        epochs = epochs_of(settings, classes, settings.min_epochs)
        algorithm = settled(inner(settings.name, settings.algorithm, settings.settings), classes.space)
        made = rule(epochs)
        return cls(algorithm.start(classes.answering(classes.objectives), rng), epochs, made)

    @overload
    def ask(self) -> Question | None: ...

    @overload
    def ask(self, n: int) -> tuple[Question, ...]: ...

    def ask(self, n: int | None = None) -> Question | tuple[Question, ...] | None:
        """See `Searcher.ask`."""
        if n is not None:
            found = several(self._next, n)
            if not found and self._open:
                raise unanswered([question for question, _ in self._open])
            return found
        question = self._next()
        if question is None and self._open:
            raise unanswered([question for question, _ in self._open])
        return question

    def _next(self) -> Question | None:
        """None where answers are missing, and at the end."""
        if self._ready:
            training = self._ready.popleft()
        else:
            try:
                arch = self._searcher.ask()
            except WaitingError:
                if not self._open:
                    raise
                return None
            if arch is None:
                return None
            training = _Training(arch, self._rule.begin())
        question = Question(training.architecture, self._epochs[len(training.curve)])
        self._open.append((question, training))
        return question

    def tell(self, asked: Question, values: Values) -> None:
        """See `Searcher.tell`."""
        place = next((place for place, (question, _) in enumerate(self._open) if question == asked), None)
        if place is None:
            raise unasked(asked, [question for question, _ in self._open])
        found = answer(values, 1)
        _, training = self._open.pop(place)
        training.curve.append(found[0])
        ended = len(training.curve) == len(self._epochs) or found[0] == -np.inf
        if training.look(training.curve, ended) or ended:
            self._searcher.tell(training.architecture, found)
        else:
            self._ready.append(training)


@final
class _Median:
    """The rule of Golovin et al."""

    def __init__(self, trainings: int) -> None:
        self._need, self._whole = trainings, list[Curve]()

    def begin(self) -> Callable[[Curve, bool], bool]:
        """See `Rule.begin`."""
        return self._look

    def _look(self, curve: Curve, ended: bool) -> bool:
        if ended:
            if curve[-1] > -np.inf:
                self._whole.append(curve)
            return False
        if len(self._whole) < self._need:
            return False
        averages = [sum(other[: len(curve)]) / len(curve) for other in self._whole]
        return max(curve) < median(averages)

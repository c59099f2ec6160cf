"""Asynchronous successive halving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final, overload

import numpy as np

from robnas.search._algorithm import Values, answer, several, unanswered, unasked
from robnas.search._classes import Classes
from robnas.search._question import Question
from robnas.search._rungs import Bracket, best_of, check_rungs, least_of, rungs_of
from robnas.spaces import Architecture, Space


@final
@dataclass(frozen=True)
class ASHA:
    """Whoever is among the best of its rung goes on at once, else somebody new begins (Li et al. 2020, Algorithm 2).

    Looking from the last rung to the first, the best 1/η of those told so far are promoted. Nothing waits for a rung to
    be complete, so that any number of workers are busy. Random architectures, each of another class; a training goes on
    from where it was. Where nobody new is left, the best goes on to the end.
    """

    name: ClassVar[str] = "asha"
    asynchronous: ClassVar[bool] = True
    multi_fidelity: ClassVar[bool] = True

    eta: int = 3
    """η: one in so many goes on, to so many times as many epochs."""
    min_epochs: int = 1
    """The first rung has at least so many epochs."""

    def __post_init__(self) -> None:
        check_rungs(self.name, self.eta, self.min_epochs)

    def least(self, classes: Classes) -> float:
        """Whole trainings' worth of what one at a time needs for a first whole training."""
        rungs = rungs_of(self, classes, self.eta, self.min_epochs)
        return least_of([Bracket.of(self.eta ** (len(rungs) - 1), rungs, self.eta)], classes)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> _Rungs:
        """Begin a run; it ends when every class was asked for and nobody is to be promoted."""
        classes = Classes.of(space)
        return _Rungs(classes, rng, rungs_of(self, classes, self.eta, self.min_epochs), self.eta)


@final
class _Rungs:
    """One run."""

    def __init__(self, classes: Classes, rng: np.random.Generator, rungs: tuple[int, ...], eta: int) -> None:
        self._epochs, self._eta = rungs, eta
        self._drawn = classes.shuffled(rng, classes=True)
        self._told: list[list[tuple[Architecture, Values]]] = [[] for _ in rungs]  # by rung, in the order of telling
        self._promoted: list[set[Architecture]] = [set() for _ in rungs]
        self._waiting: list[Question] = []

    @overload
    def ask(self) -> Question | None: ...

    @overload
    def ask(self, n: int) -> tuple[Question, ...]: ...

    def ask(self, n: int | None = None) -> Question | tuple[Question, ...] | None:
        """See `Searcher.ask`."""
        if n is not None:
            found = several(self._next, n)
            if not found and self._waiting:
                raise unanswered(self._waiting)
            return found
        question = self._next()
        if question is None and self._waiting:
            raise unanswered(self._waiting)
        return question

    def _next(self) -> Question | None:
        found = self._promotable()
        if found is None:
            arch = next(self._drawn, None)
            found = None if arch is None else Question(arch, self._epochs[0])
        if found is None and not self._waiting:  # fewer than η are left: the best goes on, as in `Bracket.of`
            found = self._promotable(least=1)
        if found is not None:
            self._waiting.append(found)
        return found

    def _promotable(self, least: int = 0) -> Question | None:
        for rung in range(len(self._epochs) - 2, -1, -1):
            told, promoted = self._told[rung], self._promoted[rung]
            count = max(least, len(told) // self._eta)
            if count == 0:
                continue
            for place in best_of([values for _, values in told], count):
                arch = told[place][0]
                if arch not in promoted:
                    promoted.add(arch)
                    return Question(arch, self._epochs[rung + 1])
        return None

    def tell(self, asked: Question, values: Values) -> None:
        """See `Searcher.tell`."""
        if asked not in self._waiting:
            raise unasked(asked, self._waiting)
        found = answer(values, 1)
        self._waiting.remove(asked)
        self._told[self._epochs.index(asked.epochs or 0)].append((asked.architecture, found))

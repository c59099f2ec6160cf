"""Successive halving and Hyperband."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import ClassVar, TypeAlias, final

import numpy as np

from robnas.search._algorithm import Loop, Steps, Values, name_of
from robnas.search._classes import Classes
from robnas.search._question import Question
from robnas.search._rungs import Bracket, best_of, check_rungs, least_of, rungs_of
from robnas.spaces import Architecture, Space
from robnas.types import check_count, check_range


@final
@dataclass(frozen=True)
class SuccessiveHalving:
    """Many are trained for few epochs, one in η of them for η times as many, and so on (Jamieson and Talwalkar 2016).

    Random architectures, each of another class, and a training goes on from where it was. After the last epoch it
    begins again with new ones. Trainings that failed do not go on.
    """

    name: ClassVar[str] = "successive-halving"
    multi_fidelity: ClassVar[bool] = True

    eta: int = 3
    """η: one in so many goes on, to so many times as many epochs."""
    min_epochs: int = 1
    """The first rung has at least so many epochs."""
    configurations: int | None = None
    """Architectures in the first rung; as many as leave one for the last if None."""

    def __post_init__(self) -> None:
        check_rungs(self.name, self.eta, self.min_epochs)
        if self.configurations is not None:
            check_count(f"{self.name} configurations", self.configurations)

    def plan(self, classes: Classes) -> tuple[Bracket, ...]:
        """The one that is repeated."""
        rungs = rungs_of(self, classes, self.eta, self.min_epochs)
        return (Bracket.of(self.configurations or self.eta ** (len(rungs) - 1), rungs, self.eta),)

    def least(self, classes: Classes) -> float:
        """Whole trainings' worth of one bracket."""
        return least_of(self.plan(classes), classes)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run; it ends when every class was asked for."""
        classes = Classes.of(space)
        return Loop(halvings(self.plan(classes), classes.shuffled(rng, classes=True)), 1)


@final
@dataclass(frozen=True)
class Hyperband:
    """Successive halving from few epochs of many to all epochs of few, in turn (Li et al. 2018, Algorithm 1).

    Of brackets s = s_max … 0 each begins with ⌈(s_max + 1) η^s / (s + 1)⌉ random architectures of R η^-s epochs. No
    class is drawn twice, and a training goes on from where it was, for which the paper charges it from the start.
    """

    name: ClassVar[str] = "hyperband"
    multi_fidelity: ClassVar[bool] = True

    eta: int = 3
    """η: one in so many goes on, to so many times as many epochs."""
    min_epochs: int = 1
    """No rung has fewer epochs."""
    brackets: int | None = None
    """The first so many of the brackets, those that begin with the fewest epochs; all of them if None."""

    def __post_init__(self) -> None:
        check_brackets(self.name, self.eta, self.min_epochs, self.brackets)

    def plan(self, classes: Classes) -> tuple[Bracket, ...]:
        """All, in turn."""
        return brackets_of(self, classes, self.eta, self.min_epochs, self.brackets)

    def least(self, classes: Classes) -> float:
        """Whole trainings' worth of the first bracket."""
        return least_of(self.plan(classes), classes)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run; it ends when every class was asked for."""
        classes = Classes.of(space)
        return Loop(halvings(self.plan(classes), classes.shuffled(rng, classes=True)), 1)


def check_brackets(name: str, eta: int, min_epochs: int, brackets: int | None) -> None:
    """Raise `InputError` unless the settings are numbers that some epochs may fit."""
    check_rungs(name, eta, min_epochs)
    if brackets is not None:
        check_count(f"{name} brackets", brackets)


def brackets_of(
    algorithm: object, classes: Classes, eta: int, min_epochs: int, brackets: int | None
) -> tuple[Bracket, ...]:
    """Brackets of Hyperband, the one that begins with the fewest epochs first; the first so many of them."""
    rungs = rungs_of(algorithm, classes, eta, min_epochs)
    total = len(rungs)
    if brackets is not None:
        check_range(f"{name_of(algorithm)} brackets, of {total}", brackets, 1, total)
    found = []
    for more in range(total - 1, -1, -1):  # s of the paper: rungs after the first
        count = -(-total * eta**more // (more + 1))
        found.append(Bracket.of(count, rungs[total - 1 - more :], eta))
    return tuple(found[:brackets])


def halvings(brackets: Sequence[Bracket], drawn: Iterator[Architecture]) -> Steps:
    """Brackets in turn, until nothing new is drawn."""
    for bracket in cycle(brackets):
        alive = list(islice(drawn, bracket.counts[0]))
        if not alive:
            return
        yield from halving(bracket, alive)


Answered: TypeAlias = tuple[Architecture, int, Values]
"""An architecture, after how many epochs, and what it was then."""


def halving(bracket: Bracket, alive: list[Architecture]) -> Generator[list[Question], list[Values], list[Answered]]:
    """One bracket with these architectures; returns every answer."""
    answered: list[Answered] = []
    for place, epochs in enumerate(bracket.epochs):
        values = yield [Question(arch, epochs) for arch in alive]
        answered += [(arch, epochs, value) for arch, value in zip(alive, values, strict=True)]
        if place + 1 < len(bracket.epochs):
            alive = [alive[best] for best in best_of(values, bracket.counts[place + 1])]
        if not alive:
            break
    return answered

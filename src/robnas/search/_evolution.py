"""Regularized evolution."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import ClassVar, Protocol, TypeAlias, final, overload

import numpy as np

from robnas._settings import ABSENT_IF_EMPTY
from robnas.errors import InputError, Verbatim
from robnas.search._algorithm import Values, answer, one_objective, several, unanswered, unasked
from robnas.search._classes import Classes
from robnas.search._novelty import Novelty
from robnas.spaces import Architecture, Space
from robnas.types import check_count


@final
@dataclass(frozen=True)
class RegularizedEvolution:
    """Tournament selection in a population from which the oldest leaves (Real et al. 2019, Algorithm 1)."""

    name: ClassVar[str] = "regularized-evolution"

    population: int = 30
    """Architectures alive at a time; the first ones are random."""
    sample: int = 10
    """Architectures drawn from the population, with replacement; the best is the parent of the next child."""
    asynchronous: bool = field(default=False, metadata=ABSENT_IF_EMPTY)
    """Whether children are asked for while answers are missing, of parents among those told so far, as many workers
    need it (Real et al. 2019); a question at a time asks the same either way."""

    def __post_init__(self) -> None:
        check_tournament(self.name, self.population, self.sample)
        check_asynchronous(self.name, self.asynchronous)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Population:
        """Begin a run."""
        classes = Classes.of(space)
        one_objective(self, classes)
        return Population(classes, rng, self, _fittest)


Alive: TypeAlias = tuple[Values, Architecture]


def _fittest(drawn: Sequence[Alive]) -> Architecture:
    return max(drawn, key=itemgetter(0))[1]


class Evolution(Protocol):
    """The settings of an evolution."""

    @property
    def population(self) -> int: ...

    @property
    def sample(self) -> int: ...

    @property
    def asynchronous(self) -> bool: ...


@final
class Population:
    """One run: random architectures first, then a child of the winner of each tournament.

    Args:
        classes: what may be asked for.
        rng: source of randomness.
        settings: of the algorithm.
        winner: which of a tournament becomes the parent.
    """

    def __init__(
        self,
        classes: Classes,
        rng: np.random.Generator,
        settings: Evolution,
        winner: Callable[[Sequence[Alive]], Architecture],
    ) -> None:
        self._classes, self._rng, self._settings, self._winner = classes, rng, settings, winner
        self._novel = Novelty(classes, rng)
        self._alive: deque[Alive] = deque(maxlen=settings.population)  # a new one pushes the oldest out
        self._first: list[Architecture] | None = None  # those of the first population that are not asked for
        self._waiting: list[Architecture] = []  # in the order of asking
        self._early: dict[int, Alive] = {}  # place in the first population → its answer
        self._places: list[int] = []  # in the first population, of those that wait; -1 for children

    @overload
    def ask(self) -> Architecture | None: ...

    @overload
    def ask(self, n: int) -> tuple[Architecture, ...]: ...

    def ask(self, n: int | None = None) -> Architecture | tuple[Architecture, ...] | None:
        """See `Searcher.ask`; there is no end."""
        if n is None:
            arch = self._next()
            if arch is None:
                raise unanswered(self._waiting)
            return arch
        found = several(self._next, n)
        if not found:
            raise unanswered(self._waiting)
        return found

    def _next(self) -> Architecture | None:
        """None where answers are missing."""
        size = self._settings.population
        if self._first is None:
            self._first = [self._novel(self._classes.random(self._rng)) for _ in range(size)]
            self._first.reverse()
        if self._first:
            place, arch = size - len(self._first), self._first.pop()
        elif not self._alive or (self._waiting and not self._settings.asynchronous):
            return None
        else:
            alive = self._alive
            drawn = self._rng.integers(len(alive), size=self._settings.sample).tolist()
            parent = self._winner([alive[one] for one in drawn])
            place, arch = -1, self._novel(self._classes.mutate(parent, self._rng))
        self._waiting.append(arch)
        self._places.append(place)
        return arch

    def tell(self, arch: Architecture, values: Values) -> None:
        """See `Searcher.tell`."""
        try:
            found = self._waiting.index(arch)
        except ValueError:
            raise unasked(arch, self._waiting) from None
        values, place = answer(values, self._classes.objectives), self._places[found]
        arch = self._waiting.pop(found)
        del self._places[found]
        if place < 0 or self._settings.asynchronous:
            self._alive.append((values, arch))
            return
        self._early[place] = values, arch
        if len(self._early) == self._settings.population:  # they grow old in the order of asking
            self._alive.extend(self._early[one] for one in range(self._settings.population))


def check_asynchronous(name: str, value: object) -> None:
    """Raise `InputError` unless the setting is true or false."""
    if not isinstance(value, bool):
        raise InputError(f"{name} asynchronous", expected="true or false", got=value)


def check_tournament(name: str, population: int, sample: int) -> None:
    """Raise `InputError` unless 1 ≤ sample ≤ population."""
    check_count(f"{name} population", population)
    check_count(f"{name} sample", sample)
    if sample > population:
        raise InputError(
            f"{name} sample",
            expected=f"at most the population, {population}",
            got=Verbatim(f"{sample}"),
            remedy="draw fewer or let more live",
        )

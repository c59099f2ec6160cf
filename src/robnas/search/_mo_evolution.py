"""Regularized evolution for several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from robnas._settings import ABSENT_IF_EMPTY
from robnas.search._classes import Classes
from robnas.search._dominance import best_first
from robnas.search._evolution import Alive, Population, check_asynchronous, check_tournament
from robnas.spaces import Architecture, Space


@final
@dataclass(frozen=True)
class MORegularizedEvolution:
    """Regularized evolution (Real et al. 2019) whose tournaments are won as in NSGA-II (Deb et al. 2002).

    The parent is the least crowded of the undominated in the sample; the oldest leaves the population, however good.
    """

    name: ClassVar[str] = "mo-regularized-evolution"

    population: int = 30
    """Architectures alive at a time; the first ones are random."""
    sample: int = 10
    """Architectures drawn from the population, with replacement."""

    asynchronous: bool = field(default=False, metadata=ABSENT_IF_EMPTY)
    """See `RegularizedEvolution.asynchronous`."""

    def __post_init__(self) -> None:
        check_tournament(self.name, self.population, self.sample)
        check_asynchronous(self.name, self.asynchronous)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Population:
        """Begin a run."""
        return Population(Classes.of(space), rng, self, _least_dominated)


def _least_dominated(drawn: Sequence[Alive]) -> Architecture:
    best = int(best_first(np.array([values for values, _ in drawn]))[0])
    return drawn[best][1]

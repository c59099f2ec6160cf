"""Regularized evolution for several objectives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from robnas.search._algorithm import Loop, Steps, Values
from robnas.search._classes import Classes
from robnas.search._dominance import best_first
from robnas.search._evolution import check_tournament
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

    def __post_init__(self) -> None:
        check_tournament(self.name, self.population, self.sample)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run."""
        classes = Classes.of(space)
        return Loop(self._steps(classes, rng), classes.objectives)

    def _steps(self, classes: Classes, rng: np.random.Generator) -> Steps:
        first = [classes.random(rng) for _ in range(self.population)]
        answers = yield first
        alive: deque[tuple[Architecture, Values]] = deque(zip(first, answers, strict=True), maxlen=self.population)
        while True:
            drawn = [alive[place] for place in rng.integers(self.population, size=self.sample).tolist()]
            winner = best_first(np.array([values for _, values in drawn]))[0]
            child = classes.mutate(drawn[winner][0], rng)
            values = yield child
            alive.append((child, values))

"""Regularized evolution."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from operator import itemgetter
from typing import ClassVar, final

import numpy as np

from robnas.errors import InputError, Verbatim
from robnas.search._algorithm import Loop, Steps, one_objective
from robnas.search._classes import Classes
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

    def __post_init__(self) -> None:
        check_tournament(self.name, self.population, self.sample)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run."""
        classes = Classes.of(space)
        one_objective(self, classes)
        return Loop(self._steps(classes, rng), 1)

    def _steps(self, classes: Classes, rng: np.random.Generator) -> Steps:
        alive: deque[tuple[float, Architecture]] = deque(maxlen=self.population)  # a new one pushes the oldest out
        fitness = itemgetter(0)
        first = [classes.random(rng) for _ in range(self.population)]
        answers = yield first
        alive.extend((value, arch) for arch, (value,) in zip(first, answers, strict=True))
        while True:
            drawn = rng.integers(self.population, size=self.sample).tolist()
            child = classes.mutate(max([alive[place] for place in drawn], key=fitness)[1], rng)
            (value,) = yield child
            alive.append((value, child))


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

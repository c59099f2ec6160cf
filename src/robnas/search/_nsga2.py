"""NSGA-II."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from robnas.errors import InputError, Verbatim
from robnas.search._algorithm import Loop, Steps, Values
from robnas.search._dominance import best_first
from robnas.search._space import Space
from robnas.spaces import EDGES, Architecture, crossover
from robnas.types import check_count, check_range


@final
@dataclass(frozen=True)
class NSGA2:
    """Generations selected by domination and crowding (Deb et al. 2002, NSGA-II).

    Of each class one member lives at a time: repetitions would fill a population in so small a space.
    """

    name: ClassVar[str] = "nsga2"

    population: int = 20
    """Parents, and children, of a generation; even."""
    crossover: float = 0.9
    """Probability that a child has two parents: each edge's operation is that of either."""
    mutation: float = 1 / len(EDGES)
    """Probability of each edge to get another operation."""

    def __post_init__(self) -> None:
        check_count("nsga2 population", self.population, 2)
        if self.population % 2:
            raise InputError("nsga2 population", expected="an even number", got=Verbatim(str(self.population)))
        check_range("nsga2 crossover", self.crossover, 0, 1)
        check_range("nsga2 mutation", self.mutation, 0, 1)

    def start(self, space: Space, rng: np.random.Generator) -> Loop:
        """Begin a run."""
        return Loop(self._steps(space, rng))

    def _steps(self, space: Space, rng: np.random.Generator) -> Steps:
        alive: list[tuple[Architecture, Values]] = []
        born = [space.random(rng) for _ in range(self.population)]
        while True:
            for arch in born:
                values = yield arch
                alive.append((arch, values))
            one_of_each = {space.class_of(arch): (arch, values) for arch, values in reversed(alive)}
            alive = list(one_of_each.values())[::-1]
            order = best_first(np.array([values for _, values in alive]))[: self.population]
            alive = [alive[place] for place in order]
            born = [self._child([arch for arch, _ in alive], space, rng) for _ in range(self.population)]

    def _child(self, parents: list[Architecture], space: Space, rng: np.random.Generator) -> Architecture:
        """Of parents that are sorted, best first: the lower place wins a tournament of two."""
        first, second = (parents[min(pair)] for pair in rng.integers(len(parents), size=(2, 2)).tolist())
        child = crossover(first, second, rng) if rng.random() < self.crossover else first
        for edge in np.flatnonzero(rng.random(len(EDGES)) < self.mutation).tolist():
            child = child.with_operation(edge, (int(child.code[edge]) + int(rng.integers(1, 5))) % 5)
        return child if child in space else space.mutate(first, rng)

"""NSGA-II."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from robnas.errors import InputError, Verbatim
from robnas.search._algorithm import Loop, Steps, Values
from robnas.search._classes import Classes
from robnas.search._dominance import best_first
from robnas.search._novelty import Novelty
from robnas.spaces import Architecture, Space
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
    """Probability that a child has two parents: the value of each gene is that of either."""
    mutation: float | None = None
    """Probability of each gene to get another value; one over the number of genes if None."""

    def __post_init__(self) -> None:
        check_count("nsga2 population", self.population, 2)
        if self.population % 2:
            raise InputError("nsga2 population", expected="an even number", got=Verbatim(str(self.population)))
        check_range("nsga2 crossover", self.crossover, 0, 1)
        if self.mutation is not None:
            check_range("nsga2 mutation", self.mutation, 0, 1)

    def for_space(self, space: Space) -> NSGA2:
        """With a probability of mutation."""
        return replace(self, mutation=self._mutation_in(space))

    def _mutation_in(self, space: Space) -> float:
        return 1 / len(space.genes) if self.mutation is None else self.mutation

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run."""
        classes = Classes.of(space)
        return Loop(self._steps(classes, rng), classes.objectives)

    def _steps(self, classes: Classes, rng: np.random.Generator) -> Steps:
        alive: list[tuple[Architecture, Values]] = []
        novel = Novelty(classes, rng)
        born = [novel(classes.random(rng)) for _ in range(self.population)]
        while True:
            answers = yield born
            alive.extend(zip(born, answers, strict=True))
            one_of_each = {classes.class_of(arch): (arch, values) for arch, values in reversed(alive)}
            alive = list(one_of_each.values())[::-1]
            order = best_first(np.array([values for _, values in alive]))[: self.population]
            alive = [alive[place] for place in order]
            born = [novel(self._child([arch for arch, _ in alive], classes, rng)) for _ in range(self.population)]

    def _child(self, parents: list[Architecture], classes: Classes, rng: np.random.Generator) -> Architecture:
        """Of parents that are sorted, best first: the lower place wins a tournament of two."""
        space = classes.space
        first, second = (parents[min(pair)] for pair in rng.integers(len(parents), size=(2, 2)).tolist())
        child = space.crossover(first, second, rng) if rng.random() < self.crossover else first
        places, sizes = list(space.positions(child)), [len(gene) for gene in space.genes]
        changed = np.flatnonzero(rng.random(len(sizes)) < self._mutation_in(space)).tolist()
        for gene in changed:
            if sizes[gene] > 1:
                places[gene] = (places[gene] + int(rng.integers(1, sizes[gene]))) % sizes[gene]
        child = space.at(places) if changed else child
        return child if child in classes else classes.mutate(first, rng)

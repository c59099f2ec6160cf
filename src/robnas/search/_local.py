"""Local search."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from robnas._settings import check_keys
from robnas.search._algorithm import Loop, Steps, Values, one_objective
from robnas.search._space import Space
from robnas.spaces import Architecture
from robnas.types import check_count


@final
@dataclass(frozen=True)
class LocalSearch:
    """Move to a better neighbour until there is none, then start again elsewhere (White et al. 2021, local search).

    A move needs a strictly higher value, so plateaus do not trap it in a circle.
    """

    name: ClassVar[str] = "local-search"

    improvement: Literal["best", "first"] = "best"
    """``best``: ask for all neighbours, then move to the best; ``first``: move as soon as one is better."""
    initial: int = 1
    """Random architectures of which the best is the start."""
    restarts: bool = True
    """Whether a local optimum leads to a new random start; otherwise the run ends there."""

    def __post_init__(self) -> None:
        check_keys("local-search improvement", [self.improvement], ("best", "first"))
        check_count("local-search initial", self.initial)

    def start(self, space: Space, rng: np.random.Generator) -> Loop:
        """Begin a run."""
        one_objective(self, space)
        return Loop(self._steps(space, rng))

    def _steps(self, space: Space, rng: np.random.Generator) -> Steps:
        while True:
            current, value = yield from self._begin(space, rng)
            better: Architecture | None = current
            while better is not None:
                current, better = better, None
                near = space.neighbours(current)
                for place in rng.permutation(len(near)).tolist():
                    (found,) = yield near[place]
                    if found > value:
                        better, value = near[place], found
                        if self.improvement == "first":
                            break
            if not self.restarts:
                return

    def _begin(
        self, space: Space, rng: np.random.Generator
    ) -> Generator[Architecture, Values, tuple[Architecture, float]]:
        drawn = [space.random(rng) for _ in range(self.initial)]
        answers = []
        for arch in drawn:
            (value,) = yield arch
            answers.append(value)
        best = max(range(self.initial), key=answers.__getitem__)
        return drawn[best], answers[best]

"""Local search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from robnas._settings import check_keys
from robnas.search._algorithm import Loop, Steps, one_objective
from robnas.search._classes import Classes
from robnas.spaces import Architecture, Space
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

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run."""
        classes = Classes.of(space)
        one_objective(self, classes)
        return Loop(self._steps(classes, rng), 1)

    def _steps(self, classes: Classes, rng: np.random.Generator) -> Steps:
        while True:
            drawn = [classes.random(rng) for _ in range(self.initial)]
            answers = yield drawn
            best = max(range(self.initial), key=answers.__getitem__)
            current, (value,) = drawn[best], answers[best]
            better: Architecture | None = current
            while better is not None:
                current, better = better, None
                near = classes.neighbours(current)
                order = rng.permutation(len(near)).tolist()
                if self.improvement == "best":
                    answers = yield [near[place] for place in order]
                    for place, (found,) in zip(order, answers, strict=True):
                        if found > value:
                            better, value = near[place], found
                    continue
                for place in order:
                    (found,) = yield near[place]
                    if found > value:
                        better, value = near[place], found
                        break
            if not self.restarts:
                return

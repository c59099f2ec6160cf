"""Random search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from robnas._settings import check_keys
from robnas.search._algorithm import Loop, Steps
from robnas.search._classes import Classes
from robnas.spaces import Space


@final
@dataclass(frozen=True)
class RandomSearch:
    """Uniform draws without replacement: the baseline that every algorithm has to beat (Li and Talwalkar 2020)."""

    name: ClassVar[str] = "random-search"
    asynchronous: ClassVar[bool] = True

    draw: Literal["cells", "classes"] = "cells"
    """``cells``: every cell is equally likely, as in NATS-Bench and NASLib, so that a network that many cells describe
    is drawn more often; ``classes``: every class is."""

    def __post_init__(self) -> None:
        check_keys("random-search draw", [self.draw], ("cells", "classes"))

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run; ends when every class was asked for."""
        classes = Classes.of(space)
        return Loop(self._steps(classes, rng), classes.objectives)

    def _steps(self, classes: Classes, rng: np.random.Generator) -> Steps:
        yield classes.shuffled(rng, classes=self.draw == "classes")

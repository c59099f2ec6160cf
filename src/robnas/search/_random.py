"""Random search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from robnas._settings import check_keys
from robnas.search._algorithm import Loop, Steps
from robnas.search._space import Space

_LISTED = 1_000_000  # classes up to which the whole order is drawn at once


@final
@dataclass(frozen=True)
class RandomSearch:
    """Uniform draws without replacement: the baseline that every algorithm has to beat (Li and Talwalkar 2020)."""

    name: ClassVar[str] = "random-search"

    draw: Literal["cells", "classes"] = "cells"
    """``cells``: every cell is equally likely, as in NATS-Bench and NASLib, so that a network that many cells describe
    is drawn more often; ``classes``: every class is."""

    def __post_init__(self) -> None:
        check_keys("random-search draw", [self.draw], ("cells", "classes"))

    def start(self, space: Space, rng: np.random.Generator) -> Loop:
        """Begin a run; ends when every class was asked for."""
        return Loop(self._steps(space, rng))

    def _steps(self, space: Space, rng: np.random.Generator) -> Steps:
        if space.size > _LISTED:
            taken = set[int]()
            while (arch := space.fresh(taken, rng)) is not None:
                taken.add(space.class_of(arch))
                yield arch
            return
        drawn = space.architectures if self.draw == "cells" else space.representatives
        for place in rng.permutation(len(drawn)).tolist():
            yield drawn[place]

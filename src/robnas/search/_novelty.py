"""How an evolution goes on where constraints leave so few classes that it only repeats itself."""

from __future__ import annotations

from typing import final

import numpy as np

from robnas.search._classes import Class, Classes
from robnas.spaces import Architecture

_PATIENCE = 20  # repetitions in a row before a random new one


@final
class Novelty:
    """Takes each child of an evolution: under constraints a new random one after 20 repetitions in a row."""

    def __init__(self, classes: Classes, rng: np.random.Generator) -> None:
        self._classes, self._rng = classes, rng
        self._asked, self._idle = set[Class](), 0

    def __call__(self, child: Architecture) -> Architecture:
        """What to ask for: the child, or something in its place."""
        if not self._classes.restricted:
            return child
        self._idle = self._idle + 1 if self._classes.class_of(child) in self._asked else 0
        if self._idle > _PATIENCE:
            child = self._classes.fresh(self._asked, self._rng) or child
            self._idle = 0
        self._asked.add(self._classes.class_of(child))
        return child

"""What a design chooses from: architectures as points, and how far they are from one another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.surrogates._prediction import Matrix
from robnas.surrogates._rows import tells_apart

Distances = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]


@final
@dataclass(frozen=True, eq=False)
class Ground:
    """Architectures as points."""

    __repr__ = brief

    rows: Matrix
    """Features, shape (architectures, features); a nan counts as the mean of its feature."""
    groups: tuple[str, ...] = ()
    """A name for each feature: those of one name count as one; each for itself where there are none."""

    @cached_property
    def scaled(self) -> Matrix:
        """Each feature with mean 0 and standard deviation 1 / √(features of its group); constant ones are left out."""
        known = ~np.isnan(self.rows)
        counts = np.maximum(known.sum(axis=0), 1)
        away = np.where(known, self.rows - np.where(known, self.rows, 0.0).sum(axis=0) / counts, 0.0)
        spread = np.sqrt((away**2).sum(axis=0) / counts)
        telling = tells_apart(spread, self.rows)
        size = np.array([self.groups.count(name) for name in self.groups] or [1])
        found: Matrix = (away / np.where(telling, spread, 1) / np.sqrt(size))[:, telling]
        return found

    @cached_property
    def distances(self) -> Distances:
        """Euclidean, between all points, shape (architectures, architectures)."""
        points = self.scaled.astype(np.float32)
        squares = (points**2).sum(axis=1)
        found: Distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
        return found

    def part(self, places: Places) -> Ground:
        """These points alone."""
        return Ground(self.rows[places], self.groups)

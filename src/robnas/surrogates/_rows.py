"""What models have in common: rows of features as they take them, and normal intervals."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, final

import numpy as np

from robnas._brief import brief
from robnas.surrogates._prediction import Matrix, Prediction, Vector

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_CONSTANT = 1e-9


@final
@dataclass(frozen=True, eq=False)
class Standard:
    """Features with mean 0 and standard deviation 1; those that are the same for all stay 0."""

    __repr__ = brief

    centre: Vector
    spread: Vector

    @classmethod
    def of(cls, rows: Matrix, pool: Matrix) -> Standard:
        """By the known rows and those that are to be predicted."""
        seen = np.concatenate([rows, pool]) if len(pool) else rows
        centre, spread = seen.mean(axis=0), seen.std(axis=0)
        return cls(centre, np.where(spread > _CONSTANT * np.maximum(np.abs(centre), 1), spread, np.inf))

    def __call__(self, rows: Matrix) -> Matrix:
        """Rows on this scale."""
        found: Matrix = (rows - self.centre) / self.spread
        return found


def spread_of(errors: Vector) -> float:
    """Standard deviation of errors by their 0.9 quantile, which a single one that is far off does not change."""
    return float(np.quantile(np.abs(errors), 0.9)) / 1.645


def around(mean: Vector, sd: Vector, level: float) -> Prediction:
    """With the intervals of normal distributions."""
    from scipy.special import ndtri

    half = float(ndtri((1 + level) / 2)) * sd
    return Prediction(mean, sd, mean - half, mean + half, level)


def one_thread() -> AbstractContextManager[Any]:
    """Linear algebra in one thread: several are slower at these sizes, and could differ in the last bit."""
    found: AbstractContextManager[Any] = _threads().limit(limits=1)
    return found


@cache
def _threads() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

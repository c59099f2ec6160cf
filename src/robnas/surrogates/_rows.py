"""What models have in common: rows of features as they take them, and normal intervals."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.surrogates._prediction import Matrix, Prediction, Vector

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_CONSTANT = 1e-12  # of the largest value: a smaller standard deviation is rounding


def tells_apart(spread: Vector, rows: Matrix) -> npt.NDArray[np.bool_]:
    """Which features are not the same for all, in whatever unit they are.

    Args:
        spread: standard deviation of each, shape (features,).
        rows: shape (architectures, features); nan is nothing.
    """
    largest = np.abs(np.nan_to_num(rows)).max(axis=0, initial=0.0)
    found: npt.NDArray[np.bool_] = spread > _CONSTANT * largest
    return found


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
        return cls(centre, np.where(tells_apart(spread, seen), spread, np.inf))

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

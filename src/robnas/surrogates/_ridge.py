"""Ridge regression on features and their products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from robnas._brief import brief
from robnas.surrogates._prediction import Matrix, Prediction, Vector
from robnas.surrogates._rows import Standard, around, one_thread, spread_of

_PENALTIES = tuple(10.0**power for power in np.arange(-4, 3.1, 0.5))
_SMALL = 1e-12


@final
@dataclass(frozen=True)
class Ridge:
    """Ridge regression on standardised features and all products of two, the penalty chosen by leave-one-out errors.

    In its dual form: the kernel (1 + z·z′ / features)², so that there may be more products than values.
    """

    def fit(
        self, rows: Matrix, values: Vector, noise: Vector, *, groups: Sequence[str], pool: Matrix, seed: int
    ) -> FittedRidge:
        """See `robnas.surrogates.Surrogate`."""
        standard = Standard.of(rows, pool)
        given = standard(rows)
        weights = np.sqrt([1 / groups.count(name) for name in groups])
        given = given * weights
        middle = float(values.mean())
        with one_thread():
            gram = _products(given, given)
            scale = float(np.trace(gram)) / len(gram)
            power, turn = np.linalg.eigh(gram / scale)
            best: tuple[float, Vector, Vector] | None = None
            for penalty in _PENALTIES:
                inverse = (turn / (np.maximum(power, 0) + penalty)) @ turn.T
                dual, own = inverse @ (values - middle), np.maximum(np.diag(inverse), _SMALL)
                loss = float(((dual / own) ** 2).mean())
                if best is None or loss < best[0]:
                    best = loss, dual, own
        assert best is not None
        _, dual, own = best
        return FittedRidge(standard, weights, given, scale, middle, values, dual, own, spread_of(dual / own))


@final
@dataclass(frozen=True, eq=False)
class FittedRidge:
    """What `Ridge.fit` returns."""

    __repr__ = brief

    standard: Standard
    weights: Vector
    rows: Matrix
    scale: float
    middle: float
    values: Vector
    dual: Vector
    own: Vector
    error: float
    """Standard deviation of leave-one-out errors, see `spread_of`."""

    def predict(self, rows: Matrix, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`; the same width for all."""
        with one_thread():
            mean = self.middle + _products(self.standard(rows) * self.weights, self.rows) @ self.dual / self.scale
        return self._around(mean, level)

    def left_out(self, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`."""
        return self._around(self.values - self.dual / self.own, level)

    def _around(self, mean: Vector, level: float) -> Prediction:
        return around(mean, np.full(len(mean), self.error), level)


def _products(first: Matrix, second: Matrix) -> Matrix:
    found: Matrix = (1 + first @ second.T) ** 2
    return found

"""A Gaussian process with one length per group of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from robnas._brief import brief
from robnas.surrogates._prediction import Matrix, Prediction, Vector

_SMALL = 1e-6


@final
@dataclass(frozen=True)
class GaussianProcess:
    """A Matérn 5/2 process."""

    def fit(
        self, rows: Matrix, values: Vector, noise: Vector, *, groups: Sequence[str], pool: Matrix, seed: int
    ) -> FittedProcess:
        """See `robnas.surrogates.Surrogate`."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern

        seen = np.concatenate([rows, pool]) if len(pool) else rows
        centre, spread = seen.mean(axis=0), seen.std(axis=0)
        spread[spread < _SMALL] = 1
        scale = float(values.std())
        known = np.where(np.isnan(noise), 0.1 * scale, noise) / scale
        kernel = ConstantKernel(1.0) * Matern(4.0, nu=2.5)
        process = GaussianProcessRegressor(kernel, alpha=known**2 + _SMALL)
        process.fit((rows - centre) / spread, (values - values.mean()) / scale)
        return FittedProcess(process, centre, spread, float(values.mean()), scale, float(np.median(known)))


@final
@dataclass(frozen=True, eq=False)
class FittedProcess:
    """What `GaussianProcess.fit` returns."""

    __repr__ = brief

    process: Any
    centre: Vector
    spread: Vector
    middle: float
    scale: float
    noise: float

    def predict(self, rows: Matrix, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`."""
        from scipy.special import ndtri

        mean, sd = self.process.predict((rows - self.centre) / self.spread, return_std=True)
        mean, sd = self.middle + self.scale * mean, self.scale * np.sqrt(sd**2 + self.noise**2)
        half = ndtri((1 + level) / 2) * sd
        return Prediction(mean, sd, mean - half, mean + half, level)

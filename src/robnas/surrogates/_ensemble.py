"""Several surrogates as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from robnas._brief import brief
from robnas.surrogates._calibration import left_out
from robnas.surrogates._gaussian_process import GaussianProcess
from robnas.surrogates._prediction import Matrix, Prediction, Predictor, Surrogate, Vector
from robnas.surrogates._ridge import Ridge
from robnas.surrogates._trees import Trees


@final
@dataclass(frozen=True)
class Ensemble:
    """The weighted mean of several surrogates, weights in inverse proportion to their squared leave-one-out errors."""

    members: tuple[Surrogate, ...] = field(default_factory=lambda: (GaussianProcess(), Ridge(), Trees()))

    def fit(
        self, rows: Matrix, values: Vector, noise: Vector, *, groups: Sequence[str], pool: Matrix, seed: int
    ) -> FittedEnsemble:
        """See `robnas.surrogates.Surrogate`."""
        fitted, known = [], []
        for member in self.members:
            one = member.fit(rows, values, noise, groups=groups, pool=pool, seed=seed)
            fitted.append(one)
            known.append(left_out(member, one, rows, values, noise, groups=groups, pool=pool, level=0.9, seed=seed))
        quality = np.array([1 / max(float(((values - one.mean) ** 2).mean()), 1e-300) for one in known])
        return FittedEnsemble(tuple(fitted), quality / quality.sum(), tuple(known))


@final
@dataclass(frozen=True, eq=False)
class FittedEnsemble:
    """What `Ensemble.fit` returns."""

    __repr__ = brief

    members: tuple[Predictor, ...] = field(repr=False)
    weights: Vector
    """Shape (members,), sum 1."""
    known: tuple[Prediction, ...] = field(repr=False)

    def predict(self, rows: Matrix, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`."""
        return self._averaged([one.predict(rows, level) for one in self.members], level)

    def left_out(self, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`."""
        return self._averaged(self.known, level)

    def _averaged(self, found: Sequence[Prediction], level: float) -> Prediction:
        mean, sd, low, high = (
            self.weights @ np.array([getattr(one, name) for one in found]) for name in ("mean", "sd", "low", "high")
        )
        return Prediction(mean, sd, low, high, level)

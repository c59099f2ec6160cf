"""The Gaussian process as a surrogate: the mean of a fit on values and one on how far they are from the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from robnas._brief import brief
from robnas.surrogates._prediction import Matrix, Prediction, Vector
from robnas.surrogates._process import Priors, Process, fit_process
from robnas.surrogates._rows import Standard, one_thread
from robnas.surrogates._transforms import NoiseLevel, Scale


@final
@dataclass(frozen=True)
class GaussianProcess:
    """Two processes on standardised features, Matérn 5/2 with one length per group, whose predictions are averaged.

    One is fitted on the values, one on −log(top − value), see `Scale`. The standard error of each value is known to
    both, carried through that scale. Lengths and variances are the most probable ones. In values of other columns the
    mean is linear.
    """

    priors: Priors = field(default_factory=Priors)

    def fit(
        self, rows: Matrix, values: Vector, noise: Vector, *, groups: Sequence[str], pool: Matrix, seed: int
    ) -> FittedProcesses:
        """See `robnas.surrogates.Surrogate`."""
        standard, level = Standard.of(rows, pool), NoiseLevel.of(values, noise)
        errors = np.where(np.isnan(noise), level.at(values), noise)
        parts = []
        with one_thread():
            for scale in (Scale.plain(values), Scale.crowded(values)):
                spread = (errors * scale.steepness(values)) ** 2
                targets = scale.forward(values)
                process = fit_process(standard(rows), groups, targets, spread, self.priors, seed)
                parts.append(_Part(scale, process, spread))
        return FittedProcesses(tuple(parts), standard, level)


@dataclass(frozen=True, eq=False)
class _Part:
    scale: Scale
    process: Process
    noise: Vector


@final
@dataclass(frozen=True, eq=False)
class FittedProcesses:
    """What `GaussianProcess.fit` returns."""

    __repr__ = brief

    parts: tuple[_Part, ...] = field(repr=False)
    standard: Standard = field(repr=False)
    noise: NoiseLevel

    def predict(self, rows: Matrix, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`."""
        given = self.standard(rows)
        with one_thread():
            return self._averaged([part.process.predict(given) for part in self.parts], level)

    def left_out(self, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`."""
        with one_thread():
            return self._averaged([part.process.left_out(part.noise) for part in self.parts], level)

    def _averaged(self, found: Sequence[tuple[Vector, Vector]], level: float) -> Prediction:
        from scipy.special import ndtri

        sides = np.array([-1.0, 1.0])[:, None] * float(ndtri((1 + level) / 2))
        means, sds, ends = [], [], []
        for part, (mean, variance) in zip(self.parts, found, strict=True):
            values = part.scale.back(mean)
            steep = part.scale.steepness(values)
            sd = np.sqrt(variance + (self.noise.at(values) * steep) ** 2)
            means.append(values)
            sds.append(sd / steep)
            ends.append(np.sort(part.scale.back(mean + sides * sd), axis=0))
        low, high = np.mean(ends, axis=0)
        return Prediction(np.mean(means, axis=0), np.mean(sds, axis=0), low, high, level)

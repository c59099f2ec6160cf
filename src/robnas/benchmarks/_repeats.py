"""How well a standard deviation is known that is pooled over networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robnas._brief import brief

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
_RESAMPLES = 999
_FEW = 10  # networks, below which nothing can be learned from how they differ
_BLOCK = 2_000_000  # networks drawn at once
_LARGEST = 0.5  # standard deviation that numbers in [0, 1] can have


@dataclass(frozen=True, eq=False)
class Repeats:
    """Trainings of several networks around their means: what a pooled variance is made of."""

    __repr__ = brief

    squares: Floats
    """Σ(x − mean)² of each network, of single trainings, shape (groups,)."""
    degrees: Floats
    """Its trainings less one, shape (groups,)."""

    @property
    def variance(self) -> float:
        """Pooled over the networks."""
        return float(self.squares.sum() / self.degrees.sum())

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Confidence interval of the pooled standard deviation: bootstrap-t of networks, on the log of the variance.

        A few networks may hold most of the sum, because noise differs between them: networks are drawn, not trainings,
        and each resample is measured by its own standard error, without which the upper end is too low. The draws are
        the same for the same numbers. Below ten networks it rests on the χ² distribution, so on normal noise that is
        equal for all.

        Args:
            level: of confidence.
        """
        if not self.variance > 0:
            return 0.0, 0.0
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        if len(self.squares) < _FEW:
            low, high = self.variance / self._chi_square(tails)[::-1]
        else:
            error, scores = self._studentized()
            low, high = self.variance * np.exp(-error * np.quantile(scores, tails)[::-1])
        return float(min(low**0.5, _LARGEST)), float(min(high**0.5, _LARGEST))

    def _chi_square(self, tails: Floats) -> Floats:
        """Quantiles of χ² / ν."""
        from scipy.special import gammaincinv

        half = self.degrees.sum() / 2
        quantiles: Floats = gammaincinv(half, tails) / half
        return quantiles

    def _studentized(self) -> tuple[float, Floats]:
        """Standard error of log variance; how many of their own the resamples lie from it, shape (resamples,)."""
        parts = np.stack([self.squares, self.degrees, self.squares**2, self.squares * self.degrees, self.degrees**2], 1)
        groups = len(parts)
        rng = np.random.default_rng(0)
        sums = np.empty((_RESAMPLES, 5))
        block = max(1, _BLOCK // groups)
        for start in range(0, _RESAMPLES, block):
            size = min(block, _RESAMPLES - start)
            drawn = rng.integers(groups, size=(size, groups)) + groups * np.arange(size)[:, None]
            times = np.bincount(drawn.ravel(), minlength=size * groups).reshape(size, groups)
            sums[start : start + size] = times @ parts
        sums = sums[sums[:, 0] > 0]
        variance, error = _log_variance(sums)
        (own,), (own_error,) = _log_variance(parts.sum(axis=0)[None])
        known = error > 1e-9 * own_error
        return float(own_error), (variance[known] - own) / error[known]


def _log_variance(sums: Floats) -> tuple[Floats, Floats]:
    """Logarithm of the pooled variance and its standard error from sums of S, d, S², S·d, d²; shape (resamples,)."""
    squares, degrees, squared, mixed, counted = sums.T
    variance = squares / degrees
    residual = np.maximum(squared - 2 * variance * mixed + variance**2 * counted, 0)
    return np.log(variance), np.sqrt(residual) / squares

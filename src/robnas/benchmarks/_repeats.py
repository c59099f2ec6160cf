"""How well a standard deviation is known that is pooled over networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.types import check_range

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
_RESAMPLES = 999
_FEW = 10  # networks, below which nothing can be learned from how they differ
_MANY = 2000  # networks, above which they are drawn in so many bundles
_BLOCK = 2_000_000  # bundles drawn at once
_NOTHING = 1e-6  # relative error of a variance, below which it is rounding
_LARGEST = 0.5  # standard deviation that numbers in [0, 1] can have


@final
@dataclass(frozen=True, eq=False)
class Repeats:
    """Trainings of several networks around their means: what a pooled variance is made of."""

    __repr__ = brief

    squares: Floats
    """Σ(x − mean)² of each network, of single trainings, shape (groups,)."""
    degrees: Floats
    """Its trainings less one, shape (groups,)."""
    network: npt.NDArray[np.integer[Any]] | None = None
    """A number that those share which are the same network, and differ alike where their seeds are the same, shape
    (groups,); None where all are different."""

    @property
    def variance(self) -> float:
        """Pooled over the networks."""
        return float(self.squares.sum() / self.degrees.sum())

    def part(self, groups: slice) -> Repeats:
        """Some of the groups."""
        network = None if self.network is None else self.network[groups]
        return Repeats(self.squares[groups], self.degrees[groups], network)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Confidence interval of the pooled standard deviation: bootstrap-t of networks, on the log of the variance.

        A few networks may hold most of the sum, because noise differs between them: networks are drawn, not trainings
        (those that are the same together), and each resample is measured by its own standard error, without which the
        upper end is too low. The draws are the same for the same numbers. Below ten networks it rests on the χ²
        distribution, so on normal noise that is equal for all.

        Args:
            level: of confidence.

        Raises:
            InputError: a level that is none.
        """
        check_range("confidence level", level, 0.5, 0.9999)
        if not self.squares.any():
            return 0.0, 0.0
        tail, (squares, degrees) = (1 - level) / 2, self._drawn_together()
        error, scores = _studentized(squares, degrees) if len(squares) >= _FEW else (0.0, np.empty(0))
        if error > _NOTHING:
            high, low = np.exp(-error * _outer(scores, tail))
        else:  # few networks, or all with the same variance: they tell nothing about how much it differs
            high, low = 1 / self._chi_square(np.array([tail, 1 - tail]))
        low, high = ((self.variance * factor) ** 0.5 for factor in (low, high))
        return float(min(low, _LARGEST)), float(min(high, _LARGEST))

    def _chi_square(self, tails: Floats) -> Floats:
        """Quantiles of χ² / ν."""
        from scipy.special import gammaincinv

        half = self.degrees.sum() / 2
        quantiles: Floats = gammaincinv(half, tails) / half
        return quantiles

    def _drawn_together(self) -> tuple[Floats, Floats]:
        """Squares and degrees of each network, whatever it is called."""
        if self.network is None:
            return self.squares, self.degrees
        found, number = np.unique(self.network, return_inverse=True)
        if len(found) == len(number):
            return self.squares, self.degrees
        return _sums(number, self.squares), _sums(number, self.degrees)


def _studentized(squares: Floats, degrees: Floats) -> tuple[float, Floats]:
    """Standard error of log variance; how many of their own the resamples lie from it, shape (resamples,)."""
    rng, groups = np.random.default_rng(0), len(squares)
    if groups > _MANY:
        bundle = rng.permutation(groups) % _MANY
        squares, degrees = _sums(bundle, squares), _sums(bundle, degrees)
    parts = np.stack([squares, degrees, squares**2, squares * degrees, degrees**2], axis=1)
    (own,), (own_error,) = _log_variance(parts.sum(axis=0)[None])
    variance, error = _log_variance(_resampled(parts, rng))
    distance = variance - own
    far = np.where(np.abs(distance) > _NOTHING, np.copysign(np.inf, distance), 0.0)  # with an error of 0
    return float(own_error), np.where(error > _NOTHING, distance / np.maximum(error, _NOTHING), far)


def _sums(number: npt.NDArray[np.intp], part: Floats) -> Floats:
    """Of what has the same number."""
    sums: Floats = np.bincount(number, part).astype(np.float64)
    return sums


def _resampled(parts: Floats, rng: np.random.Generator) -> Floats:
    """Sums over as many rows as there are, drawn with replacement, shape (resamples, columns)."""
    count, width = parts.shape
    sums = np.empty((_RESAMPLES, width))
    block = max(1, _BLOCK // count)
    for start in range(0, _RESAMPLES, block):
        size = min(block, _RESAMPLES - start)
        drawn = rng.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        sums[start : start + size] = times @ parts
    return sums


def _outer(scores: Floats, tail: float) -> Floats:
    """The two quantiles, to the outside where they lie between two scores."""
    return np.array([np.quantile(scores, tail, method="lower"), np.quantile(scores, 1 - tail, method="higher")])


def _log_variance(sums: Floats) -> tuple[Floats, Floats]:
    """Logarithm of the pooled variance and its standard error from sums of S, d, S², S·d, d²; shape (resamples,)."""
    squares, degrees, squared, mixed, counted = sums.T
    variance = squares / degrees
    residual = np.maximum(squared - 2 * variance * mixed + variance**2 * counted, 0)
    some = squares > 0
    error = np.divide(np.sqrt(residual), squares, out=np.zeros_like(squares), where=some)
    return np.log(variance, out=np.full_like(squares, -np.inf), where=some), error

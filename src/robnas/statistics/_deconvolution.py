"""The distribution of true means behind noisy values, and how well they order these values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NoiseAt = Callable[[Floats], Floats]
_BINS = 300  # values of equal runs are gathered in so many bins of equal count
_LEVELS = 200  # quantiles, and as many equal steps, from which the grid is taken
_STEP = 0.2  # neighbours on the grid are at least so many standard deviations of the noise apart
_FEWEST = 20  # points of the grid, about
_LEAST, _MOST, _AGAIN = 30, 3000, 30  # iterations: at least, at most, and of a bootstrap sample
_LEFT = 0.5  # log-likelihood that is left to gain when the iterations end
_TINY = 1e-300
_TIED = 0.1  # standard deviations of the noise within which a predictor does not tell true means apart
_NIL = 0.05  # of the distance between points: values with less noise than that stay at their own


@dataclass(frozen=True, eq=False)
class TrueMeans:
    """A distribution of true means on a grid, and the noise of the values that are made of them."""

    grid: Floats
    """True means, increasing, shape (points,)."""
    share: Floats
    """Share of the values with so many runs and this true mean, shape (kinds, points); the sum is 1."""
    sd: Floats
    """Standard deviation of such a value around it, shape (kinds, points)."""


class Deconvolution:
    """Nonparametric maximum likelihood of the distribution of true means (Laird 1978), kept smooth.

    EM starts at equal density over the range of the values and ends when there is hardly any likelihood left to gain.
    The maximum itself is a distribution on a few points (Lindsay 1983), which no data ask for; what has been reached
    before is the smoothest one that explains the values.

    Args:
        values: shape (n,), at least two different ones.
        runs: trainings behind each value, shape (n,).
        sd_at: standard deviation of one training around a true mean; positive.
    """

    def __init__(self, values: Floats, runs: Floats, sd_at: NoiseAt) -> None:
        self._grid = _grid(values, sd_at)
        bins = [(kind, *_binned(values[runs == kind])) for kind in np.unique(runs)]
        self._kinds = np.array([kind for kind, _, _ in bins])
        self._kind = np.repeat(np.arange(len(bins)), [len(means) for _, means, _ in bins])
        self._values = np.concatenate([means for _, means, _ in bins])
        self._counts = np.concatenate([counts for _, _, counts in bins])

    def fit(self, sd_at: NoiseAt) -> TrueMeans:
        """The distribution, for a noise that may differ from the one that the grid was made for."""
        spacing = np.gradient(self._grid)
        return self._from(spacing / spacing.sum(), self._counts, sd_at, _MOST)

    def refit(self, start: TrueMeans, sd_at: NoiseAt, rng: np.random.Generator) -> TrueMeans:
        """That of a bootstrap sample of the values, from the fit to all of them on."""
        total = self._counts.sum()
        drawn = rng.multinomial(int(total), self._counts / total).astype(np.float64)
        return self._from(start.share.sum(axis=0), drawn, sd_at, _AGAIN)

    def _from(self, start: Floats, counts: Floats, sd_at: NoiseAt, most: int) -> TrueMeans:
        likelihood, sd = self._likelihood(sd_at)
        weights = counts / counts.sum()
        found = _climb(likelihood, weights, start, most, counts.sum())
        weights = weights / np.maximum(likelihood @ found, _TINY)
        share = [weights[self._kind == kind] @ likelihood[self._kind == kind] * found for kind in range(len(sd))]
        return TrueMeans(self._grid, np.array(share), sd)

    def _likelihood(self, sd_at: NoiseAt) -> tuple[Floats, Floats]:
        """Of each bin at each true mean, up to a factor for each bin, shape (bins, points); and the noise."""
        sd = sd_at(self._grid) / np.sqrt(self._kinds)[:, None]
        of_bin = sd[self._kind]
        found = -(((self._values[:, None] - self._grid) / of_bin) ** 2) / 2 - np.log(of_bin)
        return np.exp(found - found.max(axis=1, keepdims=True)), sd


def _climb(likelihood: Floats, weights: Floats, found: Floats, most: int, total: float) -> Floats:
    """EM. What is left to gain falls like 1 / iterations, so that it is the last gain times their number."""
    last = -np.inf
    for iteration in range(1, most + 1):
        density = np.maximum(likelihood @ found, _TINY)
        reached = total * float(weights @ np.log(density))
        if iteration > _LEAST and iteration * (reached - last) < _LEFT:
            break
        found, last = found * ((weights / density) @ likelihood), reached
    return found


def _grid(values: Floats, sd_at: NoiseAt) -> Floats:
    """Points between the lowest and the highest value, as dense as values and noise ask for."""
    shares = np.linspace(0, 1, _LEVELS + 1)
    points = np.unique([*np.quantile(values, shares), *(values.min() + shares * np.ptp(values))])
    apart = np.minimum(_STEP * sd_at(points), np.ptp(values) / _FEWEST)
    kept = [points[0]]
    for point, least in zip(points[1:], apart[1:], strict=True):
        if point - kept[-1] >= least:
            kept.append(point)
    return np.array(kept)


def _binned(values: Floats) -> tuple[Floats, Floats]:
    """Mean and size of bins of neighbours."""
    parts = np.array_split(np.sort(values), min(_BINS, len(values)))
    return np.array([part.mean() for part in parts]), np.array([float(len(part)) for part in parts])


def spearman_with_values(found: TrueMeans) -> float:
    """Spearman's ρ between true means and values: Pearson's of the expected ranks; nan where there is one true mean.

    Values without noise are as equal as their true means, such as accuracies of 0: their ranks vary by as much less.
    """
    share = found.share.ravel()
    true, value = (sign @ share / 2 for sign in _signs(found))
    equal = found.share.sum(axis=0)[(found.sd < _NIL * np.gradient(found.grid)).all(axis=0)]
    square = float(share @ true**2) * (1 - float((equal**3).sum())) / 12
    return min(float(share @ (true * value)) / math.sqrt(square), 1.0) if square > _TINY else math.nan


def kendall_with_values(found: TrueMeans) -> float:
    """Kendall's τ between true means, all of them different, and values."""
    from scipy.special import ndtr

    share, mean, variance = found.share.ravel(), np.tile(found.grid, len(found.sd)), found.sd.ravel() ** 2
    width = np.tile(np.gradient(found.grid), len(found.sd))
    apart = np.abs(mean[:, None] - mean)
    apart = np.where(apart > 0, apart, width / 3)  # of one point: two means between its neighbours, on average
    return float(share @ (2 * ndtr(apart / np.sqrt(variance[:, None] + variance)) - 1) @ share)


def _signs(found: TrueMeans) -> tuple[Floats, Floats]:
    """P(higher) − P(lower) of each kind and true mean against each other: for the means themselves, and their values.

    True means that no data could tell apart count as tied, by degrees: equal ones may lie between two points.
    """
    from scipy.special import ndtr

    mean = np.tile(found.grid, len(found.sd))
    variance = found.sd.ravel() ** 2
    apart = (mean[:, None] - mean) / np.sqrt(variance[:, None] + variance)
    return 2 * ndtr(apart / _TIED) - 1, 2 * ndtr(apart) - 1

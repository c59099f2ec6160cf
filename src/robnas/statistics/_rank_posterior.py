"""Ranks by empirical Bayes: how true means are spread is estimated from all values, then tells of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks import RESOLUTION

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
_FINE = 5  # points of the prior in a standard deviation of the noise
_POINTS = 4000  # at most
_REACH = 6.0  # standard deviations beyond which a value tells nothing
_ROUNDS = 60  # of expectation and maximisation; more of them make the prior lumpy
_FLOOR = 1e-12  # of the prior: a value far from all others may be anywhere near itself


class Spread(Protocol):
    """What `benchmarks.Noise` and `benchmarks.LocalNoise` have in common."""

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the estimate."""

    def run_sd_at(self, values: npt.ArrayLike, /) -> Floats:
        """Standard deviation of one training at these values."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Where each true mean may be: probabilities on a grid of points, of each row only where it has any.

    Value i is normal around its true mean t with standard deviation sd(t) / √runs_i, and the true means are drawn from
    one distribution (the prior), which is estimated by maximum likelihood on the grid (Kiefer and Wolfowitz 1956) from
    a uniform start and stopped early, so that it stays smooth. It is taken as known afterwards. That of each value is
    the prior that the others make: its own share would hold an extreme value where it is.
    """

    __repr__ = brief

    points: Floats
    """Of the grid, increasing, shape (m,)."""
    start: Ints
    """First point of each row's window, shape (n,)."""
    mass: Floats
    """Probability of each point of the window, shape (n, w); rows sum to 1."""

    @cached_property
    def above(self) -> Floats:
        """P(true mean > point) in the window of each row, shape (n, w)."""
        found: Floats = np.maximum(1 - np.cumsum(self.mass, axis=1), 0)
        return found

    @property
    def _at(self) -> Ints:
        return self.start[:, None] + np.arange(self.mass.shape[1])

    @cached_property
    def _counts(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Expected number of rows above each point, and at or above it, and the variances of both, shape (m,)."""
        below = np.cumsum(total := self._sums(self.mass))
        spread = self._sums(self.above * (1 - self.above))
        before = np.append(0.0, spread[:-1])  # at or above this point is above the one before
        most = float(len(self.mass))
        return most - below, most - (below - total), spread, before

    def _sums(self, weights: Floats) -> Floats:
        """Sum over rows at each point of what stands in their windows, shape (m,)."""
        return np.asarray(np.bincount(self._at.ravel(), weights.ravel(), len(self.points)), dtype=np.float64)

    def ranks(self, rows: Ints, level: float) -> tuple[Ints, Ints]:
        """Lowest and highest rank of each of these rows: equal tails of the posterior, shapes (rows,).

        Given the own mean, how many others are larger is a sum of independent events, and taken as normal. Means in
        one point are tied, and count for both ends.
        """
        greater, at_least, spread, before = self._counts
        at, mass, above = self._at[rows], self.mass[rows], self.above[rows]
        reached, tail, most = above + mass, (1 - level) / 2, len(self.mass)
        deviation = np.sqrt(np.maximum(spread[at] - above * (1 - above), 0))
        low = _quantile(1 + greater[at] - above, deviation, mass, tail, most)
        deviation = np.sqrt(np.maximum(before[at] - reached * (1 - reached), 0))
        high = _quantile(1 + at_least[at] - reached, deviation, mass, 1 - tail, most)
        return low, high

    def best(self) -> Floats:
        """Probability of each row to be the best, shape (n,); tied ones share it, and all sum to 1.

        Of the others in the same point half are below: points stand for all that is nearest to them.
        """
        lower = 1 - self.above - self.mass / 2
        none = np.log(np.maximum(lower, 1e-300))  # that the mean of this row is not above the point
        total = self._sums(none)
        possible = self._at >= self.start.max()  # below, at least one is certainly better
        found = np.where(possible, self.mass * np.exp(np.minimum(total[self._at] - none, 0)), 0).sum(axis=1)
        share: Floats = found / found.sum()
        return share


def posterior(values: Floats, runs: npt.NDArray[np.integer[Any]], noise: Spread) -> Posterior:
    """Empirical Bayes of true means.

    Args:
        values: measured, shape (n,).
        runs: trainings behind each, shape (n,).
        noise: of one training; its standard deviation is taken at the true mean.
    """
    from scipy.sparse import csr_array

    points = _grid(values, runs, noise)
    if len(points) == 1:
        return Posterior(points, np.zeros(len(values), dtype=np.intp), np.ones((len(values), 1)))
    step, sd = np.gradient(points), noise.run_sd_at(points)
    width = _width(points, np.maximum(sd / np.sqrt(runs.min()), step / 2))
    start = np.clip(np.searchsorted(points, values) - width // 2, 0, len(points) - width)
    at = start[:, None] + np.arange(width)
    spread = np.maximum(sd[at] / np.sqrt(runs)[:, None], step[at] / 2)
    likelihood = np.exp(-0.5 * ((values[:, None] - points[at]) / spread) ** 2) / spread
    matrix = csr_array(
        (likelihood.ravel(), at.ravel(), np.arange(len(values) + 1) * width), shape=(len(values), len(points))
    )
    back, prior = matrix.T.tocsr(), step / step.sum()
    for _ in range(_ROUNDS):
        prior = prior * (back @ (1 / (matrix @ prior))) / len(values)
    own = likelihood * prior[at]
    own /= own.sum(axis=1, keepdims=True)
    prior = np.bincount(at.ravel(), own.ravel(), len(points))
    mass = likelihood * (np.maximum(prior[at] - own, 0) + _FLOOR * step[at])
    return Posterior(points, start, mass / mass.sum(axis=1, keepdims=True))


def _grid(values: Floats, runs: npt.NDArray[np.integer[Any]], noise: Spread) -> Floats:
    """Points from the lowest to the highest value, `_FINE` in a standard deviation of the best known of them."""
    low, high = float(values.min()), float(values.max())
    if high - low <= RESOLUTION:
        return np.array([(low + high) / 2])
    even = np.linspace(low, high, 5 * _POINTS)
    sd = np.maximum(noise.run_sd_at(even) / np.sqrt(runs.max()), (high - low) / _POINTS)
    place = np.cumsum(_FINE / sd) * (even[1] - even[0])
    count = int(np.clip(np.ceil(place[-1] - place[0]), _FINE, _POINTS))
    points: Floats = np.interp(np.linspace(place[0], place[-1], count), place, even)
    return points


def _width(points: Floats, sd: Floats) -> int:
    """Of windows that hold, around any value, all points from which it is within `_REACH` standard deviations."""
    place = np.arange(len(points))
    before = place - np.searchsorted(points, points - _REACH * sd)
    after = np.searchsorted(points, points + _REACH * sd) - place
    return int(min(2 * max(before.max(), after.max()) + 2, len(points)))


def _quantile(centre: Floats, sd: Floats, mass: Floats, level: float, most: int) -> Ints:
    """Smallest rank r with P(rank ≤ r) ≥ level, shape (rows,): normal given each point, points with their mass."""
    from scipy.special import ndtr

    low, high = np.ones(len(mass), dtype=np.intp), np.full(len(mass), most, dtype=np.intp)
    spread = np.maximum(sd, 1e-9)
    while (low < high).any():
        middle = (low + high) // 2
        reached = (mass * ndtr((middle[:, None] + 0.5 - centre) / spread)).sum(axis=1) >= level - 1e-12
        high, low = np.where(reached, middle, high), np.where(reached, low, np.minimum(middle + 1, high))
    return low

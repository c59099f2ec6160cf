"""The noise of a training as a function of the true mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robnas.benchmarks import Residuals
from robnas.errors import InputError, Verbatim
from robnas.statistics._deconvolution import Floats, TrueMeans
from robnas.types import check_range

_DEGREES = 100.0  # that are pooled around a true mean; a tenth of all, where that is more
_STEPS = 5  # of the fit to a distribution of true means
_FLOOR = 1e-4  # of the range of the values: less noise than that is none


@dataclass(frozen=True, eq=False)
class Networks:
    """Those that were trained several times."""

    mean: Floats
    """Shape (networks,), increasing."""
    squares: Floats
    """Sum of the squared deviations from it, shape (networks,)."""
    degrees: Floats
    """Trainings less one, shape (networks,)."""


@dataclass(frozen=True, eq=False)
class TrueNoise:
    """Variance of one training around a true mean, linear between points."""

    points: Floats
    """True means, increasing, shape (points,)."""
    variance: Floats
    """Shape (points,)."""
    floor: float
    """The smallest standard deviation; positive."""
    networks: Networks | None = None
    """What it rests on; None where one standard deviation was given."""
    weights: Floats | None = None
    """Chance of each of the points to be the true mean of a network, shape (networks, points), once that is known."""

    def __call__(self, means: Floats) -> Floats:
        """Standard deviation at each true mean, same shape."""
        sd: Floats = np.maximum(np.sqrt(np.interp(means, self.points, self.variance)), self.floor)
        return sd

    @property
    def none(self) -> bool:
        """Whether repeated trainings do not differ."""
        return not self.variance.any()

    @property
    def relative_error(self) -> float:
        """Standard error of the pooled variance, in units of it; 0 where it was given."""
        if self.networks is None:
            return 0.0
        squares, degrees = self.networks.squares, self.networks.degrees
        total = squares.sum()
        among = ((squares - total / degrees.sum() * degrees) ** 2).sum() / total**2
        return float(np.sqrt(max(among, 2 / degrees.sum())))  # at least that of normal noise

    def behind(self, found: TrueMeans) -> TrueNoise:
        """The curve at true means instead of the means of networks, which are noisy themselves.

        Where the noise depends on the true mean, the one around a mean is that of a mixture of true means. EM takes it
        apart: which true means a network may have, from its mean and its spread, and the variance at each.
        """
        if self.networks is None:
            return self
        grid, prior, curve = found.grid, np.maximum(found.share.sum(axis=0), 1e-300), self
        runs, mean, squares = (
            part[:, None] for part in (self.networks.degrees + 1, self.networks.mean, self.networks.squares)
        )
        for _ in range(_STEPS):
            variance = curve(grid) ** 2
            exponent = -(runs * np.log(variance) + (runs * (mean - grid) ** 2 + squares) / variance) / 2
            weights = np.exp(exponent - exponent.max(axis=1, keepdims=True)) * prior
            curve = replace(curve, points=grid, weights=weights / weights.sum(axis=1, keepdims=True))._pooled()
        return curve

    def resampled(self, rng: np.random.Generator) -> TrueNoise:
        """From a bootstrap sample of the networks."""
        if self.networks is None or self.weights is None:
            return self
        count = len(self.networks.mean)
        return self._pooled(np.bincount(rng.integers(count, size=count), minlength=count).astype(np.float64))

    def _pooled(self, times: Floats | int = 1) -> TrueNoise:
        """The variance at each point from networks as likely to have it, each of them so many times."""
        assert self.networks is not None
        assert self.weights is not None
        parts = self.networks.squares, self.networks.degrees
        return replace(self, variance=_pooled(*((times * part) @ self.weights for part in parts)))


def _pooled(squares: Floats, degrees: Floats) -> Floats:
    """Σ squares / Σ degrees over the neighbours of each point in order, as far as `_DEGREES` of them."""
    squares, degrees = (np.append(0.0, np.cumsum(part)) for part in (squares, degrees))
    half = min(max(_DEGREES, degrees[-1] / 10), degrees[-1]) / 2
    centre = np.clip((degrees[1:] + degrees[:-1]) / 2, half, degrees[-1] - half)
    low, high = (np.interp(centre + side, degrees, squares) for side in (-half, half))
    pooled: Floats = np.maximum(high - low, 0) / (2 * half)
    return pooled


def true_noise(given: object, values: Floats) -> TrueNoise:
    """The noise of these values.

    Args:
        given: one standard deviation, or residuals of repeated trainings.
        values: the noisy ones, shape (n,).

    Raises:
        InputError: `given` is neither residuals, at least 2, nor a standard deviation.
    """
    floor = _FLOOR * float(np.ptp(values))
    if isinstance(given, Residuals):
        if len(given.level) < 2:
            raise InputError("residuals", expected="at least 2", got=Verbatim(f"{len(given.level)}"))
        if given.level.shape != given.deviation.shape or not np.isfinite([given.level, given.deviation]).all():
            raise InputError("residuals", expected="a finite level and deviation of each", got=given)
        networks = _networks(given)
        return TrueNoise(networks.mean, _pooled(networks.squares, networks.degrees), floor, networks)
    if isinstance(given, np.integer | np.floating):
        given = float(given)
    if not isinstance(given, int | float) or isinstance(given, bool) or given == float("inf"):
        raise InputError("noise standard deviation", expected="a finite number, or residuals", got=given)
    check_range("noise standard deviation", given, 0)
    return TrueNoise(np.zeros(1), np.array([float(given) ** 2]), floor)


def _networks(residuals: Residuals) -> Networks:
    """What the residuals of each network add up to; each is taken for one of a pair where networks are not named."""
    size = len(residuals.level)
    group, pair = (np.arange(size), True) if residuals.group is None else (residuals.group, False)
    _, first, number, count = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    degrees = np.ones(size) if pair else np.maximum(count - 1.0, 1.0)
    squares = np.bincount(number, weights=residuals.deviation**2) * degrees / count
    order = np.argsort(residuals.level[first], kind="stable")
    return Networks(residuals.level[first][order], squares[order], degrees[order])

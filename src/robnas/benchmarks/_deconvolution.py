"""What lies behind noisy values: the distribution of the true ones, and what each of them is expected to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks._runs import Floats
from robnas.errors import InputError, Verbatim
from robnas.types import check_count

_STEP = 0.25
"""Between points of the grid, in standard deviations of the noise there."""
_MOST = 800  # points; a row holds a number for each while it is fitted


@final
@dataclass(frozen=True, eq=False)
class Deconvolved:
    """Distribution of true values, of which values with normal noise of known standard deviation were seen.

    The methods take it as the prior of each value (empirical Bayes): a value is drawn towards where there are more.
    """

    __repr__ = brief

    grid: Floats
    """Values that the true ones may have, increasing, shape (points,)."""
    weights: Floats
    """Share of each, shape (points,); they sum to 1."""

    def posterior(self, values: npt.ArrayLike, sds: npt.ArrayLike) -> Floats:
        """Probability of each point of the grid given each value.

        Args:
            values: seen, shape (n,); a nan has a row of nan.
            sds: standard deviation of the noise of each, above 0, shape (n,) or one for all.

        Returns:
            Shape (n, points); rows sum to 1.

        Raises:
            InputError: a standard deviation that is not above 0.
        """
        given, noise = _checked(values, sds)
        with np.errstate(divide="ignore"):  # of points that have no weight
            prior = np.log(self.weights)
        found = _likelihood(given, noise, self.grid, prior)
        found /= found.sum(axis=1, keepdims=True)
        return found

    def posterior_mean(self, values: npt.ArrayLike, sds: npt.ArrayLike) -> Floats:
        """Expected true value behind each value, arguments as for `posterior`; shape (n,)."""
        found: Floats = self.posterior(values, sds) @ self.grid
        return found

    def expected_highest(self, values: npt.ArrayLike, sds: npt.ArrayLike) -> float:
        """Expected value of the highest true one, given values with independent noise; arguments as for `posterior`.

        It is above the highest posterior mean unless that one is the highest for certain. Values that are nan do not
        count.
        """
        given, noise = _checked(values, sds)
        known = ~np.isnan(given)
        below = np.minimum(np.cumsum(self.posterior(given[known], noise[known]), axis=1), 1.0)
        with np.errstate(divide="ignore"):  # of points that the highest is above for certain
            highest = np.exp(np.log(below).sum(axis=0))
        highest[-1] = 1.0
        return float(np.diff(highest, prepend=0.0) @ self.grid)


def deconvolve(values: npt.ArrayLike, sds: npt.ArrayLike, *, iterations: int = 100) -> Deconvolved:
    """Estimate the distribution of true values, without a shape for it (Kiefer and Wolfowitz 1956; Laird 1978).

    The likelihood of the values is raised by expectation maximization from equal weights on a grid between the lowest
    and the highest value, a quarter of the noise's standard deviation from point to point. It is the mean and the
    spread of the true values that come out well; the maximum itself is spiky, and gives the highest value a spike of
    its own, so that `posterior_mean` would take it as it is. Fewer iterations leave a smoother distribution.

    Args:
        values: seen, shape (n,); nan is left out.
        sds: standard deviation of the normal noise of each, above 0, shape (n,) or one for all.
        iterations: of expectation maximization.

    Raises:
        InputError: no value, or a standard deviation that is not above 0.
    """
    check_count("iterations", iterations)
    given, noise = _checked(values, sds)
    known = ~np.isnan(given)
    if not known.any():
        raise InputError("values", expected="at least one that is no nan", got=Verbatim("none"))
    given, noise = given[known], noise[known]
    grid = _grid(given, noise)
    likelihood = _likelihood(given, noise, grid, np.zeros(len(grid)))
    weights = np.full(len(grid), 1 / len(grid))
    for _ in range(iterations):
        weights = weights * ((1 / (likelihood @ weights)) @ likelihood) / len(given)
    return Deconvolved(grid, weights / weights.sum())


def _checked(values: npt.ArrayLike, sds: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Values and a standard deviation for each."""
    given = np.asarray(values, dtype=np.float64)
    noise = np.asarray(sds, dtype=np.float64)
    if given.ndim != 1 or noise.shape not in ((), given.shape):
        got = Verbatim(f"shapes {given.shape} and {noise.shape}")
        raise InputError("values", expected="shape (n,), and as many standard deviations or one", got=got)
    noise = np.broadcast_to(noise, given.shape)
    wrong = ~np.isnan(given) & ~((noise > 0) & np.isfinite(noise))
    if wrong.any():
        raise InputError("standard deviation of the noise", expected="above 0", got=float(noise[wrong][0]))
    return given, noise


def _grid(values: Floats, sds: Floats) -> Floats:
    """Points from the lowest to the highest value, closer where the noise is smaller."""
    order = np.argsort(values, kind="stable")
    values, sds = values[order], sds[order]
    gaps = np.diff(values) / np.minimum(sds[1:], sds[:-1])
    place = np.append(0.0, np.cumsum(gaps))  # in standard deviations from the lowest
    points = int(np.clip(np.ceil(place[-1] / _STEP) + 1, 1, _MOST))
    found: Floats = np.interp(np.linspace(0.0, place[-1], points), place, values)
    return found


def _likelihood(values: Floats, sds: Floats, grid: Floats, prior: Floats) -> Floats:
    """Likelihood of each value at each point, times exp of `prior`, in units of its highest; shape (n, points)."""
    exponent = (values[:, None] - grid) / sds[:, None]
    exponent *= exponent
    exponent *= -0.5
    exponent += prior
    exponent -= np.max(exponent, axis=1, keepdims=True)
    found: Floats = np.exp(exponent, out=exponent)
    return found

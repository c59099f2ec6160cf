"""Derivatives of Gaussian expectations of activations: what kernels of infinite width change by with their inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from robnas.kernels._activations import GELU, Dual, Erf, Floats, LeakyReLU, Moments, Smooth, _determinant

_STEP = 1e-5  # of differences, in units of a variance


@dataclass(frozen=True, eq=False)
class PairGradient:
    """Derivatives of k = E σ(u)σ(v) and s = E σ̇(u)σ̇(v) over (u, v) ~ N(0, [[a, c], [c, b]]), of the shape of c.

    That of k by c is s itself (Price 1958). Where u and v are the same or opposite, and where one has no variance, a
    σ with a kink leaves no derivative; there it is the mean of those from both sides.
    """

    slopes: Floats
    """∂k/∂c."""
    both_by_variance: Floats
    """∂k/∂a."""
    slopes_by_variance: Floats
    """∂s/∂a."""
    slopes_by_covariance: Floats
    """∂s/∂c."""


def pair_gradient(dual: Dual, left: Moments, right: Moments, c: Floats) -> PairGradient:
    """Derivatives of `Dual.pair`; arguments likewise."""
    return _RULES.get(type(dual), _by_differences)(dual, left, right, c)


def mean_slope(dual: Dual, moments: Moments) -> Floats:
    """Derivative of E σ(u) by the variance: E σ̈(u)/2."""
    a = moments.variance
    if isinstance(dual, LeakyReLU):
        return _over(moments.mean, 2 * a)
    if isinstance(dual, Erf):
        return np.zeros_like(a)
    if isinstance(dual, GELU):
        root = np.sqrt(2 * math.pi * (1 + a))
        return (1 - a / (2 * (1 + a))) / root
    if isinstance(dual, Smooth):
        (h, _), found = moments.series, np.zeros_like(a)
        return _over(h[2], math.sqrt(2) * a) if len(h) > 2 else found
    above, below = (dual.moments(value).mean for value in _around(a))
    return _over(above - below, 2 * _STEP * a)


def square_slope(dual: Dual, moments: Moments) -> Floats:
    """Derivative of E σ(u)² by the variance."""
    a = moments.variance
    if type(dual) in _RULES:
        return moments.slope_square + 2 * pair_gradient(dual, moments, moments, a).both_by_variance
    above, below = (dual.moments(value).square for value in _around(a))
    return _over(above - below, 2 * _STEP * a)


def _around(a: Floats) -> tuple[Floats, Floats]:
    return a * (1 + _STEP), a * (1 - _STEP)


def _over(above: Floats, below: Floats) -> Floats:
    """The quotient; 0 where nothing is below."""
    result: Floats = np.divide(
        above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below > 0
    )
    return result


def _leaky_relu(dual: LeakyReLU, left: Moments, right: Moments, c: Floats) -> PairGradient:
    """With θ the angle between u and v and Δ² = ab − c², ∂θ/∂c = −1/Δ and ∂θ/∂a = c/(2aΔ)."""
    a, b, factor = left.variance, right.variance, (1 - dual.slope) ** 2 / (2 * math.pi)
    _, slopes = dual.pair(left, right, c)
    # Without variance there is no angle: the two sides together have a right one.
    slopes = np.where(a * b > 0, slopes, (1 + dual.slope**2) / 2 - factor * math.pi / 2)
    root = np.sqrt(_determinant(a * b, c))
    by_covariance = _over(np.full_like(root, factor), root)
    return PairGradient(slopes, _over(factor * root, 2 * a), -_over(c * by_covariance, 2 * a), by_covariance)


def _erf(dual: Erf, left: Moments, right: Moments, c: Floats) -> PairGradient:
    a, b = 1 + 2 * left.variance, 1 + 2 * right.variance
    rest = a * b - 4 * c * c
    slopes = 4 / math.pi / np.sqrt(rest)
    return PairGradient(slopes, -slopes * c / a, -slopes * b / rest, 4 * slopes * c / rest)


def _gelu(dual: GELU, left: Moments, right: Moments, c: Floats) -> PairGradient:
    a, b = left.variance, right.variance
    outer = (1 + a) * (1 + b)
    inner = outer - c * c
    root, tau = np.sqrt(inner), 2 * math.pi
    _, slopes = dual.pair(left, right, c)
    bracket = 1 / inner + (1 - a * b) / outer + 1
    angle = -c / (2 * root * (1 + a))  # ∂φ/∂a
    above, below = c * c + a * b * inner, outer * root
    both = (b * inner + a * b * (1 + b)) / below - above * ((1 + b) * root + outer * (1 + b) / (2 * root)) / below**2
    bracket_by_a = -(1 + b) / inner**2 - b / outer - (1 - a * b) * (1 + b) / outer**2
    by_variance = angle + c * (bracket_by_a / root - bracket * (1 + b) / (2 * root * inner))
    by_covariance = (1 + bracket + 2 * c * c / inner**2 + c * c * bracket / inner) / root
    return PairGradient(slopes, (both + c * angle) / tau, by_variance / tau, by_covariance / tau)


def _smooth(dual: Smooth, left: Moments, right: Moments, c: Floats) -> PairGradient:
    """Of the series: σ̈(√a z) has the coefficients √(k+1)√(k+2) h_{k+2}/a, and so have all higher derivatives."""
    a, b = left.variance, right.variance
    scale = np.sqrt(a * b)
    rho = np.clip(_over(c, scale), -1, 1)
    (h, g), (other_h, other_g) = left.series, right.series
    _, slopes = dual.pair(left, right, c)
    both = _summed(_twice(h), other_h, rho)
    by_variance = _summed(_twice(g), other_g, rho)
    by_covariance = _summed(_once(g), _once(other_g), rho)
    return PairGradient(slopes, _over(both, 2 * a), _over(by_variance, 2 * a), _over(by_covariance, scale))


def _once(series: Floats) -> Floats:
    """√(k+1) h_{k+1}: the coefficients of √a times the derivative."""
    k = np.arange(1, len(series)).reshape(-1, *(1,) * (series.ndim - 1))
    result: Floats = np.sqrt(k) * series[1:]
    return result


def _twice(series: Floats) -> Floats:
    return _once(_once(series))


def _summed(first: Floats, second: Floats, rho: Floats) -> Floats:
    """Σ_k first_k second_k ρᵏ, over as many terms as both have."""
    total = np.zeros_like(rho)
    for place in reversed(range(min(len(first), len(second)))):
        total *= rho
        total += first[place] * second[place]
    return total


def _by_differences(dual: Dual, left: Moments, right: Moments, c: Floats) -> PairGradient:
    """For an activation without a rule here: central differences, one-sided where |c| leaves no room."""
    a, b = left.variance, right.variance
    above, below = _around(a)
    low, now, high, other = _together(dual, below, a, above, b)
    room, largest = np.abs(c) <= np.sqrt(below * b), np.sqrt(a * b)
    at = dual.pair(now, other, c)
    risen, fallen = dual.pair(high, other, c), dual.pair(low, other, np.where(room, c, 0))
    step = np.where(room, 2, 1) * _STEP * a
    both, slopes = (_over(x - np.where(room, y, z), step) for x, y, z in zip(risen, fallen, at, strict=True))
    more, less = (np.clip(c + sign * _STEP * largest, -largest, largest) for sign in (1, -1))
    moved = dual.pair(now, other, more)[1] - dual.pair(now, other, less)[1]
    return PairGradient(at[1], both, slopes, _over(moved, more - less))


def _together(dual: Dual, *variances: Floats) -> list[Moments]:
    """Moments at each of them, from one call, without which `Dual.pair` may not take them."""
    found = dual.moments(np.concatenate([one.ravel() for one in variances]))
    parts, start = [], 0
    for one in variances:
        part = found.at(slice(start, start + one.size))
        variance, mean, square, slopes = (
            value.reshape(one.shape) for value in (part.variance, part.mean, part.square, part.slope_square)
        )
        series = tuple(row.reshape(len(row), *one.shape) for row in part.series)
        parts.append(Moments(variance, mean, square, slopes, series))
        start += one.size
    return parts


_RULES: dict[type, Callable[..., PairGradient]] = {
    LeakyReLU: _leaky_relu,
    Erf: _erf,
    GELU: _gelu,
    Smooth: _smooth,
}

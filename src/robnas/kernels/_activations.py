"""Gaussian expectations of activations: closed forms where there are, Hermite series elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.spaces import LEAKY_SLOPE

Floats: TypeAlias = npt.NDArray[np.float64]

_NEGLIGIBLE = 1e-15  # share of the variance that a truncated series may leave out
_LARGEST = 100.0  # variance; the series of tanh then has 15,000 terms
_SLICE = 16_384  # values computed at a time: they stay in the cache
_AT_ONCE = 64  # terms
_REACH = 13.0  # nodes of quadrature end there: √φ is below 1e-18
_ROUNDING = 8 * np.finfo(np.float64).eps
_ANGLES = 32  # nodes of quadrature over a wedge


@dataclass(frozen=True, eq=False)
class Moments:
    """Expectations over u ~ N(0, a), each of the shape of a."""

    variance: Floats
    """a."""
    mean: Floats
    """E σ(u)."""
    square: Floats
    """E σ(u)²."""
    slope_square: Floats
    """E σ̇(u)²."""
    series: tuple[Floats, ...] = ()
    """Hermite coefficients of z ↦ σ(√a z) and z ↦ σ̇(√a z), each of shape (terms, *shape of a), where `Dual.pair`
    needs them."""

    def at(self, *index: slice | None) -> Moments:
        """Those of some inputs, with new axes where the index says None."""
        variance, mean, square, slope_square = (
            values[index] for values in (self.variance, self.mean, self.square, self.slope_square)
        )
        series = tuple(values[(slice(None), *index)] for values in self.series)
        return Moments(variance, mean, square, slope_square, series)


class Dual(Protocol):
    """An activation as the recursion of an infinitely wide network sees it."""

    def moments(self, a: Floats) -> Moments:
        """One-dimensional expectations at the variances `a`."""
        ...

    def pair(self, left: Moments, right: Moments, c: Floats) -> tuple[Floats, Floats]:
        """E σ(u)σ(v) and E σ̇(u)σ̇(v) over (u, v) ~ N(0, [[a, c], [c, b]]).

        `left` and `right` are parts of one call of `moments`, at the variances a and b, which broadcast to the shape of
        `c`.
        """
        ...


def _determinant(product: Floats, c: Floats) -> Floats:
    """`product` − c², at least 0, and 0 where it is rounding error: there both inputs are the same."""
    gap = product - c * c
    return np.where(gap > _ROUNDING * product, gap, 0.0)


@dataclass(frozen=True)
class LeakyReLU:
    """Closed form of Cho and Saul 2009 (arc-cosine kernels); ReLU at slope 0."""

    slope: float

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        s, half = self.slope, (1 + self.slope**2) / 2
        return Moments(a, (1 - s) * np.sqrt(a / (2 * math.pi)), half * a, np.full_like(a, half))

    def pair(self, left: Moments, right: Moments, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        root, factor = np.sqrt(_determinant(left.variance * right.variance, c)), (1 - self.slope) ** 2 / (2 * math.pi)
        slopes = (1 + self.slope**2) / 2 - factor * np.arctan2(root, c)
        return factor * root + c * slopes, slopes


@dataclass(frozen=True)
class Erf:
    """Closed form of Williams 1997."""

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        return Moments(a, np.zeros_like(a), *self._pair(a, a, a))

    def pair(self, left: Moments, right: Moments, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        return self._pair(left.variance, right.variance, c)

    @staticmethod
    def _pair(a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        product = (1 + 2 * a) * (1 + 2 * b)
        return 2 / math.pi * np.arcsin(2 * c / np.sqrt(product)), 4 / math.pi / np.sqrt(product - 4 * c * c)


@dataclass(frozen=True)
class GELU:
    """Closed form of u·Φ(u), with the exact Gaussian distribution function."""

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        return Moments(a, a / np.sqrt(2 * math.pi * (1 + a)), *self._pair(a, a, a))

    def pair(self, left: Moments, right: Moments, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        return self._pair(left.variance, right.variance, c)

    @staticmethod
    def _pair(a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        outer = (1 + a) * (1 + b)
        inner = outer - c * c  # at least 1 + a + b
        root = np.sqrt(inner)
        angle = np.arctan2(c, root)
        both = ((c * c + a * b * inner) / (outer * root) + c * angle) / (2 * math.pi) + c / 4
        slopes = 0.25 + angle / (2 * math.pi) + c / (2 * math.pi * root) * (1 / inner + (1 - a * b) / outer + 1)
        return both, slopes


@dataclass(frozen=True)
class Sin:
    """Closed form: the characteristic function of u ± v."""

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        return Moments(a, np.zeros_like(a), -np.expm1(-2 * a) / 2, (1 + np.exp(-2 * a)) / 2)

    def pair(self, left: Moments, right: Moments, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        size = np.abs(c)
        half = np.exp(size - (left.variance + right.variance) / 2) / 2  # at most ½ where |c| ≤ √(ab)
        falling = np.expm1(-2 * size)
        return -np.sign(c) * half * falling, half * (2 + falling)


@dataclass(frozen=True)
class Identity:
    """A linear layer."""

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        return Moments(a, np.zeros_like(a), a, np.ones_like(a))

    def pair(self, left: Moments, right: Moments, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        return c.copy(), np.ones_like(c)


@dataclass(frozen=True)
class ELU:
    """u where u > 0, eᵘ − 1 elsewhere. A quadrant of (u, v) is a wedge of the plane in which both are independent.

    There u = √a r cos t and v = √b r cos(t − φ), φ the angle whose cosine is the correlation. Integrals over the radius
    r are closed forms; those over t are of smooth functions, for which few nodes of Gauss–Legendre are exact.
    """

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        once, twice = _below(np.sqrt(a)), _below(2 * np.sqrt(a))
        return Moments(a, np.sqrt(a / (2 * math.pi)) + once - 0.5, a / 2 + twice - 2 * once + 0.5, 0.5 + twice)

    def pair(self, left: Moments, right: Moments, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        a, b = left.variance, right.variance
        first, second = np.sqrt(a), np.sqrt(b)
        root = np.sqrt(_determinant(a * b, c))
        angle, rest = np.arctan2(root, c), np.arctan2(root, -c)  # φ and π − φ
        both, slopes = (root + c * rest) / (2 * math.pi), rest / (2 * math.pi)  # u, v > 0
        del root
        for node, weight in zip(*(part.tolist() for part in np.polynomial.legendre.leggauss(_ANGLES)), strict=True):
            share = (1 + node) / 2
            # u, v < 0, from the edge where v is 0; v grows with the sine of what is left to the other edge
            k, other = first * np.sin(rest * (1 - share)), second * np.sin(rest * share)
            mass = weight / (4 * math.pi) * rest
            ends, sum_end = _radial(k)[0] + _radial(other)[0], _radial(k + other)[0]
            both = both + mass * (sum_end - ends + 1)
            slopes = slopes + mass * sum_end
            # one below and one above 0
            mass = weight / (4 * math.pi) * angle
            for above, below in ((first, second), (second, first)):
                up, down = above * np.sin(angle * (1 - share)), below * np.sin(angle * share)
                once, twice = _radial(down)
                both = both + mass * up * (twice - math.sqrt(math.pi / 2))
                slopes = slopes + mass * once
        return both, slopes


def _below(scale: Floats) -> Floats:
    """E eˢᶻ over z < 0, z ~ N(0, 1)."""
    from scipy.special import erfcx

    value: Floats = erfcx(scale / math.sqrt(2)) / 2
    return value


def _radial(k: Floats) -> tuple[Floats, Floats]:
    """∫ rᵐ e^(−r²/2 − kr) dr over r > 0 for m = 1 and 2, k ≥ 0."""
    zero = math.sqrt(2 * math.pi) * _below(k)
    one = 1 - k * zero
    return one, zero - k * one


@dataclass(frozen=True, eq=False)
class Smooth:
    """Mehler's series E σ(u)σ(v) = Σ_k h_k(a) h_k(b) ρᵏ with ρ = c/√(ab), h_k the Hermite coefficients.

    For functions that are analytic where |Im u| < π/2, whose coefficients fall fast unless the variance is large. Each
    term is positive semi-definite, so a truncated series is too, which quadrature in two dimensions does not give.
    """

    function: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]

    def moments(self, a: Floats) -> Moments:
        """See `Dual`.

        Raises:
            InputError: a variance above 100.
        """
        largest = float(a.max())
        if not largest <= _LARGEST * (1 + 1e-9):  # inputs of norm 10, up to rounding
            raise InputError(
                "variance in front of tanh, sigmoid, SiLU or softplus",
                expected=f"at most {_LARGEST:g}",
                got=Verbatim(f"{largest:.4g}"),
                remedy="scale the inputs, see unit_sphere",
            )
        z, weights = _quadrature(largest)
        mean, square, slope_square = (np.empty(a.size) for _ in range(3))
        for part, root in _slices(a, len(z)):
            value = self.function(root * z)
            mean[part], square[part] = value @ weights, value**2 @ weights
            slope_square[part] = self.slope(root * z) ** 2 @ weights
        series = tuple(hermite_coefficients(one, a, _needed(one, largest)) for one in (self.function, self.slope))
        return Moments(a, mean.reshape(a.shape), square.reshape(a.shape), slope_square.reshape(a.shape), series)

    def pair(self, left: Moments, right: Moments, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        a, b = left.variance, right.variance
        scale = np.sqrt(a * b)
        rho = np.divide(c, scale, out=np.zeros_like(c), where=scale > 0)
        np.clip(rho, -1, 1, out=rho)
        alike = all(np.ptp(one) <= _ROUNDING * one.max() for one in (a, b))  # equal norms, as on the unit sphere
        found = []
        for first, second in zip(left.series, right.series, strict=True):
            if alike:  # one polynomial in ρ
                first, second = (one.reshape(len(one), -1)[:, 0] for one in (first, second))
            result = np.zeros_like(rho)
            for h, other in zip(reversed(first), reversed(second), strict=True):
                result *= rho
                result += h * other
            found.append(result)
        return found[0], found[1]


def hermite_coefficients(function: Callable[[Floats], Floats], a: Floats, terms: int) -> Floats:
    """Coefficients of z ↦ function(√a z) in orthonormal Hermite polynomials, shape (terms, *shape of a).

    The function is analytic where |Im u| < π/2.
    """
    z, weights = _quadrature(float(a.max()), terms)
    found = np.empty((terms, a.size))
    for part, root in _slices(a, len(z)):
        weighted = function(root * z) * weights
        for start, polynomials in _hermite(z, terms):
            found[start : start + len(polynomials), part] = polynomials @ weighted.T
    return found.reshape(terms, *a.shape)


def _quadrature(variance: float, terms: int = 1) -> tuple[Floats, Floats]:
    """Nodes and weights for N(0, 1): the trapezoidal rule, whose error falls exponentially with the number of nodes.

    For products of a polynomial below degree `terms` and a function of √a z, analytic where |Im √a z| < π/2, at
    variances a up to `variance`. Their spectra end at about √terms + 9 and 27 √a (1e-17); the step resolves the sum.
    Gauss–Hermite nodes do not come close enough to one another at 0, where large variances have all the slope.
    """
    step = 2 * math.pi / (math.sqrt(terms) + 9 + 27 * math.sqrt(variance))
    side = math.ceil(_REACH / step)
    z: Floats = step * np.arange(-side, side + 1, dtype=np.float64)
    weights: Floats = step / math.sqrt(2 * math.pi) * np.exp(-(z**2) / 2)
    return z, weights


def _hermite(z: Floats, terms: int) -> Iterator[tuple[int, Floats]]:
    """Orthonormal Hermite polynomials at `z`, some degrees at a time: the first of them, and shape (degrees, nodes)."""
    before, now = np.zeros_like(z), np.ones_like(z)
    for start in range(0, terms, _AT_ONCE):
        found = np.empty((min(_AT_ONCE, terms - start), len(z)))
        for k, row in enumerate(found, start=start):
            row[:] = now
            before, now = now, (z * now - math.sqrt(k) * before) / math.sqrt(k + 1)
        yield start, found


def _slices(a: Floats, nodes: int) -> Iterator[tuple[slice, Floats]]:
    """Few enough of the variances at a time, with their roots as a column."""
    roots, step = np.sqrt(a).reshape(-1, 1), max(1, _SLICE // nodes)
    for start in range(0, len(roots), step):
        yield slice(start, start + step), roots[start : start + step]


def _needed(function: Callable[[Floats], Floats], variance: float) -> int:
    """How many terms matter at this variance, and so at smaller ones, where coefficients fall faster."""
    terms = 32 + int(256 * variance)  # for tanh; sigmoid and SiLU take a quarter
    while True:
        power = hermite_coefficients(function, np.array([variance]), terms)[:, 0] ** 2
        left = np.cumsum(power[::-1])[::-1] > _NEGLIGIBLE * power.sum()
        if not left[-terms // 8]:
            return max(1, int(np.count_nonzero(left)))
        terms *= 2


def _sigmoid(u: Floats) -> Floats:
    from scipy.special import expit

    value: Floats = expit(u)
    return value


def _sigmoid_slope(u: Floats) -> Floats:
    value = _sigmoid(u)
    return value * (1 - value)


def _silu_slope(u: Floats) -> Floats:
    value = _sigmoid(u)
    return value * (1 + u * (1 - value))


DUALS: dict[str, Dual] = {
    "relu": LeakyReLU(0.0),
    "leaky-relu": LeakyReLU(LEAKY_SLOPE),
    "tanh": Smooth(np.tanh, lambda u: 1 - np.tanh(u) ** 2),
    "sigmoid": Smooth(_sigmoid, _sigmoid_slope),
    "silu": Smooth(lambda u: u * _sigmoid(u), _silu_slope),
    "gelu": GELU(),
    "erf": Erf(),
    "sin": Sin(),
    "softplus": Smooth(lambda u: np.logaddexp(0.0, u), _sigmoid),
    "elu": ELU(),
    "identity": Identity(),
}
"""By the names of `robnas.spaces.ACTIVATIONS`."""


def one_dimensional(name: str) -> Callable[[Floats], Floats]:
    """The activation itself, on arrays."""
    from scipy.special import erf, ndtr

    functions: dict[str, Callable[[Floats], Floats]] = {
        "relu": lambda u: np.maximum(u, 0),
        "leaky-relu": lambda u: np.where(u > 0, u, LEAKY_SLOPE * u),
        "tanh": np.tanh,
        "sigmoid": _sigmoid,
        "silu": lambda u: u * _sigmoid(u),
        "gelu": lambda u: u * ndtr(u),
        "erf": erf,
        "sin": np.sin,
        "softplus": lambda u: np.logaddexp(0.0, u),
        "elu": lambda u: np.where(u > 0, u, np.expm1(np.minimum(u, 0))),
        "identity": lambda u: u,
    }
    return functions[name]

"""Gaussian expectations of activations: closed forms where there are, Hermite series elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from robnas.spaces._theory import LEAKY_SLOPE

Floats: TypeAlias = npt.NDArray[np.float64]

_NODES = 256  # of Gauss–Hermite quadrature in one dimension, and terms of a Hermite series at most
_NEGLIGIBLE = 1e-17  # share of the variance that a truncated series may leave out
_ROUNDING = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class Moments:
    """Expectations over u ~ N(0, a), each of the shape of a."""

    mean: Floats
    """E σ(u)."""
    square: Floats
    """E σ(u)²."""
    slope_square: Floats
    """E σ̇(u)²."""


class Dual(Protocol):
    """An activation as the recursion of an infinitely wide network sees it."""

    def moments(self, a: Floats) -> Moments:
        """One-dimensional expectations at the variances `a`."""
        ...

    def pair(self, a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        """E σ(u)σ(v) and E σ̇(u)σ̇(v) over (u, v) ~ N(0, [[a, c], [c, b]]); `a` and `b` broadcast to the shape of `c`."""
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
        return Moments((1 - s) * np.sqrt(a / (2 * math.pi)), half * a, np.full_like(a, half))

    def pair(self, a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        root, factor = np.sqrt(_determinant(a * b, c)), (1 - self.slope) ** 2 / (2 * math.pi)
        slopes = (1 + self.slope**2) / 2 - factor * np.arctan2(root, c)
        return factor * root + c * slopes, slopes


@dataclass(frozen=True)
class Erf:
    """Closed form of Williams 1997."""

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        square, slope_square = self.pair(a, a, a)
        return Moments(np.zeros_like(a), square, slope_square)

    def pair(self, a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        product = (1 + 2 * a) * (1 + 2 * b)
        return 2 / math.pi * np.arcsin(2 * c / np.sqrt(product)), 4 / math.pi / np.sqrt(product - 4 * c * c)


@dataclass(frozen=True)
class GELU:
    """Closed form of u·Φ(u), with the exact Gaussian distribution function."""

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        square, slope_square = self.pair(a, a, a)
        return Moments(a / np.sqrt(2 * math.pi * (1 + a)), square, slope_square)

    def pair(self, a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        outer = (1 + a) * (1 + b)
        inner = outer - c * c  # at least 1 + a + b
        root = np.sqrt(inner)
        angle = np.arctan2(c, root)
        both = ((c * c + a * b * inner) / (outer * root) + c * angle) / (2 * math.pi) + c / 4
        slopes = 0.25 + angle / (2 * math.pi) + c / (2 * math.pi * root) * (1 / inner + (1 - a * b) / outer + 1)
        return both, slopes


@cache
def _quadrature() -> tuple[Floats, Floats, Floats]:
    """Nodes and weights for N(0, 1), and orthonormal Hermite polynomials at the nodes, shape (nodes, nodes)."""
    from scipy.special import roots_hermite

    nodes, weights = roots_hermite(_NODES)  # numpy's hermgauss returns nan at such degrees
    z = nodes * math.sqrt(2)
    values = np.empty((_NODES, _NODES))
    values[:, 0], values[:, 1] = 1, z
    for k in range(1, _NODES - 1):
        values[:, k + 1] = (z * values[:, k] - math.sqrt(k) * values[:, k - 1]) / math.sqrt(k + 1)
    return z, weights / math.sqrt(math.pi), values


@dataclass(frozen=True, eq=False)
class Smooth:
    """Mehler's series E σ(u)σ(v) = Σ_k h_k(a) h_k(b) ρᵏ with ρ = c/√(ab), coefficients by Gauss–Hermite quadrature.

    For functions that are analytic near the real line, whose coefficients fall fast. Each term is positive
    semi-definite, so a truncated series is too, which quadrature in two dimensions does not give.
    """

    function: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]

    def moments(self, a: Floats) -> Moments:
        """See `Dual`."""
        z, weights, _ = _quadrature()
        u = np.sqrt(a)[..., None] * z
        value = self.function(u)
        return Moments(value @ weights, value**2 @ weights, self.slope(u) ** 2 @ weights)

    def pair(self, a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        """See `Dual`."""
        scale = np.sqrt(a * b)
        rho = np.divide(c, scale, out=np.zeros_like(c), where=scale > 0)
        np.clip(rho, -1, 1, out=rho)
        return self._series(self.function, a, b, rho), self._series(self.slope, a, b, rho)

    @staticmethod
    def _series(function: Callable[[Floats], Floats], a: Floats, b: Floats, rho: Floats) -> Floats:
        left = hermite_coefficients(function, a)
        right = left if b is a else hermite_coefficients(function, b)
        terms = max(_needed(left), _needed(right))
        alike = np.ptp(a) <= _ROUNDING * a.max() and np.ptp(b) <= _ROUNDING * b.max()
        if alike:  # equal norms, as on the unit sphere: one polynomial in ρ
            left, right = left.reshape(-1, left.shape[-1])[0], right.reshape(-1, right.shape[-1])[0]
        result = np.zeros_like(rho)
        for k in reversed(range(terms)):
            result *= rho
            result += left[..., k] * right[..., k]
        return result


def hermite_coefficients(function: Callable[[Floats], Floats], a: Floats) -> Floats:
    """Coefficients of z ↦ function(√a z) in orthonormal Hermite polynomials, shape (*shape of a, terms)."""
    z, weights, polynomials = _quadrature()
    found: Floats = (function(np.sqrt(a)[..., None] * z) * weights) @ polynomials
    return found


def _needed(coefficients: Floats) -> int:
    """How many terms matter."""
    power = (coefficients.reshape(-1, coefficients.shape[-1]) ** 2).max(axis=0)
    tail = np.cumsum(power[::-1])[::-1]
    return max(1, int(np.count_nonzero(tail > _NEGLIGIBLE * tail[0])))


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
    }
    return functions[name]

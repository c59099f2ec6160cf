"""Critical values of the largest of many differences of means: one against all, and all against all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import RESOLUTION
from robnas.errors import InputError, Verbatim
from robnas.types import check_range

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_STEP = 1.05  # ratio of variances that are told apart
_MANY_DEGREES = 200  # from here on an estimated variance counts as known
_DRAWS = 2000  # of the noise of all, where nothing simpler knows their largest difference
_EXTREME = 128  # values of a draw among which its largest difference is looked for
_CELLS = 200_000  # pairs that are held at once


def check_level(level: float, count: int) -> None:
    """Raise `InputError` unless the level is one, and there is something to rank."""
    if isinstance(level, bool) or not isinstance(level, int | float | np.floating):
        raise InputError("confidence level", expected="a number in [0.5, 0.9999]", got=level)
    check_range("confidence level", float(level), 0.5, 0.9999)
    if count < 2:
        raise InputError("ranking", expected="at least 2 architectures", got=Verbatim(f"{count}"))


def one_against_all(
    own: float, others: Floats, degrees: int, level: float, better: Bools | bool = False, worse: Bools | bool = False
) -> float:
    """Quantile of the largest standardised difference between one architecture and the others, all means equal.

    The differences (X_j − X_0) / √(v_j + v_0) share X_0 (Dunnett 1955). With normal X of variances v, and X_0 at z of
    its standard deviations, P(max ≤ c) = ∫ Π_j Φ((c·√(v_j + v_0) + z·√v_0) / √v_j) φ(z) dz, by quadrature. If the
    variances are estimates with few degrees of freedom ν, c is multiplied by s with νs² ~ χ²_ν and integrated over it.

    Args:
        own: v_0.
        others: v_j of all that are ranked, the one itself among them, shape (n,).
        degrees: ν.
        level: the quantile.
        better: which are known to be better, and so no longer tested for it, shape (n,); one for all if a single one.
        worse: the same of what is worse.

    Returns:
        c; 0 if nothing is uncertain, or nothing left to test.
    """
    largest = max(own, float(others.max(initial=0)))
    if not largest > 0:
        return 0.0
    steps = _steps(np.append(others, own) / largest)
    found, place = np.unique(steps[:-1], return_inverse=True)
    up = np.bincount(place, weights=~np.broadcast_to(better, place.shape), minlength=len(found)).astype(int)
    down = np.bincount(place, weights=~np.broadcast_to(worse, place.shape), minlength=len(found)).astype(int)
    itself = found == steps[-1]
    up, down = np.maximum(up - itself, 0), np.maximum(down - itself, 0)
    if not (up.any() or down.any()):
        return 0.0
    estimated = degrees if degrees < _MANY_DEGREES else 0
    return _one(float(steps[-1]), tuple(found.tolist()), tuple(up.tolist()), tuple(down.tolist()), estimated, level)


def _steps(variance: Floats) -> Floats:
    """Variances relative to the largest, rounded to steps of 5 %, so that few differ; at least 1e-8."""
    steps: Floats = np.round(np.log(np.maximum(variance, 1e-8)) / np.log(_STEP))
    return steps


@lru_cache(maxsize=1024)
def _one(
    own: float, others: tuple[float, ...], up: tuple[int, ...], down: tuple[int, ...], degrees: int, level: float
) -> float:
    """`one_against_all` for variances `_STEP` ** step and how many of each are tested for being better, and worse."""
    from scipy.special import ndtr

    v0, v = _STEP**own, _STEP ** np.array(others)[:, None]
    higher, lower = np.array(up)[:, None], np.array(down)[:, None]
    both = np.minimum(higher, lower)
    z = np.linspace(-9, 9, 401 if degrees else 1201)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    shift = z * np.sqrt(v0 / v)

    def inside(c: float) -> float:
        margin = c * np.sqrt((v + v0) / v)
        top, bottom = ndtr(shift + margin), ndtr(shift - margin) if lower.any() else 0.0
        each = (top - bottom) ** both
        if (higher > both).any():
            each = each * top ** (higher - both)
        if (lower > both).any():
            each = each * (1 - bottom) ** (lower - both)
        return float(np.trapezoid(np.prod(each, axis=0) * density, z))

    return _solve(inside, degrees, level)


def all_against_all(count: int, degrees: int, level: float) -> float:
    """Quantile of the largest standardised difference between any two of `count`, all means equal.

    That is the studentised range by √2: P(range ≤ q) = n ∫ φ(z) (Φ(z + q) − Φ(z))ⁿ⁻¹ dz. With unequal variances the
    largest (X_j − X_k) / √(v_j + v_k) is no larger in distribution (Tukey and Kramer's conjecture, Hayter 1984).

    Args:
        count: n.
        degrees: of the estimate of the variance; see `one_against_all`.
        level: the quantile.
    """
    return _all(count, degrees if degrees < _MANY_DEGREES else 0, level)


@lru_cache(maxsize=64)
def _all(count: int, degrees: int, level: float) -> float:
    from scipy.special import ndtr

    z = np.linspace(-9, 9, 1201)
    density = count * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    def inside(c: float) -> float:
        between = ndtr(z + np.sqrt(2) * c) - ndtr(z)
        return min(float(np.trapezoid(between ** (count - 1) * density, z)), 1.0)

    return _solve(inside, degrees, level)


def _solve(inside: Callable[[float], float], degrees: int, level: float) -> float:
    """Where the probability `inside` is `level`; with 0 degrees of freedom the variance is known."""
    from scipy.optimize import brentq
    from scipy.special import gammaincinv

    if not degrees:
        return float(brentq(lambda c: inside(c) - level, 0.0, 20.0, xtol=1e-4))
    from scipy.interpolate import PchipInterpolator  # a second to import, and seldom needed

    points = np.linspace(0, 10, 81)
    with np.errstate(over="ignore"):  # of slopes where the probability is 1 and stays so
        known = PchipInterpolator(points, [inside(c) for c in points])
    scales = np.sqrt(2 * gammaincinv(degrees / 2, (np.arange(1000) + 0.5) / 1000) / degrees)  # of χ²

    def excess(c: float) -> float:
        return float(known(np.minimum(c * scales, 10)).mean()) - level

    high = 10.0
    while excess(high) < 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-4))


def stepdown_all(values: Floats, variance: Floats, degrees: int, level: float) -> float:
    """`all_against_all` after Romano and Wolf's stepdown: what is decided is no longer tested.

    The largest difference that is still tested has no formula. It is drawn `_DRAWS` times with a fixed seed; in each
    draw it is looked for among the most extreme values, and where others could exceed it, is taken to be as large as
    they could make it.

    Args:
        values: that are compared, shape (n,).
        variance: of each, shape (n,).
        degrees: of their estimate; see `one_against_all`.
        level: the quantile.
    """
    critical, before = all_against_all(len(values), degrees, level), np.inf
    draws = _extreme_draws(len(values), degrees)
    while critical < before - 1e-3:
        before = critical
        critical = min(_upper(draws, values, variance, critical, level), critical)
    return critical


@dataclass(frozen=True, eq=False)
class _Draws:
    """The most extreme values in draws of the noise of all."""

    places: npt.NDArray[np.intp]
    """Where they are, shape (draws, kept)."""
    drawn: Floats
    """Their noise, relative to its standard deviation, shape (draws, kept)."""
    rest: Floats
    """No standardised difference with a value that is not kept is larger, shape (draws,)."""
    most: Floats
    """None at all is larger, once divided by `scale`; shape (draws,), decreasing."""
    scale: Floats
    """Standard deviation as it would be estimated, relative to the true one, shape (draws,)."""


@lru_cache(maxsize=2)
def _extreme_draws(count: int, degrees: int) -> _Draws:
    rng, kept = np.random.default_rng(0), min(count, _EXTREME)
    square = rng.chisquare(degrees, _DRAWS) / degrees if degrees < _MANY_DEGREES else np.ones(_DRAWS)
    places, extreme = np.empty((_DRAWS, kept), dtype=np.intp), np.empty((_DRAWS, kept))
    first, second, left = np.zeros((3, _DRAWS))
    for number in range(_DRAWS):
        drawn = rng.standard_normal(count)
        size = np.abs(drawn)
        order = np.argpartition(-size, kept - 1)
        places[number], extreme[number] = order[:kept], drawn[order[:kept]]
        second[number], first[number] = np.partition(size[order[:kept]], kept - 2)[-2:]
        left[number] = size[order[kept:]].max(initial=0)
    rest = np.hypot(first, left) if kept < count else left  # |a − b| / √(v + w) ≤ √(a²/v + b²/w), by Cauchy
    most = np.hypot(first, second) / np.sqrt(square)
    falling = np.argsort(-most)
    return _Draws(places[falling], extreme[falling], rest[falling], most[falling], np.sqrt(square)[falling])


def _upper(draws: _Draws, values: Floats, variance: Floats, critical: float, level: float) -> float:
    """The quantile; draws that cannot be among the largest are not looked at."""
    needed, found, size = math.floor((1 - level) * _DRAWS), np.zeros(0), max(1, _CELLS // draws.drawn.shape[1] ** 2)
    for start in range(0, _DRAWS, size):
        if (found >= draws.most[start]).sum() > needed:
            break
        part = slice(start, start + size)
        found = np.append(found, _largest(draws, part, values, variance, critical))
    return float(np.sort(found)[::-1][needed])


def _largest(draws: _Draws, part: slice, values: Floats, variance: Floats, critical: float) -> Floats:
    """The largest standardised difference of each draw among pairs that `critical` has not decided."""
    places = draws.places[part]
    value, sd = values[places], np.sqrt(variance[places])
    spread = np.maximum(np.sqrt(sd[:, :, None] ** 2 + sd[:, None] ** 2), 1e-300)
    error = draws.drawn[part] * sd
    found = (error[:, :, None] - error[:, None]) / spread
    found[value[:, :, None] - value[:, None] > np.maximum(critical * spread, RESOLUTION)] = 0
    largest: Floats = np.maximum(found.max(axis=(1, 2)), draws.rest[part]) / draws.scale[part]
    return largest

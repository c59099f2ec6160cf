"""Critical values of the largest of many differences of means: one against all, and all against all."""

from __future__ import annotations

import math
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
_HIGHEST = 10.0
_CRITICAL = _HIGHEST * np.linspace(0, 1, 81) ** 2  # where probabilities are computed
_Z = np.linspace(-6.5, 6.5, 105)
_WEIGHTS = np.exp(-(_Z**2) / 2) / np.exp(-(_Z**2) / 2).sum()  # of the standard normal distribution
_HALVINGS = 22  # of the interval in which a critical value lies
_PARTS = 128  # of the distribution of an estimated variance
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
    """`each_against_all` of one."""
    return float(each_against_all(np.array([own]), others, degrees, level, better, worse)[0])


def each_against_all(
    own: Floats, others: Floats, degrees: int, level: float, better: Bools | bool = False, worse: Bools | bool = False
) -> Floats:
    """Quantile of the largest standardised difference between one architecture and the others, all means equal.

    The differences (X_j − X_0) / √(v_j + v_0) share X_0 (Dunnett 1955). With normal X of variances v, and X_0 at z of
    its standard deviations, P(max ≤ c) = ∫ Π_j Φ((c·√(v_j + v_0) + z·√v_0) / √v_j) φ(z) dz, by quadrature. The
    variances are estimates with ν degrees of freedom: c is multiplied by s with νs² ~ χ²_ν and integrated over it.

    Args:
        own: v_0 of each architecture for which the quantile is asked, shape (k,).
        others: v_j of all that are ranked, the one itself among them, shape (n,).
        degrees: ν.
        level: the quantile.
        better: which are known to be better, and so no longer tested for it, shape (n,); one for all if a single one.
        worse: the same of what is worse.

    Returns:
        c, shape (k,); 0 if nothing is uncertain, or nothing left to test.
    """
    largest = max(float(own.max(initial=0)), float(others.max(initial=0)))
    if not (largest > 0 and len(own)):
        return np.zeros(len(own))
    found, place = np.unique(_steps(others / largest), return_inverse=True)
    up, down = (
        np.bincount(place, weights=~np.broadcast_to(known, place.shape), minlength=len(found))
        for known in (better, worse)
    )
    steps, same = np.unique(_steps(own / largest), return_inverse=True)
    tested = [[np.maximum(count - (found == step), 0) for count in (up, down)] for step in steps]
    inside = np.array([_inside(step - found, *counts) for step, counts in zip(steps, tested, strict=True)])
    left = np.array([any(count.any() for count in counts) for counts in tested])
    return np.where(left, _solve(inside, degrees, level), 0.0)[same]


def bonferroni(count: int, degrees: int, level: float) -> float:
    """An upper bound of `each_against_all` of one among `count` that is tested for being better alone."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - (1 - level) / (count - 1)))


def _steps(relative: Floats) -> npt.NDArray[np.int64]:
    """Variances relative to the largest, rounded to steps of 5 %, so that few differ; at least 1e-8."""
    steps: npt.NDArray[np.int64] = np.round(np.log(np.maximum(relative, 1e-8)) / np.log(_STEP)).astype(np.int64)
    return steps


def _inside(ratios: npt.NDArray[np.int64], up: Floats, down: Floats) -> Floats:
    """P(max ≤ c) at `_CRITICAL` by steps of v_0 / v_j, and how many of each are tested for being better, and worse."""
    both = np.minimum(up, down)
    log = np.zeros((len(_CRITICAL), len(_Z)))
    for step, shared, higher, lower in zip(ratios.tolist(), both, up - both, down - both, strict=True):
        if shared:
            log += shared * _log_between(step)
        if higher:
            log += higher * _log_below(step)
        if lower:
            log += lower * _log_below(step)[:, ::-1]
    inside: Floats = np.exp(log) @ _WEIGHTS
    return inside


@lru_cache(maxsize=512)
def _log_between(step: int) -> Floats:
    """Logarithm of P(|X_j − X_0| ≤ c·√(v_j + v_0)) given X_0, shape (c, z), for v_0 / v_j = `_STEP` ** step.

    It depends on nothing else, and is kept.
    """
    from scipy.special import ndtr

    shift, margin = _shift_and_margin(step)
    between: Floats = np.log(np.maximum(ndtr(shift + margin) - ndtr(shift - margin), 1e-300))
    return between


@lru_cache(maxsize=512)
def _log_below(step: int) -> Floats:
    """The same of P(X_j − X_0 ≤ c·√(v_j + v_0))."""
    from scipy.special import log_ndtr

    shift, margin = _shift_and_margin(step)
    below: Floats = log_ndtr(shift + margin)
    return below


def _shift_and_margin(step: int) -> tuple[Floats, Floats]:
    """Of X_j in its standard deviations, given X_0 at `_Z`; shapes (z,) and (c, 1)."""
    ratio = _STEP**step
    return _Z * np.sqrt(ratio), _CRITICAL[:, None] * np.sqrt(1 + ratio)


@lru_cache(maxsize=64)
def all_against_all(count: int, degrees: int, level: float) -> float:
    """Quantile of the largest standardised difference between any two of `count`, all means equal.

    That is the studentised range by √2: P(range ≤ q) = n ∫ φ(z) (Φ(z + q) − Φ(z))ⁿ⁻¹ dz. With unequal variances the
    largest (X_j − X_k) / √(v_j + v_k) is no larger in distribution (Tukey and Kramer's conjecture, Hayter 1984).

    Args:
        count: n.
        degrees: of the estimate of the variance; see `each_against_all`.
        level: the quantile.
    """
    from scipy.special import ndtr

    z = np.linspace(-9, 9, 1201)
    density = count * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    between = ndtr(z + np.sqrt(2) * _CRITICAL[:, None]) - ndtr(z)
    return float(_solve(np.trapezoid(between ** (count - 1) * density, z)[None], degrees, level)[0])


def _solve(inside: Floats, degrees: int, level: float) -> Floats:
    """Where the probability, `inside` at `_CRITICAL`, is `level` on average over estimates of the variance; shape (k,).

    log(−log P) is interpolated: nearly a parabola where P is near 1, as the largest of many has it.
    """
    shape = np.log(-np.log(np.clip(inside, 1e-300, 1 - 1e-15)))
    slope, (scales, weights) = np.gradient(shape, axis=1), _scales(degrees)
    row = np.arange(len(inside))[:, None]

    def reached(c: Floats) -> Bools:
        at = np.sqrt(np.minimum(c[:, None] * scales / _HIGHEST, 1 - 1e-12)) * (len(_CRITICAL) - 1)
        left = at.astype(np.intp)
        t, low, high = at - left, shape[row, left], shape[row, left + 1]
        first, last = slope[row, left], slope[row, left + 1]
        found = low + t * (first + t * (3 * (high - low) - 2 * first - last + t * (2 * (low - high) + first + last)))
        enough: Bools = np.exp(-np.exp(found)) @ weights >= level
        return enough

    low, high = np.zeros(len(inside)), np.full(len(inside), _HIGHEST)
    while not (done := reached(high)).all():
        high = np.where(done, high, 2 * high)
    for _ in range(_HALVINGS):
        half = (low + high) / 2
        right = reached(half)
        low, high = np.where(right, low, half), np.where(right, half, high)
    middle: Floats = (low + high) / 2
    return middle


@lru_cache(maxsize=256)
def _scales(degrees: int) -> tuple[Floats, Floats]:
    """√(χ² / ν), estimated by true standard deviation, and weights: parts of the distribution, finest in its tails."""
    from scipy.special import gammaincinv

    if degrees >= _MANY_DEGREES:
        return np.ones(1), np.ones(1)
    angle = np.pi * (np.arange(_PARTS) + 0.5) / _PARTS
    scales = np.sqrt(2 * gammaincinv(degrees / 2, (1 - np.cos(angle)) / 2) / degrees)
    return scales, np.sin(angle) / np.sin(angle).sum()


def stepdown_all(values: Floats, variance: Floats, degrees: int, level: float) -> float:
    """`all_against_all` after Romano and Wolf's stepdown: what is decided is no longer tested.

    The largest difference that is still tested has no formula. It is drawn `_DRAWS` times with a fixed seed; in each
    draw it is looked for among the most extreme values, and where others could exceed it, is taken to be as large as
    they could make it.

    Args:
        values: that are compared, shape (n,).
        variance: of each, shape (n,).
        degrees: of their estimate; see `each_against_all`.
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
    needed, found = math.floor((1 - level) * _DRAWS), np.zeros(0)
    size = min(max(1, _CELLS // draws.drawn.shape[1] ** 2), _DRAWS // 10)
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

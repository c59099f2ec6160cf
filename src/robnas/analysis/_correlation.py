"""Rank correlations with intervals, and how high any of them can get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Column, Residuals, Table, run_residuals
from robnas.errors import InputError, Verbatim
from robnas.types import check_count, check_range

Floats = npt.NDArray[np.float64]
Method = Literal["spearman", "kendall"]
_WINDOW = 200  # residuals of similar value among which noise is drawn


@dataclass(frozen=True)
class Correlation:
    """A rank correlation with its interval; nan where it is not defined, because one side is constant."""

    value: float
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    level: float
    """Confidence level, such as 0.95."""
    count: int
    """Pairs it rests on."""

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def spearman(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Spearman's ρ: Pearson's correlation of ranks, ties averaged; nan if one side is constant or holds a nan.

    Means of several runs differ by rounding where they are equal: see `robnas.benchmarks.tied`.

    Raises:
        InputError: shapes differ, an infinite value, or fewer than 2 pairs.
    """
    return _spearman(*_pairs(first, second, 2))


def kendall(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Kendall's τ-b; nan if one side is constant or holds a nan.

    Raises:
        InputError: shapes differ, an infinite value, or fewer than 2 pairs.
    """
    return _kendall(*_pairs(first, second, 2))


def _spearman(first: Floats, second: Floats) -> float:
    from scipy.stats import rankdata

    a, b = rankdata(first), rankdata(second)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


def _kendall(first: Floats, second: Floats) -> float:
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic)


_METHODS: dict[str, Callable[[Floats, Floats], float]] = {"spearman": _spearman, "kendall": _kendall}


def correlate(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    method: Method = "spearman",
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> Correlation:
    """Rank correlation of two columns over architectures.

    The interval is the percentile bootstrap over architectures (Efron 1979): it says how the figure would vary with
    another sample of architectures, not with other training seeds. Value and interval are nan if a column is constant;
    samples in which one is constant by chance are left out of the interval.

    Args:
        first: shape (n,); pairs with nan are left out.
        second: shape (n,).
        method: ``spearman`` or ``kendall`` (τ-b).
        rng: source of randomness.
        resamples: bootstrap samples.
        level: confidence level.

    Raises:
        InputError: shapes differ, an infinite value, fewer than 3 pairs, or no resample.
    """
    function = _check(method, level, resamples, rng)
    a, b = _pairs(first, second, 0)
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = _pairs(a[known], b[known], 3)
    drawn = []
    for _ in range(resamples):
        index = rng.integers(len(a), size=len(a))
        drawn.append(function(a[index], b[index]))
    return Correlation(function(a, b), *_interval(drawn, level), level, len(a))


def _check(method: object, level: float, resamples: object, rng: object) -> Callable[[Floats, Floats], float]:
    """The method's function, once the settings are known to be good."""
    if not isinstance(method, str) or method not in _METHODS:
        raise InputError("correlation method", expected=f"one of {', '.join(_METHODS)}", got=method)
    check_range("confidence level", level, 0.5, 0.9999)
    check_count("resamples", resamples)
    if not isinstance(rng, np.random.Generator):
        raise InputError("rng", expected="a numpy generator", got=rng)
    return _METHODS[method]


def _pairs(first: npt.ArrayLike, second: npt.ArrayLike, least: int) -> tuple[Floats, Floats]:
    a, b = _numbers(first), _numbers(second)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError("columns", expected="two of one length", got=Verbatim(f"shapes {a.shape} and {b.shape}"))
    if len(a) < least:
        raise InputError("correlation", expected=f"at least {least} pairs", got=Verbatim(f"{len(a)}"))
    return a, b


def _numbers(column: npt.ArrayLike) -> Floats:
    try:
        numbers = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("columns", expected="numbers", got=column) from None
    if np.isinf(numbers).any():
        raise InputError("columns", expected="finite numbers, or nan where one is missing", got=Verbatim("inf"))
    return numbers


def _interval(drawn: list[float], level: float) -> tuple[float, float]:
    """Percentiles of what is defined among `drawn`; nan if nothing is."""
    known = [value for value in drawn if value == value]
    if not known:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def correlation_ceiling(
    values: npt.ArrayLike,
    noise: float | Residuals,
    method: Method = "spearman",
    *,
    rng: np.random.Generator,
    runs: npt.ArrayLike = 1,
    resamples: int = 200,
    level: float = 0.95,
) -> Correlation:
    """A model of the rank correlation that a predictor which knows every true mean would reach against a noisy table.

    The true means are not known. They are imitated by the table's values shrunk towards their mean until their
    variance is what remains after the noise is taken off, var − noise variance (Spearman 1904); noise is then added
    again, many times, and each noisy copy is correlated with the imitation.

    Args:
        values: the table's column, shape (n,); nan is left out. A column that varies no more than its noise has the
            ceiling 0: there is nothing to predict. A constant one has none: nan.
        noise: residuals, from which noise is drawn among the 200 nearest in value, or the standard deviation of normal
            noise. The noise of trainings has heavy tails and depends on the value: a normal one of the same standard
            deviation gives a ceiling that the table itself exceeds.
        method: ``spearman`` or ``kendall``.
        rng: source of randomness.
        runs: trainings behind each value if `noise` is that of one, shape (n,) or one number for all; 1 if it is that
            of the values as they are.
        resamples: noisy copies.
        level: of the interval over copies.

    Raises:
        InputError: fewer than 3 values, an infinite one, no resample, or noise that is no noise.
    """
    function = _check(method, level, resamples, rng)
    column = _numbers(values)
    known = ~np.isnan(column)
    share_of_run = _shares(runs, column)[known]
    column = column[known]
    if column.ndim != 1 or len(column) < 3:
        raise InputError("values", expected="at least 3", got=Verbatim(f"shape {column.shape}"))
    draw_run = _local(noise, column) if isinstance(noise, Residuals) else _normal(noise)

    def draw(copies: int) -> Floats:
        return draw_run(rng, column.size, copies) * share_of_run

    if (column == column[0]).all():
        return Correlation(float("nan"), float("nan"), float("nan"), level, len(column))
    total = column.var()
    share = max(total - float(draw(50).var()), 0.0) / total
    if share == 0:  # all that varies is noise: there is nothing to predict
        return Correlation(0.0, 0.0, 0.0, level, len(column))
    truth = column.mean() + np.sqrt(share) * (column - column.mean())
    drawn = [function(truth, truth + draw(1)[0]) for _ in range(resamples)]
    return Correlation(float(np.mean(drawn)), *_interval(drawn, level), level, len(column))


def _shares(runs: npt.ArrayLike, column: Floats) -> Floats:
    """1 / √runs, of the shape of the column; 1 where there are none."""
    numbers = _numbers(runs)
    if numbers.ndim and numbers.shape != column.shape:
        raise InputError("runs", expected="one number, or one per value", got=Verbatim(f"shape {numbers.shape}"))
    shares: Floats = np.broadcast_to(1 / np.sqrt(np.maximum(numbers, 1)), column.shape)
    return shares


def table_ceiling(table: Table, column: Column, rng: np.random.Generator) -> Correlation:
    """`correlation_ceiling` of Spearman for a column, from the residuals of its repeated trainings.

    Raises:
        InputError: it holds none, or fewer than 3 values.
    """
    residuals = run_residuals(table.rows, column)
    return correlation_ceiling(column.mean, residuals, rng=rng, runs=column.counts, resamples=20)


Draw = Callable[[np.random.Generator, int, int], Floats]


def _normal(sd: float) -> Draw:
    if not isinstance(sd, int | float) or isinstance(sd, bool) or sd == float("inf"):
        raise InputError("noise standard deviation", expected="a finite number, or residuals", got=sd)
    check_range("noise standard deviation", sd, 0)
    return lambda rng, count, copies: rng.normal(0, sd, (copies, count))


def _local(residuals: Residuals, column: Floats) -> Draw:
    """Noise for each value from the residuals whose level is near it."""
    size = len(residuals.level)
    if size < 2:
        raise InputError("residuals", expected="at least 2", got=Verbatim(f"{size}"))
    window = min(_WINDOW, size)
    start = np.clip(np.searchsorted(residuals.level, column) - window // 2, 0, size - window)
    sign = (-1.0, 1.0)  # which of two identical networks is the higher one is chance

    def draw(rng: np.random.Generator, count: int, copies: int) -> Floats:
        drawn = residuals.deviation[start + rng.integers(window, size=(copies, count))]
        signed: Floats = drawn * rng.choice(sign, size=(copies, count))
        return signed

    return draw

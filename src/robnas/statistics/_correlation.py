"""Rank correlations with intervals, and how high any of them can get."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Column, Residuals, Table, measured_column, run_residuals
from robnas.errors import InputError, Verbatim
from robnas.statistics._deconvolution import Deconvolution, TrueMeans, kendall_with_values, spearman_with_values
from robnas.statistics._true_noise import TrueNoise, true_noise
from robnas.types import check_count, check_range

Floats = npt.NDArray[np.float64]
Method = Literal["spearman", "kendall"]
_OF_METHOD = 0.05  # of what is missing to 1: the error of the ceiling in large tables, in simulation
_FEWEST = 3  # architectures of a correlation
_ROUNDS = 2  # noise for the distribution of true means, then that for the noise


@final
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
    """The rank correlation that a predictor which knows every true mean would reach against a noisy table.

    The true means are not known, but how they are distributed is: the distribution that explains the values best, once
    the noise is taken off (`Deconvolution`). Means and values of that distribution correlate as much as this says. The
    noise is normal with a standard deviation that depends on the true mean.

    Args:
        values: the table's column, shape (n,); nan is left out. A column that varies no more than its noise has the
            ceiling 0: there is nothing to predict, up to what the interval says. A constant one has none: nan.
        noise: residuals, whose standard deviation is that of networks of similar true mean, or one standard deviation.
        method: ``spearman``, or ``kendall``, for which no two true means count as equal.
        rng: source of randomness of the interval; the value does not depend on it.
        runs: trainings behind each value if `noise` is that of one, shape (n,) or one number for all; 1 if it is that
            of the values as they are.
        resamples: bootstrap samples of the values, and of the residuals where they are given.
        level: of the interval, which a twentieth of what is missing to 1 is added to on both sides: what the method
            itself errs by in simulation.

    Raises:
        InputError: fewer than 3 values, an infinite one, no resample, or noise that is no noise.
    """
    _check(method, level, resamples, rng)
    column = _numbers(values)
    if column.ndim != 1:
        raise InputError("values", expected="one number per architecture", got=Verbatim(f"shape {column.shape}"))
    known = ~np.isnan(column)
    behind = _runs(runs, column)[known]
    column = column[known]
    if len(column) < 3:
        raise InputError("values", expected="at least 3", got=Verbatim(f"shape {column.shape}"))
    around = true_noise(noise, column)
    if (column == column[0]).all():
        return Correlation(float("nan"), float("nan"), float("nan"), level, len(column))
    if around.none:  # nothing is in the way
        return Correlation(1.0, 1.0, 1.0, level, len(column))
    least, most = _by_variance(column, behind, around, method, level)
    if (around(column) ** 2 / behind).mean() >= column.var():  # nothing can be predicted, as far as is known
        return Correlation(0.0, 0.0, most, level, len(column))
    function = _WITH_VALUES[method]
    deconvolution, found, around = behind_values(column, behind, around)
    value = function(found)
    drawn = [function(deconvolution.refit(found, around.resampled(rng), rng)) for _ in range(resamples)]
    low, high = _interval(drawn, level)
    shift = value - float(np.mean([one for one in drawn if one == one] or [value]))  # a refit is a little lower
    error = _OF_METHOD * (1 - value)
    low, high = max(low + shift - error, 0.0), min(high + shift + error, 1.0)
    if not least:  # all of it may be noise: the distribution that was found is one of many
        low, high = 0.0, max(high, most)
    return Correlation(value, low, high, level, len(column))


def behind_values(column: Floats, runs: Floats, around: TrueNoise) -> tuple[Deconvolution, TrueMeans, TrueNoise]:
    """The distribution of true means behind values, shape (n,), of so many runs each, and the noise at true means."""
    deconvolution = Deconvolution(column, runs, around)
    found = deconvolution.fit(around)
    for _ in range(_ROUNDS if around.networks else 0):
        around = around.behind(found)
        found = deconvolution.fit(around)
    return deconvolution, found, around


_WITH_VALUES = {"spearman": spearman_with_values, "kendall": kendall_with_values}


def _by_variance(column: Floats, behind: Floats, around: TrueNoise, method: str, level: float) -> tuple[float, float]:
    """Interval of the ceiling from the share of the variance that is noise, as if true means were normal.

    The logarithm of that share varies with the values and with the networks that the noise is measured on.
    """
    from scipy.special import ndtri

    variance = column.var(ddof=1)
    flatness = max(float(((column - column.mean()) ** 4).mean() / column.var() ** 2), 3.0)  # 3 of normal values
    error = math.sqrt((flatness - 1) / (len(column) - 1) + around.relative_error**2)
    share = (around(column) ** 2 / behind).mean() / variance
    noise = share * np.exp(error * ndtri((1 + level) / 2) * np.array([1, -1]))
    low, high = np.sqrt(np.maximum(1 - noise, 0))
    return _of_normal_pair(low, method), _of_normal_pair(high, method)


def _of_normal_pair(r: float, method: str) -> float:
    """Rank correlation of a normal pair whose correlation is r."""
    return 6 / math.pi * math.asin(r / 2) if method == "spearman" else 2 / math.pi * math.asin(r)


def _runs(runs: npt.ArrayLike, column: Floats) -> Floats:
    """Trainings behind each value, at least 1."""
    numbers = _numbers(runs)
    if numbers.ndim and numbers.shape != column.shape:
        raise InputError("runs", expected="one number, or one per value", got=Verbatim(f"shape {numbers.shape}"))
    if (np.isnan(numbers) & ~np.isnan(column)).any():
        raise InputError("runs", expected="a number wherever there is a value", got=Verbatim("nan"))
    behind: Floats = np.broadcast_to(np.maximum(numbers, 1), column.shape)
    return behind


def table_ceiling(table: Table, column: Column, rng: np.random.Generator, resamples: int = 50) -> Correlation:
    """`correlation_ceiling` of Spearman for the measured values of a column, from the residuals of repeated trainings.

    Raises:
        InputError: it holds none, or fewer than 3 values.
    """
    column = measured_column(column)
    residuals, runs = table_residuals(table, column)
    return correlation_ceiling(column.mean, residuals, rng=rng, runs=runs, resamples=resamples)


def table_residuals(table: Table, column: Column) -> tuple[Residuals, npt.NDArray[np.int64]]:
    """Residuals of trainings of a column, and how many of what they are residuals of are behind each value, (rows,).

    Raises:
        InputError: it holds no repeated trainings.
    """
    residuals, runs = run_residuals(table, column), column.counts
    if column.seeds:
        return residuals, runs
    # whole means were compared: their noise is that of the values as they are
    return replace(residuals, deviation=residuals.deviation / np.sqrt(column.runs)), np.minimum(runs, 1)


def root_of_seeds(column: Column, rng: np.random.Generator, resamples: int = 200, level: float = 0.95) -> Correlation:
    """√ of Spearman's ρ between two seeds, the mean over pairs of seeds: what ranks of one training can be told.

    It is the correlation of their ranks with the expected ranks, to which no model of the noise or of the true means
    contributes. It exceeds the Spearman correlation of the true means, whose ranks are not those of expected ranks, and
    is that of one training where `correlation_ceiling` is that of the column. The interval is the bootstrap over
    architectures. nan without 3 architectures that have two seeds in common; 0 where seeds do not agree at all.
    """
    several = column.values[(~np.isnan(column.values)).sum(axis=1) > 1]
    known = ~np.isnan(several)
    pairs = [
        (first, second)
        for first, second in combinations(range(several.shape[1]), 2)
        if (known[:, first] & known[:, second]).sum() >= _FEWEST
    ]
    if not pairs:
        return Correlation(float("nan"), float("nan"), float("nan"), level, len(several))
    drawn = [_root(several[rng.integers(len(several), size=len(several))], pairs) for _ in range(resamples)]
    return Correlation(_root(several, pairs), *_interval(drawn, level), level, len(several))


def _root(values: Floats, pairs: Sequence[tuple[int, int]]) -> float:
    """√ of the mean of Spearman over pairs of columns, by their rows; nan where all are constant."""
    found, rows = [], []
    for first, second in pairs:
        both = ~np.isnan(values[:, first] + values[:, second])
        found.append(_spearman(values[both, first], values[both, second]) if both.sum() >= _FEWEST else np.nan)
        rows.append(both.sum())
    known = ~np.isnan(found)
    if not known.any():
        return float("nan")
    return float(np.sqrt(max(np.average(np.array(found)[known], weights=np.array(rows)[known]), 0.0)))

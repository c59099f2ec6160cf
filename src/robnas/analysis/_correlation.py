"""Rank correlations with intervals, and how high any of them can get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.types import check_range

Floats = npt.NDArray[np.float64]
Method = Literal["spearman", "kendall"]


@dataclass(frozen=True)
class Correlation:
    """A rank correlation with its bootstrap percentile interval."""

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
    """Spearman's ρ: Pearson's correlation of ranks, ties averaged; nan if one side is constant."""
    from scipy.stats import rankdata

    return _pearson(rankdata(first), rankdata(second))


def kendall(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Kendall's τ-b; nan if one side is constant."""
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic)


def _pearson(first: Floats, second: Floats) -> float:
    a, b = first - first.mean(), second - second.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


METHODS: dict[str, Callable[[npt.ArrayLike, npt.ArrayLike], float]] = {"spearman": spearman, "kendall": kendall}


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
    another sample of architectures, not with other training seeds.

    Args:
        first: shape (n,); pairs with nan are left out.
        second: shape (n,).
        method: ``spearman`` or ``kendall`` (τ-b).
        rng: source of randomness.
        resamples: bootstrap samples.
        level: confidence level.

    Raises:
        InputError: shapes differ, or fewer than 3 pairs.
    """
    if method not in METHODS:
        raise InputError("correlation method", expected=f"one of {', '.join(METHODS)}", got=method)
    check_range("confidence level", level, 0.5, 0.9999)
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError("columns", expected="two of one length", got=Verbatim(f"shapes {a.shape} and {b.shape}"))
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if len(a) < 3:
        raise InputError("correlation", expected="at least 3 pairs", got=Verbatim(f"{len(a)}"))
    function = METHODS[method]
    drawn = []
    for _ in range(resamples):
        index = rng.integers(len(a), size=len(a))
        drawn.append(function(a[index], b[index]))
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Correlation(function(a, b), float(low), float(high), level, len(a))


def correlation_ceiling(
    values: npt.ArrayLike,
    noise_sd: float | npt.ArrayLike,
    method: Method = "spearman",
    *,
    rng: np.random.Generator,
    resamples: int = 200,
    level: float = 0.95,
) -> Correlation:
    """The rank correlation that a predictor which knows every true mean would reach against a noisy table.

    The true means are not known. They are imitated by the table's values shrunk towards their mean until their
    variance is what remains after the noise is taken off, var − sd² (classical test theory, Spearman 1904); noise of
    the measured size is then added again, many times, and each noisy copy is correlated with the imitation.

    Args:
        values: the table's column, shape (n,); nan is left out.
        noise_sd: standard deviation of one table value, one number or shape (n,).
        method: ``spearman`` or ``kendall``.
        rng: source of randomness.
        resamples: noisy copies.
        level: of the interval over copies.
    """
    column = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(column)
    sd = np.broadcast_to(np.asarray(noise_sd, dtype=np.float64), column.shape)[known]
    column = column[known]
    check_range("noise standard deviation", float(sd.min()), 0)
    total = column.var()
    share = max(total - float((sd**2).mean()), 0.0) / total if total > 0 else 0.0
    if share == 0:  # all that varies is noise: there is nothing to predict
        return Correlation(0.0, 0.0, 0.0, level, len(column))
    truth = column.mean() + np.sqrt(share) * (column - column.mean())
    function = METHODS[method]
    drawn = [function(truth, truth + rng.normal(0, sd)) for _ in range(resamples)]
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Correlation(float(np.mean(drawn)), float(low), float(high), level, len(column))


def correlation_matrix(columns: dict[str, Any], method: Method = "spearman") -> Floats:
    """Pairwise rank correlations, shape (columns, columns)."""
    function, names = METHODS[method], list(columns)
    return np.array([[function(columns[a], columns[b]) for b in names] for a in names])

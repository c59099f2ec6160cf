"""Rank correlations with intervals, and how high any of them can get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Residuals
from robnas.errors import InputError, Verbatim
from robnas.types import check_range

Floats = npt.NDArray[np.float64]
Method = Literal["spearman", "kendall"]
_WINDOW = 200  # residuals of similar value among which noise is drawn


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
    noise: float | Residuals,
    method: Method = "spearman",
    *,
    rng: np.random.Generator,
    resamples: int = 200,
    level: float = 0.95,
) -> Correlation:
    """A model of the rank correlation that a predictor which knows every true mean would reach against a noisy table.

    The true means are not known. They are imitated by the table's values shrunk towards their mean until their
    variance is what remains after the noise is taken off, var − noise variance (Spearman 1904); noise is then added
    again, many times, and each noisy copy is correlated with the imitation.

    Args:
        values: the table's column, shape (n,); nan is left out.
        noise: residuals of identical networks, from which noise is drawn among the 200 nearest in value, or the
            standard deviation of normal noise. The noise of trainings has heavy tails: a normal one of the same
            standard deviation gives a ceiling that the table itself exceeds.
        method: ``spearman`` or ``kendall``.
        rng: source of randomness.
        resamples: noisy copies.
        level: of the interval over copies.
    """
    if method not in METHODS:
        raise InputError("correlation method", expected=f"one of {', '.join(METHODS)}", got=method)
    check_range("confidence level", level, 0.5, 0.9999)
    column = np.asarray(values, dtype=np.float64)
    column = column[~np.isnan(column)]
    draw = _normal(noise) if isinstance(noise, int | float) else _local(noise, column)
    total = column.var()
    share = max(total - float(draw(rng, column.size, 50).var()), 0.0) / total if total > 0 else 0.0
    if share == 0:  # all that varies is noise: there is nothing to predict
        return Correlation(0.0, 0.0, 0.0, level, len(column))
    truth = column.mean() + np.sqrt(share) * (column - column.mean())
    function = METHODS[method]
    drawn = [function(truth, truth + draw(rng, column.size, 1)[0]) for _ in range(resamples)]
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Correlation(float(np.mean(drawn)), float(low), float(high), level, len(column))


Draw = Callable[[np.random.Generator, int, int], Floats]


def _normal(sd: float) -> Draw:
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

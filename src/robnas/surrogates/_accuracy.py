"""How good predictions are: one set of numbers for what was measured and not seen by the fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from robnas.benchmarks import tied
from robnas.errors import InputError, Verbatim
from robnas.surrogates._prediction import Prediction, Vector

METRICS = (
    "spearman", "top_decile_spearman", "r2", "mae", "regret_top10", "coverage_90", "coverage_90_top", "width_90",
    "median_width_90",
)  # fmt: skip
"""Keys of `accuracy_of`."""
_CHOSEN = 10  # architectures of which the best counts
_FEWEST = 20  # architectures of which a decile says something


def accuracy_of(measured: Vector, predicted: Prediction, *, sign: int, rng: np.random.Generator) -> dict[str, float]:
    """How close predictions come to what was measured.

    - ``spearman`` over all, and ``top_decile_spearman`` over the tenth with the best **measured** values and what ties
      with the last of them; nan where one side is constant.
    - ``r2``, share of the variance that is explained, and ``mae``, mean absolute error.
    - ``regret_top10``: best measured value of all minus the best among the ten that are predicted best.
    - ``coverage_90``: share of the measured values inside their intervals; ``coverage_90_top`` among the tenth that is
      **predicted** best. ``width_90`` and ``median_width_90`` of the intervals.

    Args:
        measured: shape (n,).
        predicted: of the same, intervals included.
        sign: 1 where higher values are better, -1 where lower ones are.
        rng: which of equal predictions are among the best ten, or tenth.

    Raises:
        InputError: fewer than 20 values.
    """
    count = len(measured)
    if count < _FEWEST:
        expected, got = f"at least {_FEWEST} measured architectures that no fit has seen", Verbatim(f"{count}")
        raise InputError("accuracy of predictions", expected=expected, got=got, remedy="fit on fewer")
    truth, guess = sign * tied(measured), sign * predicted.mean
    decile = math.ceil(count / 10)
    top = truth >= np.sort(truth)[-decile]
    order = np.lexsort((rng.random(count), -guess))
    inside = (measured >= predicted.low) & (measured <= predicted.high)
    width, error = predicted.high - predicted.low, predicted.mean - measured
    return {
        "spearman": rank_correlation(guess, truth),
        "top_decile_spearman": rank_correlation(guess[top], truth[top]),
        "r2": 1 - float((error**2).mean() / measured.var()) if np.ptp(measured) > 0 else math.nan,
        "mae": float(np.abs(error).mean()),
        "regret_top10": float(truth.max() - truth[order[:_CHOSEN]].max()),
        "coverage_90": float(inside.mean()),
        "coverage_90_top": float(inside[order[:decile]].mean()),
        "width_90": float(width.mean()),
        "median_width_90": float(np.median(width)),
    }


def rank_correlation(first: Vector, second: Vector) -> float:
    """Spearman's ρ, ties averaged; nan where one side is constant."""
    from scipy.stats import rankdata

    a, b = (ranks - ranks.mean() for ranks in (rankdata(first), rankdata(second)))
    scale = math.sqrt(float((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else math.nan


def over_splits(found: list[dict[str, float]]) -> dict[str, Any]:
    """Mean of each number over splits and, as ``NAME_sd``, its standard deviation; None where it is not defined.

    ``coverage_90_min`` is the lowest ``coverage_90`` of all; its standard deviation is that over bootstrap samples of
    the splits, which is known exactly.
    """
    summary: dict[str, Any] = {}
    for name in METRICS:
        values = np.array([one[name] for one in found])
        known = values[~np.isnan(values)]
        summary[name] = float(known.mean()) if len(known) else None
        summary[f"{name}_sd"] = float(known.std(ddof=1)) if len(known) > 1 else None
    lowest = np.sort([one["coverage_90"] for one in found])
    summary["coverage_90_min"] = float(lowest[0])
    summary["coverage_90_min_sd"] = _sd_of_lowest(lowest) if len(lowest) > 1 else None
    return summary


def _sd_of_lowest(values: Vector) -> float:
    """Standard deviation of the lowest of as many draws with replacement from increasing `values`."""
    above = (np.arange(len(values), -1, -1) / len(values)) ** len(values)
    chance = above[:-1] - above[1:]
    mean = float(chance @ values)
    return math.sqrt(float(chance @ (values - mean) ** 2))

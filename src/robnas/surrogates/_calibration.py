"""Intervals that hold as many of the known values as they say, each judged by a fit that did not know it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from robnas.surrogates._prediction import Matrix, Prediction, Predictor, Surrogate, Vector

ENOUGH = 100
"""Known values from which intervals are calibrated; fewer would shake them more than they mend."""
_FOLDS = 5
_ERROR = 1.8  # twice that of the logarithm of a normal quantile at 0.9 from n values, times √n
_LEAST = 1e-12  # half interval, as a share of the range of values


def stretch(left_out: Prediction, values: Vector) -> float:
    """By how much intervals grow around their means so that they hold a share `level` of the values.

    The split-conformal quantile (Vovk et al. 2005; Romano et al. 2019) of how far each value is from its mean, in
    units of its own half interval on that side. Intervals shrink only by what is beyond twice the error of that
    quantile: known architectures are often chosen to stand apart, and are harder to predict without themselves than
    others are.

    Args:
        left_out: of each known value by a fit without it.
        values: shape (n,).
    """
    away = values - left_out.mean
    half = np.where(away < 0, left_out.mean - left_out.low, left_out.high - left_out.mean)
    ratio = np.sort(np.abs(away) / np.maximum(half, _LEAST * np.ptp(values)))
    rank = int(np.ceil((len(ratio) + 1) * left_out.level))
    found = float(ratio[min(rank, len(ratio)) - 1])
    return found if found > 1 else min(1.0, found * math.exp(_ERROR / math.sqrt(len(ratio))))


def stretched(predicted: Prediction, factor: float) -> Prediction:
    """The prediction with wider or narrower intervals and standard deviations."""
    mean = predicted.mean
    low, high = mean - factor * (mean - predicted.low), mean + factor * (predicted.high - mean)
    return replace(predicted, sd=factor * predicted.sd, low=low, high=high)


def left_out(
    surrogate: Surrogate,
    predictor: Predictor,
    rows: Matrix,
    values: Vector,
    noise: Vector,
    *,
    groups: Sequence[str],
    pool: Matrix,
    level: float,
    seed: int,
) -> Prediction:
    """What the surrogate says of each known value without it: the predictor's own answer, or by 5 fits on parts."""
    own = getattr(predictor, "left_out", None)
    if own is not None:
        found: Prediction = own(level)
        return found
    fold = np.random.default_rng(seed).permutation(len(values)) % _FOLDS
    mean, sd, low, high = np.empty((4, len(values)))
    for number in range(_FOLDS):
        out = fold == number
        part = surrogate.fit(rows[~out], values[~out], noise[~out], groups=groups, pool=pool, seed=seed)
        one = part.predict(rows[out], level)
        mean[out], sd[out], low[out], high[out] = one.mean, one.sd, one.low, one.high
    return Prediction(mean, sd, low, high, level)

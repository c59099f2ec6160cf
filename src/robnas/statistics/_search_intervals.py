"""How large a difference is: intervals that hold where most runs are equal, and the chance that it matters."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
_TAIL = 0.975
_UNSEEN = 3  # further runs that might have differed by the most, where all others are equal
_DRAWS = 4_000
_PRIOR = 0.5  # weight of the prior, a difference of 0, in runs (Benavoli et al. 2017)


def mean_interval(values: Floats, scale: float = 0.0) -> Interval | None:
    """95 % interval of a mean: Student's, wider where many values are equal; None of fewer than 2.

    Where nearly all runs are equal, the few that differ are a small sample, and their deviation is known badly: k of n
    values that are not the most frequent one give k + 1 degrees of freedom (at most n - 1), and the variance counts up
    to three more that would be as far from it as the farthest. Without equal values it is Student's interval; where all
    are equal, `scale` is the distance, known and not estimated, and n - 1 are the degrees of freedom.

    Args:
        values: shape (n,).
        scale: how far a value might be from the others where all are equal.
    """
    if len(values) < 2:
        return None
    variance, freedom = _error(values, scale)
    half = _t(freedom) * math.sqrt(variance)
    return float(values.mean()) - half, float(values.mean()) + half


def between_means(first: Floats, second: Floats, scale: float) -> Interval | None:
    """95 % interval of the first mean minus the second, of independent runs (Welch 1947), widened like `mean_interval`.

    Args:
        first: shape (n,).
        second: shape (m,).
        scale: how far a value might be from the others where all of a side are equal.
    """
    if min(len(first), len(second)) < 2:
        return None
    (one, free), (other, freed) = _error(first, scale), _error(second, scale)
    whole = one + other
    freedom = whole**2 / (one**2 / free + other**2 / freed) if whole > 0 else free
    middle, half = float(first.mean() - second.mean()), _t(freedom) * math.sqrt(whole)
    return middle - half, middle + half


def _error(values: Floats, scale: float) -> tuple[float, float]:
    """Variance of the mean and its degrees of freedom."""
    count = len(values)
    different, times = np.unique(values, return_counts=True)
    often = int(times.max())
    farthest = float(np.abs(values - different[times.argmax()]).max()) or scale
    unseen = _UNSEEN * (often - 1) / (count - 1)  # none where no two are equal
    variance = float(values.var(ddof=1)) / count + unseen * (farthest / count) ** 2
    return variance, count - 1 if often == count else min(count - often + 1, count - 1)


@lru_cache(maxsize=512)
def _t(freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf(_TAIL, freedom))


def correlation(first: Floats, second: Floats) -> float | None:
    """Pearson's, of runs of equal seed; None of fewer than 3, or where all runs of one are equal."""
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))


def signed_rank_posterior(gaps: Floats, rope: float) -> tuple[float, float, float] | None:
    """Probabilities that a difference is mostly below, within and above ±`rope`: the Bayesian signed-rank test.

    The prior is a Dirichlet process with the weight of half a run at 0 (Benavoli et al. 2014, 2017). Of each of 4,000
    distributions drawn from the posterior, with a fixed seed, the region that holds the most of the means of two of its
    values wins; the probabilities are shares of the wins. Of more than 1,000 pairs fewer are drawn.

    Args:
        gaps: differences of the pairs, shape (pairs,).
        rope: half the width of the region within which a difference does not matter, at least 0.

    Returns:
        The three probabilities, whose sum is 1; None without a pair.
    """
    if not len(gaps):
        return None
    weights = _weights(len(gaps))
    values = np.concatenate([[0.0], gaps])
    order = np.argsort(values, kind="stable")
    weights, values = weights[:, order], values[order]
    below = np.hstack([np.zeros((len(weights), 1)), weights.cumsum(axis=1)])  # weight of the first n values
    edge = 2 * rope + 1e-12  # of a sum of two
    lower = (weights * below[:, np.searchsorted(values, -edge - values, side="left")]).sum(axis=1)
    upper = 1 - (weights * below[:, np.searchsorted(values, edge - values, side="right")]).sum(axis=1)
    found = np.stack([lower, 1 - lower - upper, upper]).round(12)
    wins = found == found.max(axis=0)
    low, within, high = (wins / wins.sum(axis=0)).mean(axis=1).tolist()
    return low, within, high


@lru_cache(maxsize=4)
def _weights(pairs: int) -> Floats:
    """Draws of the weights of the prior's value and of each pair, shape (draws, 1 + pairs)."""
    draws = min(_DRAWS, max(_DRAWS * 1000 // pairs, 200))
    drawn = np.random.default_rng(0).standard_gamma([_PRIOR, *[1.0] * pairs], size=(draws, 1 + pairs))
    drawn /= drawn.sum(axis=1, keepdims=True)
    drawn.flags.writeable = False
    return drawn

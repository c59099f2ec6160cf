"""P-values that hold where most runs are equal: distributions over all signs or orders, not their limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_WORK = 5e7  # additions, a twentieth of a second: always enough for 25 pairs among thousands, or for 400 that differ
_ENOUGH = 20  # blocks with a difference from which on Friedman's statistic follows its limit
_STATES = 20_000
_DRAWS = 9_999


def signed_rank_p(gaps: npt.ArrayLike) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test, with the zeros of Pratt (1959); 1 if all pairs are equal.

    Pairs that are equal take part in the ranking, and their ranks are left out. Given the sizes of the differences
    every sign is equally likely, so the distribution of the sum of the ranks is exact with ties and zeros, however few
    pairs differ. Where more than some 400 pairs differ, it is normal with a correction for continuity: the smallest
    rank, half of the smallest step of the sum.

    Args:
        gaps: differences of the pairs, finite, shape (pairs,).
    """
    from scipy.stats import norm, rankdata

    given = np.asarray(gaps, dtype=np.float64)
    differ = given != 0
    if not differ.any():
        return 1.0
    ranks = (2 * rankdata(np.abs(given))).astype(np.int64)[differ]  # ranks of ties are multiples of a half
    ranks //= np.gcd.reduce(ranks)
    total, observed = int(ranks.sum()), abs(int((np.sign(given[differ]) * ranks).sum()))
    cut = (total - observed) // 2  # the smaller of the two sums of ranks
    if len(ranks) * cut > _WORK:
        spread = math.sqrt(float((ranks.astype(np.float64) ** 2).sum()))
        return min(1.0, 2 * float(norm.sf(max(observed - int(ranks.min()), 0) / spread)))
    return min(1.0, 2 * float(_sums(ranks, cut).sum()))


def _sums(ranks: Integers, cut: int) -> Floats:
    """Probability of each sum up to `cut` where each rank is in it by the toss of a coin, shape (cut + 1,)."""
    chance, reached = np.zeros(cut + 1), 0
    chance[0] = 1.0
    for rank in np.sort(ranks):
        chance[: reached + 1] /= 2
        top = min(reached, cut - int(rank))
        reached = min(reached + int(rank), cut)
        if top >= 0:
            with_it = chance[: top + 1].copy()
            chance[rank : rank + top + 1] += with_it
    return chance


def friedman_p(places: Floats) -> float:
    """P-value of Friedman's test that all algorithms are alike; 1 if they are equal in every block.

    Where fewer than 20 blocks hold a difference, the distribution is that over all orders within the blocks: exact
    where it can be counted, else from 9,999 of them drawn with a fixed seed. Beyond, it is chi-squared, corrected for
    ties.

    Args:
        places: lower is better, shape (blocks, algorithms), at least 2 algorithms.
    """
    from scipy.stats import binomtest, friedmanchisquare, rankdata

    told = places[(places != places[:, :1]).any(axis=1)]
    if not len(told):
        return 1.0
    if places.shape[1] == 2:  # the sign test
        return float(binomtest(int((told[:, 0] < told[:, 1]).sum()), len(told)).pvalue)
    if len(told) >= _ENOUGH:
        return float(friedmanchisquare(*places.T).pvalue)
    ranks = (2 * rankdata(told, axis=1)).astype(np.int64)
    observed = int((ranks.sum(axis=0) ** 2).sum())
    counted = _orders(ranks)
    if counted is not None:
        sums, chance = counted
        return min(1.0, float(chance[(sums**2).sum(axis=1) >= observed].sum()))
    drawn = np.random.default_rng(0).permuted(np.tile(ranks, (_DRAWS, 1, 1)), axis=2).sum(axis=1)
    return float((1 + ((drawn**2).sum(axis=1) >= observed).sum()) / (1 + _DRAWS))


def _orders(ranks: Integers) -> tuple[Integers, Floats] | None:
    """Sums of the ranks over the blocks with their probabilities, sorted within a row; None if they are too many.

    What the sums of squares will be does not depend on which algorithm has which sum so far.
    """
    sums: Integers = np.zeros((1, ranks.shape[1]), dtype=np.int64)
    chance: Floats = np.ones(1)
    for row in ranks:
        same = np.unique(row, return_counts=True)[1]
        count = math.factorial(len(row)) // math.prod(math.factorial(int(times)) for times in same)
        if len(sums) * count > _STATES:
            return None
        orders = np.array(list(_arrangements(row.tolist())), dtype=np.int64)
        found = np.sort((sums[:, None] + orders).reshape(-1, len(row)), axis=1)
        weights = np.repeat(chance / count, count)
        sums, place = np.unique(found, axis=0, return_inverse=True)
        chance = np.asarray(np.bincount(place.ravel(), weights=weights), dtype=np.float64)
    return sums, chance


def _arrangements(values: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every order of some values once, though some are equal."""
    if not values:
        yield ()
    for first in dict.fromkeys(values):
        rest = list(values)
        rest.remove(first)
        yield from ((first, *others) for others in _arrangements(rest))

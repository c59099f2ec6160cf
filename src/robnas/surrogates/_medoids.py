"""k-medoids: a few points such that every other one has one nearby."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robnas.surrogates._ground import Distances, Places

_PASSES = 10  # over all points; most choices are settled after four
_LEAST = 1e-6  # of the sum of distances: a swap that gains less is none


def medoids(
    distances: Distances, count: int, rng: np.random.Generator, *, allowed: Places, fixed: Sequence[int] = ()
) -> list[int]:
    """Choose points so that the sum over all points of the distance to the nearest chosen or fixed one is small.

    Points are drawn in proportion to their distance from those before (Arthur and Vassilvitskii 2007), then swapped for
    others as long as that helps (Schubert and Rousseeuw 2021).

    Args:
        distances: between all points, shape (points, points).
        count: how many to choose, at most as many as are `allowed`.
        rng: source of randomness.
        allowed: places that may be chosen, none of them fixed.
        fixed: places that are chosen already.

    Returns:
        Places of the chosen points, in no order.
    """
    drawn = _drawn(distances, count, rng, allowed, fixed)
    if not 0 < count < len(allowed):
        return drawn
    swaps = _Swaps(distances, [*fixed, *drawn], len(fixed))
    for _ in range(_PASSES):
        if not swaps.settle(rng.permutation(allowed)):
            break
    return [int(place) for place in swaps.chosen[len(fixed) :]]


def _drawn(
    distances: Distances, count: int, rng: np.random.Generator, allowed: Places, fixed: Sequence[int]
) -> list[int]:
    """Points in proportion to their distance from those before, uniformly where all are at distance 0."""
    found: list[int] = []
    left = np.zeros(len(distances), dtype=np.bool_)
    left[allowed] = True
    nearest = distances[list(fixed)].min(axis=0, initial=np.inf).astype(np.float64)
    for _ in range(count):
        weights = np.where(left, nearest, 0.0)
        if not np.isfinite(weights).all() or not weights.sum() > 0:
            weights = left.astype(np.float64)
        found.append(int(rng.choice(len(weights), p=weights / weights.sum())))
        left[found[-1]] = False
        nearest = np.minimum(nearest, distances[found[-1]])
    return found


class _Swaps:
    """Chosen points, and for each point the nearest and second nearest of them."""

    def __init__(self, distances: Distances, chosen: Sequence[int], fixed: int) -> None:
        self._distances, self._fixed = distances, fixed
        self.chosen: Places = np.array(chosen, dtype=np.int64)
        size = len(distances)
        self._near = np.zeros(size, dtype=np.int64)  # number of the nearest among the chosen
        self._next = np.zeros(size, dtype=np.int64)
        self._to_near, self._to_next = np.zeros(size), np.zeros(size)
        self._find(np.arange(size))
        self._least = _LEAST * float(self._to_near.sum())

    def settle(self, candidates: Places) -> bool:
        """Swap each candidate in where that lowers the sum of distances; whether any was."""
        taken, swapped = set(self.chosen.tolist()), False
        for candidate in candidates.tolist():
            if candidate not in taken:
                number, change = self._best(candidate)
                if change < -self._least:
                    taken -= {int(self.chosen[number])}
                    taken |= {candidate}
                    self._swap(number, candidate)
                    swapped = True
        return swapped

    def _best(self, candidate: int) -> tuple[int, float]:
        """For which chosen point the candidate is swapped best, and by how much the sum of distances changes."""
        to, many = self._distances[candidate], len(self.chosen)
        nearer = to < self._to_near
        # without its nearest a point goes to its second nearest or to the candidate
        loss = np.where(nearer, 0.0, np.minimum(to, self._to_next) - self._to_near)
        change = np.bincount(self._near, weights=loss, minlength=many)
        change[: self._fixed] = np.inf
        number = int(change.argmin())
        return number, float(change[number] + (to - self._to_near)[nearer].sum())

    def _swap(self, number: int, candidate: int) -> None:
        to = self._distances[candidate]
        lost = (self._near == number) | (self._next == number)
        self.chosen[number] = candidate
        self._find(np.flatnonzero(lost))
        nearer = ~lost & (to < self._to_near)
        second = ~lost & ~nearer & (to < self._to_next)
        self._next[nearer], self._to_next[nearer] = self._near[nearer], self._to_near[nearer]
        self._near[nearer], self._to_near[nearer] = number, to[nearer]
        self._next[second], self._to_next[second] = number, to[second]

    def _find(self, points: Places) -> None:
        """Nearest and second nearest of these points from scratch."""
        to = self._distances[np.ix_(self.chosen, points)].astype(np.float64)
        here = np.arange(len(points))
        self._near[points] = near = to.argmin(axis=0)
        self._to_near[points] = to[near, here]
        to[near, here] = np.inf
        self._next[points] = second = to.argmin(axis=0)
        self._to_next[points] = to[second, here]

"""Which points are better in several objectives, and which stand alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def domination_ranks(points: Floats) -> npt.NDArray[np.int64]:
    """Front of each point: 0 if none dominates it, 1 if only those of front 0 do … (Deb et al. 2002, NSGA-II).

    Args:
        points: shape (points, objectives), higher is better.
    """
    no_worse = np.all(points[:, None] >= points[None], axis=2)
    dominates = no_worse & ~no_worse.T
    rank, left, front = np.zeros(len(points), dtype=np.int64), np.ones(len(points), dtype=bool), 0
    while left.any():
        first = left & ~dominates[left].any(axis=0)
        rank[first] = front
        left &= ~first
        front += 1
    return rank


def crowding(points: Floats) -> Floats:
    """Size of the box between the neighbours of each point in one front, infinite at the ends (Deb et al. 2002)."""
    distance = np.zeros(len(points))
    finite = np.where(np.isfinite(points), points, 0.0)
    for column in finite.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance


def best_first(points: Floats) -> npt.NDArray[np.int64]:
    """Order of NSGA-II: by front, then the least crowded first within each."""
    rank, distance = domination_ranks(points), np.empty(len(points))
    for front in np.unique(rank):
        distance[rank == front] = crowding(points[rank == front])
    return np.lexsort((-distance, rank))

"""The undominated rows."""

from __future__ import annotations

import numpy as np

from robnas.benchmarks._rows import Indices
from robnas.benchmarks._runs import Floats


def pareto_front(points: Floats) -> Indices:
    """Rows that no other row dominates (all coordinates at least as high, one higher); rows with nan are left out.

    Args:
        points: shape (rows, metrics), higher is better.
    """
    order = np.lexsort(-points.T[::-1])
    order = order[~np.isnan(points[order]).any(axis=1)]
    front: list[int] = []
    for row in order:
        best = points[front]
        beaten = (best >= points[row]).all(axis=1) & (best > points[row]).any(axis=1)
        if not beaten.any():
            front.append(int(row))
    return np.array(front, dtype=np.int64)

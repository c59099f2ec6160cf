"""Whether means over several runs can have come from the rows of a table."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from robnas.benchmarks._runs import Floats

_SOLVED = 1e-9  # what the solver leaves


def mixture_misses(held: Floats, claimed: Floats, room: Floats) -> float:
    """How far beyond `room` the nearest weighted mean of rows lies from `claimed`; 0 where one is within.

    A linear program: weights ≥ 0 that sum to 1, and the distance, which is the least that it can be.

    Args:
        held: shape (rows, metrics), without nan.
        claimed: shape (metrics,).
        room: likewise.
    """
    rows, metrics = held.shape
    distance = -np.ones((metrics, 1))
    bounds = np.block([[held.T, distance], [-held.T, distance]])
    limits = np.concatenate([claimed + room, room - claimed])
    costs, sums = np.eye(1, rows + 1, rows)[0], np.ones((1, rows + 1))
    sums[0, rows] = 0
    found = linprog(costs, A_ub=bounds, b_ub=limits, A_eq=sums, b_eq=[1.0], method="highs")
    return 0.0 if found.fun < _SOLVED else float(found.fun)

"""What several runs of a multi-objective search attain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.types import check_range

Floats = npt.NDArray[np.float64]


def attainment(fronts: Sequence[npt.ArrayLike], shares: Sequence[float]) -> tuple[Floats, Floats]:
    """Summary attainment curves of two objectives (Grunert da Fonseca, Fonseca and Hall 2001; Knowles 2005).

    A run attains (x, y) if one of its points is at least that good in both objectives.

    Args:
        fronts: one array per run, shape (points, 2), higher is better; runs without points attain nothing, nor do
            points with nan or minus infinity.
        shares: shares of the runs in (0, 1].

    Returns:
        Values x of the first objective, increasing, shape (n,); and for each share s the highest y such that at least
        s of the runs attain (x, y), shape (shares, n), -inf where there is none.

    Raises:
        InputError: there is no run, a front has another shape or an infinite point, or a share is outside (0, 1].
    """
    runs = [_points(front) for front in fronts]
    if not runs:
        raise InputError("fronts", expected="those of at least one run", got=Verbatim("none"))
    for share in shares:
        check_range("share of the runs", share, np.nextafter(0.0, 1.0), 1.0)
    x = np.unique(np.concatenate([run[:, 0] for run in runs]))
    reached = np.full((len(runs), len(x)), -np.inf)
    for row, run in zip(reached, runs, strict=True):
        order = np.argsort(run[:, 0], kind="stable")
        best_from = np.append(np.maximum.accumulate(run[order, 1][::-1])[::-1], -np.inf)
        row[:] = best_from[np.searchsorted(run[order, 0], x, side="left")]
    reached = -np.sort(-reached, axis=0)  # the k-th row is attained by k runs
    places = [max(int(np.ceil(share * len(runs) - 1e-9)), 1) - 1 for share in shares]
    return x, reached[places]


def _points(front: npt.ArrayLike) -> Floats:
    """Those of one run that attain something, shape (points, 2)."""
    try:
        points = np.asarray(front, dtype=np.float64)
    except (TypeError, ValueError):  # texts, or rows of different lengths
        raise InputError("front of a run", expected="shape (points, 2)", got=front) from None
    if points.size == 0:
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError("front of a run", expected="shape (points, 2)", got=Verbatim(points.shape))
    if np.isposinf(points).any():
        raise InputError("front of a run", expected="points below infinity", got=Verbatim("an infinite point"))
    return points[np.isfinite(points).all(axis=1)]

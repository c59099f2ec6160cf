"""How much of objective space a front dominates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.errors import InputError, Verbatim

Floats = npt.NDArray[np.float64]


def hypervolume(points: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Volume that `points` dominate above `reference` (Zitzler and Thiele 1998); exact.

    By slicing along the last objective: O(n log n) for two objectives, O(n² log n) for three.

    Args:
        points: shape (points, objectives), higher is better; rows with nan or minus infinity count for nothing, no
            points at all have no volume.
        reference: shape (objectives,).

    Raises:
        InputError: shapes do not fit, a point is infinite, or the reference is not finite.
    """
    found, low = np.asarray(points, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if found.size == 0 and found.ndim < 3:
        found = found.reshape(0, low.size)
    if found.ndim != 2 or low.shape != found.shape[1:] or not low.size:
        raise InputError(
            "hypervolume",
            expected="points (n, objectives) and a reference (objectives,)",
            got=Verbatim(f"{found.shape} and {low.shape}"),
        )
    if np.isposinf(found).any() or not np.isfinite(low).all():
        expected = "points below infinity, above a finite reference"
        got = "an infinite point" if np.isfinite(low).all() else f"the reference {low.tolist()}"
        raise InputError("hypervolume", expected=expected, got=Verbatim(got))
    above = (found > low).all(axis=1)
    return _volume(found[above] - low) if above.any() else 0.0


def _volume(points: Floats) -> float:
    """The same above the origin; all points lie above it."""
    if points.shape[1] == 1:
        return float(points.max())
    points = points[np.argsort(-points[:, -1], kind="stable")]
    if points.shape[1] == 2:
        height = np.maximum.accumulate(points[:, 0])
        return float(height @ -np.diff(points[:, 1], append=0.0))
    total = 0.0
    for place, depth in enumerate(-np.diff(points[:, -1], append=0.0)):
        if depth > 0:  # the slice between this level and the next holds all points so far
            total += depth * _volume(points[: place + 1, :-1])
    return total


@dataclass(frozen=True, eq=False)
class Scale:
    """Best and worst of a table per reported objective, and the hypervolume of its front in units of that range."""

    __repr__ = brief

    worst: Floats
    """Shape (objectives,)."""
    best: Floats
    """Shape (objectives,)."""
    volume: float
    """Of the table's front, with the worst as reference and every objective scaled to [0, 1]; 1 without a front."""

    @classmethod
    def of(cls, outcomes: Floats, front: Floats | None) -> Scale:
        """The scale of a table's reported values, shape (rows, objectives), and of their front if there is one."""
        worst, best = np.nanmin(outcomes, axis=0), np.nanmax(outcomes, axis=0)
        whole = cls(worst, best, 1.0)
        return whole if front is None else cls(worst, best, whole.share(front))

    def scaled(self, outcomes: Floats) -> Floats:
        """Outcomes in units of the table's range: 0 worst, 1 best."""
        span = np.where(self.best > self.worst, self.best - self.worst, 1.0)
        units: Floats = (outcomes - self.worst) / span
        return units

    def share(self, outcomes: Floats) -> float:
        """Hypervolume of some outcomes, shape (points, objectives), as a share of the table's."""
        return hypervolume(self.scaled(outcomes), np.zeros(len(self.worst))) / self.volume

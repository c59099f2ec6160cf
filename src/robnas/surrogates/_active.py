"""Which measurements tell most of what is not known yet."""

from __future__ import annotations

import numpy as np

from robnas.surrogates._ground import Distances, Places
from robnas.surrogates._prediction import Matrix, Vector

_JITTER = 1e-3  # of the variance of the process: a smooth one takes itself for all too sure
_REFERENCES = 600  # points over which it is summed
_LEAST = 1e-4  # of the variance of a measurement: as much at least is not its noise


def most_telling(
    distances: Distances, sd: Vector, weights: Vector, count: int, *, allowed: Places, taken: Places
) -> list[int]:
    """Choose measurements one after another, each the one that lowers the weighted sum of standard deviations most.

    To first order: the variance that a measurement takes off each point (Cohn 1996), over the standard deviation there.
    By variances alone the few points that nobody can predict would outweigh all others.

    Args:
        distances: between all points, shape (points, points).
        sd: predicted standard deviation of a measurement at each point, above 0, shape (points,): that of the surest
            point is taken for its noise.
        weights: how much each point matters, shape (points,).
        count: how many to choose.
        allowed: places that may be chosen.
        taken: places that were measured.

    Returns:
        Places, the most telling first.
    """
    noise = float(sd.min()) ** 2
    unknown = np.maximum(sd**2 - noise, _LEAST * sd**2)
    process = _Process(distances, taken)
    scale = unknown / process.variance  # of the process to what is predicted
    references = _references(weights * np.sqrt(unknown))
    shared = process.covariances(references)  # (points, references)
    relative = 1 / process.variance[references]
    left, found = np.zeros(len(sd), dtype=np.bool_), list[int]()
    left[allowed] = True
    for _ in range(count):
        gain = (shared**2 @ relative) / (process.variance + noise / scale)
        found.append(int(np.where(left, gain, -np.inf).argmax()))
        left[found[-1]] = False
        told = process.measure(found[-1], noise / scale[found[-1]])
        shared -= np.outer(told, told[references])
    return found


def _references(matter: Vector) -> Places:
    """Points in proportion to how much they matter, as many times."""
    share = np.cumsum(matter) / matter.sum()
    steps = (np.arange(_REFERENCES) + 0.5) / _REFERENCES
    return np.minimum(np.searchsorted(share, steps), len(matter) - 1)


class _Process:
    """A Matérn 5/2 process of variance 1 given measurements at some points."""

    def __init__(self, distances: Distances, taken: Places) -> None:
        from scipy.linalg import solve_triangular

        self._distances = distances
        some = distances[:: max(len(distances) // 500, 1)]
        self._length = float(np.median(some[some > 0])) if (some > 0).any() else 1.0
        told = np.zeros((0, len(distances)))
        if len(taken):
            prior = self._prior(taken)
            root = np.linalg.cholesky(prior[:, taken] + _JITTER * np.eye(len(taken)))
            told = solve_triangular(root, prior, lower=True)
        self._told = told
        self.variance: Vector = np.maximum(1 + _JITTER - (told**2).sum(axis=0), _JITTER)

    def _prior(self, places: Places) -> Matrix:
        """Covariance with all points before any measurement, shape (places, points)."""
        way = np.sqrt(5.0) * self._distances[places].astype(np.float64) / self._length
        found: Matrix = (1 + way + way**2 / 3) * np.exp(-way)
        return found

    def covariances(self, places: Places) -> Matrix:
        """Covariance of all points with some, shape (points, places)."""
        found: Matrix = self._prior(places).T - self._told.T @ self._told[:, places]
        return found

    def measure(self, place: int, noise: float) -> Vector:
        """Take a measurement with this variance of its noise into account; what it tells of each point."""
        told: Vector = self.covariances(np.array([place]))[:, 0] / np.sqrt(self.variance[place] + noise)
        self._told = np.concatenate([self._told, told[None]])
        self.variance = np.maximum(self.variance - told**2, _JITTER)
        return told

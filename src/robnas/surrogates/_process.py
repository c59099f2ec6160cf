"""A Gaussian process on standardised features: Matérn 5/2, one length per group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.surrogates._prediction import Matrix, Vector

_MEAN_VARIANCE = 4.0  # of the unknown mean of standardised targets
_LINEAR = "/crowded"  # ends groups of features with which the mean rises: values of other columns, see `ColumnValues`
_SLOPE_VARIANCE = 1.0  # of the slopes in all of them together
_JITTER = 1e-9
_MOST = 600  # values on which lengths are fitted: of more, a part tells as much
_STEPS = 80  # of the optimiser, which needs 15 to 30
_CHUNK = 4000  # rows that are predicted at once


@final
@dataclass(frozen=True)
class Priors:
    """Normal priors of logarithms, mean and standard deviation, for features and targets of standard deviation 1.

    The distance of two rows in a group of features is the root mean square of their differences.
    """

    length: tuple[float, float] = (1.4, 0.5)
    """Of each group's length over √groups: more groups make rows more distant (Hvarfner et al. 2024)."""
    amplitude: tuple[float, float] = (0.0, 0.5)
    """Of the variance that features explain."""
    rest: tuple[float, float] = (math.log(0.01), 1.5)
    """Of the variance that they do not."""

    def of(self, groups: int) -> Matrix:
        """Of all logarithms, shape (groups + 2, 2)."""
        length = (self.length[0] + math.log(groups) / 2, self.length[1])
        return np.array([length] * groups + [self.amplitude, self.rest])


@final
@dataclass(frozen=True, eq=False)
class Process:
    """A process given its known targets; make one with `fit_process`."""

    __repr__ = brief

    lengths: Vector
    """Of each group, shape (groups,)."""
    amplitude: float
    """Variance that the features explain."""
    rest: float
    """Variance that they do not, the known noise of targets aside."""
    _rows: Matrix = field(repr=False)
    _members: tuple[npt.NDArray[np.int64], ...] = field(repr=False)
    _targets: Vector = field(repr=False)
    _factor: Matrix = field(repr=False)
    _weights: Vector = field(repr=False)
    _linear: npt.NDArray[np.int64] = field(repr=False)

    def predict(self, rows: Matrix) -> tuple[Vector, Vector]:
        """Mean and variance of a new target without its own noise, each shape (rows,)."""
        from scipy.linalg import solve_triangular

        means, variances = [np.empty(0)], [np.empty(0)]
        for start in range(0, len(rows), _CHUNK):
            here, known = rows[start : start + _CHUNK], self._rows
            apart = _distances(here, known, self._members)
            trend = _trend(here, self._linear)
            shared = self.amplitude * _matern(np.tensordot(self.lengths**-2.0, apart, 1))[0]
            shared += trend @ _trend(known, self._linear).T
            means.append(shared @ self._weights)
            told = solve_triangular(self._factor, shared.T, lower=True)
            variances.append(self.amplitude + (trend**2).sum(axis=1) - (told**2).sum(axis=0))
        return np.concatenate(means), np.maximum(np.concatenate(variances), 0) + self.rest

    def left_out(self, noise: Vector) -> tuple[Vector, Vector]:
        """Mean and variance of each known target from all others, as `predict` gives them (Sundararajan 2001).

        Args:
            noise: variance of each known target, as it was fitted with.
        """
        from scipy.linalg import cho_solve

        inverse = np.diag(cho_solve((self._factor, True), np.eye(len(self._targets))))
        return self._targets - self._weights / inverse, np.maximum(1 / inverse - noise, self.rest)


def fit_process(
    rows: Matrix, groups: Sequence[str], targets: Vector, noise: Vector, priors: Priors, seed: int
) -> Process:
    """The most probable lengths and variances, and the process with them.

    Args:
        rows: standardised features, shape (n, features).
        groups: a name for each feature.
        targets: standardised, shape (n,).
        noise: variance of each target, shape (n,).
        priors: of lengths and variances.
        seed: which values lengths are fitted on, if there are very many.
    """
    from scipy.linalg import cho_solve

    names = np.array(groups)
    members = tuple(np.flatnonzero(names == name) for name in dict.fromkeys(groups))
    part = np.arange(len(rows))
    if len(rows) > _MOST:
        part = np.sort(np.random.default_rng(seed).choice(len(rows), _MOST, replace=False))
    linear = np.flatnonzero([name.endswith(_LINEAR) for name in groups])
    basis = _trend(rows, linear)
    trend = basis @ basis.T
    within = np.ix_(part, part)
    logs = _most_probable(
        _distances(rows[part], rows[part], members), trend[within], targets[part], noise[part], priors
    )
    lengths, amplitude, rest = np.exp(logs[:-2]), float(np.exp(logs[-2])), float(np.exp(logs[-1]))
    apart = np.tensordot(lengths**-2.0, _distances(rows, rows, members), 1)
    covariance = amplitude * _matern(apart)[0] + trend
    covariance[np.diag_indices(len(rows))] += rest + noise + _JITTER
    factor = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    return Process(lengths, amplitude, rest, rows, members, targets, factor, cho_solve((factor, True), targets), linear)


def _most_probable(apart: Matrix, trend: Matrix, targets: Vector, noise: Vector, priors: Priors) -> Vector:
    """Logarithms of lengths, amplitude and rest, shape (groups + 2,)."""
    from scipy.optimize import minimize

    many = len(apart)
    centre, spread = priors.of(many).T
    flat = apart.reshape(many, -1)

    def loss(logs: Vector) -> tuple[float, Vector]:
        value, slope = _likelihood(logs, apart, flat, trend, targets, noise)
        away = (logs - centre) / spread
        return value + 0.5 * float(away @ away), slope + away / spread

    bounds = np.stack([centre - 4 * spread, centre + 4 * spread], axis=1)
    found: Any = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    return np.asarray(found.x, dtype=np.float64)


def _likelihood(
    logs: Vector, apart: Matrix, flat: Matrix, trend: Matrix, targets: Vector, noise: Vector
) -> tuple[float, Vector]:
    """Minus the logarithm of the probability of the targets, less a constant, and its slope."""
    from scipy.linalg.lapack import dpotrf, dpotri

    scales, amplitude, rest = np.exp(-2 * logs[:-2]), np.exp(logs[-2]), np.exp(logs[-1])
    kernel, steep = _matern(np.tensordot(scales, apart, 1))
    covariance = amplitude * kernel + trend
    diagonal = np.diag_indices(len(targets))
    covariance[diagonal] += rest + noise + _JITTER
    factor, failed = dpotrf(covariance, lower=1, clean=1)
    if failed:
        return 1e10, np.zeros_like(logs)
    half, _ = dpotri(factor, lower=1)
    inverse = half + np.tril(half, -1).T
    weights = inverse @ targets
    value = 0.5 * float(targets @ weights) + float(np.log(factor[diagonal]).sum())
    pull = np.outer(weights, weights) - inverse
    slopes = -0.5 * amplitude * scales * (flat @ (pull * steep).ravel())
    slope = [*slopes, -0.5 * amplitude * float((pull * kernel).sum()), -0.5 * rest * float(np.trace(pull))]
    return value, np.array(slope)


def _trend(rows: Matrix, linear: npt.NDArray[np.int64]) -> Matrix:
    """A row times another one is the covariance of the means there: one mean for all, and a slope in some features."""
    slope = math.sqrt(_SLOPE_VARIANCE / max(len(linear), 1))
    found: Matrix = np.column_stack([np.full(len(rows), math.sqrt(_MEAN_VARIANCE)), slope * rows[:, linear]])
    return found


def _distances(first: Matrix, second: Matrix, members: Sequence[npt.NDArray[np.int64]]) -> Matrix:
    """Mean squared difference in each group, shape (groups, first, second)."""
    found = np.empty((len(members), len(first), len(second)))
    for place, columns in enumerate(members):
        one, other = first[:, columns], second[:, columns]
        squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
        found[place] = np.maximum(squares, 0) / len(columns)
    return found


def _matern(squared: Matrix) -> tuple[Matrix, Matrix]:
    """Matérn 5/2 of squared scaled distances, and minus twice its slope in them."""
    root = np.sqrt(5 * squared)
    decay = np.exp(-root)
    steep = (1 + root) * decay
    return steep + 5 / 3 * squared * decay, 5 / 3 * steep

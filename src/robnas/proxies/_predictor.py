"""A predictor of robust accuracy that is fitted on a few known architectures."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.proxies._features import Matrix, proxy_features, structure
from robnas.spaces import Architecture

Scores = Sequence[Mapping[str, float | None]]


@dataclass(frozen=True, eq=False)
class FewShotPredictor:
    """A Gaussian process on proxies and the shape of the cell; make one with `fit_few_shot`."""

    model: Any
    """Fitted on standardised features."""
    proxies: bool
    """Whether proxies are among the features."""
    centre: Matrix
    """Mean of the features, shape (features,)."""
    spread: Matrix
    """Their standard deviation."""
    least: Matrix
    """The lowest known value of each, which stands for a missing one: a network without a score is degenerate."""

    def predict(self, architectures: Sequence[Architecture], scores: Scores = ()) -> Matrix:
        """Predicted values, shape (architectures,)."""
        rows = _features(architectures, scores, self.proxies)
        rows = (np.where(np.isnan(rows), self.least, rows) - self.centre) / self.spread
        found: Matrix = self.model.predict(rows)
        return found


def fit_few_shot(
    architectures: Sequence[Architecture],
    scores: Scores,
    values: npt.ArrayLike,
    *,
    proxies: bool = True,
    pool: tuple[Sequence[Architecture], Scores] = ((), ()),
) -> FewShotPredictor:
    """Fit on architectures whose values are known.

    Args:
        architectures: the known ones, at least 3.
        scores: for each, its proxies by name, those of `robnas.proxies.SCALES` at least.
        values: for each, what is to be predicted, such as robust accuracy, shape (n,).
        proxies: use `scores`; the shape of the cell alone otherwise.
        pool: more architectures with their scores, which tell the mean and spread of features; no values.

    Raises:
        InputError: fewer than 3 architectures, or not one finite value and one set of scores for each.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    targets = np.asarray(values, dtype=np.float64)
    if targets.shape != (len(architectures),) or len(targets) < 3 or not np.isfinite(targets).all():
        expected = "one finite value for each of at least 3 architectures"
        got = Verbatim(f"shape {targets.shape} for {len(architectures)}")
        raise InputError("values of a few-shot fit", expected=expected, got=got)
    rows = _features(architectures, scores, proxies)
    seen = np.concatenate([rows, _features(*pool, proxies)]) if len(pool[0]) else rows
    least = np.array([min(column[~np.isnan(column)], default=0.0) for column in seen.T])
    rows, seen = (np.where(np.isnan(part), least, part) for part in (rows, seen))
    centre, spread = seen.mean(axis=0), seen.std(axis=0)
    spread[spread == 0] = 1
    kernel = ConstantKernel(1.0) * RBF(3.0) + WhiteKernel(0.05, (1e-4, 1.0))
    model = GaussianProcessRegressor(kernel, normalize_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound of the length scale is an answer too
        model.fit((rows - centre) / spread, targets)
    return FewShotPredictor(model, proxies, centre, spread, least)


def _features(architectures: Sequence[Architecture], scores: Scores, proxies: bool) -> Matrix:
    shape = structure(architectures)
    if not proxies:
        return shape
    if len(scores) != len(architectures):
        raise InputError("scores", expected=f"{len(architectures)}, one per architecture", got=Verbatim(len(scores)))
    return np.concatenate([proxy_features(scores), shape], axis=1)

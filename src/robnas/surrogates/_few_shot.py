"""A predictor of robust accuracy that is fitted on a few known architectures."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.proxies import ROBUST_WEIGHT, SCALES, proxy_features
from robnas.spaces import Architecture, Space, space_of
from robnas.surrogates._prediction import Matrix
from robnas.surrogates._shape import structure

Scores = Sequence[Mapping[str, float | None]]


_TREES = 200


@final
@dataclass(frozen=True, eq=False)
class FewShotPredictor:
    """Two regressions on proxies and the `structure` of architectures, averaged; make one with `fit_few_shot`.

    What they predict is −log(top − value): accuracies crowd below the best one, and there it spreads them.
    """

    process: Any
    """A Gaussian process on standardised features, for what `line` leaves."""
    trees: Any
    """Extremely randomised trees (Geurts et al. 2006)."""
    line: tuple[float, float]
    """Slope and constant of the line in `robnas.proxies.robust_score`; slope 0 without proxies."""
    top: float
    """What no prediction exceeds: a standard deviation above the best known value."""
    proxies: bool
    """Whether proxies are among the features."""
    centre: Matrix
    """Mean of the features, shape (features,)."""
    spread: Matrix
    """Their standard deviation."""
    least: Matrix
    """The lowest known value of each, which stands for a missing one: a network without a score is degenerate."""
    space: Space
    """Of the architectures."""

    def predict(self, architectures: Sequence[Architecture], scores: Scores = ()) -> Matrix:
        """Predicted values, shape (architectures,)."""
        rows = _filled(_features(architectures, scores, self.proxies, self.space), self.least)
        prior, (slope, constant) = _prior(rows, self.proxies), self.line
        smooth = slope * prior + constant + self.process.predict((rows - self.centre) / self.spread)
        stepped = self.trees.predict(np.column_stack([rows, prior]))
        found: Matrix = self.top - np.exp(-(smooth + stepped) / 2)
        return found


def fit_few_shot(
    architectures: Sequence[Architecture],
    scores: Scores,
    values: npt.ArrayLike,
    *,
    proxies: bool = True,
    space: Space | None = None,
    pool: tuple[Sequence[Architecture], Scores] = ((), ()),
) -> FewShotPredictor:
    """Fit on architectures whose values are known.

    Args:
        architectures: the known ones, at least 3.
        scores: for each, its proxies by name, those of `robnas.proxies.SCALES` at least.
        values: for each, what is to be predicted, such as robust accuracy, shape (n,).
        proxies: use `scores`, and with them the weights of `robnas.proxies.robust_score`, which were chosen on
            CIFAR-100 values of NAS-RobBench-201; the architectures alone otherwise.
        space: of the architectures, where it is not registered.
        pool: more architectures with their scores, which tell the mean and spread of features; no values.

    Raises:
        InputError: fewer than 3 architectures, one of another space, or not one finite value and one set of scores for
            each.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    known = np.asarray(values, dtype=np.float64)
    if known.shape != (len(architectures),) or len(known) < 3 or not np.isfinite(known).all():
        expected = "one finite value for each of at least 3 architectures"
        got = Verbatim(f"shape {known.shape} for {len(architectures)}")
        raise InputError("values of a few-shot fit", expected=expected, got=got)
    space = space_of(architectures[0].space) if space is None else space
    rows = _features(architectures, scores, proxies, space)
    seen = np.concatenate([rows, _features(*pool, proxies, space)]) if len(pool[0]) else rows
    least = np.array([min(column[~np.isnan(column)], default=0.0) for column in seen.T])
    rows, seen = _filled(rows, least), _filled(seen, least)
    centre, spread = seen.mean(axis=0), seen.std(axis=0)
    spread[spread == 0] = 1
    top = float(known.max() + (known.std() or 1.0))
    targets, prior = -np.log(top - known), _prior(rows, proxies)
    slope = float(np.cov(prior, targets)[0, 1] / prior.var(ddof=1)) if prior.var() > 0 else 0.0
    constant = float(targets.mean() - slope * prior.mean())
    process = _fit_process((rows - centre) / spread, targets - slope * prior - constant)
    trees = ExtraTreesRegressor(_TREES, random_state=0).fit(np.column_stack([rows, prior]), targets)
    return FewShotPredictor(process, trees, (slope, constant), top, proxies, centre, spread, least, space)


def _fit_process(rows: Matrix, targets: Matrix) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    kernel = ConstantKernel(1.0) * RBF(3.0) + WhiteKernel(0.05, (1e-4, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound of the length scale is an answer too
        return GaussianProcessRegressor(kernel, normalize_y=True).fit(rows, targets)


def _prior(rows: Matrix, proxies: bool) -> Matrix:
    """`robnas.proxies.robust_score` of every architecture; 0 without proxies."""
    if not proxies:
        return np.zeros(len(rows))
    place = {name: column for column, name in enumerate(SCALES)}
    found: Matrix = rows[:, place["macs"]] + ROBUST_WEIGHT * rows[:, place["epe_nas"]]
    return found


def _filled(rows: Matrix, least: Matrix) -> Matrix:
    return np.where(np.isnan(rows), least, rows)


def _features(architectures: Sequence[Architecture], scores: Scores, proxies: bool, space: Space) -> Matrix:
    alone = structure(architectures, space)
    if not proxies:
        return alone
    if len(scores) != len(architectures):
        raise InputError("scores", expected=f"{len(architectures)}, one per architecture", got=Verbatim(len(scores)))
    return np.concatenate([proxy_features(scores), alone], axis=1)

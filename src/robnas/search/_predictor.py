"""Ensembles that are fitted on what a search has seen and predict the rest."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from robnas._registry import Registry

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Matrix = npt.NDArray[np.float64]
Predictor: TypeAlias = Callable[[Matrix, Matrix, Matrix, int, np.random.Generator], Matrix]
"""Known rows (n, features), their values (n,), new rows (m, features), members, rng → predictions (members, m)."""


def mlp(rows: Matrix, values: Matrix, new: Matrix, members: int, rng: np.random.Generator) -> Matrix:
    """Networks of one hidden layer of 32 from different starts, fitted by L-BFGS in at most 30 iterations.

    BANANAS trains networks of 10 layers of 20 by Adam for 200 epochs, which takes far longer.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    found = []
    with warnings.catch_warnings(), _threads().limit(limits=1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the iterations are meant to be few
        for seed in rng.integers(2**31, size=members).tolist():
            network = MLPRegressor(hidden_layer_sizes=(32,), solver="lbfgs", alpha=0.1, max_iter=30, random_state=seed)
            found.append(network.fit(rows, values).predict(new))
    return np.array(found)


def forest(rows: Matrix, values: Matrix, new: Matrix, members: int, rng: np.random.Generator) -> Matrix:
    """Extremely randomised trees (Geurts et al. 2006), each on a bootstrap sample: a member is the mean of 5 trees."""
    from sklearn.tree import ExtraTreeRegressor

    found, trees = np.zeros((members, len(new))), 5
    for member in range(members):
        for seed in rng.integers(2**31, size=trees).tolist():
            drawn = rng.integers(len(rows), size=len(rows))
            tree = ExtraTreeRegressor(max_features=None, random_state=seed).fit(rows[drawn], values[drawn])
            found[member] += tree.predict(new) / trees
    return found


def ridge(rows: Matrix, values: Matrix, new: Matrix, members: int, rng: np.random.Generator) -> Matrix:
    """Ridge regression with penalty 1: draws from the posterior of the weights under normal noise."""
    gram = rows.T @ rows + np.eye(rows.shape[1])
    factor = np.linalg.cholesky(gram)
    mean = np.linalg.solve(gram, rows.T @ values)
    spread = float((values - rows @ mean).std())
    drawn = np.linalg.solve(factor.T, rng.normal(0.0, spread, (rows.shape[1], members)))
    predicted: Matrix = (new @ (mean[:, None] + drawn)).T
    return predicted


PREDICTORS: Registry[Predictor] = Registry("predictor", {"mlp": mlp, "forest": forest, "ridge": ridge}, Callable)


@cache
def _threads() -> ThreadpoolController:
    """Control over the threads of linear algebra: several are slower here, and could differ in the last bit."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

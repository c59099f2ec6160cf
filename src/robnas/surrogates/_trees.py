"""Extremely randomised trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from robnas._brief import brief
from robnas.surrogates._prediction import Matrix, Prediction, Vector
from robnas.surrogates._rows import Standard, around, spread_of


@final
@dataclass(frozen=True)
class Trees:
    """Extremely randomised trees (Geurts et al. 2006), each on a bootstrap sample."""

    trees: int = 200

    def fit(
        self, rows: Matrix, values: Vector, noise: Vector, *, groups: Sequence[str], pool: Matrix, seed: int
    ) -> FittedTrees:
        """See `robnas.surrogates.Surrogate`."""
        from sklearn.tree import ExtraTreeRegressor

        middle, scale = float(values.mean()), float(values.std())
        targets = np.round((values - middle) / scale, 9)  # equal splits are equal in any unit
        standard = Standard.of(rows, pool)  # of features that are hardly apart a tree takes no notice
        given = standard(rows)
        rng, grown, out = np.random.default_rng(seed), [], []
        for start in rng.integers(2**31, size=self.trees).tolist():
            drawn = rng.integers(len(rows), size=len(rows))
            tree = ExtraTreeRegressor(max_features=None, random_state=start).fit(given[drawn], targets[drawn])
            grown.append(tree)
            out.append(~np.isin(np.arange(len(rows)), drawn))
        known = np.array([tree.predict(given) for tree in grown])
        unseen = np.array(out, dtype=np.float64)
        none = unseen.sum(axis=0) == 0  # known to every tree, which happens among few trees only
        unseen[:, none] = 1
        return FittedTrees(standard, tuple(grown), known, unseen, targets, middle, scale)


@final
@dataclass(frozen=True, eq=False)
class FittedTrees:
    """What `Trees.fit` returns."""

    __repr__ = brief

    standard: Standard = field(repr=False)
    trees: tuple[Any, ...] = field(repr=False)
    known: Matrix
    """Of each tree for each known architecture, shape (trees, n)."""
    unseen: Matrix
    """1 where its value was unknown to the tree, else 0; shape (trees, n)."""
    targets: Vector
    """Standardised values, shape (n,)."""
    middle: float
    scale: float

    def predict(self, rows: Matrix, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`."""
        given = self.standard(rows)
        return self._of(np.array([tree.predict(given) for tree in self.trees]), None, level)

    def left_out(self, level: float) -> Prediction:
        """See `robnas.surrogates.Predictor`: by the trees that did not see a value."""
        return self._of(self.known, self.unseen, level)

    def _of(self, found: Matrix, mask: Matrix | None, level: float) -> Prediction:
        """Mean of the trees; what they differ by and what the known values are off without them is the spread."""
        mean, variance = _moments(found, np.ones(found.shape) if mask is None else mask)
        own, between = _moments(self.known, self.unseen)
        rest = max(spread_of(self.targets - own) ** 2 - float(between.mean()), 0.0)
        mean, sd = self.middle + self.scale * mean, self.scale * np.sqrt(variance + rest)
        return around(mean, sd, level)


def _moments(found: Matrix, mask: Matrix) -> tuple[Vector, Vector]:
    """Mean and variance over trees, of those that count."""
    count = mask.sum(axis=0)
    mean = (found * mask).sum(axis=0) / count
    return mean, (((found - mean) ** 2) * mask).sum(axis=0) / count

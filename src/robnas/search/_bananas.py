"""Bayesian optimisation with a neural predictor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from robnas._settings import check_keys
from robnas.search._algorithm import Loop, one_objective
from robnas.search._classes import Classes
from robnas.search._guided import AUTO, Seen, check_guided, rounds, with_encoding
from robnas.spaces import Architecture, Space

_UCB = 0.5  # weight of the spread, as in BANANAS


@final
@dataclass(frozen=True)
class Bananas:
    """An ensemble on path encodings ranks mutants of the best by Thompson sampling (White et al. 2021, BANANAS)."""

    name: ClassVar[str] = "bananas"

    initial: int = 10
    """Random architectures before the first prediction."""
    batch: int = 10
    """Architectures asked for between two fits."""
    parents: int = 10
    """Best architectures, whose neighbours are the candidates."""
    children: int = 10
    """Candidates from each parent: parents × children in all, among which each batch is chosen."""
    ensemble: int = 5
    """Predictors."""
    predictor: Literal["mlp", "forest", "ridge"] = "mlp"
    """See `PREDICTORS`."""
    encoding: str = AUTO
    """One of the space's `robnas.spaces.Space.encodings`; ``auto``: the first, which is ``path`` for NAS-Bench-201 and
    ``one-hot`` where a space has no better."""
    acquisition: Literal["its", "ucb", "mean"] = "its"
    """``its``: independent Thompson sampling, a normal draw from each candidate's mean and spread; ``ucb``: mean plus
    half the spread; ``mean``."""

    def __post_init__(self) -> None:
        check_guided(self, self.name, ("initial", "batch", "parents", "children", "ensemble"))
        check_keys("bananas acquisition", [self.acquisition], ("its", "ucb", "mean"))

    def for_space(self, space: Space) -> Bananas:
        """With an encoding of the space."""
        return with_encoding(self, space)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run; it ends when every class was asked for."""
        classes = Classes.of(space)
        one_objective(self, classes)
        return Loop(rounds(classes, rng, self.initial, self.for_space(classes.space)._propose), 1)

    def _propose(self, seen: Seen) -> list[Architecture]:
        pool = seen.pool(self.parents, self.children)
        if not pool:
            return []
        predicted = seen.predict(pool, self.predictor, self.encoding, self.ensemble)
        mean, spread = predicted.mean(axis=0), predicted.std(axis=0)
        score = {
            "its": lambda: seen.rng.normal(mean, spread),
            "ucb": lambda: mean + _UCB * spread,
            "mean": lambda: mean,
        }[self.acquisition]()
        return [pool[place] for place in np.argsort(-score, kind="stable")[: self.batch]]

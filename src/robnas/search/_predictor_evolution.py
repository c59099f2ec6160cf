"""Evolution whose offspring a predictor selects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from robnas.search._algorithm import Loop, one_objective
from robnas.search._guided import Seen, check_guided, rounds
from robnas.search._space import Space
from robnas.spaces import Architecture


@dataclass(frozen=True)
class PredictorEvolution:
    """The best have many children each, and the predicted best of these are evaluated (Wei et al. 2022, NPENAS-NP).

    NPENAS predicts with a graph network; here it is one of `PREDICTORS`.
    """

    name: ClassVar[str] = "predictor-evolution"

    initial: int = 20
    """Random architectures before the first prediction."""
    batch: int = 10
    """Children evaluated per generation."""
    parents: int = 10
    """Best architectures that have children."""
    children: int = 10
    """Children of each parent, of which the predictor sees all."""
    ensemble: int = 5
    """Predictors whose mean decides."""
    predictor: Literal["mlp", "forest", "ridge"] = "forest"
    """See `PREDICTORS`."""
    encoding: Literal["path", "one-hot"] = "one-hot"
    """See `ENCODINGS`."""

    def __post_init__(self) -> None:
        check_guided(self, self.name, ("initial", "batch", "parents", "children", "ensemble"))

    def start(self, space: Space, rng: np.random.Generator) -> Loop:
        """Begin a run; it ends when every class was asked for."""
        one_objective(self, space)
        return Loop(rounds(space, rng, self.initial, self._propose))

    def _propose(self, seen: Seen) -> list[Architecture]:
        pool = seen.pool(self.parents, self.children)
        if not pool:
            return []
        score = seen.predict(pool, self.predictor, self.encoding, self.ensemble).mean(axis=0)
        return [pool[place] for place in np.argsort(-score, kind="stable")[: self.batch]]

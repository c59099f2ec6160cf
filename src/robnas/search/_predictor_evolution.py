"""A preset of BANANAS: the predictor's mean selects the offspring of the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from robnas.search._algorithm import Loop, one_objective
from robnas.search._bananas import Bananas
from robnas.search._classes import Classes
from robnas.search._guided import check_guided, with_encoding
from robnas.spaces import Space


@final
@dataclass(frozen=True)
class PredictorEvolution:
    """`Bananas` by another name: ``acquisition="mean"``, and the defaults below.

    The best have many children each, and the predicted best of these are evaluated: the loop of NPENAS-NP
    (Wei et al. 2022), which predicts with a graph network. Results tell of this preset, not of NPENAS.
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
    encoding: str = "one-hot"
    """See `Bananas`."""

    def __post_init__(self) -> None:
        check_guided(self, self.name, ("initial", "batch", "parents", "children", "ensemble"))

    @property
    def bananas(self) -> Bananas:
        """What runs: the same settings, chosen by the mean."""
        return Bananas(**self.__dict__, acquisition="mean")

    def for_space(self, space: Space) -> PredictorEvolution:
        """With an encoding of the space."""
        return with_encoding(self, space)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run; it ends when every class was asked for."""
        classes = Classes.of(space)
        one_objective(self, classes)  # in this name
        return self.for_space(classes.space).bananas.start(classes, rng)

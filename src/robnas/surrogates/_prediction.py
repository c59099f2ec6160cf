"""What a surrogate is, and what it says of an architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Prediction:
    """What is predicted of each architecture, in the unit of the values that were fitted (accuracies: fractions)."""

    __repr__ = brief

    mean: Vector
    """Shape (architectures,)."""
    sd: Vector
    """Of what one more measurement like the known ones would find around it, its noise included; (architectures,)."""
    low: Vector
    """Lower end of the interval at `level` for the same, shape (architectures,)."""
    high: Vector
    """Upper end, shape (architectures,)."""
    level: float
    """How often the interval is to hold the measurement."""

    @property
    def calibrated_sd(self) -> Vector:
        """That of a normal distribution with as wide an interval, for intervals are calibrated; (architectures,)."""
        half = (self.high - self.low) / 2 / NormalDist().inv_cdf((1 + self.level) / 2)
        found: Vector = np.where(np.isfinite(half), half, self.sd)
        return found


class Predictor(Protocol):
    """A fitted surrogate.

    One that knows what it would have said of each known architecture without its value also has a method
    ``left_out(level)``, a `Prediction` of them; others are fitted again on parts of the values to calibrate intervals.
    """

    def predict(self, rows: Matrix, level: float) -> Prediction:
        """The prediction for rows of features, shape (architectures, features), before any calibration."""
        ...


class Surrogate(Protocol):
    """A kind of model with its settings, a frozen dataclass; one of `robnas.surrogates.SURROGATES`."""

    def fit(
        self, rows: Matrix, values: Vector, noise: Vector, *, groups: Sequence[str], pool: Matrix, seed: int
    ) -> Predictor:
        """Fit on known values.

        Args:
            rows: features of the known architectures, finite, shape (n, features).
            values: theirs, finite and not all equal, shape (n,).
            noise: standard error of each value, nan where it is not known, shape (n,).
            groups: which features belong together, a name for each.
            pool: features of more architectures that are to be predicted, shape (m, features).
            seed: of whatever the model draws.
        """
        ...

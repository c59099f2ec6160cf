"""Scales on which values are fitted, and the noise of trainings carried through them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from robnas._brief import brief
from robnas.surrogates._prediction import Vector

_BEYOND = 0.35  # standard deviations from the best known value to the end of the scale
_LEAST = 1e-12  # distance from the end, as a share of the usual one
_SHARE = 10  # the noise at a value is pooled over this share of the known ones


@final
@dataclass(frozen=True)
class Scale:
    """Where fitted targets come from: standardised values, or −log of their distance from an end.

    Accuracies crowd below the best one; there the logarithm tells them apart. Values that crowd at the lower end, as
    losses do, are seen from there.
    """

    sign: int
    """1 where values crowd at the upper end, -1 at the lower one; the logarithm is of the distance from that end."""
    end: float
    """Of the logarithm's scale, which predictions do not cross; infinite without a logarithm."""
    centre: float
    spread: float

    @classmethod
    def plain(cls, values: Vector) -> Scale:
        """The values themselves."""
        return cls(1, np.inf, float(values.mean()), float(values.std()))

    @classmethod
    def crowded(cls, values: Vector) -> Scale:
        """By the logarithm of the distance from the end at which values crowd: the long tail is at the other one."""
        away = values - values.mean()
        sign = -1 if float((away**3).sum()) > 0 else 1
        end = float((sign * values).max() + _BEYOND * values.std())
        targets = -np.log(end - sign * values)
        return cls(sign, end, float(targets.mean()), float(targets.std()))

    def forward(self, values: Vector) -> Vector:
        """Targets of values, increasing where `sign` is 1."""
        bare = values if np.isinf(self.end) else -np.log(self.end - self.sign * values)
        found: Vector = (bare - self.centre) / self.spread
        return found

    def back(self, targets: Vector) -> Vector:
        """Values of targets."""
        bare = self.centre + self.spread * targets
        found: Vector = bare if np.isinf(self.end) else self.sign * (self.end - np.exp(-bare))
        return found

    def steepness(self, values: Vector) -> Vector:
        """How much a target changes with its value."""
        if np.isinf(self.end):
            return np.full(len(values), 1 / self.spread)
        least = _LEAST * math.exp(-self.centre)
        found: Vector = 1 / (self.spread * np.maximum(self.end - self.sign * values, least))
        return found


@final
@dataclass(frozen=True, eq=False)
class NoiseLevel:
    """Standard error of a value as a function of it."""

    __repr__ = brief

    values: Vector
    """Increasing, shape (n,)."""
    variance: Vector
    """Around each, shape (n,)."""

    @classmethod
    def of(cls, values: Vector, noise: Vector) -> NoiseLevel:
        """From the standard error of known values, nan where it is not known; 0 where it nowhere is."""
        known = ~np.isnan(noise)
        if not known.any():
            return cls(values[:1], np.zeros(1))
        order = np.argsort(values[known], kind="stable")
        squares = noise[known][order] ** 2
        reach = max(len(squares) // _SHARE, 1)
        sums = np.concatenate([[0.0], np.cumsum(squares)])
        place = np.arange(len(squares))
        low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, len(squares))
        return cls(values[known][order], (sums[high] - sums[low]) / (high - low))

    def at(self, values: Vector) -> Vector:
        """Standard error at values, shape (m,)."""
        found: Vector = np.sqrt(np.interp(values, self.values, self.variance))
        return found

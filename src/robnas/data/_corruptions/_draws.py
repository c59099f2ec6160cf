"""Random numbers of an image: the same in every batch, order, thread and version of NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._seeds import derive_seed

Pixels = npt.NDArray[np.float64]
"""Of images: shape (n, channels, height, width), in [0, 1]."""


@final
class Draws:
    """One stream per image, decided by seed, index of the image, corruption and severity.

    Uniform numbers are the counter-based generator's own bits and normal ones their quantiles, since NumPy promises to
    keep the former and not its distributions.
    """

    def __init__(self, seed: int, name: str, severity: int, indices: Sequence[int]) -> None:
        key = derive_seed(seed, "corruption", name, severity)
        self._streams = [np.random.Generator(np.random.Philox(key=[key, index])) for index in indices]

    def __len__(self) -> int:
        return len(self._streams)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Pixels:
        """Numbers between `low` and `high`, ends excluded, of shape (n, *shape)."""
        count = math.prod(shape)
        numbers = np.empty((len(self), count))
        for row, stream in zip(numbers, self._streams, strict=True):
            stream.random(out=row)
        numbers += 2.0**-54  # half of the grid's step
        if (low, high) != (0.0, 1.0):
            numbers *= high - low
            numbers += low
        return numbers.reshape(len(self), *shape)

    def normal(self, *shape: int) -> Pixels:
        """Standard normal numbers of shape (n, *shape)."""
        from scipy.special import ndtri

        numbers = self.uniform(*shape)
        return ndtri(numbers, out=numbers)  # type: ignore[no-any-return]

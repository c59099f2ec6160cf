"""Noise of single pixels (Hendrycks and Dietterich 2019). Images are (n, channels, height, width) in [0, 1]."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from robnas.data._corruptions._draws import Draws, Pixels


def gaussian_noise(x: Pixels, draws: Draws, deviation: float) -> Pixels:
    """Normal noise of this deviation."""
    return x + deviation * draws.normal(*x.shape[1:])


def speckle_noise(x: Pixels, draws: Draws, deviation: float) -> Pixels:
    """Normal noise in proportion to the pixel."""
    return x + x * (deviation * draws.normal(*x.shape[1:]))


def impulse_noise(x: Pixels, draws: Draws, amount: float) -> Pixels:
    """Values of this share become 0 or 1, as likely."""
    hit = draws.uniform(*x.shape[1:]) <= amount
    salt = draws.uniform(*x.shape[1:]) <= 0.5
    return np.where(hit, salt, x)


def shot_noise(x: Pixels, draws: Draws, photons: float) -> Pixels:
    """Poisson noise of `photons` per white pixel: for each pixel the quantile of a uniform number."""
    below, guide = _poisson(photons)
    levels, wanted = np.rint(255 * x).astype(np.int64).ravel(), draws.uniform(*x.shape[1:]).ravel()
    counts = guide[levels, (wanted * guide.shape[1]).astype(np.int64)]
    late = np.flatnonzero(below[levels, counts] < wanted)
    while len(late):
        counts[late] += 1
        late = late[below[levels[late], counts[late]] < wanted[late]]
    found: Pixels = counts.reshape(x.shape) / photons
    return found


@lru_cache(maxsize=8)
def _poisson(photons: float) -> tuple[Pixels, npt.NDArray[np.int64]]:
    """For each of 256 levels, the distribution function of counts 0, 1 …, and from which count to search a quantile.

    The latter is the quantile of the multiples of 1 / 256 below 1.
    """
    from scipy.special import pdtr

    most = math.ceil(photons + 9 * math.sqrt(photons) + 10)
    below = pdtr(np.arange(most)[None], np.arange(256)[:, None] * (photons / 255))
    below[:, -1] = 1  # where every search ends
    guide = np.stack([np.searchsorted(row, np.arange(256) / 256) for row in below])
    return below, guide

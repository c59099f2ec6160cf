"""Noise of single pixels (Hendrycks and Dietterich 2019). Images are (n, channels, height, width) in [0, 1]."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

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
    """Poisson noise of `photons` per white pixel."""
    table = _poisson(photons)
    levels = np.rint(255 * x)
    # Row k of the table is shifted by k, so that one search finds a quantile of any level's distribution.
    places = np.searchsorted(table.ravel(), levels + draws.uniform(*x.shape[1:]))
    counts = places - levels.astype(np.int64) * table.shape[1]
    found: Pixels = np.minimum(counts, table.shape[1] - 1) / photons
    return found


@lru_cache(maxsize=8)
def _poisson(photons: float) -> Pixels:
    """Level + distribution function of counts 0, 1 …, of shape (256 levels, counts)."""
    from scipy.special import pdtr

    most = math.ceil(photons + 9 * math.sqrt(photons) + 10)
    levels = np.arange(256)[:, None]
    return levels + np.minimum(pdtr(np.arange(most)[None], levels * (photons / 255)), 1)  # type: ignore[no-any-return]

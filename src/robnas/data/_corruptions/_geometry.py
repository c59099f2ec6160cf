"""Sizes: what is published for 32 pixels, at any side.

Blurs and shifts of images below 32 pixels are made on a raster of whole sub-pixels, so that nothing published becomes
smaller than a pixel; above 32 their sizes grow with the side. Layers (snow, fog …) are drawn at 32 pixels and scaled.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from robnas.data._corruptions._draws import Pixels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SIDE = 32
"""Pixels for which the parameters are published."""


def sub_pixels(height: int, width: int) -> int:
    """How many sub-pixels a side of a pixel has: 1 from 32 pixels, 4 at 8."""
    return max(1, math.ceil(SIDE / min(height, width)))


def enlarged(x: Pixels, times: int) -> Pixels:
    """Every pixel as `times` × `times` sub-pixels."""
    return x if times == 1 else x.repeat(times, axis=2).repeat(times, axis=3)


def reduced(x: Pixels, times: int) -> Pixels:
    """The mean of the sub-pixels of each pixel."""
    if times == 1:
        return x
    n, channels, height, width = x.shape
    parts = x.reshape(n, channels, height // times, times, width // times, times)
    found: Pixels = parts.mean(axis=(3, 5))
    return found


def layer_shape(height: int, width: int) -> tuple[int, int]:
    """Height and width at which a layer is drawn: 32 for the shorter side."""
    side = min(height, width)
    return round(SIDE * height / side), round(SIDE * width / side)


def scaled_layer(layer: Pixels, height: int, width: int) -> Pixels:
    """A layer (n, h, w) at the size of the images: mean of areas when it shrinks, bilinear when it grows."""
    if layer.shape[1:] == (height, width):
        return layer
    return applied(_scaling(layer.shape[1], layer.shape[2], height, width), layer, height, width)


def applied(operator: csr_array, x: Pixels, height: int, width: int) -> Pixels:
    """A linear map of whole images, of shape (height · width, pixels before), on the last two axes of `x`."""
    before = x.reshape(-1, operator.shape[1])
    after = operator @ np.ascontiguousarray(before.T)
    return np.ascontiguousarray(after.T).reshape(*x.shape[:-2], height, width)


def interpolation(points: Pixels, size: int) -> csr_array:
    """Linear interpolation along one axis of `size` pixels, as a sparse matrix (points, size); `points` lie inside."""
    from scipy.sparse import csr_array

    low = np.minimum(np.floor(points).astype(np.int64), max(size - 2, 0))
    share = points - low
    rows = np.arange(len(points)).repeat(2)
    columns = np.minimum(np.stack([low, low + 1], 1), size - 1).ravel()
    weights = np.stack([1 - share, share], 1).ravel()
    return csr_array((weights, (rows, columns)), shape=(len(points), size))


@lru_cache(maxsize=16)
def _scaling(height: int, width: int, new_height: int, new_width: int) -> csr_array:
    from scipy.sparse import csr_array, kron

    return csr_array(kron(_axis_scaling(height, new_height), _axis_scaling(width, new_width)))


def _axis_scaling(size: int, new: int) -> csr_array:
    if new >= size:
        centres = (np.arange(new) + 0.5) * (size / new) - 0.5
        return interpolation(np.clip(centres, 0, size - 1), size)
    from scipy.sparse import csr_array

    edges, ends = np.arange(new + 1) * (size / new), np.arange(size + 1)
    low = np.maximum(edges[:-1, None], ends[None, :-1])
    high = np.minimum(edges[1:, None], ends[None, 1:])
    return csr_array(np.maximum(high - low, 0) * (new / size))

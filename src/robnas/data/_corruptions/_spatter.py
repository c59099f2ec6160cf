"""Drops of water or mud (Hendrycks and Dietterich 2019). Images are (n, channels, height, width) in [0, 1].

Water gets its rims from steps of image processing whose common form is OpenCV's; they are written here after their
definitions, at 32 pixels, with exact distances.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robnas.data._corruptions._colour import WHOLE, cut, tinted
from robnas.data._corruptions._draws import Draws, Pixels
from robnas.data._corruptions._geometry import layer_shape, scaled_layer

_WATER, _MUD = (175 / 255, 238 / 255, 238 / 255), (63 / 255, 42 / 255, 20 / 255)
_WEAK, _STRONG = 50, 150  # gradients of an edge, in grey levels
_FARTHEST = 20.0  # pixels from an edge
_RELIEF = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
_SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
_DIAGONAL = np.tan(np.pi / 8)


def spatter(
    x: Pixels, draws: Draws, mean: float, deviation: float, sigma: float, threshold: float, strength: float, mud: int
) -> Pixels:
    """Liquid where smoothed noise is above `threshold`: water of this strength, or mud, smoothed by `strength`."""
    from scipy.ndimage import gaussian_filter

    noise = mean + deviation * draws.normal(*layer_shape(*x.shape[2:]))
    liquid = gaussian_filter(noise, (0, sigma, sigma), mode="nearest", truncate=4.0)
    liquid[liquid < threshold] = 0
    if not mud:
        layer = scaled_layer(strength * _rims(liquid), *x.shape[2:])
        return x + tinted(layer, _WATER, x.shape[1])
    layer = gaussian_filter((liquid > threshold).astype(np.float64), (0, strength, strength), mode="nearest")
    layer[layer < 0.8] = 0
    layer = scaled_layer(layer, *x.shape[2:])
    return x * (1 - layer[:, None]) + tinted(layer, _MUD, x.shape[1])


def _rims(liquid: Pixels) -> Pixels:
    """How much of its colour water adds, from 0 to 1, shape (n, height, width)."""
    from scipy.ndimage import correlate, uniform_filter

    levels = cut(liquid)
    distance = np.minimum(_distances(edges(levels)), _FARTHEST)
    distance = np.floor(uniform_filter(distance, (0, 3, 3), mode="mirror") + WHOLE)
    relief = correlate(equalised(distance.astype(np.int64)).astype(np.float64), _RELIEF[None], mode="mirror")
    relief = np.rint(uniform_filter(np.clip(relief, 0, 255), (0, 3, 3), mode="mirror"))
    water = levels * relief
    most = water.max(axis=(1, 2), keepdims=True)
    found: Pixels = water / np.where(most == 0, 1, most)
    return found


def _distances(edge: npt.NDArray[np.bool_]) -> Pixels:
    """Of each pixel to the nearest edge; far where there is none."""
    from scipy.ndimage import distance_transform_edt

    return np.stack(
        [distance_transform_edt(~image) if image.any() else np.full(image.shape, _FARTHEST) for image in edge]
    )


def edges(levels: Pixels) -> npt.NDArray[np.bool_]:
    """Edges (n, height, width) of grey levels after Canny 1986: ridges of the gradient that join a strong one.

    The gradient is Sobel's and its size the sum of the absolute values of both parts.
    """
    from scipy.ndimage import correlate, label

    across, down = (correlate(levels, kernel[None], mode="nearest") for kernel in (_SOBEL, _SOBEL.T))
    size = np.abs(across) + np.abs(down)
    outside = np.pad(size, ((0, 0), (1, 1), (1, 1)))

    def beside(rows: int, columns: int) -> Pixels:
        height, width = size.shape[1:]
        return outside[:, 1 + rows : 1 + rows + height, 1 + columns : 1 + columns + width]

    level = np.abs(down) < _DIAGONAL * np.abs(across)
    steep = np.abs(down) > np.abs(across) / _DIAGONAL
    falling = (across < 0) == (down < 0)
    ridge = np.select(
        [level, steep, falling],
        [
            (size > beside(0, -1)) & (size >= beside(0, 1)),
            (size > beside(-1, 0)) & (size >= beside(1, 0)),
            (size > beside(-1, -1)) & (size > beside(1, 1)),
        ],
        (size > beside(-1, 1)) & (size > beside(1, -1)),
    )
    ridge &= size > _WEAK
    near = np.zeros((3, 3, 3), dtype=bool)
    near[1] = True  # of one image, diagonals too
    parts, count = label(ridge, structure=near)
    strong = np.zeros(count + 1, dtype=bool)
    strong[parts[ridge & (size > _STRONG)]] = True
    found: npt.NDArray[np.bool_] = strong[parts] & ridge
    return found


def equalised(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Grey levels (n, height, width) spread over 0 … 255 so that their counts grow evenly; one level stays as it is."""
    found = np.empty_like(levels)
    for image, out in zip(levels, found, strict=True):
        counts = np.bincount(image.ravel(), minlength=256)
        first = int(np.flatnonzero(counts)[0])
        others = image.size - counts[first]
        table = np.rint((np.cumsum(counts) - counts[first]) * (255 / max(others, 1))).astype(np.int64)
        out[:] = table[image] if others else first
    return found

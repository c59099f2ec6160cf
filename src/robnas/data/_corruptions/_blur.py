"""Blurs (Hendrycks and Dietterich 2019), on a raster of `scale` times the published 32 pixels.

Images are (n, channels, height, width) in [0, 1].
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from robnas.data._corruptions._colour import cut
from robnas.data._corruptions._draws import Draws, Pixels
from robnas.data._corruptions._geometry import applied, interpolation

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_ZOOM_STEP = 1.01 - 1.0  # of the published range, whose last bit decides how 26 · 1.25 is rounded
_NO_WEIGHT = 1e-12  # of a pixel, far below a grey level


def gaussian_blur(x: Pixels, draws: Draws, scale: float, sigma: float) -> Pixels:
    """A Gaussian of deviation `sigma` pixels, cut at four of them; the edge goes on outside."""
    from scipy.ndimage import gaussian_filter

    width = sigma * scale
    return gaussian_filter(x, (0, 0, width, width), mode="nearest", truncate=4.0)  # type: ignore[no-any-return]


def defocus_blur(x: Pixels, draws: Draws, scale: float, radius: float, smooth: float) -> Pixels:
    """The mean over a disc of `radius` pixels, whose own edge is smoothed with deviation `smooth`; mirrored outside."""
    from scipy.ndimage import correlate

    kernel = disc(radius * scale, smooth * scale)
    return correlate(x, kernel[None, None], mode="mirror")  # type: ignore[no-any-return]


def disc(radius: float, smooth: float) -> Pixels:
    """A disc of whole pixels, smoothed with a Gaussian of 3×3 pixels (5×5 for a radius above 8), of sum 1."""
    from scipy.ndimage import correlate

    half = 1 if radius <= 8 else 2
    reach = math.floor(radius) + half
    place = np.arange(-reach, reach + 1)
    inside = (place[:, None] ** 2 + place**2 <= radius**2).astype(np.float64)
    weights = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * smooth**2))
    smoothing = np.outer(weights, weights) / weights.sum() ** 2
    return correlate(inside / inside.sum(), smoothing, mode="constant")  # type: ignore[no-any-return]


def glass_blur(x: Pixels, draws: Draws, scale: float, sigma: float, reach: int, rounds: int) -> Pixels:
    """Pixels take the place of near ones, between two Gaussian blurs of deviation `sigma`.

    The published code means to swap pixels and copies them, since both sides of its assignment are one array: so here.
    """
    n, _, height, width = x.shape
    reach = max(1, round(reach * scale))
    blurred = cut(gaussian_blur(x, draws, scale, sigma)) / 255
    source = np.tile(np.arange(height * width).reshape(height, width), (n, 1, 1))  # of each pixel
    each = np.arange(n)
    for _ in range(rounds):
        rows, columns = range(height - reach, reach, -1), range(width - reach, reach, -1)
        shift = np.floor(draws.uniform(len(rows), len(columns), 2, low=-reach, high=reach)).astype(np.int64)
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                across, down = shift[:, i, j, 0], shift[:, i, j, 1]
                source[:, row, column] = source[each, row + down, column + across]
    flat = blurred.reshape(n, -1, height * width)
    moved = np.take_along_axis(flat, source.reshape(n, 1, -1), axis=2).reshape(x.shape)
    return gaussian_blur(moved, draws, scale, sigma)


def motion_blur(x: Pixels, draws: Draws, scale: float, radius: float, sigma: float) -> Pixels:
    """The image moves by a one-sided Gaussian of deviation `sigma` pixels, at an angle between -45° and 45°."""
    return moved(x, draws.uniform(1, low=-45.0, high=45.0)[:, 0], radius * scale, sigma * scale)


def moved(x: Pixels, degrees: Pixels, radius: float, sigma: float) -> Pixels:
    """Motion blur as ImageMagick has it, in whole grey levels: whole pixels along a line; the edge goes on outside.

    Args:
        x: images.
        degrees: of the angle of each, shape (n,).
        radius: pixels of the line, apart from the first, half of them.
        sigma: deviation of the weights along the line, in pixels.
    """
    steps = np.arange(2 * math.ceil(radius) + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    weights /= weights.sum()
    steps = steps[weights > _NO_WEIGHT]
    height, width = x.shape[2:]
    pad = len(steps)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge")
    found = np.zeros_like(x)
    for image, out, angle in zip(padded, found, np.deg2rad(degrees), strict=True):
        down = np.ceil(steps * math.sin(angle) - 0.5).astype(np.int64) + pad
        across = np.ceil(steps * math.cos(angle) - 0.5).astype(np.int64) + pad
        for weight, top, left in zip(weights, down.tolist(), across.tolist(), strict=False):
            out += weight * image[:, top : top + height, left : left + width]
    return np.rint(255 * found) / 255


def zoom_blur(x: Pixels, draws: Draws, scale: float, zooms: int) -> Pixels:
    """The mean of the image and of `zooms` enlarged ones, each 1% larger than the one before."""
    return applied(_zooming(*x.shape[2:], zooms), x, *x.shape[2:])


@lru_cache(maxsize=1)  # of large images it is large, and one severity is made after the other
def _zooming(height: int, width: int, zooms: int) -> csr_array:
    from scipy.sparse import csr_array, eye_array, kron

    total = eye_array(height * width)
    for number in range(zooms):
        factor = 1 + number * _ZOOM_STEP
        total = total + kron(clipped_zoom(height, factor), clipped_zoom(width, factor))
    return csr_array(total / (zooms + 1))


def clipped_zoom(size: int, factor: float) -> csr_array:
    """The middle of an axis enlarged by `factor` ≥ 1 to its own size, linear: a sparse matrix (size, size)."""
    part = math.ceil(size / factor)
    top = (size - part) // 2
    large = round(part * factor)
    trim = (large - size) // 2
    points = (np.arange(size, dtype=np.float64) + trim) * ((part - 1) / max(large - 1, 1)) + top
    return interpolation(points, size)

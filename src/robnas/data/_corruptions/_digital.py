"""Elastic distortion, pixelation and JPEG (Hendrycks and Dietterich 2019).

Images are (n, channels, height, width) in [0, 1].
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from robnas.data._corruptions._draws import Draws, Pixels

Indices = npt.NDArray[np.int64]


def elastic_transform(x: Pixels, draws: Draws, scale: float, amount: float, sigma: float, affine: float) -> Pixels:
    """A random affine map, then random shifts smoothed over `sigma` of the shorter side.

    Args:
        x: images on a raster; every length is relative to it, so `scale` has no part.
        draws: random numbers.
        scale: of the raster.
        amount: of the shifts, before they are smoothed, in parts of the shorter side.
        sigma: of the smoothing, in parts of the shorter side.
        affine: most by which the three points of the affine map move along each axis, in parts of the shorter side.
    """
    from scipy.ndimage import gaussian_filter

    height, width = x.shape[2:]
    side = min(height, width)
    source = _affine(draws, height, width, affine * side)
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    across, down = (m[0] * columns + m[1] * rows + m[2] for m in source)
    warped = _sampled(x, down, across, _mirrored)
    if amount == 0:
        return warped
    smoothed = [
        amount * side * gaussian_filter(noise, (0, sigma * side, sigma * side), mode="reflect", truncate=3.0)
        for noise in (draws.uniform(height, width, low=-1.0, high=1.0) for _ in range(2))
    ]
    return _sampled(warped, rows + smoothed[1], columns + smoothed[0], _reflected)


def _affine(draws: Draws, height: int, width: int, most: float) -> tuple[Pixels, Pixels]:
    """Where each pixel comes from: coefficients of x, y and 1 for x and for y, of shape (3, n, 1, 1)."""
    centre, reach = np.array([width // 2, height // 2]), min(height, width) // 3
    corners = centre + reach * np.array([[1, 1], [1, -1], [-1, -1]])
    goals = corners + draws.uniform(3, 2, low=-most, high=most)
    system = np.concatenate([goals, np.ones((len(goals), 3, 1))], axis=2)
    found = np.linalg.solve(system, np.broadcast_to(corners.astype(np.float64), goals.shape))
    across, down = found.transpose(2, 1, 0)[..., None, None]
    return across, down


def _sampled(x: Pixels, rows: Pixels, columns: Pixels, folded: Callable[[Indices, int], Indices]) -> Pixels:
    """The images at points (n, height, width) between their pixels, bilinear."""
    n, channels, height, width = x.shape
    flat = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(-1, channels)
    top, left = np.floor(rows), np.floor(columns)
    down, across = (rows - top)[..., None], (columns - left)[..., None]
    tops = [folded(top.astype(np.int64) + step, height) * width for step in (0, 1)]
    lefts = [folded(left.astype(np.int64) + step, width) for step in (0, 1)]
    start = (np.arange(n) * (height * width))[:, None, None]
    upper, lower = (
        flat[start + line + lefts[0]] * (1 - across) + flat[start + line + lefts[1]] * across for line in tops
    )
    return np.ascontiguousarray((upper * (1 - down) + lower * down).transpose(0, 3, 1, 2))


def _mirrored(index: Indices, size: int) -> Indices:
    """As … 2 1 | 0 1 2 … n-1 | n-2 … goes on."""
    period = max(2 * (size - 1), 1)
    index = np.mod(index, period)
    return np.minimum(index, period - index)


def _reflected(index: Indices, size: int) -> Indices:
    """As … 1 0 | 0 1 2 … n-1 | n-1 … goes on."""
    index = np.mod(index, 2 * size)
    return np.minimum(index, 2 * size - 1 - index)


def pixelate(x: Pixels, draws: Draws, share: float) -> Pixels:
    """The image is reduced to this share of its height and width and enlarged again, both by means of areas."""
    height, width = x.shape[2:]
    small = int(width * share), int(height * share)

    def coarse(image: Image.Image) -> Image.Image:
        return image.resize(small, Image.Resampling.BOX).resize((width, height), Image.Resampling.BOX)

    return _each(x, coarse)


def jpeg_compression(x: Pixels, draws: Draws, quality: int) -> Pixels:
    """The image is stored as JPEG of this quality."""

    def stored(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file, formats=("JPEG",))

    return _each(x, stored)


def _each(x: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    """Every image through Pillow."""
    levels = np.rint(255 * x).astype(np.uint8)
    grey = x.shape[1] == 1
    found = np.empty_like(levels)
    for image, out in zip(levels, found, strict=True):
        pixels = image[0] if grey else np.ascontiguousarray(image.transpose(1, 2, 0))
        changed = np.asarray(change(Image.fromarray(pixels)))
        out[:] = changed if grey else changed.transpose(2, 0, 1)
    return found / 255

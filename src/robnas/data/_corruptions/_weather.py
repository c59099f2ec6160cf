"""Fog, snow and frost (Hendrycks and Dietterich 2019). Images are (n, channels, height, width) in [0, 1].

What falls or drifts is drawn at 32 pixels and scaled to the image.
"""

from __future__ import annotations

import numpy as np

from robnas.data._corruptions._blur import clipped_zoom, moved
from robnas.data._corruptions._colour import cut, luminance, tinted
from robnas.data._corruptions._draws import Draws, Pixels
from robnas.data._corruptions._geometry import applied, layer_shape, scaled_layer

_WIBBLE = 100.0
_ICE = (0.82, 0.92, 1.0)


def fog(x: Pixels, draws: Draws, amount: float, decay: float) -> Pixels:
    """A cloud of `amount` is laid over the image, whose brightest value stays what it was."""
    layer = scaled_layer(plasma(draws, decay, *layer_shape(*x.shape[2:])), *x.shape[2:])
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    found: Pixels = (x + amount * layer[:, None]) * brightest / (brightest + amount)
    return found


def plasma(draws: Draws, decay: float, height: int, width: int) -> Pixels:
    """Clouds (n, height, width) from 0 to 1 by the diamond-square algorithm on a torus.

    The square they are cut from has the next power of two as its side.
    """
    side = 1 << (max(height, width) - 1).bit_length()
    grid = np.zeros((len(draws), side, side))
    step, wibble = side, _WIBBLE
    while step >= 2:
        half = step // 2
        corners, centres = (slice(None), slice(0, None, step), slice(0, None, step)), slice(half, None, step)

        def filled(total: Pixels, wibble: float = wibble) -> Pixels:
            return total / 4 + wibble * draws.uniform(*total.shape[1:], low=-wibble, high=wibble)

        square = grid[corners] + np.roll(grid[corners], -1, axis=1)
        grid[:, centres, centres] = filled(square + np.roll(square, -1, axis=2))
        middle, corner = grid[:, centres, centres], grid[corners]
        above = middle + np.roll(middle, 1, axis=1) + corner + np.roll(corner, -1, axis=2)
        grid[:, ::step, centres] = filled(above)
        beside = middle + np.roll(middle, 1, axis=2) + corner + np.roll(corner, -1, axis=1)
        grid[:, centres, ::step] = filled(beside)
        step, wibble = half, wibble / decay
    grid -= grid.min(axis=(1, 2), keepdims=True)
    grid /= grid.max(axis=(1, 2), keepdims=True)
    return grid[:, :height, :width]


def snow(
    x: Pixels,
    draws: Draws,
    mean: float,
    deviation: float,
    zoom: float,
    threshold: float,
    radius: float,
    sigma: float,
    keep: float,
) -> Pixels:
    """Flakes fall at an angle, from above and, turned by 180°, from below; the image is whitened to 1 - `keep`."""
    height, width = layer_shape(*x.shape[2:])
    flakes = mean + deviation * draws.normal(height, width)
    flakes = _zoomed(flakes, zoom)
    flakes[flakes < threshold] = 0
    flakes = cut(flakes) / 255
    falling = moved(flakes[:, None], draws.uniform(1, low=-135.0, high=-45.0)[:, 0], radius, sigma)
    layer = scaled_layer(falling[:, 0], *x.shape[2:])[:, None]
    white = np.maximum(x, 1.5 * luminance(x) + 0.5)
    return keep * x + (1 - keep) * white + layer + layer[:, :, ::-1, ::-1]


def _zoomed(layer: Pixels, factor: float) -> Pixels:
    from scipy.sparse import csr_array, kron

    height, width = layer.shape[1:]
    operator = csr_array(kron(clipped_zoom(height, factor), clipped_zoom(width, factor)))
    return applied(operator, layer, height, width)


def frost(x: Pixels, draws: Draws, keep: float, amount: float) -> Pixels:
    """Ice on the lens. It is synthetic: the ridges of two clouds, where the published one has parts of photographs."""
    height, width = layer_shape(*x.shape[2:])
    coarse, fine = (1 - np.abs(2 * plasma(draws, decay, height, width) - 1) for decay in (2.5, 1.5))
    ice = 0.25 + 0.75 * np.clip(coarse**3 + 0.5 * fine**6, 0, 1)
    return keep * x + amount * tinted(scaled_layer(ice, *x.shape[2:]), _ICE, x.shape[1])

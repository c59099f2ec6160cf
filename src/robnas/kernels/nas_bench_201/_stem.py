"""What images are like after the stem: 27 inputs are too few for a limit, so random filters see the images."""

from __future__ import annotations

from functools import cache

import numpy as np

from robnas.kernels._activations import Floats

_MANY, _FILTERS, _SEED = 8192, 128, 0
"""Filters whose deviations are read, and those of them whose maps are."""
NATURAL, _SHARED = 64, 0.9


def natural_images(channels: int, height: int, width: int, images: int = NATURAL) -> Floats:
    """Normal images of power 1/k² whose colours correlate by .9, each channel with mean 0 and variance 1.

    Shape (images, channels, height, width). They are parts of larger ones, so that borders do not meet.
    """
    rng = np.random.default_rng(_SEED)
    squared = np.fft.fftfreq(2 * height)[:, None] ** 2 + np.fft.fftfreq(2 * width) ** 2
    squared[0, 0] = np.sort(squared.ravel())[1] / 2  # means differ between images, too
    noise = np.fft.fft2(rng.standard_normal((images, channels + 1, 2 * height, 2 * width)))
    fields = np.fft.ifft2(noise / np.sqrt(squared)).real[..., :height, :width]
    found: Floats = _SHARED**0.5 * fields[:, :1] + (1 - _SHARED) ** 0.5 * fields[:, 1:]
    found -= found.mean(axis=(0, 2, 3), keepdims=True)
    found /= found.std(axis=(0, 2, 3), keepdims=True)
    return found


@cache
def natural_stem(height: int, width: int, channels: int) -> tuple[Floats, Floats, Floats, Floats]:
    """`stem` of `natural_images`."""
    return stem(natural_images(channels, height, width))


def stem(images: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Covariances by offset behind the stem, mean over random filters, each after its own batch norm.

    Args:
        images: shape (n, channels, height, width).

    Returns:
        Each of shape (height, width): of pixels of one image; of two images; of white noise of variance 1 per input,
        divided by the same deviations; and the `strongest` covariance of two channels, see `_propagation`.
    """
    count, channels, height, width = images.shape
    weights = np.random.default_rng(_SEED).uniform(-1, 1, (_MANY, channels, 3, 3))
    patches = np.lib.stride_tricks.sliding_window_view(np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), (2, 3))
    inputs = patches.transpose(1, 4, 5, 0, 2, 3).reshape(9 * channels, -1)  # taps, pixels of all images
    inputs = inputs - inputs.mean(axis=1, keepdims=True)
    covariance = inputs @ inputs.T / inputs.shape[1]
    flat = weights.reshape(_MANY, -1)
    variances = ((flat @ covariance) * flat).sum(axis=1)
    weights /= np.sqrt(np.maximum(variances, np.finfo(np.float64).tiny))[:, None, None, None]
    flat = weights[:_FILTERS].reshape(_FILTERS, -1)
    between = flat @ covariance @ flat.T
    maps = (flat @ inputs).reshape(_FILTERS, count, height, width)
    same, strong = np.zeros((2, 2 * height, 2 * width))
    total = np.zeros((_FILTERS, 2 * height, width + 1), dtype=np.complex128)
    for image in range(count):
        waves = np.fft.rfft2(maps[:, image], (2 * height, 2 * width))
        total += waves
        same += _correlated(waves, waves)
        strong += _correlated(waves, np.tensordot(between, waves, axes=1))
    every = _correlated(total, total)
    one = _by_offset(same, height, width) / (count * _FILTERS)
    two = _by_offset(every - same, height, width) / (count * (count - 1) * _FILTERS)
    strongest = _by_offset(strong, height, width) / (count * _FILTERS**2)
    return one, two, _white(weights, height, width), strongest / np.sqrt(strongest[0, 0])


def _correlated(first: np.ndarray, second: np.ndarray) -> Floats:
    """Sums of products of two maps by signed offset, summed over channels."""
    height, half = first.shape[1:]
    found: Floats = np.fft.irfft2((first.conj() * second).sum(axis=0), (height, 2 * (half - 1)))
    return found


def _by_offset(sums: Floats, height: int, width: int) -> Floats:
    mirrored = (sums + np.roll(sums[::-1], 1, axis=0)) / 2
    found: Floats = mirrored[:height, :width] / np.outer(height - np.arange(height), width - np.arange(width))
    return found


def _white(weights: Floats, height: int, width: int) -> Floats:
    found = np.zeros((height, width))
    taps = [(row, column) for row in range(3) for column in range(3)]
    for first in taps:
        for second in taps:
            down, right = first[0] - second[0], first[1] - second[1]
            if right < 0 or abs(down) >= height or right >= width:
                continue
            product = float((weights[:, :, *first] * weights[:, :, *second]).sum(axis=1).mean())
            product *= _inside(height, down, first[0] - 1) * _inside(width, right, first[1] - 1)
            found[abs(down), right] += product if down == 0 else product / 2
    return found


def _inside(size: int, offset: int, tap: int) -> float:
    """Share of the pixels p, of those with p and p + offset in the image, that have p + tap there."""
    pixels = np.arange(size)
    both = (pixels + offset >= 0) & (pixels + offset < size)
    return float((both & (pixels + tap >= 0) & (pixels + tap < size)).sum() / both.sum())

"""Linear maps of images, as they act on covariances of pixels that stand at an offset from each other.

A covariance is an array of shape (…, height, width): at (i, j) the mean over all pairs of pixels i rows and j columns
apart. Where a field is stationary that mean is all there is to know, and a map gives the new mean from the old ones
exactly, borders included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np

from robnas.kernels._activations import Floats


def average(values: Floats) -> Floats:
    """Mean over all pairs of pixels, shape (…)."""
    height, width = values.shape[-2:]
    found: Floats = _shares(height) @ values @ _shares(width)
    return found


def filtered(values: Floats) -> Floats:
    """After a 3×3 convolution with weights of its own: the mean over its taps, zeros outside the image."""
    height, width = values.shape[-2:]
    return values * np.outer(_kept(height), _kept(width))


def strided(values: Floats) -> Floats:
    """After one with stride 2."""
    return _both(_stride, values)


def halved(values: Floats) -> Floats:
    """After a mean over 2×2 pixels."""
    return _both(_half, values)


def pooled(values: Floats, powers: Sequence[int]) -> Floats:
    """After a polynomial in the 3×3 pooling with coefficients `powers`: ways that meet again add as amplitudes."""
    total = np.zeros_like(values)
    for first, one in enumerate(powers):
        for second, other in enumerate(powers):
            if one * other:
                total += one * other * _both(partial(_pool, *sorted((first, second))), values)
    return total


def patched(squares: Floats, stride: int) -> Floats:
    """Mean of products of two values, one product per pair of taps of a 3×3 filter, by the offset of the filters."""
    height, width = squares.shape[-2:]
    found: Floats = (_taps(height) @ squares @ _taps(width).T)[..., ::stride, ::stride]
    return found


def _both(operator: Callable[[int], Floats], values: Floats) -> Floats:
    height, width = values.shape[-2:]
    found: Floats = operator(height) @ values @ operator(width).T
    return found


@cache
def _shares(size: int) -> Floats:
    counts = 2.0 * (size - np.arange(size))
    counts[0] = size
    return counts / size**2


@cache
def _kept(size: int) -> Floats:
    left = size - np.arange(size)  # pairs at each offset; two of the three taps lose one pair at the border
    return (3 * left - 2) / (3 * left)


@cache
def _stride(size: int) -> Floats:
    taps = [np.eye(size, k=tap)[::2] for tap in (-1, 0, 1)]  # what each reads; nothing outside
    total: Floats = np.sum([_of_pairs(tap, tap) for tap in taps], axis=0) / 3
    return total


@cache
def _half(size: int) -> Floats:
    blocks = np.arange(size) // 2 == np.arange((size + 1) // 2)[:, None]
    mean = blocks / blocks.sum(axis=1, keepdims=True)
    return _of_pairs(mean, mean)


@cache
def _pool(first: int, second: int, size: int) -> Floats:
    near = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= 1
    mean = near / near.sum(axis=1, keepdims=True)
    return _of_pairs(np.linalg.matrix_power(mean, first), np.linalg.matrix_power(mean, second))


@cache
def _taps(size: int) -> Floats:
    found = np.zeros((size, size))
    for apart, share in zip(range(-2, 3), (1, 2, 3, 2, 1), strict=True):
        for offset in range(size):
            found[offset, min(abs(offset + apart), size - 1)] += share / 9
    return found


def _of_pairs(first: Floats, second: Floats) -> Floats:
    """By offset of outputs and of inputs: mean over pairs of outputs of products of weights, along one axis."""
    out, size = first.shape
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).ravel()
    found = np.zeros((out, size))
    for offset in range(out):
        weights = first[: out - offset].T @ second[offset:] + first[offset:].T @ second[: out - offset]
        found[offset] = np.bincount(apart, weights.ravel(), size) / 2 / (out - offset)
    return found

"""Linear steps and ReLUs on covariances of all pairs of pixels of some pairs of images.

Arrays have the shape (height, width, height, width, pairs): the pixels of the left image, those of the right one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from robnas.kernels._activations import Floats

Parts: TypeAlias = tuple[Floats, ...]
"""The pairs of pixels that lie an even number of rows and columns apart: rows even or odd, columns even or odd."""

_LEFT, _RIGHT = 0, 2
_ROUNDING = 8 * np.finfo(np.float64).eps


class Pair(NamedTuple):
    """What is known of a map."""

    signal: Floats
    """Covariance of its values."""
    tangent: Floats
    """Product of its gradients."""


def stem(left: Floats, right: Floats) -> Floats:
    """Covariance of 3×3 convolutions of images, each shape (channels, height, width, pairs)."""
    total = np.zeros((*left.shape[1:3], *right.shape[1:]))
    for one, other in zip(left, right, strict=True):
        total += one[:, :, None, None] * other
    return filtered(total / len(left))


def gated(pair: Pair, left: Floats, right: Floats) -> Pair:
    """After a ReLU and weights of mean square 2, before the mean over taps: Σ' = 2 E relu relu, Θ' = Σ' + 2 Σ̇ ∘ Θ.

    `left` and `right` are variances, shapes (height, width, pairs).
    """
    signal, tangent = np.empty_like(pair.signal), np.empty_like(pair.tangent)
    for row in range(len(signal)):  # few enough numbers to stay in the cache
        covariance, both = pair.signal[row], signal[row]
        product = left[row][:, None, None] * right
        root = covariance * covariance
        np.subtract(product, root, out=root)
        product *= _ROUNDING
        root[root <= product] = 0  # rounding error: both pixels are the same
        np.sqrt(root, out=root)
        share = np.arctan2(root, covariance, out=product)
        share *= -1 / math.pi
        share += 1
        np.multiply(covariance, share, out=both)
        root *= 1 / math.pi
        both += root
        np.multiply(share, pair.tangent[row], out=tangent[row])
        tangent[row] += both
    return Pair(signal, tangent)


def diagonal(values: Floats) -> Floats:
    """Those of a pixel with itself, shape (height, width, pairs)."""
    height, width = np.ogrid[: values.shape[0], : values.shape[1]]
    return values[height, width, height, width]


def filtered(values: Floats) -> Floats:
    """Mean over the taps of a 3×3 filter, zeros outside, both pixels of a pair moved together."""
    for axis in (0, 1):
        total = values.copy()
        if values.shape[axis] > 1:
            back, forth = _moved(axis, slice(None, -1)), _moved(axis, slice(1, None))
            total[back] += values[forth]
            total[forth] += values[back]
        total *= 1 / 3
        values = total
    return values


def pooled(values: Floats, powers: tuple[int, ...]) -> Floats:
    """A values Aᵀ, A = Σ powers_k Pᵏ, P the 3×3 mean that does not count what lies outside."""
    for side in (_LEFT, _RIGHT):
        result = values * powers[-1]
        for power in reversed(powers[:-1]):
            result = _meaned(result, side)
            if power:
                result += values * power if power > 1 else values
        values = result
    return values


def halved(values: Floats) -> Floats:
    """Mean over 2×2 pixels of each image; what is left at an odd border is averaged by itself."""
    for axis in range(4):
        first, second = values[_at(axis, slice(0, None, 2))], values[_at(axis, slice(1, None, 2))]
        total = first.copy()
        full = _at(axis, slice(0, second.shape[axis]))
        total[full] += second
        total[full] *= 0.5
        values = total
    return values


def parted(values: Floats) -> Parts:
    """See `Parts`; parts of a single row or column are empty."""
    return tuple(
        np.ascontiguousarray(values[rows::2, columns::2, rows::2, columns::2]) for rows in (0, 1) for columns in (0, 1)
    )


def strided(parts: Sequence[Floats]) -> Floats:
    """Mean over the taps of a 3×3 filter with stride 2, as `filtered`, from `Parts`."""
    return _interleaved(_interleaved(parts[0], parts[2], 0), _interleaved(parts[1], parts[3], 0), 1)


def _interleaved(even: Floats, odd: Floats, axis: int) -> Floats:
    """The tap in the middle reads what is even, those beside it what is odd."""
    total = even.copy()
    total[_moved(axis, slice(0, odd.shape[axis]))] += odd
    total[_moved(axis, slice(1, None))] += odd[_moved(axis, slice(0, even.shape[axis] - 1))]
    total *= 1 / 3
    return total


def _meaned(values: Floats, side: int) -> Floats:
    for axis in (side, side + 1):
        size = values.shape[axis]
        if size == 1:
            continue
        total, back, forth = values.copy(), _at(axis, slice(None, -1)), _at(axis, slice(1, None))
        total[back] += values[forth]
        total[forth] += values[back]
        counts = np.full(size, 3.0)
        counts[[0, -1]] = 2
        total /= counts.reshape(-1, *(1,) * (values.ndim - 1 - axis))
        values = total
    return values


def _at(axis: int, part: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, part)


def _moved(axis: int, part: slice) -> tuple[slice, ...]:
    """Both pixels of a pair."""
    return (*(slice(None),) * axis, part, slice(None), part)

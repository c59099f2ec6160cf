"""The recursion of infinitely wide residual networks, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import DUALS, Floats, Moments
from robnas.kernels._spectrum import NonFiniteKernelError
from robnas.spaces import TheoryArchitecture
from robnas.types import check_range

_BLOCK = 32_768  # entries computed at a time: they stay in the cache
_ALIVE = 16  # arrays of a block at the same time
_SMALLEST, _LARGEST = 1e-140, 1e150  # variances: products of two stay normal numbers


@dataclass(frozen=True, eq=False)
class Layer:
    """What one layer does to every input alone; arrays of shape (n, *pixels)."""

    moments: Moments
    """At the variance Λ_l(x, x)."""
    before: Floats
    """μ_{l−1}, mean of the layer before; zero for the first layer."""
    skip: int
    """α_{l−1}."""
    scale: float
    """1/L; 1 for the first layer."""

    def first(self, count: int) -> Layer:
        """What it does to the first `count` inputs."""
        return Layer(self.moments.at(slice(0, count)), self.before[:count], self.skip, self.scale)


def covariances(arch: TheoryArchitecture, x: Floats) -> Iterator[Floats]:
    """Σ_1 … Σ_{L−1} of a fully connected architecture, each of shape (n, n)."""
    everything, own = slice(0, len(x)), np.arange(len(x))
    for step in propagate(arch, x, list(statistics(arch, x)), Block(everything, everything, (own, own)), True):
        yield (step.sigma + step.sigma.T) / 2


def checked_inputs(arch: TheoryArchitecture, inputs: npt.ArrayLike) -> Floats:
    """Inputs as the recursion takes them.

    Raises:
        InputError: see `infinite_ntk`.
    """
    x = np.asarray(inputs, dtype=np.float64)
    if arch.convolutional:
        if x.ndim not in (3, 4):
            expected = "shape (n, channels, pixels) or (n, channels, height, width)"
            raise InputError("inputs", expected=expected, got=Verbatim(x.shape))
    elif x.ndim < 2:
        raise InputError("inputs", expected="shape (n, d)", got=Verbatim(x.shape))
    if 0 in x.shape:
        raise InputError("inputs", expected="at least one", got=Verbatim(f"shape {x.shape}"))
    if not arch.convolutional:
        x = x.reshape(len(x), -1)
    if not np.isfinite(x).all():
        raise InputError("inputs", expected="finite numbers", got=Verbatim("nan or infinity"))
    return x


def stacked_inputs(arch: TheoryArchitecture, inputs: npt.ArrayLike, others: npt.ArrayLike | None) -> tuple[Floats, int]:
    """Inputs, and what they are compared with below them; and how many inputs there are.

    Raises:
        InputError: the others have another shape; or see `infinite_ntk`.
    """
    x = checked_inputs(arch, inputs)
    if others is None:
        return x, len(x)
    against = checked_inputs(arch, others)
    if against.shape[1:] != x.shape[1:]:
        got = Verbatim(f"shapes {x.shape} and {against.shape}")
        raise InputError("inputs and others", expected="inputs of one size", got=got)
    return np.concatenate([x, against]), len(x)


def statistics(arch: TheoryArchitecture, x: Floats, mean_term: bool = True) -> Iterator[Layer]:
    """Layer by layer, what depends on one input only: the diagonals of the recursion."""
    pixels = x.ndim - 2
    with np.errstate(over="ignore"):  # an overflow is an error, below
        square, mean = (x**2).sum(axis=1), np.zeros(())
    for number, name in enumerate(arch.activations):
        variance = average(arch, square, pixels)
        _check_variance(variance)
        moments = DUALS[name].moments(variance)
        scale, skip = (1.0, 0) if number == 0 else (1 / arch.depth, arch.skips[number - 1])
        before = mean if number else np.zeros_like(variance)
        yield Layer(moments, before, skip, scale)
        crossed = 2 * scale * moments.mean * before if mean_term else 0.0
        square = scale**2 * moments.square + skip * (square + crossed)
        mean = scale * moments.mean + skip * before


def _check_variance(variance: Floats) -> None:
    """Raise `InputError` where products of variances would vanish or overflow, and angles between inputs with them."""
    largest = variance.reshape(len(variance), -1).max(axis=1)
    scale = "scale the inputs, see unit_sphere"
    if not (largest <= _LARGEST).all():
        raise NonFiniteKernelError("kernel", expected="finite entries", got=Verbatim("an overflow"), remedy=scale)
    if ((largest > 0) & (largest < _SMALLEST)).any():
        raise InputError(
            "inputs",
            expected=f"variances of 0 or at least {_SMALLEST:g} in front of every layer",
            got=Verbatim(f"{largest[largest > 0].min():.3g}"),
            remedy=scale,
        )


def layers_of(arch: TheoryArchitecture, x: Floats, mean_term: bool, memory_mib: float) -> tuple[list[Layer], float]:
    """What depends on one input only, and the bytes that its series leave for all else."""
    check_range("memory_mib", memory_mib, 0)
    found, left = [], memory_mib * 2**20
    for layer in statistics(arch, x, mean_term):
        found.append(layer)
        left -= sum(values.nbytes for values in layer.moments.series)
    return found, left


@dataclass(frozen=True)
class Block:
    """Some rows and columns of the kernel of all inputs."""

    rows: slice
    columns: slice
    same: tuple[npt.ArrayLike, ...]
    """Rows and columns, both counted over all inputs, of pairs of an input with itself."""


def blocks_of(
    arch: TheoryArchitecture, x: Floats, count: int | None, memory_mib: float, left: float, alive: int = _ALIVE
) -> Iterator[Block]:
    """Rows and columns that cover the upper triangle, each pair small enough for `left` bytes.

    With a `count` they are those of the first `count` inputs against all others.
    """
    entries = max(1, int(min(left / (8 * alive), _BLOCK)) // check_entry(arch, x, memory_mib, left, alive))
    rows = max(1, min(len(x) if count is None else count, int(entries**0.5)))
    columns = max(1, entries // rows)
    bottom, (first, second) = len(x) if count is None else count, _same(x, count)
    for top in range(0, bottom, rows):
        for begin in range(top if count is None else count, len(x), columns):
            across, down = slice(top, min(top + rows, bottom)), slice(begin, min(begin + columns, len(x)))
            here = (across.start <= first) & (first < across.stop) & (down.start <= second) & (second < down.stop)
            yield Block(across, down, (first[here], second[here]))


def check_entry(arch: TheoryArchitecture, x: Floats, memory_mib: float, left: float, alive: int = _ALIVE) -> int:
    """Numbers per entry of the kernel in each array, or `InputError` if one entry does not fit."""
    entry = int(np.prod(x.shape[2:], dtype=np.int64)) ** (2 if arch.readout == "pool" else 1)
    size = 8 * alive
    if entry * size > left:
        least = memory_mib + (entry * size - left) / 2**20
        got = Verbatim(f"{memory_mib:g}")
        raise InputError("memory_mib", expected=f"at least {least:.3g} for one entry", got=got)
    return entry


def _same(x: Floats, count: int | None) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs of equal inputs: each with itself, or those of the first `count` with the others."""
    if count is None:
        return np.arange(len(x)), np.arange(len(x))
    places: dict[bytes, list[int]] = {}
    for place, other in enumerate(x[count:] + 0.0, start=count):  # −0 becomes 0
        places.setdefault(other.tobytes(), []).append(place)
    pairs = [(i, j) for i, one in enumerate(x[:count] + 0.0) for j in places.get(one.tobytes(), ())]
    found = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return found[:, 0], found[:, 1]


class Step(NamedTuple):
    """One layer of a block; shape (rows, columns), and pixels or pairs of them."""

    covariance: Floats
    """Λ_l."""
    slopes: Floats
    """Σ̇_l."""
    sigma: Floats
    """Σ_l."""
    theta: Floats
    """Θ_l."""


def propagate(
    arch: TheoryArchitecture, x: Floats, layers: list[Layer], block: Block, mean_term: bool
) -> Iterator[Step]:
    """Layer by layer Σ_l, and Θ_l, the part of the kernel that comes through the layers so far.

    Θ_l = Σ̇_l/L² ∘ (Λ_l + M Θ_{l−1}) + α² Θ_{l−1}; M averages over the pixels under the filter.
    """
    rows, columns, pairs, pixels = block.rows, block.columns, arch.readout == "pool", x.ndim - 2
    sigma = np.einsum("icp,jcq->ijpq" if pairs else "icp,jcp->ijp", *(flat(x[part]) for part in (rows, columns)))
    sigma = sigma.reshape(*sigma.shape[:2], *x.shape[2:], *(x.shape[2:] if pairs else ()))
    theta: Floats | None = None
    first, second = (np.asarray(places, dtype=np.intp) for places in block.same)
    diagonal = _Diagonal(first, rows.start, second - columns.start, pixels if pairs else 0)
    for name, layer in zip(arch.activations, layers, strict=True):
        covariance = average(arch, sigma, pixels, pairs)
        diagonal.set(covariance, layer.moments.variance)
        left, right = sides(arch, layer, block, pixels)
        both, slopes = DUALS[name].pair(left, right, covariance)
        diagonal.set(both, layer.moments.square)
        diagonal.set(slopes, layer.moments.slope_square)
        if theta is None:  # nothing comes through layers before the first
            theta = layer.scale**2 * slopes * covariance
        else:
            inner = covariance + average(arch, theta, pixels, pairs)
            theta = layer.scale**2 * slopes * inner + layer.skip * theta
        grown = layer.scale**2 * both
        if layer.skip:
            grown += sigma
            if mean_term:
                grown += layer.scale * _cross_means(layer, rows, columns, pixels, pairs)
        sigma = grown
        yield Step(covariance, slopes, sigma, theta)


def sides(arch: TheoryArchitecture, layer: Layer, block: Block, pixels: int) -> tuple[Moments, Moments]:
    """Moments of the rows and of the columns of a block, shaped to meet in it."""
    pairs = arch.readout == "pool"
    return (
        layer.moments.at(*facing(block.rows, 0, pixels, pairs)),
        layer.moments.at(*facing(block.columns, 1, pixels, pairs)),
    )


def _cross_means(layer: Layer, rows: slice, columns: slice, pixels: int, pairs: bool) -> Floats:
    """e_l μ_{l−1}ᵀ + μ_{l−1} e_lᵀ."""
    e, mu = layer.moments.mean, layer.before
    left, right = facing(rows, 0, pixels, pairs), facing(columns, 1, pixels, pairs)
    return e[left] * mu[right] + mu[left] * e[right]


def flat(x: Floats) -> Floats:
    """Shape (n, channels, pixels); one pixel if fully connected."""
    return x.reshape(len(x), x.shape[1], -1)


def facing(part: slice, side: int, pixels: int, pairs: bool) -> tuple[slice | None, ...]:
    """Index that shapes values of single inputs, (n, *pixels), to meet those of the other side in a block."""
    own, other = (slice(None),) * pixels, (None,) * pixels
    if side == 0:
        return (part, None, *own, *(other if pairs else ()))
    return (None, part, *(other if pairs else ()), *own)


@dataclass(frozen=True)
class _Diagonal:
    """Entries of a block that pair an input, and a pixel, with itself: set from the one-dimensional formulas."""

    same: npt.NDArray[np.intp]
    """Inputs that meet themselves, counted over all."""
    top: int
    """The first row."""
    columns: npt.NDArray[np.intp]
    """Where in the block they meet."""
    pixels: int
    """Dimensions of pixels that occur twice."""

    def set(self, block: Floats, values: Floats) -> None:
        """Replace them by `values`, shape (n, *pixels)."""
        if not len(self.same):
            return
        if self.pixels == 0:
            block[self.same - self.top, self.columns] = values[self.same].reshape(-1, *block.shape[2:])
            return
        size = int(np.prod(block.shape[2 : 2 + self.pixels]))
        view = block.reshape(*block.shape[:2], size, size)
        place = np.arange(size)
        rows, columns = (self.same - self.top)[:, None], self.columns[:, None]
        view[rows, columns, place, place] = values[self.same].reshape(-1, size)


def average(arch: TheoryArchitecture, values: Floats, pixels: int, pairs: bool = False) -> Floats:
    """M: mean over the pixels under the filter, zeros outside, both pixels of a pair moved together."""
    if not arch.convolutional:
        return values.copy()
    reach = arch.kernel_size // 2
    for axis in range(values.ndim - (2 if pairs else 1) * pixels, values.ndim - (pixels if pairs else 0)):
        axes = (axis, axis + pixels) if pairs else (axis,)
        size = values.shape[axis]
        total = np.zeros_like(values)
        for shift in range(-min(reach, size - 1), min(reach, size - 1) + 1):
            into, source = [slice(None)] * values.ndim, [slice(None)] * values.ndim
            for moved in axes:
                into[moved] = slice(max(0, -shift), size - max(0, shift))
                source[moved] = slice(max(0, shift), size - max(0, -shift))
            total[tuple(into)] += values[tuple(source)]
        total /= arch.kernel_size
        values = total
    return values

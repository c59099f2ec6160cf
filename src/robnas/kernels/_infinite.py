"""Neural tangent kernels of infinitely wide residual networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import DUALS, Floats, Moments
from robnas.kernels._kernels import RobustKernels
from robnas.spaces import TheoryArchitecture
from robnas.types import check_range

_BLOCK = 32_768  # entries computed at a time: they stay in the cache
_ALIVE = 16  # arrays of a block at the same time


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


def infinite_ntk(
    architecture: TheoryArchitecture | str, inputs: npt.ArrayLike, *, memory_mib: float = 1024, mean_term: bool = True
) -> Floats:
    """Neural tangent kernel of an architecture of the theory space in the limit of infinite width.

    The limit of `robnas.networks.build_theory_network` in NTK parametrisation, which for ReLU and LeakyReLU, fully
    connected, is also that of Wu et al. 2024, Eq. 1 (as recalled); filters are scaled differently there, see
    `TheoryNetwork`. The recursion was derived for this project and agrees with networks of finite width.

    Args:
        architecture: of the theory space, or its text.
        inputs: shape (n, d) if fully connected; (n, channels, pixels), the paper's, or (n, channels, height, width)
            with κ×κ filters if convolutional. The theory wants unit norm (`unit_sphere`). The recursion does not, but
            tanh, sigmoid and SiLU want a variance of at most 100, that is norm 10 if fully connected.
        memory_mib: limit of the working memory in MiB, the result and some numbers per input, pixel and layer aside;
            the series of tanh, sigmoid and SiLU count (10 to 300 numbers per input, pixel and layer if the variance is
            below 1, thousands at 100). A pooled read-out needs all pairs of pixels of a pair of inputs at a time, at
            least.
        mean_term: whether skips carry the mean of activations, as they do; without it (as some of the literature has
            it) the kernel of a network with skips and a σ that has a mean is another one.

    Returns:
        Shape (n, n), symmetric.

    Raises:
        InputError: wrong shapes, values that are not finite, one input, a variance above 100 in front of tanh, sigmoid
            or SiLU, or a memory limit that is too small.
    """
    arch = TheoryArchitecture.parse(architecture) if isinstance(architecture, str) else architecture
    x = checked_inputs(arch, inputs)
    layers, left = _layers(arch, x, mean_term, memory_mib)
    result = np.empty((len(x), len(x)))
    for rows, columns in _blocks(arch, x, memory_mib, left):
        block = _block(arch, x, layers, rows, columns, mean_term)
        result[rows, columns] = block
        result[columns, rows] = block.T
    return result


def infinite_kernels(
    architecture: TheoryArchitecture | str,
    clean: npt.ArrayLike,
    robust: npt.ArrayLike,
    twice: npt.ArrayLike,
    *,
    memory_mib: float = 1024,
) -> RobustKernels:
    """The five kernels of inputs, attacked inputs and twice attacked inputs (Wu et al. 2024, Eq. 4 and 5).

    Args:
        architecture: of the theory space, or its text.
        clean: as in `infinite_ntk`.
        robust: the same inputs, attacked.
        twice: the attacked inputs, attacked again.
        memory_mib: as in `infinite_ntk`.

    Raises:
        InputError: shapes differ; or as `infinite_ntk`.
    """
    parts = [np.asarray(part, dtype=np.float64) for part in (clean, robust, twice)]
    if any(part.shape != parts[0].shape for part in parts):
        shapes = ", ".join(str(part.shape) for part in parts)
        raise InputError("clean, robust and twice attacked inputs", expected="one shape", got=Verbatim(shapes))
    return RobustKernels.from_stack(infinite_ntk(architecture, np.concatenate(parts), memory_mib=memory_mib))


def unit_sphere(inputs: npt.ArrayLike) -> Floats:
    """Inputs scaled to norm 1 each (Wu et al. 2024, assumption A1).

    Raises:
        InputError: one is zero or not finite.
    """
    x = np.asarray(inputs, dtype=np.float64)
    norm = np.sqrt((x.reshape(len(x), -1) ** 2).sum(axis=1))
    if not (np.isfinite(norm).all() and (norm > 0).all()):
        raise InputError("inputs", expected="finite and none zero", got=Verbatim("a zero or nan"))
    scaled: Floats = x / norm.reshape(-1, *(1,) * (x.ndim - 1))
    return scaled


def covariances(arch: TheoryArchitecture, x: Floats) -> Iterator[Floats]:
    """Σ_1 … Σ_{L−1} of a fully connected architecture, each of shape (n, n)."""
    everything = slice(0, len(x))
    for sigma, _ in _propagate(arch, x, list(statistics(arch, x)), everything, everything, True):
        yield (sigma + sigma.T) / 2


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
    else:
        x = x.reshape(len(x), -1)
    if len(x) < 2 or 0 in x.shape:
        raise InputError("inputs", expected="at least two", got=Verbatim(f"shape {x.shape}"))
    if not np.isfinite(x).all():
        raise InputError("inputs", expected="finite numbers", got=Verbatim("nan or infinity"))
    return x


def statistics(arch: TheoryArchitecture, x: Floats, mean_term: bool = True) -> Iterator[Layer]:
    """Layer by layer, what depends on one input only: the diagonals of the recursion."""
    pixels = x.ndim - 2
    square, mean = (x**2).sum(axis=1), np.zeros(())
    for number, name in enumerate(arch.activations):
        variance = _average(arch, square, pixels)
        moments = DUALS[name].moments(variance)
        scale, skip = (1.0, 0) if number == 0 else (1 / arch.depth, arch.skips[number - 1])
        before = mean if number else np.zeros_like(variance)
        yield Layer(moments, before, skip, scale)
        crossed = 2 * scale * moments.mean * before if mean_term else 0.0
        square = scale**2 * moments.square + skip * (square + crossed)
        mean = scale * moments.mean + skip * before


def _layers(arch: TheoryArchitecture, x: Floats, mean_term: bool, memory_mib: float) -> tuple[list[Layer], float]:
    """What depends on one input only, and the bytes that its series leave for all else."""
    check_range("memory_mib", memory_mib, 0)
    found, left = [], memory_mib * 2**20
    for layer in statistics(arch, x, mean_term):
        found.append(layer)
        left -= sum(values.nbytes for values in layer.moments.series)
    return found, left


def _blocks(arch: TheoryArchitecture, x: Floats, memory_mib: float, left: float) -> Iterator[tuple[slice, slice]]:
    """Rows and columns that cover the upper triangle, each pair small enough for `left` bytes."""
    entry = int(np.prod(x.shape[2:], dtype=np.int64)) ** (2 if arch.readout == "pool" else 1)
    size = 8 * _ALIVE
    if entry * size > left:
        least = memory_mib + (entry * size - left) / 2**20
        got = Verbatim(f"{memory_mib:g}")
        raise InputError("memory_mib", expected=f"at least {least:.3g} for one entry", got=got)
    entries = max(1, int(min(left / size, _BLOCK)) // entry)
    rows = max(1, min(len(x), int(entries**0.5)))
    columns = max(1, entries // rows)
    for top in range(0, len(x), rows):
        for left in range(top, len(x), columns):
            yield slice(top, min(top + rows, len(x))), slice(left, min(left + columns, len(x)))


def _block(
    arch: TheoryArchitecture, x: Floats, layers: list[Layer], rows: slice, columns: slice, mean_term: bool
) -> Floats:
    """Entries of the kernel, shape (rows, columns): K = Σ_{L−1} + Θ_{L−1}, over all pixels."""
    *_, (sigma, theta) = _propagate(arch, x, layers, rows, columns, mean_term)
    total = sigma + theta
    extra = tuple(range(2, total.ndim))
    result: Floats = total.mean(axis=extra) if arch.readout == "pool" else total.sum(axis=extra)
    return result


def _propagate(
    arch: TheoryArchitecture, x: Floats, layers: list[Layer], rows: slice, columns: slice, mean_term: bool
) -> Iterator[tuple[Floats, Floats]]:
    """Layer by layer Σ_l, and Θ_l, the part of the kernel that comes through the layers so far.

    Θ_l = Σ̇_l/L² ∘ (Λ_l + M Θ_{l−1}) + α² Θ_{l−1}; M averages over the pixels under the filter.
    """
    pairs, pixels = arch.readout == "pool", x.ndim - 2
    sigma = np.einsum("icp,jcq->ijpq" if pairs else "icp,jcp->ijp", *(_flat(x[part]) for part in (rows, columns)))
    sigma = sigma.reshape(*sigma.shape[:2], *x.shape[2:], *(x.shape[2:] if pairs else ()))
    theta = np.zeros_like(sigma)
    same = np.intersect1d(np.arange(len(x))[rows], np.arange(len(x))[columns])
    diagonal = _Diagonal(same, rows.start, columns.start, pixels if pairs else 0)
    for name, layer in zip(arch.activations, layers, strict=True):
        covariance = _average(arch, sigma, pixels, pairs)
        diagonal.set(covariance, layer.moments.variance)
        left, right = (
            layer.moments.at(*_facing(part, side, pixels, pairs)) for part, side in ((rows, 0), (columns, 1))
        )
        both, slopes = DUALS[name].pair(left, right, covariance)
        diagonal.set(both, layer.moments.square)
        diagonal.set(slopes, layer.moments.slope_square)
        theta = layer.scale**2 * slopes * (covariance + _average(arch, theta, pixels, pairs)) + layer.skip * theta
        grown = layer.scale**2 * both
        if layer.skip:
            grown += sigma
            if mean_term:
                grown += layer.scale * _cross_means(layer, rows, columns, pixels, pairs)
        sigma = grown
        yield sigma, theta


def _cross_means(layer: Layer, rows: slice, columns: slice, pixels: int, pairs: bool) -> Floats:
    """e_l μ_{l−1}ᵀ + μ_{l−1} e_lᵀ."""
    e, mu = layer.moments.mean, layer.before
    left, right = _facing(rows, 0, pixels, pairs), _facing(columns, 1, pixels, pairs)
    return e[left] * mu[right] + mu[left] * e[right]


def _flat(x: Floats) -> Floats:
    """Shape (n, channels, pixels); one pixel if fully connected."""
    return x.reshape(len(x), x.shape[1], -1)


def _facing(part: slice, side: int, pixels: int, pairs: bool) -> tuple[slice | None, ...]:
    """Index that shapes values of single inputs, (n, *pixels), to meet those of the other side in a block."""
    own, other = (slice(None),) * pixels, (None,) * pixels
    if side == 0:
        return (part, None, *own, *(other if pairs else ()))
    return (None, part, *(other if pairs else ()), *own)


@dataclass(frozen=True)
class _Diagonal:
    """Entries of a block that pair an input, and a pixel, with itself: set from the one-dimensional formulas."""

    same: npt.NDArray[np.intp]
    top: int
    left: int
    pixels: int
    """Dimensions of pixels that occur twice."""

    def set(self, block: Floats, values: Floats) -> None:
        """Replace them by `values`, shape (n, *pixels)."""
        if not len(self.same):
            return
        if self.pixels == 0:
            shape = block.shape[2:]
            block[self.same - self.top, self.same - self.left] = values[self.same].reshape(-1, *shape)
            return
        size = int(np.prod(block.shape[2 : 2 + self.pixels]))
        view = block.reshape(*block.shape[:2], size, size)
        place = np.arange(size)
        rows, columns = (self.same - self.top)[:, None], (self.same - self.left)[:, None]
        view[rows, columns, place, place] = values[self.same].reshape(-1, size)


def _average(arch: TheoryArchitecture, values: Floats, pixels: int, pairs: bool = False) -> Floats:
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
        values = total / arch.kernel_size
    return values

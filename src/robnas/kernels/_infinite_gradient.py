"""How kernels of infinite width change with their inputs: the recursion backwards."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import DUALS, Floats
from robnas.kernels._dual_gradients import mean_slope, pair_gradient, square_slope
from robnas.kernels._infinite import Kind, parsed
from robnas.kernels._recursion import (
    Block,
    Layer,
    average,
    blocks_of,
    facing,
    flat,
    layers_of,
    propagate,
    sides,
    stacked_inputs,
)
from robnas.kernels._spectrum import NonFiniteKernelError
from robnas.spaces import TheoryArchitecture

_ALIVE, _KEPT = 24, 4  # arrays of a block at the same time, and those of each layer besides


def infinite_gradient(
    kind: Kind,
    architecture: TheoryArchitecture | str,
    inputs: npt.ArrayLike,
    others: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    memory_mib: float = 1024,
) -> Floats:
    """Σ_j weights_ij ∂k(x_i, x'_j)/∂x_i, the others held fixed.

    Where an input is one of the others, ReLU and LeakyReLU leave k a cusp along the sphere, and the gradient there is
    the mean of those from both sides; so it is, layer by layer, where a filter sees nothing but zeros.

    Args:
        kind: of the kernel.
        architecture: of the theory space, or its text.
        inputs: as in `infinite_ntk`, n of them.
        others: m inputs.
        weights: shape (n, m).
        memory_mib: as in `infinite_ntk`.

    Returns:
        The shape of `inputs`.

    Raises:
        NonFiniteKernelError: a number overflowed.
        InputError: as `infinite_ntk`; weights of another shape or not finite.
    """
    arch = parsed(architecture)
    x, count = stacked_inputs(arch, inputs, others)
    weighted = np.asarray(weights, dtype=np.float64)
    if weighted.shape != (count, len(x) - count) or not np.isfinite(weighted).all():
        expected = f"finite numbers of shape ({count}, {len(x) - count})"
        raise InputError("weights", expected=expected, got=Verbatim(f"shape {weighted.shape}"))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        layers, left = layers_of(arch, x, True, memory_mib)
        found = _Adjoints.of(x[:count], layers)
        alive = _ALIVE + _KEPT * len(layers)
        for block in blocks_of(arch, x, count, memory_mib, left, alive):
            part = weighted[block.rows, block.columns.start - count : block.columns.stop - count]
            _backwards(kind, arch, x, layers, block, part, found)
        _down_the_diagonal(arch, x[:count], [layer.first(count) for layer in layers], found)
    if not np.isfinite(found.x).all():
        got, remedy = Verbatim("an overflow"), "scale the inputs, see unit_sphere"
        raise NonFiniteKernelError("gradient of the kernel", expected="finite entries", got=got, remedy=remedy)
    return found.x.reshape(np.shape(inputs))


@dataclass(frozen=True, eq=False)
class _Adjoints:
    """Derivatives by what depends on one input only, added up over blocks."""

    x: Floats
    """By the inputs."""
    variance: list[Floats] = field(default_factory=list)
    """By Λ_l(x, x) of each layer, shape (n, *pixels)."""
    mean: list[Floats] = field(default_factory=list)
    """By e_l."""
    before: list[Floats] = field(default_factory=list)
    """By μ_{l−1}."""

    @classmethod
    def of(cls, x: Floats, layers: list[Layer]) -> _Adjoints:
        """All zero."""
        shape = (len(x), *x.shape[2:])
        return cls(np.zeros_like(x), *([np.zeros(shape) for _ in layers] for _ in range(3)))


def _backwards(
    kind: Kind,
    arch: TheoryArchitecture,
    x: Floats,
    layers: list[Layer],
    block: Block,
    weights: Floats,
    found: _Adjoints,
) -> None:
    """From the kernel of a block, whose entries count with `weights`, to its rows."""
    pairs, pixels, rows = arch.readout == "pool", x.ndim - 2, block.rows
    right = facing(block.columns, 1, pixels, pairs)
    columns = (1, *(range(2 + pixels, 2 + 2 * pixels) if pairs else ()))
    steps = list(propagate(arch, x, layers, block, True))
    by_sigma = np.zeros_like(steps[-1].sigma)
    by_sigma += weights.reshape(*weights.shape, *(1,) * (by_sigma.ndim - 2))
    if pairs:
        by_sigma /= by_sigma[0, 0].size
    by_theta = by_sigma.copy() if kind == "ntk" else np.zeros_like(by_sigma)
    for place in reversed(range(len(layers))):
        layer, step = layers[place], steps.pop()
        slope = pair_gradient(DUALS[arch.activations[place]], *sides(arch, layer, block, pixels), step.covariance)
        inner = step.covariance + (average(arch, steps[-1].theta, pixels, pairs) if steps else 0)
        by_both, by_slopes = layer.scale**2 * by_sigma, layer.scale**2 * by_theta * inner
        by_inner = layer.scale**2 * by_theta * slope.slopes
        along = by_both * slope.both_by_variance + by_slopes * slope.slopes_by_variance
        found.variance[place][rows] += along.sum(axis=columns)
        by_covariance = by_inner + by_both * slope.slopes + by_slopes * slope.slopes_by_covariance
        if layer.skip:
            e, mu = layer.moments.mean, layer.before
            found.mean[place][rows] += layer.scale * (by_sigma * mu[right]).sum(axis=columns)
            found.before[place][rows] += layer.scale * (by_sigma * e[right]).sum(axis=columns)
        by_sigma = average(arch, by_covariance, pixels, pairs) + layer.skip * by_sigma
        by_theta = average(arch, by_inner, pixels, pairs) + layer.skip * by_theta
    size = int(np.prod(x.shape[2:], dtype=np.int64))
    outer = by_sigma.reshape(*by_sigma.shape[:2], size, *((size,) if pairs else ()))
    by_x = np.einsum("ijpq,jcq->icp" if pairs else "ijp,jcp->icp", outer, flat(x[block.columns]))
    found.x[rows] += by_x.reshape(found.x[rows].shape)


def _down_the_diagonal(arch: TheoryArchitecture, x: Floats, layers: list[Layer], found: _Adjoints) -> None:
    """From what depends on one input only to the input; the recursion is `statistics`."""
    by_square, by_mean = np.zeros_like(found.variance[0]), np.zeros_like(found.variance[0])
    for place in reversed(range(len(layers))):
        layer, dual = layers[place], DUALS[arch.activations[place]]
        crossed = 2 * layer.scale * layer.skip * by_square
        by_e = found.mean[place] + layer.scale * by_mean + crossed * layer.before
        by_variance = (
            found.variance[place]
            + layer.scale**2 * square_slope(dual, layer.moments) * by_square
            + mean_slope(dual, layer.moments) * by_e
        )
        by_mean = found.before[place] + layer.skip * by_mean + crossed * layer.moments.mean
        by_square = layer.skip * by_square + average(arch, by_variance, x.ndim - 2)
    found.x[...] += 2 * x * by_square[:, None]

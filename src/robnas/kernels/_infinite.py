"""Neural tangent kernels of infinitely wide residual networks."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._kernels import RobustKernels
from robnas.kernels._recursion import (
    Block,
    Layer,
    blocks_of,
    check_entry,
    checked_inputs,
    layers_of,
    propagate,
    stacked_inputs,
)
from robnas.kernels._spectrum import NonFiniteKernelError
from robnas.spaces import TheoryArchitecture

Kind = Literal["ntk", "nngp"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def infinite_ntk(
    architecture: TheoryArchitecture | str,
    inputs: npt.ArrayLike,
    others: npt.ArrayLike | None = None,
    *,
    memory_mib: float = 1024,
    mean_term: bool = True,
) -> Floats:
    """Neural tangent kernel of an architecture of the theory space in the limit of infinite width.

    The limit of `robnas.networks.build_theory_network` in NTK parametrisation, which for ReLU and LeakyReLU, fully
    connected, is also that of Wu et al. 2024, Eq. 1 (as recalled); filters are scaled differently there, see
    `TheoryNetwork`. The recursion was derived for this project and agrees with networks of finite width.

    Args:
        architecture: of the theory space, or its text.
        inputs: shape (n, d) if fully connected; (n, channels, pixels), the paper's, or (n, channels, height, width)
            with κ×κ filters if convolutional. The theory wants unit norm (`unit_sphere`). The recursion does not, but
            tanh, sigmoid, SiLU and softplus want a variance of at most 100, that is norm 10 if fully connected.
        others: inputs to compare them with, m of the same shape; `inputs` themselves if None.
        memory_mib: limit of the working memory in MiB, the result and some numbers per input, pixel and layer aside;
            the series of tanh, sigmoid, SiLU and softplus count (10 to 300 numbers per input, pixel and layer if the
            variance is below 1, thousands at 100). A pooled read-out needs all pairs of pixels of a pair of inputs at a
            time, at least.
        mean_term: whether skips carry the mean of activations, as they do; without it (as some of the literature has
            it) the kernel of a network with skips and a σ that has a mean is another one.

    Returns:
        Shape (n, m); symmetric without `others`.

    Raises:
        NonFiniteKernelError: a number overflowed.
        InputError: wrong shapes, values that are not finite or all but zero, no input, a variance above 100 in front
            of tanh, sigmoid, SiLU or softplus, or a memory limit that is too small.
    """
    return _infinite("ntk", architecture, inputs, others, memory_mib, mean_term)


def infinite_nngp(
    architecture: TheoryArchitecture | str,
    inputs: npt.ArrayLike,
    others: npt.ArrayLike | None = None,
    *,
    memory_mib: float = 1024,
    mean_term: bool = True,
) -> Floats:
    """Covariance E f(x) f(x') of the outputs of random networks of infinite width: a Gaussian process (NNGP).

    It is the part of `infinite_ntk` that comes from the read-out, and the kernel of networks whose last layer alone is
    trained. Arguments, result and errors are those of `infinite_ntk`.
    """
    return _infinite("nngp", architecture, inputs, others, memory_mib, mean_term)


def infinite_diagonal(
    kind: Kind, architecture: TheoryArchitecture | str, inputs: npt.ArrayLike, *, memory_mib: float = 1024
) -> Floats:
    """k(x, x) of each input, shape (n,); arguments and errors as for `infinite_ntk`."""
    arch = parsed(architecture)
    x = checked_inputs(arch, inputs)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        layers, left = layers_of(arch, x, True, memory_mib)
        check_entry(arch, x, memory_mib, left)
        own = [Block(slice(i, i + 1), slice(i, i + 1), ([i], [i])) for i in range(len(x))]
        found = [_entries(kind, arch, x, layers, block, True)[0, 0] for block in own]
    return _finite(np.array(found))


def _infinite(
    kind: Kind,
    architecture: TheoryArchitecture | str,
    inputs: npt.ArrayLike,
    others: npt.ArrayLike | None,
    memory_mib: float,
    mean_term: bool,
    batch: int | None = None,
) -> Floats:
    """With a `batch` those entries may be zero that pair inputs of batches of this size which are not neighbours."""
    arch = parsed(architecture)
    x, count = stacked_inputs(arch, inputs, others)
    result = np.zeros((count, count if others is None else len(x) - count))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # an overflow is an error, below
        layers, left = layers_of(arch, x, mean_term, memory_mib)
        for block in blocks_of(arch, x, None if others is None else count, memory_mib, left):
            if batch is not None and block.columns.start // batch > (block.rows.stop - 1) // batch + 1:
                continue
            entries = _entries(kind, arch, x, layers, block, mean_term)
            if others is None:
                result[block.rows, block.columns] = entries
                result[block.columns, block.rows] = entries.T
            else:
                result[block.rows, block.columns.start - count : block.columns.stop - count] = entries
    return _finite(result)


def _entries(
    kind: Kind, arch: TheoryArchitecture, x: Floats, layers: list[Layer], block: Block, mean_term: bool
) -> Floats:
    """Entries of the kernel, shape (rows, columns): Σ_{L−1}, for the NTK with Θ_{L−1}, over all pixels."""
    *_, last = propagate(arch, x, layers, block, mean_term)
    total = last.sigma + last.theta if kind == "ntk" else last.sigma
    extra = tuple(range(2, total.ndim))
    result: Floats = total.mean(axis=extra) if arch.readout == "pool" else total.sum(axis=extra)
    return result


def _finite(kernel: Floats) -> Floats:
    if not np.isfinite(kernel).all():
        got, remedy = Verbatim("an overflow"), "scale the inputs, see unit_sphere"
        raise NonFiniteKernelError("kernel", expected="finite entries", got=got, remedy=remedy)
    return kernel


def parsed(architecture: TheoryArchitecture | str) -> TheoryArchitecture:
    """The architecture that a text names, or itself."""
    return TheoryArchitecture.parse(architecture) if isinstance(architecture, str) else architecture


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
    stacked = np.concatenate(parts)
    return RobustKernels.from_stack(_infinite("ntk", architecture, stacked, None, memory_mib, True, len(parts[0])))


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

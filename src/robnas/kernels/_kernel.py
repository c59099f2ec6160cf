"""What a kernel is, and those of infinite and of finite width as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._infinite import KINDS, Kind, infinite_diagonal, infinite_nngp, infinite_ntk, parsed
from robnas.kernels._infinite_gradient import infinite_gradient
from robnas.kernels._spectrum import checked_kernel
from robnas.spaces import TheoryArchitecture


class Kernel(Protocol):
    """Any positive semi-definite function of two inputs; a plain function will do."""

    def __call__(self, inputs: npt.ArrayLike, others: npt.ArrayLike | None = None) -> Floats:
        """Entries k(x_i, x'_j), shape (n, m), float64.

        Args:
            inputs: n of them.
            others: m inputs; `inputs` themselves if None, and then the result is symmetric.
        """
        ...


@runtime_checkable
class DifferentiableKernel(Protocol):
    """A `Kernel` whose predictions can be attacked."""

    def __call__(self, inputs: npt.ArrayLike, others: npt.ArrayLike | None = None) -> Floats:
        """See `Kernel`."""
        ...

    def gradient(
        self, inputs: npt.ArrayLike, others: npt.ArrayLike, coefficients: npt.ArrayLike, cotangents: npt.ArrayLike
    ) -> Floats:
        """Σ_c cotangents_ic ∂f_c(x_i)/∂x_i, where f_c(x) = Σ_j k(x, x'_j) coefficients_jc; the shape of `inputs`.

        Args:
            inputs: n of them.
            others: m inputs, held fixed.
            coefficients: shape (m, classes).
            cotangents: shape (n, classes).
        """
        ...


def differentiable(kernel: Kernel) -> DifferentiableKernel:
    """The kernel, if it has a gradient.

    Raises:
        InputError: it has none.
    """
    if isinstance(kernel, DifferentiableKernel):
        return kernel
    remedy = "give it one, see robnas.kernels.DifferentiableKernel"
    raise InputError(
        "kernel", expected="one with a method gradient", got=Verbatim(type(kernel).__name__), remedy=remedy
    )


@final
@dataclass(frozen=True)
class InfiniteKernel:
    """The kernel of networks of infinite width of an architecture of the theory space.

    Raises:
        InputError: no such architecture or kind.
    """

    architecture: TheoryArchitecture | str
    """Of the theory space, or its text."""
    kind: Kind = "ntk"
    """``ntk``: of networks all of whose layers are trained (`infinite_ntk`); ``nngp``: of those of whom only the
    read-out is, which is the covariance of outputs (`infinite_nngp`)."""
    memory_mib: float = 1024
    """Limit of the working memory in MiB."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "architecture", parsed(self.architecture))
        check_keys("kind of kernel", [self.kind], KINDS)

    def __call__(self, inputs: npt.ArrayLike, others: npt.ArrayLike | None = None) -> Floats:
        """See `Kernel`; inputs and errors as for `infinite_ntk`."""
        function = infinite_ntk if self.kind == "ntk" else infinite_nngp
        return function(self.architecture, inputs, others, memory_mib=self.memory_mib)

    def diagonal(self, inputs: npt.ArrayLike) -> Floats:
        """k(x_i, x_i), shape (n,)."""
        return infinite_diagonal(self.kind, self.architecture, inputs, memory_mib=self.memory_mib)

    def gradient(
        self, inputs: npt.ArrayLike, others: npt.ArrayLike, coefficients: npt.ArrayLike, cotangents: npt.ArrayLike
    ) -> Floats:
        """See `DifferentiableKernel`; at kinks the mean of the gradients from both sides, see `infinite_gradient`."""
        first, second = check_factors(coefficients, cotangents)
        memory = self.memory_mib
        return infinite_gradient(self.kind, self.architecture, inputs, others, second @ first.T, memory_mib=memory)


@final
@dataclass(frozen=True, eq=False)
class MatrixKernel:
    """A kernel that was computed before: its inputs are row numbers of the matrix, shape (n, 1).

    Raises:
        NonFiniteKernelError: nan or infinity.
        InputError: not square or not symmetric.
    """

    __repr__ = brief

    matrix: npt.ArrayLike
    """Of all inputs that will be asked about, those of the training first or wherever; shape (n, n)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", checked_kernel(self.matrix))

    def __call__(self, inputs: npt.ArrayLike, others: npt.ArrayLike | None = None) -> Floats:
        """See `Kernel`.

        Raises:
            InputError: something else than row numbers.
        """
        rows = self._rows(inputs)
        matrix: Floats = np.asarray(self.matrix)
        return matrix[np.ix_(rows, rows if others is None else self._rows(others))]

    def _rows(self, inputs: npt.ArrayLike) -> npt.NDArray[np.intp]:
        given, last = np.asarray(inputs), len(np.asarray(self.matrix)) - 1
        numeric = given.dtype.kind in "iuf" and given.ndim == 2 and given.shape[1] == 1
        if not numeric or not ((given >= 0) & (given <= last) & (given == np.floor(given))).all():
            got = Verbatim(f"{given.dtype} of shape {given.shape}")
            raise InputError("inputs", expected=f"row numbers from 0 to {last}, shape (n, 1)", got=got)
        return given[:, 0].astype(np.intp)


def check_factors(coefficients: npt.ArrayLike, cotangents: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both as arrays.

    Raises:
        InputError: not as many classes on both sides, or not finite.
    """
    first, second = (np.asarray(one, dtype=np.float64) for one in (coefficients, cotangents))
    shaped = first.ndim == second.ndim == 2 and first.shape[1] == second.shape[1]
    if not shaped or not (np.isfinite(first).all() and np.isfinite(second).all()):
        expected = "finite numbers of shapes (m, classes) and (n, classes)"
        got = Verbatim(f"shapes {first.shape} and {second.shape}")
        raise InputError("coefficients and cotangents", expected=expected, got=got)
    return first, second

"""Numbers that describe a kernel matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, NonFiniteError, Verbatim
from robnas.kernels._activations import Floats

_INDEFINITE = 1e-8  # share of the trace by which the smallest eigenvalue may be negative


class IndefiniteKernelError(InputError):
    """A kernel has an eigenvalue that is negative beyond rounding, so it is no kernel."""


class NonFiniteKernelError(NonFiniteError):
    """A kernel holds nan or infinity, because the network does or a number overflowed."""


class SingularKernelError(InputError):
    """A kernel cannot be inverted, and what was asked for needs its inverse."""


def checked_kernel(kernel: npt.ArrayLike) -> Floats:
    """`kernel` as a symmetric float64 matrix.

    Raises:
        NonFiniteKernelError: nan or infinity.
        InputError: not square or not symmetric.
    """
    matrix = np.asarray(kernel, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise InputError("kernel", expected="shape (n, n)", got=Verbatim(matrix.shape))
    if not np.isfinite(matrix).all():
        raise NonFiniteKernelError("kernel", expected="finite entries", got=Verbatim("nan or infinity"))
    gap = np.abs(matrix - matrix.T).max()
    if gap > 1e-8 * np.abs(matrix).max():
        expected = "a symmetric matrix"
        raise InputError("kernel", expected=expected, got=Verbatim(f"a difference of {gap:.2g}"), remedy="average it")
    return matrix


def eigenvalues(kernel: npt.ArrayLike, *, semidefinite: bool = True) -> Floats:
    """All eigenvalues, increasing, as they come out: never clipped.

    Args:
        kernel: shape (n, n), symmetric.
        semidefinite: raise if one is negative by more than 1e-8 of the trace.

    Raises:
        IndefiniteKernelError: as above; it says by how much.
        NonFiniteKernelError: nan or infinity.
        InputError: no symmetric matrix.
    """
    matrix = checked_kernel(kernel)
    found = np.linalg.eigvalsh(matrix).astype(np.float64)
    if semidefinite:
        check_semidefinite(found)
    return found


def check_semidefinite(found: Floats) -> None:
    """Raise `IndefiniteKernelError` if the smallest of increasing eigenvalues is negative beyond rounding."""
    if found[0] < -_INDEFINITE * abs(found.sum()):
        raise IndefiniteKernelError(
            "kernel",
            expected="eigenvalues ≥ 0 up to rounding",
            got=Verbatim(f"{found[0]:.3g} at a trace of {found.sum():.3g}"),
            remedy="compute it in float64",
        )


def is_singular(values: Floats) -> bool:
    """Whether the smallest of increasing eigenvalues, shape (n,), is not above rounding error, n·2⁻⁵²·λ_max."""
    return bool(values[0] <= len(values) * np.finfo(np.float64).eps * values[-1])


def label_targets(labels: npt.ArrayLike) -> Floats:
    """Labels as ±1: one column for two classes, one against the rest for more; shape (n, 1 or classes).

    Raises:
        InputError: all labels are equal, not finite, or not one-dimensional.
    """
    given = np.asarray(labels)
    if given.ndim != 1:
        raise InputError("labels", expected="shape (n,)", got=Verbatim(given.shape))
    if given.dtype.kind in "fc" and not np.isfinite(given).all():
        raise InputError("labels", expected="finite numbers", got=Verbatim("nan or infinity"))
    classes = np.unique(given)
    if len(classes) < 2:
        raise InputError("labels", expected="at least two classes", got=Verbatim("all equal"))
    columns = classes[1:] if len(classes) == 2 else classes
    return np.where(given[:, None] == columns, 1.0, -1.0)


def label_alignment(kernel: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """yᵀK⁻¹y, for more than two classes the sum over classes, one against the rest; infinite for a singular kernel.

    It is small also where the labels went into the kernel: by attacks that moved inputs according to their labels (see
    `random_labels`), or by the reduction ``label``.

    Args:
        kernel: shape (n, n), positive semi-definite.
        labels: shape (n,).

    Raises:
        IndefiniteKernelError: the kernel is not positive semi-definite.
        NonFiniteKernelError: nan or infinity.
        InputError: all labels are equal, or not as many as the kernel has rows.
    """
    matrix, targets = checked_kernel(kernel), label_targets(labels)
    if len(targets) != len(matrix):
        raise InputError("labels", expected=f"{len(matrix)}, one per row of the kernel", got=Verbatim(len(targets)))
    values, vectors = np.linalg.eigh(matrix)
    check_semidefinite(values)
    if is_singular(values):
        return float("inf")
    return float(((vectors.T @ targets) ** 2 / values[:, None]).sum())


def _smallest(kernel: Floats, labels: Floats) -> float:
    values = eigenvalues(kernel)
    return -np.inf if is_singular(values) else float(values[0])


def _condition(kernel: Floats, labels: Floats) -> float:
    values = eigenvalues(kernel)
    return -np.inf if is_singular(values) else -float(values[-1] / values[0])


def _log_determinant(kernel: Floats, labels: Floats) -> float:
    values = eigenvalues(kernel)
    return -np.inf if is_singular(values) else float(np.log(values).sum())


Measure = Callable[[Floats, Floats], float]
MEASURES: Mapping[str, Measure] = {
    "lambda-min": _smallest,
    "condition": _condition,
    "trace": lambda kernel, labels: float(np.trace(kernel) / len(kernel)),
    "frobenius": lambda kernel, labels: float(np.linalg.norm(kernel)),
    "mean": lambda kernel, labels: float(kernel.mean()),
    "log-determinant": _log_determinant,
    "label-alignment": lambda kernel, labels: -label_alignment(kernel, labels) / len(kernel),
}
"""Scores of a kernel given labels, higher is taken as better: smallest eigenvalue; −λ_max/λ_min; trace over n;
Frobenius norm; mean entry (KNAS, Xu et al. 2021); log det; −yᵀK⁻¹y/n. Minus infinity where a kernel is singular, which
leaves the smallest eigenvalue, the condition number, the determinant and the alignment undefined."""

"""Kernel regression: what a network in the kernel regime predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._kernel import Kernel
from robnas.kernels._spectrum import (
    NonFiniteKernelError,
    SingularKernelError,
    check_semidefinite,
    checked_kernel,
    is_singular,
)
from robnas.types import check_range

Labels = npt.NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class KernelRegression:
    """Scores f_c(x) = Σ_j k(x, x_j) coefficients_jc of classes; made by `KernelRegression.fit`.

    Raises:
        InputError: not a row of coefficients per input, or not a column per class.
    """

    __repr__ = brief

    kernel: Kernel
    """Any."""
    inputs: Floats
    """x_j, shape (m, …)."""
    coefficients: Floats
    """Shape (m, classes), finite."""
    classes: Labels
    """Label of each class, increasing."""

    def __post_init__(self) -> None:
        wanted = (len(self.inputs), len(self.classes))
        if self.coefficients.shape != wanted or not np.isfinite(self.coefficients).all():
            got = Verbatim(f"shape {self.coefficients.shape}")
            raise InputError("coefficients", expected=f"finite numbers of shape {wanted}", got=got)

    @classmethod
    def fit(
        cls,
        kernel: Kernel,
        inputs: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        ridge: float = 0.0,
        time: float = math.inf,
        classes: npt.ArrayLike | None = None,
    ) -> KernelRegression:
        """Regression onto ±1 of each class against the rest, by gradient flow from f = 0.

        df/dt = −K (f − y) is the flow of ½ Σ_i (f(x_i) − y_i)², summed over inputs: f(x) = k(x, X) K⁻¹ (1 − e^{−Kt}) y.
        With a ridge r the loss has r/2 ‖W − W⁽¹⁾‖² besides and K + r stands for K. Targets other than ±1, the same for
        every class, would change scores but not the class with the highest.

        Args:
            kernel: any.
            inputs: shape (m, …).
            labels: shape (m,), of at least two classes.
            ridge: r ≥ 0, in units of the kernel.
            time: t ≥ 0; infinite for the closed form (K + r)⁻¹ y.
            classes: all labels that there are; those that occur if None.

        Raises:
            IndefiniteKernelError: the kernel is indefinite beyond rounding.
            SingularKernelError: it is singular, without ridge at infinite time.
            InputError: a negative time or ridge, a class without
                examples, labels of another number than inputs, or a kernel that is no symmetric matrix.
        """
        x = as_inputs(inputs)
        found, targets = one_against_rest(labels, len(x), classes)
        coefficients = flow(entries(kernel, x), targets, ridge=ridge, time=time)
        return cls(kernel, x, coefficients, found)

    def predict(self, inputs: npt.ArrayLike) -> Floats:
        """Scores, shape (n, classes).

        Raises:
            NonFiniteKernelError: the kernel is not finite.
            InputError: inputs of another size than those of the regression.
        """
        scores: Floats = entries(self.kernel, self.checked(inputs), self.inputs) @ self.coefficients
        return scores

    def classify(self, inputs: npt.ArrayLike) -> Labels:
        """Label of the highest score, the first of several, shape (n,); errors as for `predict`."""
        found: Labels = self.classes[self.predict(inputs).argmax(axis=1)]
        return found

    def correct(self, inputs: npt.ArrayLike, labels: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which inputs get the right label, shape (n,).

        Raises:
            InputError: labels that the regression does not know, or of another number than inputs; or as `predict`.
        """
        places = self.places(labels, len(as_inputs(inputs)))
        right: npt.NDArray[np.bool_] = self.predict(inputs).argmax(axis=1) == places
        return right

    def accuracy(self, inputs: npt.ArrayLike, labels: npt.ArrayLike) -> float:
        """Share of inputs that get the right label; errors as for `correct`."""
        return float(self.correct(inputs, labels).mean())

    def places(self, labels: npt.ArrayLike, count: int) -> npt.NDArray[np.intp]:
        """Columns of the scores that belong to `count` labels, shape (count,).

        Raises:
            InputError: as `correct`.
        """
        given = checked_labels(labels, count)
        if len(unknown := np.setdiff1d(given, self.classes)):
            expected, got = f"of the classes {listed(self.classes)}", Verbatim(listed(unknown))
            raise InputError("labels", expected=expected, got=got)
        return np.searchsorted(self.classes, given)

    def checked(self, inputs: npt.ArrayLike) -> Floats:
        """Inputs of the size of those of the regression.

        Raises:
            InputError: they are not.
        """
        x = as_inputs(inputs)
        if x.shape[1:] != self.inputs.shape[1:]:
            wanted = ", ".join(map(str, ("n", *self.inputs.shape[1:])))
            raise InputError("inputs", expected=f"shape ({wanted}) as in the regression", got=Verbatim(x.shape))
        return x


def flow(
    matrix: Floats, targets: Floats, *, ridge: float = 0.0, time: float = math.inf, weights: Floats | None = None
) -> Floats:
    """Coefficients of gradient flow at a time, shape (m, classes).

    Args:
        matrix: K, shape (m, m), positive semi-definite.
        targets: y, shape (m, classes).
        ridge: r; see `KernelRegression.fit`.
        time: t.
        weights: w ≥ 0 of the squared errors of single inputs, shape (m,); 1 if None. With W = diag(w) the result is
            K⁻¹ (1 − e^{−KWt}) y if r is 0, where K⁻¹ exists.

    Raises:
        IndefiniteKernelError: the matrix is indefinite beyond rounding.
        SingularKernelError: it is singular, r is 0 and t infinite.
        InputError: r or t are negative.
    """
    check_range("time", time, 0)
    check_range("ridge", ridge, 0)
    if ridge == math.inf:
        raise InputError("ridge", expected="a finite number", got=ridge)
    root = np.ones(len(matrix)) if weights is None else np.sqrt(weights)
    values, vectors = np.linalg.eigh(root[:, None] * matrix * root)
    check_semidefinite(values)
    if time == math.inf and is_singular(values + ridge):
        raise SingularKernelError(
            "kernel",
            expected="a regular matrix without a ridge",
            got=Verbatim(f"eigenvalues from {values[0]:.3g} to {values[-1]:.3g}"),
            remedy="give a ridge above 0, or a time",
        )
    if ridge == 0:  # what lies in the null space of K changes no prediction, however long it grows
        lost = values <= len(values) * np.finfo(np.float64).eps * values[-1]
        values, vectors = values[~lost], vectors[:, ~lost]
    factors = _reached(np.maximum(values, 0) + ridge, time)
    result: Floats = root[:, None] * (vectors @ (factors[:, None] * (vectors.T @ (root[:, None] * targets))))
    return result


def _reached(rates: Floats, time: float) -> Floats:
    """(1 − e^{−λt})/λ; 1/λ at infinite time."""
    if time == math.inf:
        return 1 / rates
    with np.errstate(over="ignore", under="ignore"):
        moved = rates * time
        factors: Floats = np.where(moved > 1e-8, -np.expm1(-moved) / rates, time)
    return factors


def entries(kernel: Kernel, inputs: Floats, others: Floats | None = None) -> Floats:
    """The kernel as a matrix that is one.

    Raises:
        NonFiniteKernelError: nan or infinity.
        InputError: another shape; without `others` not symmetric.
    """
    found = np.asarray(kernel(inputs) if others is None else kernel(inputs, others), dtype=np.float64)
    wanted = (len(inputs), len(inputs if others is None else others))
    if found.shape != wanted:
        raise InputError("kernel", expected=f"shape {wanted}", got=Verbatim(found.shape))
    if others is None:
        return checked_kernel(found)
    if not np.isfinite(found).all():
        raise NonFiniteKernelError("kernel", expected="finite entries", got=Verbatim("nan or infinity"))
    return found


def one_against_rest(labels: npt.ArrayLike, count: int, classes: npt.ArrayLike | None = None) -> tuple[Labels, Floats]:
    """Classes, increasing, and a column of ±1 for each, shape (count, classes).

    Raises:
        InputError: fewer than two classes, classes without an example or examples without a class.
    """
    given = checked_labels(labels, count)
    found = np.unique(given)
    if classes is not None:
        found = np.unique(np.asarray(classes))
        if len(missing := np.setdiff1d(found, given)):
            expected, got = "an example of every class", Verbatim(f"none of {listed(missing)}")
            raise InputError("labels", expected=expected, got=got, remedy="leave these classes out")
        if len(unknown := np.setdiff1d(given, found)):
            raise InputError("labels", expected=f"of the classes {listed(found)}", got=Verbatim(listed(unknown)))
    if len(found) < 2:
        raise InputError("labels", expected="at least two classes", got=Verbatim("all equal"))
    return found, np.where(given[:, None] == found, 1.0, -1.0)


def checked_labels(labels: npt.ArrayLike, count: int) -> Labels:
    """One label per input.

    Raises:
        InputError: they are not.
    """
    given = np.asarray(labels)
    if given.shape != (count,):
        raise InputError("labels", expected=f"shape ({count},), one per input", got=Verbatim(f"shape {given.shape}"))
    if given.dtype.kind == "O":  # such as numbers beside None, which have no order
        raise InputError("labels", expected="numbers or texts", got=Verbatim("other objects"))
    if given.dtype.kind in "fc" and not np.isfinite(given).all():
        raise InputError("labels", expected="finite numbers", got=Verbatim("nan or infinity"))
    return given


def as_inputs(inputs: npt.ArrayLike) -> Floats:
    """Inputs as float64, at least one.

    Raises:
        InputError: no array of inputs, or numbers that are not finite.
    """
    x = np.asarray(inputs, dtype=np.float64)
    if x.ndim < 2 or 0 in x.shape:
        raise InputError("inputs", expected="shape (n, …), at least one", got=Verbatim(f"shape {x.shape}"))
    if not np.isfinite(x).all():
        raise InputError("inputs", expected="finite numbers", got=Verbatim("nan or infinity"))
    return x


def listed(labels: Labels) -> str:
    """Labels in a line."""
    return ", ".join(str(label) for label in labels.tolist())

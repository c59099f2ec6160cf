"""Training on attacked inputs, in the kernel regime."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._seeds import derive_seed
from robnas.attacks import Attack
from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._kernel import Kernel, differentiable
from robnas.kernels._kernel_attacks import attack_regression
from robnas.kernels._kernels import mix
from robnas.kernels._regression import KernelRegression, Labels, as_inputs, entries, flow, listed, one_against_rest
from robnas.kernels._spectrum import checked_kernel
from robnas.kernels._sphere import SphereAttack
from robnas.types import Progress, check_count, check_range, silent


def mixed_regression(
    kernel: Kernel,
    clean: npt.ArrayLike,
    robust: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    beta: float,
    ridge: float = 0.0,
    time: float = math.inf,
    matrix: npt.ArrayLike | None = None,
) -> KernelRegression:
    """Regression with K_all(β), the kernel of the multi-objective loss (Wu et al. 2024, Eq. 4).

    K_all is the Gram matrix of J_β = (1−β) J(x) + β J(x̂), so this is the linear model f(x) = ⟨J(x), W⟩ whose mixed
    outputs (1−β) f(x_i) + β f(x̂_i) are regressed onto the labels: f(x) = [(1−β) k(x, X) + β k(x, X̂)] K_all⁻¹ y. A
    convex loss of the mixed output is at most (1−β)·clean + β·robust loss. At β = 0 it is `KernelRegression.fit` on the
    inputs, at β = 1 on the attacked ones; with attacked and twice attacked inputs the kernel is K̃_all.

    Args:
        kernel: any.
        clean: inputs x_i, shape (m, …).
        robust: the same, attacked: x̂_i.
        labels: shape (m,), of at least two classes.
        beta: in [0, 1].
        ridge: as in `KernelRegression.fit`.
        time: likewise.
        matrix: the kernel of the inputs and then of the attacked ones, shape (2m, 2m), where it is known, as from
            another β.

    Raises:
        InputError: β outside [0, 1], clean and attacked inputs of different shapes; or as `KernelRegression.fit`.
    """
    check_range("beta", beta, 0, 1)
    x, attacked = as_inputs(clean), as_inputs(robust)
    if x.shape != attacked.shape:
        got = Verbatim(f"{x.shape} and {attacked.shape}")
        raise InputError("clean and attacked inputs", expected="one shape", got=got)
    if matrix is None and beta in (0, 1):
        return KernelRegression.fit(kernel, attacked if beta else x, labels, ridge=ridge, time=time)
    classes, targets = one_against_rest(labels, len(x))
    both, own = np.concatenate([x, attacked]), len(x)
    blocks = entries(kernel, both) if matrix is None else checked_kernel(matrix)
    if len(blocks) != len(both):
        raise InputError("matrix", expected=f"shape {(len(both),) * 2}", got=Verbatim(blocks.shape))
    mixed = mix(blocks[:own, :own], blocks[:own, own:], blocks[own:, own:], beta)
    found = flow(mixed, targets, ridge=ridge, time=time)
    if beta in (0, 1):
        return KernelRegression(kernel, attacked if beta else x, found, classes)
    return KernelRegression(kernel, both, np.concatenate([(1 - beta) * found, beta * found]), classes)


@final
@dataclass(frozen=True)
class AdvNTK:
    """Adv-NTK (Fu and Wang 2024): how long each input is trained on decides how robust the result is.

    Wide networks that are trained on attacked inputs go f(x) = k(x, X) K⁻¹ (1 − e^{−K diag(w)}) y, where w_i grows with
    the attack on x_i. Here w ≥ 0 is learned: from 0, by gradient descent on the squared error of validation inputs,
    which are attacked anew in every step. Steps have length `step_size` whatever the size of the gradient, as in the
    settings published with the paper's code, whose numbers are the defaults. What differs from that code: targets are
    ±1, not 0 and 1; a step that would make a weight negative stops at 0, where it takes the absolute value; steps are
    in units of 1/mean k(x, x); and an attack of several steps takes each from where it is, with gradients of there.

    Raises:
        InputError: a number out of its range.
    """

    validation: float = 1 / 6
    """Share of the inputs that the weights are learned on, of each class, at least one; in (0, 1)."""
    steps: int = 50
    """Of gradient descent."""
    step_size: float = 0.1
    """Length of a step of w in units of 1/mean k(x, x), above 0."""
    batch_size: int = 128
    """Validation inputs per step."""

    def __post_init__(self) -> None:
        if not 0 < self.validation < 1:
            raise InputError("validation", expected="a share between 0 and 1", got=self.validation)
        if not 0 < self.step_size < math.inf:
            raise InputError("step_size", expected="a finite number above 0", got=self.step_size)
        check_count("steps", self.steps)
        check_count("batch_size", self.batch_size)

    def fit(
        self,
        kernel: Kernel,
        inputs: npt.ArrayLike,
        labels: npt.ArrayLike,
        attack: Attack | SphereAttack,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> KernelRegression:
        """The regression after the last step; its inputs are those that did not serve for validation.

        Args:
            kernel: differentiable.
            inputs: shape (m, …), such as the attack takes.
            labels: shape (m,), at least two inputs of each of at least two classes.
            attack: on the sphere or in pixels, as for `attack_regression`.
            seed: of the choice of validation inputs and batches, and of the attacks.
            progress: told about the steps.

        Raises:
            InputError: a class with a single example, a kernel without gradient; or as `attack_regression`.
        """
        differentiable(kernel)
        x, given = as_inputs(inputs), np.asarray(labels)
        classes, targets = one_against_rest(given, len(x))
        rng = np.random.default_rng(derive_seed(seed, "adv-ntk"))
        held = self._held_out(given, classes, rng)
        own, checks = np.flatnonzero(~held), np.flatnonzero(held)
        points, y, matrix = x[own], targets[own], entries(kernel, x[own])
        weights, length = np.zeros(len(own)), self.step_size / float(np.trace(matrix) / len(own))

        def regression() -> KernelRegression:
            return KernelRegression(kernel, points, flow(matrix, y, time=1, weights=weights), classes)

        for step in range(self.steps):
            batch = rng.choice(checks, min(self.batch_size, len(checks)), replace=False)
            seed_now = derive_seed(seed, "adv-ntk", step)
            attacked = attack_regression(regression(), x[batch], given[batch], attack, seed=seed_now)
            slope = validation_gradient(matrix, y, weights, entries(kernel, attacked, points), targets[batch])
            size = np.linalg.norm(slope)
            if size > 0:
                weights = np.maximum(weights - length * slope / size, 0)
            progress(step + 1, self.steps, "adv-ntk")
        return regression()

    def _held_out(self, labels: Labels, classes: Labels, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """Which inputs serve for validation: random ones of each class."""
        held = np.zeros(len(labels), dtype=bool)
        places = [np.flatnonzero(labels == label) for label in classes]
        if single := [label for label, of_class in zip(classes, places, strict=True) if len(of_class) < 2]:
            got = Verbatim(f"one of {listed(np.array(single))}")
            raise InputError(
                "labels", expected="at least two examples of every class, for training and validation", got=got
            )
        for of_class in places:
            count = min(max(1, round(self.validation * len(of_class))), len(of_class) - 1)
            held[rng.permutation(of_class)[:count]] = True
        return held


def validation_gradient(matrix: Floats, targets: Floats, weights: Floats, cross: Floats, wanted: Floats) -> Floats:
    """Derivative by w of ½ mean_i ‖f(x_i) − y_i‖² with f(x) = k(x, X) K⁻¹ (1 − e^{−KW}) y, shape (m,).

    Args:
        matrix: K, shape (m, m); may be singular.
        targets: y, shape (m, classes).
        weights: w, shape (m,).
        cross: k(x_i, X), shape (n, m).
        wanted: y_i, shape (n, classes).
    """
    from scipy.linalg import expm, expm_frechet

    # The coefficients are W P with P = ∫₀¹ e^{−KWs} ds y, the upper right of the exponential of [[−KW, y], [0, 0]].
    own, classes = targets.shape
    block = np.zeros((own + classes, own + classes))
    block[:own, :own], block[:own, own:] = -matrix * weights, targets
    reached = expm(block)[:own, own:]
    residual = cross @ (weights[:, None] * reached) - wanted
    by_coefficients = cross.T @ residual / len(wanted)
    outer = np.zeros_like(block)
    outer[:own, own:] = weights[:, None] * by_coefficients
    by_block = expm_frechet(block.T, outer, compute_expm=False)[:own, :own]
    result: Floats = (by_coefficients * reached).sum(axis=1) - (matrix * by_block).sum(axis=0)
    return result

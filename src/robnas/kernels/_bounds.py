"""What the kernels say about generalization, and how small their eigenvalues can be."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import DUALS, Floats, Smooth, hermite_coefficients, one_dimensional
from robnas.kernels._generalization import Bound
from robnas.kernels._kernels import RobustKernels
from robnas.kernels._recursion import checked_inputs, covariances, statistics
from robnas.kernels._spectrum import eigenvalues
from robnas.spaces import TheoryArchitecture
from robnas.types import check_range


def generalization_bound(kernels: RobustKernels, labels: npt.ArrayLike, beta: float) -> Bound:
    """The kernel terms for networks trained with (1−β)·clean + β·robust loss.

    Where the kernels are of attacked inputs, the labels leak into the terms, see `Bound`.

    Args:
        kernels: of the training inputs, at initialisation or in the limit of infinite width.
        labels: shape (n,). The theorem is about two classes; for more, yᵀK⁻¹y is the mean over classes, one against the
            rest, which is this project's extension.
        beta: in [0, 1].

    Raises:
        IndefiniteKernelError: a kernel is indefinite beyond rounding.
        InputError: β outside [0, 1], all labels equal, not as many labels as inputs.
    """
    return kernels.bound(labels, beta)


def weyl_bound(kernels: RobustKernels, beta: float, *, twice: bool = False) -> float:
    """(1−β)² λ_min(K) + β(1−β) λ_min(K̄ + K̄ᵀ) + β² λ_min(K̂) ≤ λ_min(K_all) (Weyl's inequality; may be negative).

    Args:
        kernels: the five kernels.
        beta: in [0, 1].
        twice: bound λ_min(K̃_all) instead.

    Raises:
        InputError: β outside [0, 1].
    """
    check_range("beta", beta, 0, 1)
    first, cross, second = _parts(kernels, twice)
    lowest = [float(eigenvalues(part, semidefinite=False)[0]) for part in (first, cross + cross.T, second)]
    return float(np.dot([(1 - beta) ** 2, beta * (1 - beta), beta**2], lowest))


def perturbation_bound(kernels: RobustKernels, beta: float, *, twice: bool = False) -> float:
    """(√λ_min(K) − β ‖J(x) − J(x̂)‖₂)₊² ≤ λ_min(K_all); the norm is that of K − K̄ − K̄ᵀ + K̂.

    Derived for this project, from K_all = JJᵀ with J = J(x) − β (J(x) − J(x̂)). Arguments as for `weyl_bound`.

    Raises:
        IndefiniteKernelError: a kernel is indefinite beyond rounding.
        InputError: β outside [0, 1].
    """
    check_range("beta", beta, 0, 1)
    first, cross, second = _parts(kernels, twice)
    lowest = max(0.0, float(eigenvalues(first)[0]))  # a negative one is rounding, or has raised
    moved = max(0.0, float(eigenvalues(first - cross - cross.T + second, semidefinite=False)[-1]))
    return max(0.0, math.sqrt(lowest) - beta * math.sqrt(moved)) ** 2


def _parts(kernels: RobustKernels, twice: bool) -> tuple[Floats, Floats, Floats]:
    if twice:
        return kernels.robust, kernels.cross_twice, kernels.twice
    return kernels.clean, kernels.cross, kernels.robust


def schur_bound(architecture: TheoryArchitecture | str, inputs: npt.ArrayLike) -> float:
    """Lower bound on the smallest eigenvalue of the infinite-width kernel of a fully connected architecture.

    λ_min(Σ_{L−1}) + Σ_{l≥2} λ_min(Σ_{l−1}) min_i [q_l Σ̇_l]_ii / L² + λ_min(XXᵀ) min_i [q_1 Σ̇_1]_ii, with Schur's
    λ_min(A∘B) ≥ λ_min(A) min_i B_ii. Derived for this project: the paper's own bound was not found.

    Args:
        architecture: fully connected, of the theory space, or its text.
        inputs: shape (n, d).

    Raises:
        InputError: a convolutional architecture; inputs as for `infinite_ntk`.
    """
    arch, x = _fully_connected(architecture, inputs)
    weights = _path_weights(arch, x)
    sigmas = [x @ x.T, *covariances(arch, x)]
    lowest = [max(0.0, float(eigenvalues(sigma)[0])) for sigma in sigmas]
    return lowest[-1] + float(np.dot(lowest[:-1], [weight.min() for weight in weights]))


def hermite_bound(architecture: TheoryArchitecture | str, inputs: npt.ArrayLike, *, max_degree: int = 20) -> float:
    """Lower bound on the smallest eigenvalue of the infinite-width kernel from Hermite coefficients of σ₁.

    λ_min(Σ_1) ≥ μ_r(σ₁)² λ_min((XXᵀ)^∘r) for every r on unit inputs, and Σ_1 enters the kernel by the second layer:
    the best r up to `max_degree`, times min_i [q_2 Σ̇_2]_ii / L². Derived for this project. Weaker than `schur_bound`,
    which takes λ_min(Σ_1) itself, but it needs no kernel beyond XXᵀ.

    Args:
        architecture: fully connected, of the theory space, or its text.
        inputs: shape (n, d), each of norm 1.
        max_degree: highest r.

    Raises:
        InputError: a convolutional architecture, or inputs off the unit sphere.
    """
    arch, x = _fully_connected(architecture, inputs)
    norms = np.linalg.norm(x, axis=1)
    if np.abs(norms - 1).max() > 1e-6:
        got = Verbatim(f"norms from {norms.min():.3g} to {norms.max():.3g}")
        raise InputError("inputs", expected="norm 1 each", got=got, remedy="see unit_sphere")
    coefficients = first_layer_coefficients(arch, max_degree)
    gram, power, best = x @ x.T, np.ones((len(x), len(x))), 0.0
    for coefficient in coefficients:
        best = max(best, coefficient**2 * float(eigenvalues(power, semidefinite=False)[0]))
        power = power * gram
    return best * float(_path_weights(arch, x)[1].min())


def first_layer_coefficients(arch: TheoryArchitecture, max_degree: int) -> Floats:
    """μ_r(σ₁) in orthonormal Hermite polynomials, r = 0 … `max_degree`."""
    check_range("max_degree", max_degree, 0, 100)
    name = arch.activations[0]
    if isinstance(DUALS[name], Smooth):
        return hermite_coefficients(one_dimensional(name), np.ones(()), max_degree + 1)
    return _by_dense_quadrature(name, max_degree)


def _by_dense_quadrature(name: str, max_degree: int) -> Floats:
    """Coefficients of a function with a kink at 0: Gauss–Legendre on both halves of [−12, 12]."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    half = 6 * (nodes + 1)
    z = np.concatenate([-half, half])
    mass = np.tile(6 * weights, 2) * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * one_dimensional(name)(z)
    found, before, now = [], np.zeros_like(z), np.ones_like(z)
    for r in range(max_degree + 1):
        found.append(float(mass @ now))
        before, now = now, (z * now - math.sqrt(r) * before) / math.sqrt(r + 1)
    return np.array(found)


def _fully_connected(
    architecture: TheoryArchitecture | str, inputs: npt.ArrayLike
) -> tuple[TheoryArchitecture, Floats]:
    arch = TheoryArchitecture.parse(architecture) if isinstance(architecture, str) else architecture
    if arch.convolutional:
        raise InputError("architecture", expected="a fully connected one for this bound", got=Verbatim(arch))
    return arch, checked_inputs(arch, inputs)


def _path_weights(arch: TheoryArchitecture, x: Floats) -> list[Floats]:
    """[q_l Σ̇_l]_ii · (1 for l = 1, 1/L² after), for l = 1 … L−1; shape (n,) each."""
    q = np.ones(len(x))
    found: list[Floats] = []
    for layer in reversed(list(statistics(arch, x))):
        slopes = layer.scale**2 * layer.moments.slope_square
        found.insert(0, q * slopes)
        q = q * (slopes + layer.skip)
    return found

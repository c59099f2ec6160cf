"""What kernels decide of the generalization bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy.typing as npt

from robnas.kernels._activations import Floats
from robnas.kernels._spectrum import eigenvalues, is_singular, label_alignment, label_targets


@final
@dataclass(frozen=True)
class Bound:
    """The terms of Wu et al. 2024, Theorem 1 (Eq. 6, form as recalled), that a kernel decides.

    The theorem bounds errors by Õ of these plus O(√(log(1/δ)/N)), for wide enough networks. What Õ hides, the depth and
    Lipschitz constants among it, is not stated anywhere that we could check, so it is left out: the numbers order
    architectures, they are no probabilities, and may exceed 1. Infinite for a singular kernel.
    """

    clean: float
    """√(yᵀK_all⁻¹y / N)."""
    robust: float
    """√(yᵀK̃_all⁻¹y / N)."""
    clean_spectral: float
    """√(1/λ_min(K_all)), from yᵀK⁻¹y ≤ N/λ_min; never below `clean`."""
    robust_spectral: float
    """√(1/λ_min(K̃_all)), never below `robust`."""


def bound_of(clean: Floats, robust: Floats, labels: npt.ArrayLike) -> Bound:
    """The terms of the kernels K_all and K̃_all, each of shape (n, n)."""
    tasks = label_targets(labels).shape[1]
    mixtures = clean, robust
    aligned = [math.sqrt(label_alignment(kernel, labels) / tasks / len(kernel)) for kernel in mixtures]
    spectral = [_inverse_root(eigenvalues(kernel)) for kernel in mixtures]
    return Bound(*aligned, *spectral)


def _inverse_root(values: Floats) -> float:
    return math.inf if is_singular(values) else float(values[0]) ** -0.5

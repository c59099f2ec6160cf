"""The five kernels of an attacked sample, and their mixtures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._generalization import Bound, bound_of
from robnas.types import check_range


@final
@dataclass(frozen=True, eq=False)
class RobustKernels:
    """Kernels of inputs x, attacked inputs x̂ and twice attacked inputs x̂̂ (Wu et al. 2024, Sec. 4.1).

    Each of shape (n, n), float64. In x̂̂ = A(A(x)) the second attack is centred at x̂. Whether the paper's inner attack
    is the same as the outer one or the worst case is not settled; here it is whatever attacked x.
    """

    __repr__ = brief

    clean: Floats
    """K, entries k(x_i, x_j)."""
    cross: Floats
    """K̄_ρ, entries k(x_i, x̂_j); not symmetric."""
    robust: Floats
    """K̂_ρ, entries k(x̂_i, x̂_j)."""
    cross_twice: Floats
    """K̄_2ρ, entries k(x̂_i, x̂̂_j); not symmetric."""
    twice: Floats
    """K̂_2ρ, entries k(x̂̂_i, x̂̂_j)."""

    def __post_init__(self) -> None:
        shapes = {kernel.shape for kernel in (self.clean, self.cross, self.robust, self.cross_twice, self.twice)}
        if len(shapes) > 1 or len(self.clean.shape) != 2 or self.clean.shape[0] != self.clean.shape[1]:
            raise InputError("kernels", expected="five of shape (n, n)", got=Verbatim(shapes))

    @classmethod
    def from_stack(cls, kernel: Floats) -> RobustKernels:
        """The blocks of the kernel of [x; x̂; x̂̂], shape (3n, 3n)."""
        size, rest = divmod(len(kernel), 3)
        if rest or kernel.shape != (3 * size, 3 * size):
            raise InputError("kernel of a stack", expected="shape (3n, 3n)", got=Verbatim(kernel.shape))
        blocks = kernel.reshape(3, size, 3, size)
        return cls(*(np.ascontiguousarray(blocks[i, :, j]) for i, j in ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2))))

    def __len__(self) -> int:
        """Number of inputs; of pairs of input and class for the reduction ``full``."""
        return len(self.clean)

    @property
    def cross_symmetric(self) -> Floats:
        """(K̄_ρ + K̄_ρᵀ)/2."""
        return (self.cross + self.cross.T) / 2

    def mixed(self, beta: float) -> Floats:
        """K_all = (1−β)² K + β(1−β)(K̄_ρ + K̄_ρᵀ) + β² K̂_ρ (Wu et al. 2024, Eq. 4), which governs the clean error.

        Raises:
            InputError: β outside [0, 1].
        """
        return mix(self.clean, self.cross, self.robust, beta)

    def mixed_twice(self, beta: float) -> Floats:
        """K̃_all = (1−β)² K̂_ρ + β(1−β)(K̄_2ρ + K̄_2ρᵀ) + β² K̂_2ρ (Eq. 5), which governs the robust error.

        Raises:
            InputError: β outside [0, 1].
        """
        return mix(self.robust, self.cross_twice, self.twice, beta)

    def bound(self, labels: npt.ArrayLike, beta: float) -> Bound:
        """The kernel terms of the generalization bounds; see `generalization_bound`, and `Bound` for what leaks."""
        return bound_of(self.mixed(beta), self.mixed_twice(beta), labels)


def mix(first: Floats, cross: Floats, second: Floats, beta: float) -> Floats:
    """(1−β)² first + β(1−β)(cross + crossᵀ) + β² second.

    Raises:
        InputError: β outside [0, 1].
    """
    check_range("beta", beta, 0, 1)
    # With adversary and worst case the same, this is the Gram matrix of (1−β) J(first) + β J(second): never indefinite.
    return (1 - beta) ** 2 * first + beta * (1 - beta) * (cross + cross.T) + beta**2 * second

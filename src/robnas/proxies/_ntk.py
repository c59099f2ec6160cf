"""Neural tangent kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from robnas.kernels import Score
from robnas.proxies._probe import Probe


@final
@dataclass(frozen=True)
class KernelProxy:
    """A score of a neural tangent kernel, `robnas.kernels.SCORES`, as a proxy; all of a probe share their kernels."""

    score: Score
    """Defines the value, and how often images are attacked for it."""

    @property
    def attacks(self) -> int:
        """How often the images are attacked: 0, 1 or 2."""
        return self.score.attacks

    def __call__(self, probe: Probe) -> float:
        """The score of the kernel; minus infinity where it is singular.

        Raises:
            IndefiniteKernelError: the kernel is indefinite beyond rounding.
            NonFiniteKernelError: it holds nan or infinity.
        """
        return self.score(probe.ntk)

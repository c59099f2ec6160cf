"""Scores by a formula of the architecture alone, as proxies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.spaces import Architecture


@final
@dataclass(frozen=True)
class Formula:
    """A function of the architecture that a network was built from; images and weights do not matter."""

    formula: Callable[[Architecture], float | None]
    """None where it is not defined."""
    space: str
    """Name of the space whose architectures it takes."""
    undefined: str
    """Why it may not be defined."""

    def __call__(self, probe: Probe) -> float:
        """The score.

        Raises:
            UndefinedScoreError: the network was built from no architecture of the space, or the formula has no value.
        """
        arch = getattr(probe.network, "arch", None)
        if not isinstance(arch, Architecture) or arch.space != self.space:
            raise UndefinedScoreError(f"the network was not built from an architecture of {self.space}")
        score = self.formula(arch)
        if score is None:
            raise UndefinedScoreError(self.undefined)
        return score

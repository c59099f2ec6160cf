"""Scores by a formula of the architecture alone, as proxies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.spaces import Architecture


def architecture_of(probe: Probe, space: str) -> Architecture:
    """What the network was built from.

    Raises:
        UndefinedScoreError: no architecture of the space.
    """
    arch = getattr(probe.network, "arch", None)
    if not isinstance(arch, Architecture) or arch.space != space:
        raise UndefinedScoreError(f"the network was not built from an architecture of {space}")
    return arch


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
        score = self.formula(architecture_of(probe, self.space))
        if score is None:
            raise UndefinedScoreError(self.undefined)
        return score

"""What is to be known about an architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from robnas.spaces import Architecture


@final
@dataclass(frozen=True, slots=True)
class Question:
    """What is to be known about an architecture."""

    architecture: Architecture
    epochs: int | None = None
    """The fidelity: after how many epochs of its training; after all of them if None."""

    def __str__(self) -> str:
        return f"{self.architecture}" if self.epochs is None else f"{self.architecture} after {self.epochs} epochs"

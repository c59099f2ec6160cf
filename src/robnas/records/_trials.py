"""What a build keeps of a trial besides its records: what was queued, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final

from robnas._settings import content_hash
from robnas.records._curve import Curve
from robnas.records._record import Record
from robnas.spaces import Space

FailureKind: TypeAlias = Literal["error", "diverged", "time limit", "memory limit", "worker died"]


@final
@dataclass(frozen=True, slots=True)
class QueuedTrial:
    """A trial of a plan: what distinguishes it from the others of the same setup."""

    hash: str
    """16 hexadecimal digits of setup, architecture and seed."""
    architecture: str
    """Its text."""
    seed: int
    deaths: int = 0
    """Workers that have died while they ran it."""
    until: int | None = None
    """Pause after so many epochs; None trains and measures all of it."""

    @classmethod
    def of(cls, setup: str, architecture: str, seed: int) -> QueuedTrial:
        """The trial of an architecture and a seed under the setup of that hash."""
        return cls(content_hash({"setup": setup, "architecture": architecture, "seed": seed}), architecture, seed)


def space_facts(space: Space) -> dict[str, str]:
    """What a setup says of its space."""
    return {"space": space.key, "space_fingerprint": space.fingerprint}


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished trial leaves."""

    records: tuple[Record, ...]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Hash → settings of recipe and attacks."""
    warnings: tuple[str, ...] = ()
    """What its evaluation doubts."""
    seconds: float = 0.0
    """Duration, training and evaluation together."""
    curves: tuple[Curve, ...] = ()
    """What was measured after each epoch."""
    epochs: int | None = None
    """Epochs that are trained, if the training was paused; None if it is complete."""


@final
@dataclass(frozen=True, slots=True)
class Failure:
    """Why a trial has no records."""

    kind: FailureKind
    message: str
    seconds: float = 0.0


Ending: TypeAlias = Outcome | Failure

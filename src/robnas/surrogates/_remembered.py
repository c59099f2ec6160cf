"""Information whose features are computed once for many fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from robnas._brief import brief
from robnas.spaces import Architecture
from robnas.surrogates._information import Information
from robnas.surrogates._prediction import Matrix


@final
@dataclass(frozen=True, eq=False)
class Remembered:
    """The same information for architectures whose features are kept; make one with `remembered`."""

    __repr__ = brief

    text: str
    groups: tuple[str, ...] = field(repr=False)
    rows: Matrix = field(repr=False)
    """Features of the kept architectures, shape (architectures, features)."""
    places: dict[str, int] = field(repr=False)
    """Row of each, by text."""

    def features(self, architectures: Sequence[Architecture]) -> Matrix:
        """See `robnas.surrogates.Information`; of kept architectures only."""
        return self.rows[[self.places[arch.text] for arch in architectures]]


def remembered(information: Sequence[Information], architectures: Sequence[Architecture]) -> tuple[Remembered, ...]:
    """Each kind of information with its features of these architectures."""
    places = {arch.text: number for number, arch in enumerate(architectures)}
    return tuple(
        Remembered(one.text, tuple(one.groups), np.asarray(one.features(architectures), dtype=np.float64), places)
        for one in information
    )

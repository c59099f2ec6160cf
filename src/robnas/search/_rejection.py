"""Drawing and changing architectures of which only some may be asked for, where nobody can list those."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np

from robnas.spaces import Architecture, Space

Allows = Callable[[Architecture], bool]
DRAWS = 10_000
"""Draws of a space after which nothing that may be asked for is left."""
_NEAR = 20  # draws next to an architecture before its neighbours are looked through
_WALKS = 1_000  # walks away from an architecture that has too few neighbours
_LONGEST = 6  # genes that such a walk changes


def drawn(space: Space, allows: Allows, rng: np.random.Generator) -> Iterator[Architecture]:
    """Those of `DRAWS` draws that are allowed."""
    return (arch for _ in range(DRAWS) if allows(arch := space.random(rng)))


def neighbours(space: Space, allows: Allows, arch: Architecture, fewest: int) -> tuple[Architecture, ...]:
    """Those that differ in one gene; where these are too few, some more that differ in up to 6, always the same."""
    near = dict.fromkeys(filter(allows, space.neighbours(arch)))
    rng = np.random.default_rng(zlib.crc32(arch.text.encode()))
    for walk in range(_WALKS):
        if len(near) >= fewest:
            break
        other = arch
        for _ in range(2 + walk * (_LONGEST - 1) // _WALKS):
            other = space.mutate(other, rng)
        if other != arch and other not in near and allows(other):
            near[other] = None
    return tuple(near)


def mutated(space: Space, allows: Allows, arch: Architecture, rng: np.random.Generator) -> Architecture | None:
    """One of those that differ in one gene, drawn uniformly; None where 20 draws give none."""
    return next((other for _ in range(_NEAR) if allows(other := space.mutate(arch, rng))), None)

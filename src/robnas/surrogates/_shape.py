"""Architectures as vectors by the shape of their networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from robnas.networks.nas_bench_201 import NAME, shape
from robnas.spaces import Architecture, Space, space_of
from robnas.surrogates._prediction import Matrix

SHAPES: dict[str, Callable[[Sequence[Architecture]], Matrix]] = {NAME: shape}
"""Of spaces where more is known of an architecture than its encoding."""


def structure(architectures: Sequence[Architecture], space: Space | None = None) -> Matrix:
    """What an architecture alone tells a predictor, shape (architectures, features).

    The shape of each cell where the space has one, `robnas.networks.nas_bench_201.shape`; the usual encoding of the
    space otherwise.

    Args:
        architectures: of one space.
        space: theirs, where it is not registered.

    Raises:
        InputError: an architecture of another space.
    """
    if space is None:
        space = space_of(architectures[0].space if architectures else None)
    encode = SHAPES.get(space.name, space.encode)
    return encode([space.parse(arch) for arch in architectures])

"""Architectures that compute the same family of functions, of which a design trains one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import IDENTICAL
from robnas.spaces import Architecture, Space

_PARTITIONS = ("effective", IDENTICAL)
"""The first that a space has is meant: the same family of functions or, where none is named so, the same network."""


def class_keys(architectures: Sequence[Architecture], space: Space) -> list[Hashable]:
    """What architectures of one class share: its number in such a partition, or their text where there is none."""
    name = next((name for name in _PARTITIONS if name in space.partitions), None)
    if name is None:
        return [arch.text for arch in architectures]
    numbers = [space.index_of(arch) for arch in architectures]
    found: list[Hashable] = space.partition(name).class_of[numbers].tolist()
    return found


def classes_of(architectures: Sequence[Architecture], space: Space) -> npt.NDArray[np.int64]:
    """A number for each architecture that those of one class share, shape (architectures,).

    The class is that under the partition ``effective`` or, in spaces that have none, ``identical``; without either each
    architecture is its own.
    """
    number: dict[Hashable, int] = {}
    keys = class_keys(architectures, space)
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)


def one_of_each(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The first place of each class, increasing."""
    _, first = np.unique(classes, return_index=True)
    found: npt.NDArray[np.int64] = np.sort(first)
    return found

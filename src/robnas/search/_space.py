"""The architectures that a search may ask for: who is next to whom, and which count as one."""

from __future__ import annotations

from collections.abc import Container, Sequence
from functools import cache, cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Table
from robnas.spaces import PARTITIONS, SIZE, Architecture
from robnas.spaces import architectures as all_architectures
from robnas.spaces import partition as named_partition

_FEWEST = 12  # neighbours in a table that is not complete


@cache
def everything() -> tuple[Architecture, ...]:
    """All 15,625 architectures in the project's own order, made once."""
    return tuple(all_architectures())


@cache
def _neighbours(index: int) -> tuple[Architecture, ...]:
    """The 24 architectures one operation away, taken from `everything` so that none is made twice."""
    return tuple(everything()[other.index] for other in everything()[index].neighbours())


@cache
def _digits() -> npt.NDArray[np.int8]:
    return np.array([[int(digit) for digit in arch.code] for arch in everything()], dtype=np.int8)


def digits_of(architectures: Sequence[Architecture]) -> npt.NDArray[np.int8]:
    """Operation of each edge as its digit, shape (architectures, 6)."""
    return _digits()[[arch.index for arch in architectures]]


@final
class Space:
    """What a table can answer, as an algorithm sees it: no accuracies.

    A *class* is a set of architectures that is charged once; `size` is the number of classes.

    Args:
        table: the benchmark; an architecture that it holds under its own partition is in the space.
        partition: classes that are charged once; the table's rows if None. A row of the class answers where there is
            one; the table's own partition may lead to another network.
        objectives: how many values each answer has.

    Raises:
        InputError: there is no such partition.
    """

    def __init__(self, table: Table, partition: str | None = None, objectives: int = 1) -> None:
        row = table.row_of()
        inside = row >= 0
        if partition in PARTITIONS:  # of the present version: what was searched with an earlier one is found again
            of_class = table.row_of(partition)
            row = np.where(inside & (of_class >= 0), of_class, row)
        charged = np.full(SIZE, -1, dtype=np.int64)
        _, charged[inside] = np.unique(
            row[inside] if partition is None else named_partition(partition).class_of[inside], return_inverse=True
        )
        self.objectives = objectives
        self.size = int(charged.max()) + 1
        self.complete = bool(inside.all())
        self._row: list[int] = row.tolist()
        self._class: list[int] = charged.tolist()
        self._held = everything() if self.complete else tuple(everything()[i] for i in np.flatnonzero(inside))
        self._near: dict[int, tuple[Architecture, ...]] = {}

    def __contains__(self, arch: object) -> bool:
        return isinstance(arch, Architecture) and self._class[arch.index] >= 0

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """All that may be asked for, several per class, in the project's own order."""
        return self._held

    @cached_property
    def representatives(self) -> tuple[Architecture, ...]:
        """The first architecture of each class, by class number."""
        first = {self.class_of(arch): arch for arch in reversed(self._held)}
        return tuple(first[number] for number in range(self.size))

    def class_of(self, arch: Architecture) -> int:
        """Number of the class of `arch`, from 0; two architectures of one class are charged once."""
        return self._class[arch.index]

    def row_of(self, arch: Architecture) -> int:
        """Row of the table that answers for `arch`; -1 outside the space."""
        return self._row[arch.index]

    def random(self, rng: np.random.Generator) -> Architecture:
        """One of `architectures`, drawn uniformly."""
        return self._held[rng.integers(len(self._held))]

    def neighbours(self, arch: Architecture) -> tuple[Architecture, ...]:
        """The 24 architectures that differ from `arch` in one operation.

        In a table that is not complete, those of them that it holds; where these are fewer than 12, all that differ in
        at most two operations, or three … until there are 12, so that small tables can be searched as well.
        """
        index = arch.index
        if self.complete:
            return _neighbours(index)
        if index not in self._near:
            self._near[index] = self._nearest(arch)
        return self._near[index]

    def _nearest(self, arch: Architecture) -> tuple[Architecture, ...]:
        gaps = (digits_of(self._held) != digits_of([arch])).sum(axis=1)
        for reach in range(1, len(arch.code) + 1):
            near = np.flatnonzero((gaps > 0) & (gaps <= reach))
            if len(near) >= _FEWEST:
                break
        return tuple(self._held[place] for place in near)

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        """One of the neighbours, drawn uniformly; `arch` itself where the table holds nothing else."""
        near = self.neighbours(arch)
        return near[rng.integers(len(near))] if near else arch

    def fresh(self, taken: Container[int], rng: np.random.Generator, tries: int = 20) -> Architecture | None:
        """A random architecture whose class is not in `taken`; None if there is none left."""
        for _ in range(tries):
            arch = self.random(rng)
            if self._class[arch.index] not in taken:
                return arch
        left = [arch for arch in self._held if self._class[arch.index] not in taken]
        return left[rng.integers(len(left))] if left else None

"""The architectures that a search may ask for: who is next to whom, and which count as one."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Mapping
from copy import copy
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Table
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space
from robnas.types import check_count

Class: TypeAlias = Hashable
"""What two architectures that are charged once have in common."""
_FEWEST = 12  # neighbours in a table that is not complete
_TRIES = 1_000  # draws in a space that cannot be listed after which nothing is left


@final
class Classes:
    """Charged classes over a space, as an algorithm sees them: no accuracies.

    A *class* is a set of architectures that is charged once.

    Args:
        source: a table: what it holds under its own partition may be asked for; or a space: all of it may.
        partition: classes that are charged once; the table's rows, or single architectures, if None. A row of the class
            answers where there is one; the table's own partition may lead to another network.
        objectives: how many values each answer has.
        space: that of the table with other settings; as the table has it if omitted.

    Raises:
        InputError: the space has no such partition.
    """

    def __init__(
        self, source: Table | Space, partition: str | None = None, objectives: int = 1, space: Space | None = None
    ) -> None:
        if not isinstance(source, Table | Space):
            raise InputError("classes", expected="those of a table or a space", got=source)
        table = source if isinstance(source, Table) else None
        self.space: Space = space or (source if isinstance(source, Space) else source.space)
        """Which architectures there are."""
        self.objectives = check_count("objectives", objectives)
        """Values per answer."""
        self.epochs: tuple[int, ...] = ()
        """The fidelities that may be asked for, ascending, of which the last is the whole training; empty where there
        is the whole training only."""
        self._partition = None if partition is None else self.space.partition(partition)
        self._place: Mapping[Architecture, int] = {}  # of what a table holds, in the space's own order
        self._row: list[int] = []
        self._class: list[int] = []
        self._held: tuple[Architecture, ...] | None = None  # without a table the whole space, which need not be listed
        if table is not None:
            self._held, self._place, self._row = held_by(table, partition)
            self._class = self._numbers(self._held)
        self.complete = self._held is None or len(self._held) == self.space.size
        """Whether every architecture of the space may be asked for."""
        self._near: dict[Architecture, tuple[Architecture, ...]] = {}

    @classmethod
    def of(cls, given: Classes | Space) -> Classes:
        """Classes as they are, or those of a whole space, of one objective, each architecture by itself."""
        return given if isinstance(given, Classes) else cls(given)

    def answering(self, objectives: int, epochs: tuple[int, ...] = ()) -> Classes:
        """The same classes, of which so many values are known after so many epochs."""
        found = copy(self)
        found.objectives, found.epochs = check_count("objectives", objectives), epochs
        return found

    def _numbers(self, held: tuple[Architecture, ...]) -> list[int]:
        """Class of each architecture that a table holds, numbered from 0 without gaps."""
        if self._partition is None:
            marks = np.array(self._row)
        else:
            marks = self._partition.class_of[[self.space.index_of(arch) for arch in held]]
        found: list[int] = np.unique(marks, return_inverse=True)[1].tolist()
        return found

    def __contains__(self, arch: object) -> bool:
        return arch in self.space if self._held is None else isinstance(arch, Architecture) and arch in self._place

    def __repr__(self) -> str:
        return f"Classes({self.space.key!r}, {'endless' if self.size is None else f'{self.size:,} classes'})"

    # classes

    @cached_property
    def size(self) -> int | None:
        """Number of classes; None if there is no end of them."""
        if self._held is not None:
            return 1 + max(self._class)
        return self.space.size if self._partition is None else int(self._partition.count)

    def class_of(self, arch: Architecture) -> Class:
        """What `arch` has in common with those that are charged together with it, and with no others.

        Raises:
            InputError: `arch` may not be asked for.
        """
        if self._held is None:
            return arch if self._partition is None else int(self._partition.class_of[self.space.index_of(arch)])
        try:
            return self._class[self._place[arch]]
        except KeyError:
            raise InputError("class", expected="that of one that may be asked for", got=Verbatim(arch)) from None

    def find(self, arch: object) -> Class | None:
        """The class of `arch`; None for what may not be asked for."""
        if self._held is None:
            return self.class_of(arch) if isinstance(arch, Architecture) and arch in self.space else None
        place = self._place.get(arch) if isinstance(arch, Architecture) else None
        return None if place is None else self._class[place]

    def row_of(self, arch: Architecture) -> int:
        """Row of the table that answers for `arch`; -1 where there is none."""
        place = self._place.get(arch)
        return -1 if place is None else self._row[place]

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        """All that may be asked for, several per class, in the space's own order.

        Raises:
            InputError: there are too many to list.
        """
        if self._held is None:
            self.space.check_listable("all that a search may ask for")
            return tuple(self.space)
        return self._held

    @cached_property
    def representatives(self) -> tuple[Architecture, ...]:
        """The first architecture of each class, in the space's own order of a table's rows.

        Raises:
            InputError: there are too many to list.
        """
        first = {self.class_of(arch): arch for arch in reversed(self.architectures)}
        if self._held is not None:
            return tuple(first[number] for number in range(len(first)))
        return tuple(first.values())[::-1]

    # drawing and changing

    def shuffled(self, rng: np.random.Generator, *, classes: bool) -> Iterator[Architecture]:
        """All that may be asked for in random order, made when asked for.

        Where the space cannot be listed, draws of ever new classes.

        Args:
            rng: source of randomness.
            classes: one architecture of each class, rather than all.
        """
        if self._held is None and not self.space.listable:
            taken = set[Class]()
            while (arch := self.fresh(taken, rng)) is not None:
                taken.add(self.class_of(arch))
                yield arch
            return
        if self._held is None and self._partition is None:
            for index in rng.permutation(self.space.check_listable("a random order")).tolist():
                yield self.space.from_index(index)
            return
        drawn = self.representatives if classes else self.architectures
        for place in rng.permutation(len(drawn)).tolist():
            yield drawn[place]

    def random(self, rng: np.random.Generator) -> Architecture:
        """One of `architectures`, drawn uniformly."""
        return self.space.random(rng) if self._held is None else self._held[rng.integers(len(self._held))]

    def neighbours(self, arch: Architecture) -> tuple[Architecture, ...]:
        """Those that differ from `arch` in one gene.

        In a table that is not complete, those of them that it holds; where these are fewer than 12, all that differ in
        at most two genes, or three … until there are 12, so that small tables can be searched as well.
        """
        if self._held is None:
            return self.space.neighbours(arch)
        near = self._near.get(arch)
        if near is None:
            near = self._near[arch] = self._all_near(arch) if self.complete else self._nearest(arch)
        return near

    def _all_near(self, arch: Architecture) -> tuple[Architecture, ...]:
        """Those that are held, not their equals, which would be compared gene by gene whenever they are looked up."""
        return tuple(self.architectures[self._place[other]] for other in self.space.neighbours(arch))

    def _nearest(self, arch: Architecture) -> tuple[Architecture, ...]:
        gaps = (self._positions != self.space.position_array([arch])).sum(axis=1)
        near = np.empty(0, dtype=np.int64)
        for reach in range(1, len(self.space.genes) + 1):
            near = np.flatnonzero((gaps > 0) & (gaps <= reach))
            if len(near) >= _FEWEST:
                break
        return tuple(self.architectures[place] for place in near)

    @cached_property
    def _positions(self) -> npt.NDArray[np.int64]:
        return self.space.position_array(self.architectures)

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        """One of the neighbours, drawn uniformly; `arch` itself where there is nothing else."""
        if self._held is None:
            return self.space.mutate(arch, rng)
        near = self.neighbours(arch)
        return near[rng.integers(len(near))] if near else arch

    def fresh(self, taken: Container[Class], rng: np.random.Generator, tries: int = 20) -> Architecture | None:
        """A random architecture whose class is not in `taken`; None if there is none left."""
        listed = self._held is not None or self.space.listable
        for _ in range(tries if listed else _TRIES):
            arch = self.random(rng)
            if self.class_of(arch) not in taken:
                return arch
        left = [arch for arch in self.architectures if self.class_of(arch) not in taken] if listed else []
        return left[rng.integers(len(left))] if left else None


Held: TypeAlias = tuple[tuple[Architecture, ...], Mapping[Architecture, int], list[int]]


def held_by(table: Table, partition: str | None) -> Held:
    """What a table holds in the space's own order, the place of each in it, and the row that answers for each."""
    space = table.space
    if partition is None and table.partition is None:
        rows = np.lexsort(space.position_array(table.architectures).T[::-1]).tolist()
        if len(rows) == space.size:
            return *_whole(space), rows
        held = tuple(table.architectures[row] for row in rows)
        return held, _places(held), rows
    row = table.row_of()
    inside = row >= 0
    if partition in space.partitions:  # of the present version: what was searched with an earlier one is found again
        of_class = table.row_of(partition)
        row = np.where(inside & (of_class >= 0), of_class, row)
    everything, places_of_all = _whole(space)
    if inside.all():
        return everything, places_of_all, row.tolist()
    held = tuple(everything[index] for index in np.flatnonzero(inside).tolist())
    return held, _places(held), row[inside].tolist()


def _places(held: tuple[Architecture, ...]) -> dict[Architecture, int]:
    return {arch: place for place, arch in enumerate(held)}


@lru_cache(maxsize=2)
def _whole(space: Space) -> tuple[tuple[Architecture, ...], Mapping[Architecture, int]]:
    """A whole space, listed once for all its tables."""
    held = tuple(space)
    return held, MappingProxyType(_places(held))

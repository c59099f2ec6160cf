"""The architectures that a search may ask for: who is next to whom, and which count as one."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Mapping
from copy import copy
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Table
from robnas.errors import InputError, Verbatim
from robnas.search import _rejection
from robnas.spaces import Architecture, Space
from robnas.types import check_count

Class: TypeAlias = Hashable
"""What two architectures that are charged once have in common."""
Allowed: TypeAlias = Callable[[Architecture], bool] | npt.NDArray[np.bool_]
"""Whether an architecture may be asked for: a function of it, or one value per row of a table."""
_FEWEST = 12  # neighbours where not every architecture may be asked for
_TRIES = 1_000  # draws in a space that is not listed after which nothing is left
_KEPT = 2**17  # answers whether something is allowed
_LISTED = 2**16  # architectures of a space up to which those that may be asked for are listed at once


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
        allowed: which of these may be asked for, as is known for free: a function of an architecture, which gives the
            same answer whenever it is asked, or, of a table, an array of truth values, shape (rows,), for the rows that
            answer. Of a class those members that are allowed are left. A space of more than 65,536 architectures is
            not listed, but drawn from until something allowed comes.

    Raises:
        InputError: the space has no such partition, or nothing is allowed.
    """

    def __init__(
        self,
        source: Table | Space,
        partition: str | None = None,
        objectives: int = 1,
        space: Space | None = None,
        *,
        allowed: Allowed | None = None,
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
        self.whole_only = ""
        """Why that is so, if there is more to say than that nobody knows any other epochs."""
        self._partition = None if partition is None else self.space.partition(partition)
        self._place: Mapping[Architecture, int] = {}  # of what a table holds, in the space's own order
        self._row: list[int] = []
        self._class: list[int] = []
        self._held: tuple[Architecture, ...] | None = None  # without a table the whole space, which need not be listed
        self._allows: Callable[[Architecture], bool] | None = None  # of a space that is not listed
        if table is not None:
            self._held, self._place, self._row = held_by(table, partition)
        self._source: Container[Architecture] = self.space if self._held is None else self._place
        self.restricted = allowed is not None and self._restrict(allowed, table)
        """Whether some of the source is not allowed, or may not be where it is not listed."""
        self._settle()

    def _settle(self) -> None:
        """Number the classes of what may be asked for."""
        if self._held is not None:
            self._class = self._numbers(self._held)
        self.complete = self._allows is None and (self._held is None or len(self._held) == self.space.size)
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

    def keeping(self, allowed: Callable[[Architecture], bool]) -> Classes:
        """The same classes, of which only what is allowed may be asked for; see `allowed` of the constructor.

        Raises:
            InputError: nothing is allowed.
        """
        found, before = copy(self), self._allows
        for cached in ("size", "architectures", "representatives", "_positions"):
            vars(found).pop(cached, None)
        both = allowed if before is None else lambda arch: before(arch) and allowed(arch)
        found.restricted = found._restrict(both, None) or self.restricted
        found._settle()
        return found

    def _restrict(self, allowed: Allowed, table: Table | None) -> bool:
        """Leave what is allowed; False if that is all."""
        if not callable(allowed):
            allowed, rows = np.asarray(allowed), 0 if table is None else len(table)
            if table is None or allowed.dtype != np.bool_ or allowed.shape != (rows,):
                expected = "a function of an architecture" + (f", or {rows:,} truth values" if table else "")
                raise InputError("allowed", expected=expected, got=allowed)
        if self._held is None and self.space.size is not None and self.space.size <= _LISTED:
            self._held, self._place = _whole(self.space)
        if self._held is None:
            self._allows = lru_cache(_KEPT)(allowed)  # type: ignore[arg-type]
            return True
        if callable(allowed):
            kept = [place for place, arch in enumerate(self._held) if allowed(arch)]
        else:
            kept = np.flatnonzero(allowed[self._row]).tolist()
        if not kept:
            raise self._nothing(f"none of {len(self._held):,}")
        if len(kept) == len(self._held):
            return False
        self._held = tuple(self._held[place] for place in kept)
        self._row = [self._row[place] for place in kept] if self._row else []
        self._place = _places(self._held)
        return True

    def _nothing(self, got: str) -> InputError:
        """The error where a search could ask for nothing."""
        what, expected = f"search in space {self.space.name}", "an architecture that the constraints allow"
        return InputError(what, expected=expected, got=Verbatim(got), remedy="loosen the constraints")

    def _numbers(self, held: tuple[Architecture, ...]) -> list[int]:
        """Class of each architecture that is held, numbered from 0 without gaps."""
        if self._partition is None:
            marks = np.array(self._row or range(len(held)))
        else:
            marks = self._partition.class_of[[self.space.index_of(arch) for arch in held]]
        found: list[int] = np.unique(marks, return_inverse=True)[1].tolist()
        return found

    def __contains__(self, arch: object) -> bool:
        if not isinstance(arch, Architecture) or arch not in (self.space if self._held is None else self._place):
            return False
        return self._allows is None or self._allows(arch)

    def refuses(self, arch: object) -> bool:
        """Whether `arch` is in the table, or the space, and only not allowed."""
        return isinstance(arch, Architecture) and arch in self._source and arch not in self

    def __repr__(self) -> str:
        endless = "endless" if self._allows is None else "those that are allowed"
        return f"Classes({self.space.key!r}, {endless if self.size is None else f'{self.size:,} classes'})"

    # classes

    @cached_property
    def size(self) -> int | None:
        """Number of classes; None if there is no end of them, or nobody has counted those that are allowed."""
        if self._held is not None:
            return 1 + max(self._class)
        if self._allows is not None:
            return None
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
            return self.class_of(arch) if isinstance(arch, Architecture) and arch in self else None
        place = self._place.get(arch) if isinstance(arch, Architecture) else None
        return None if place is None else self._class[place]

    def row_of(self, arch: Architecture) -> int:
        """Row of the table that answers for `arch`; -1 where there is none."""
        place = self._place.get(arch)
        return -1 if place is None or not self._row else self._row[place]

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        """All that may be asked for, several per class, in the space's own order.

        Raises:
            InputError: there are too many to list, or nothing is allowed.
        """
        if self._held is not None:
            return self._held
        size = self.space.check_listable("all that a search may ask for")
        found = tuple(self.space) if self._allows is None else tuple(filter(self._allows, self.space))
        if not found:
            raise self._nothing(f"none of {size:,}")
        return found

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
            order = rng.permutation(self.space.check_listable("a random order")).tolist()
            found = map(self.space.from_index, order)
            yield from found if self._allows is None else filter(self._allows, found)
            return
        drawn = self.representatives if classes else self.architectures
        for place in rng.permutation(len(drawn)).tolist():
            yield drawn[place]

    def random(self, rng: np.random.Generator) -> Architecture:
        """One of `architectures`, drawn uniformly.

        Raises:
            InputError: nothing that is allowed was found.
        """
        if self._allows is not None:
            found = next(_rejection.drawn(self.space, self._allows, rng), None)
            if found is None and not self.space.listable:
                raise self._nothing(f"none in {_rejection.DRAWS:,} draws")
            return self.architectures[rng.integers(len(self.architectures))] if found is None else found
        return self.space.random(rng) if self._held is None else self._held[rng.integers(len(self._held))]

    def neighbours(self, arch: Architecture) -> tuple[Architecture, ...]:
        """Those that differ from `arch` in one gene.

        In a table that is not complete, those of them that it holds, and where not all are allowed, those that are;
        where these are fewer than 12, all that differ in at most two genes, or three … until there are 12, so that
        small tables can be searched as well. Where the allowed are not listed, some of those that differ in more genes.
        """
        if self._held is None and self._allows is None:
            return self.space.neighbours(arch)
        near = self._near.get(arch)
        if near is None:
            near = self._near[arch] = self._found_near(arch)
        return near

    def _found_near(self, arch: Architecture) -> tuple[Architecture, ...]:
        if self._allows is not None:
            return _rejection.neighbours(self.space, self._allows, arch, _FEWEST)
        return self._all_near(arch) if self.complete else self._nearest(arch)

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
        if self._held is None and self._allows is None:
            return self.space.mutate(arch, rng)
        if self._allows is not None and (found := _rejection.mutated(self.space, self._allows, arch, rng)) is not None:
            return found
        near = self.neighbours(arch)
        return near[rng.integers(len(near))] if near else arch

    def fresh(self, taken: Container[Class], rng: np.random.Generator, tries: int = 20) -> Architecture | None:
        """A random architecture whose class is not in `taken`; None if there is none left.

        Raises:
            InputError: nothing is taken, and nothing that is allowed was found.
        """
        listed = self._held is not None or self.space.listable
        if self._allows is not None and not listed:
            first = self.random(rng) if not taken else None
            drawn = _rejection.drawn(self.space, self._allows, rng)
            return first or next((arch for arch in drawn if self.class_of(arch) not in taken), None)
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

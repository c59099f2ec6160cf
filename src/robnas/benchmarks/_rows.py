"""Which row of a table holds an architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import Column
from robnas.benchmarks._runs import is_number
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space, parse_key, space_of

Indices = npt.NDArray[np.int64]
Resolve = str
"""``declared``, ``exact``, or a partition of the space."""
IDENTICAL = "identical"
"""The partition whose classes hold the same network exactly, in spaces that have one of this name."""

_MISSING = -1
_Number = TypeVar("_Number", int, Indices)


def other_network(row: _Number) -> _Number:
    """Row of another network as the negative number that stands for it, and back."""
    return -2 - row


class Texts(tuple[str, ...]):
    """Texts that were those of architectures when they were written: they are parsed when somebody asks for them."""


class Rows:
    """The rows of a table and the ways to find one.

    Args:
        name: of the table, for errors.
        space: of the architectures.
        given: each row's architecture without repetition: values, texts, or numbers of the space's own order.
        partition: that the table declares, or None.
        published: published index of every architecture in the space's own order, or None.

    Raises:
        InputError: repeated or impossible architectures, or those of another space.
    """

    def __init__(
        self,
        name: str,
        space: Space,
        given: Sequence[object] | npt.NDArray[np.integer[Any]],
        partition: str | None,
        published: npt.ArrayLike | None,
    ) -> None:
        self.name, self.space, self._space_name = name, space, space.name
        self._numbers: Indices | None = None
        self._texts = given if isinstance(given, Texts) else None
        if self._texts is None and _holds_numbers(given) and space.listable:
            self._numbers = self._checked_numbers(given)
        elif self._texts is None:
            self._texts = Texts(arch.text for arch in self._parsed(given))
        self.partition = None if partition is None else space.versioned(partition)
        self.published = None if published is None else self._checked_published(published)
        self._found: dict[str, dict[str, int]] = {}
        self._row_of: dict[str, Indices] = {}
        self._check_repeated()

    # what the rows are

    def _checked_numbers(self, given: Any) -> Indices:
        numbers = check_indices(f"table {self.name}, rows", given, self._size("rows")).astype(np.int64)
        if numbers.ndim != 1 or not len(numbers):
            raise InputError(f"table {self.name}, rows", expected="at least one index", got=numbers)
        return numbers

    def _parsed(self, given: Any) -> tuple[Architecture, ...]:
        """Architectures of values, texts or numbers."""
        try:
            several = [] if isinstance(given, str | bytes) else list(given)
        except TypeError:
            several = []
        if not several:
            raise InputError(f"table {self.name}, rows", expected="at least one architecture", got=given)
        found = tuple(self.space.from_index(one) if is_number(one) else self.space.parse(one) for one in several)
        self.__dict__["architectures"] = found
        return found

    def _checked_published(self, given: npt.ArrayLike) -> Indices:
        what, size = f"table {self.name}, published indices", self._size("published indices")
        published = check_indices(what, given, size)
        if published.shape != (size,) or np.bincount(published, minlength=size).max() > 1:
            raise InputError(what, expected=f"each of 0 to {size - 1} once", got=Verbatim("others"))
        return published

    def _check_repeated(self) -> None:
        if self._numbers is not None:
            repeated = np.bincount(self._numbers).max() > 1
        else:
            assert self._texts is not None
            repeated = len(set(self._texts)) < len(self._texts)
        if repeated:
            raise InputError(f"table {self.name}, rows", expected="each architecture once", got=Verbatim("repetitions"))

    def _size(self, what: str) -> int:
        return self.space.check_listable(f"{what} of table {self.name}")

    def __len__(self) -> int:
        return len(self._numbers if self._numbers is not None else self._texts)  # type: ignore[arg-type]

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        """The architecture of each row."""
        if self._numbers is not None:
            return tuple(map(self.space.from_index, self._numbers.tolist()))
        assert self._texts is not None
        return tuple(map(self.space.parse, self._texts))

    def at(self, row: int) -> Architecture:
        """The architecture of one row."""
        if self._numbers is not None:
            return self.space.from_index(int(self._numbers[row]))
        if "architectures" in self.__dict__:
            return self.architectures[row]
        assert self._texts is not None
        return self.space.parse(self._texts[row])  # one alone: to read all takes a while

    @property
    def given(self) -> Indices | Texts:
        """The rows as another table takes them."""
        if self._numbers is not None:
            return self._numbers
        assert self._texts is not None
        return self._texts

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Text of each row's architecture."""
        return self._texts or tuple(arch.text for arch in self.architectures)

    @cached_property
    def rows(self) -> Indices:
        """Number of each row's architecture in the space's own order, shape (rows,).

        Raises:
            InputError: the space is too large to number.
        """
        if self._numbers is not None:
            return self._numbers
        self._size("numbers of the rows")
        return np.array([self.space.index_of(arch) for arch in self.architectures], dtype=np.int64)

    @cached_property
    def networks(self) -> npt.NDArray[np.integer[Any]]:
        """Which rows are the same network: a number for each, shape (rows,); all differ where the space cannot tell."""
        if IDENTICAL not in self.space.partitions:
            return np.arange(len(self))
        found: npt.NDArray[np.integer[Any]] = self.space.partition(IDENTICAL).class_of[self.rows]
        return found

    # finding one

    def row(self, arch: object, resolve: Resolve = "declared") -> int:
        """The row of an architecture.

        Args:
            arch: any encoding, or a published index if the table brings them.
            resolve: ``declared``: an isomorphic architecture stands in under the table's own partition; ``exact``: none
                does; or the partition to use.

        Raises:
            InputError: the table does not hold it; the text names close architectures that it holds.
        """
        row = self.find(arch, resolve)
        return row if row >= 0 else other_network(row)

    def find(self, arch: object, resolve: Resolve = "declared") -> int:
        """The same, as a negative number that `other_network` reads where the row is of another network.

        Two architectures are the same network if they are in one class of the partition ``identical``.
        """
        if isinstance(arch, str):
            text = arch
        else:
            if not (isinstance(arch, Architecture) and arch.space == self._space_name):
                arch = self.architecture(arch)
            text = arch.text
        try:
            return self._found[resolve][text]
        except (KeyError, TypeError):  # TypeError: a list where a name belongs
            return self._search(self.architecture(arch), resolve)

    def _search(self, arch: Architecture, resolve: Resolve) -> int:
        """Row of an architecture that nobody asked for before, kept for the next time."""
        row = self._row(arch, resolve)
        if row == _MISSING:
            self._explain_row(arch, resolve)
        self._found.setdefault(resolve, {})[arch.text] = row
        return row

    def _row(self, arch: Architecture, resolve: Resolve) -> int:
        if self._classes(resolve) is None and self._numbers is None:
            return self._row_of_text.get(arch.text, _MISSING)
        number = self.space.index_of(arch)
        row = int(self._rows_of_all(resolve)[number])
        if row >= 0 and IDENTICAL in self.space.partitions:
            network = self.space.partition(IDENTICAL).class_of
            if network[self.rows[row]] != network[number]:
                return other_network(row)
        return row

    @cached_property
    def _row_of_text(self) -> dict[str, int]:
        return {text: row for row, text in enumerate(self.texts)}

    def architecture(self, arch: object) -> Architecture:
        """The architecture that an encoding or published index names."""
        if isinstance(arch, int | np.integer):  # True is no published index, though Python calls it a number
            number = self._check_number(int(arch) if is_number(arch) else arch)
            return self.space.from_index(self._own_index[number])
        return self.space.parse(arch)

    def _check_number(self, number: Any) -> int:
        if not is_number(number):
            raise InputError("architecture", expected="an encoding or a published index", got=number)
        if self.published is None:
            raise InputError(
                "architecture",
                expected=f"an encoding, because table {self.name} brings no published indices",
                got=number,
            )
        if not 0 <= number < len(self.published):
            raise InputError("published index", expected=f"0 to {len(self.published) - 1}", got=number)
        return int(number)

    @cached_property
    def _own_index(self) -> list[int]:
        assert self.published is not None
        return [int(index) for index in np.argsort(self.published)]

    def _classes(self, resolve: Resolve) -> str | None:
        """The partition within which architectures stand for each other; None if each stands for itself."""
        known = ("declared", "exact", *self.space.partitions)
        if not isinstance(resolve, str) or resolve not in known:
            raise InputError("resolve", expected=f"one of {', '.join(known)}", got=resolve)
        return {"declared": self.partition, "exact": None}.get(resolve, resolve)

    def row_of(self, resolve: Resolve = "declared") -> Indices:
        """Row of every architecture in the space's own order, shape (space.size,); -1 where there is none.

        Raises:
            InputError: the space is too large to write out.
        """
        return self._rows_of_all(resolve).copy()

    def _rows_of_all(self, resolve: Resolve) -> Indices:
        """The same, kept."""
        name, size = self._classes(resolve), self._size("row of every architecture")
        if resolve not in self._row_of:
            self._row_of[resolve] = self._resolved(resolve, name, size)
        return self._row_of[resolve]

    def _resolved(self, resolve: Resolve, name: str | None, size: int) -> Indices:
        rows = np.full(size, _MISSING, dtype=np.int64)
        if name is not None:
            classes = self.space.partition(name)
            of_class = np.full(classes.count, _MISSING, dtype=np.int64)
            of_class[classes.class_of[self.rows[::-1]]] = np.arange(len(self.rows))[::-1]  # the first row of a class
            rows = of_class[classes.class_of]
            if resolve != "declared":  # the row that the table's authors meant comes first where it is in the class
                declared = self._rows_of_all("declared")
                same = (declared >= 0) & (classes.class_of[self.rows[declared]] == classes.class_of)
                rows = np.where(same, declared, rows)
        rows[self.rows] = np.arange(len(self.rows))
        return rows

    def rows_for(self, other: Rows) -> tuple[Indices, npt.NDArray[np.bool_]]:
        """The row for each row of `other`, -1 where there is none; whether it is another network. Shapes (rows,)."""
        if self._numbers is None or other._numbers is None:
            found = np.array([self._row(arch, "declared") for arch in other.architectures], dtype=np.int64)
            relative = found < _MISSING
            return np.where(relative, other_network(found), found), relative
        rows = self._rows_of_all("declared")[other._numbers]
        if IDENTICAL not in self.space.partitions:
            return rows, np.zeros(len(rows), dtype=np.bool_)
        return rows, (rows >= 0) & (self.networks[rows] != other.networks)

    def kept(self, which: npt.NDArray[np.bool_]) -> Indices | Texts:
        """Some of the rows as another table takes them."""
        given = self.given
        if isinstance(given, Texts):
            return Texts(text for text, keep in zip(given, which.tolist(), strict=True) if keep)
        return given[which]

    def own_indices(self, published_index: npt.ArrayLike) -> Indices:
        """Own indices of published ones, any shape.

        Raises:
            InputError: the table brings no published indices, or a number is none.
        """
        if self.published is None:
            raise InputError(
                "published_index", expected="a table with published indices", got=Verbatim(f"table {self.name}")
            )
        index = check_indices("published_index", published_index, len(self.published))
        found: Indices = np.asarray(self._own_index)[index]
        return found

    def _explain_row(self, arch: Architecture, resolve: Resolve) -> None:
        near = [other.text for other in self.space.neighbours(arch) if self._row(other, "exact") != _MISSING]
        finest = sorted(self.space.partitions, key=lambda name: -self.space.partition(name).count)
        elsewhere = next((name for name in finest if self._row(arch, name) != _MISSING), None)
        remedy = f"resolve={elsewhere!r} finds an isomorphic one" if elsewhere and elsewhere != resolve else ""
        raise InputError(
            f"architecture {arch.text}",
            expected=f"one of the {len(self):,} that table {self.name} holds",
            got=Verbatim(f"none; one {self.space.step} away: {', '.join(near[:5]) or 'none'}"),
            remedy=remedy,
        )


def chosen_space(
    wanted: str | Mapping[str, Any] | None, given: Sequence[object] | npt.NDArray[Any], columns: Sequence[Column]
) -> Space:
    """The space of a table that says no more than `wanted`, see `Table`."""
    if wanted is not None:
        return space_of(parse_key(wanted) if isinstance(wanted, str) else wanted)
    first = given[0] if isinstance(given, Sequence) and given else None
    name = first.space if isinstance(first, Architecture) else None
    keys = {column.space for column in columns}
    if len(keys) == 1 and (key := keys.pop()) is not None and name in (None, parse_key(key)["name"]):
        return space_of(parse_key(key))
    return space_of(name)


def _holds_numbers(given: object) -> bool:
    """Whether these are numbers of a space's own order, and no architectures."""
    if isinstance(given, np.ndarray):
        return given.dtype.kind not in "UO" or not given.size
    return not isinstance(given, Sequence) or not any(isinstance(one, str | Architecture | Mapping) for one in given)


def check_indices(what: str, given: npt.ArrayLike, size: int) -> Indices:
    """`given` as an array of whole numbers below `size`, of any shape."""
    try:
        index = np.asarray(given) if np.size(given) else np.empty(np.shape(given), dtype=np.int64)
    except ValueError:  # rows of different lengths
        index = np.empty(1)
    if index.dtype.kind not in "iu" or (index.size and not 0 <= index.min() <= index.max() < size):
        raise InputError(what, expected=f"integers from 0 to {size - 1}", got=given)
    return index

"""Which row of a table holds an architecture."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import is_number
from robnas.errors import InputError, Verbatim
from robnas.spaces import SIZE, Architecture, CellArchitecture, versioned
from robnas.spaces import partition as named_partition

Indices = npt.NDArray[np.int64]
Resolve = Literal["declared", "exact", "official", "effective", "identical"]


_MISSING = -1
_Number = TypeVar("_Number", int, Indices)


def other_network(row: _Number) -> _Number:
    """Row of another network as the negative number that stands for it, and back."""
    return -2 - row


class Rows:
    """The rows of a table and the ways to find one.

    Args:
        name: of the table, for errors.
        rows: own index of each row's architecture, shape (rows,), without repetition.
        partition: that the table declares, or None.
        published: published index of every architecture in the project's own order, or None.

    Raises:
        InputError: repeated or impossible indices.
    """

    def __init__(
        self,
        name: str,
        rows: npt.ArrayLike,
        partition: str | None,
        published: npt.ArrayLike | None,
    ) -> None:
        rows = check_indices(f"table {name}, rows", rows).astype(np.int64)
        if rows.ndim != 1 or not len(rows):
            raise InputError(f"table {name}, rows", expected="at least one index", got=rows)
        if np.bincount(rows).max() > 1:
            raise InputError(f"table {name}, rows", expected="each architecture once", got=Verbatim("repetitions"))
        if published is not None:
            published = check_indices(f"table {name}, published indices", published)
            if sorted(published.tolist()) != list(range(SIZE)):
                raise InputError(
                    f"table {name}, published indices", expected=f"each of 0 to {SIZE - 1} once", got=Verbatim("others")
                )
        self.partition = None if partition is None else versioned(partition)
        self.name, self.rows, self.published = name, rows, published
        self._row_lists: dict[str, list[int]] = {}

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
        index = arch.index if type(arch) is CellArchitecture else self._index(arch)
        row = self._row_list(resolve)[index]
        if row == _MISSING:
            self._explain_row(Architecture.from_index(index), resolve)
        return row

    def architecture(self, arch: object) -> Architecture:
        """The architecture that an encoding or published index names."""
        return Architecture.from_index(arch.index if isinstance(arch, CellArchitecture) else self._index(arch))

    def _index(self, arch: object) -> int:
        if isinstance(arch, int | np.integer):  # True is no published index, though Python calls it a number
            number = self._check_published(int(arch) if is_number(arch) else arch)
            return self._own_index[number]
        return Architecture(arch).index

    def _check_published(self, number: Any) -> int:
        if not is_number(number):
            raise InputError("architecture", expected="an encoding or a published index", got=number)
        if self.published is None:
            raise InputError(
                "architecture",
                expected=f"an encoding, because table {self.name} brings no published indices",
                got=number,
            )
        if not 0 <= number < SIZE:
            raise InputError("published index", expected=f"0 to {SIZE - 1}", got=number)
        return int(number)

    @cached_property
    def _own_index(self) -> list[int]:
        assert self.published is not None
        return [int(index) for index in np.argsort(self.published)]

    def _row_list(self, resolve: Resolve) -> list[int]:
        rows = self._row_lists.get(resolve) if isinstance(resolve, str) else None
        if rows is None:
            found, networks = self.row_of(resolve), named_partition("identical").class_of
            other = (found >= 0) & (networks[self.rows[found]] != networks)
            rows = self._row_lists[resolve] = np.where(other, other_network(found), found).tolist()
        return rows

    def row_of(self, resolve: Resolve = "declared") -> Indices:
        """Row of every architecture in the project's own order, shape (15625,); -1 where there is none."""
        if not isinstance(resolve, str) or resolve not in get_args(Resolve):
            raise InputError("resolve", expected=f"one of {', '.join(get_args(Resolve))}", got=resolve)
        name = {"declared": self.partition, "exact": None}.get(resolve, resolve)
        rows = np.full(SIZE, -1, dtype=np.int64)
        if name is not None:
            classes = named_partition(name)
            of_class = np.full(classes.count, -1, dtype=np.int64)
            of_class[classes.class_of[self.rows[::-1]]] = np.arange(len(self.rows))[::-1]  # the first row of a class
            rows = of_class[classes.class_of]
            if resolve != "declared":  # the row that the table's authors meant comes first where it is in the class
                declared = self.row_of("declared")
                same = (declared >= 0) & (classes.class_of[self.rows[declared]] == classes.class_of)
                rows = np.where(same, declared, rows)
        rows[self.rows] = np.arange(len(self.rows))
        return rows

    def own_indices(self, published_index: npt.ArrayLike) -> Indices:
        """Own indices of published ones, any shape.

        Raises:
            InputError: the table brings no published indices, or a number is none.
        """
        if self.published is None:
            raise InputError(
                "published_index", expected="a table with published indices", got=Verbatim(f"table {self.name}")
            )
        found: Indices = np.asarray(self._own_index)[check_indices("published_index", published_index)]
        return found

    def _explain_row(self, arch: Architecture, resolve: Resolve) -> None:
        exact = self._row_list("exact")
        near = [other.code for other in arch.neighbours() if exact[other.index] != _MISSING]
        elsewhere = next(
            (name for name in ("official", "identical", "effective") if self._row_list(name)[arch.index] != _MISSING),
            None,
        )
        remedy = f"resolve={elsewhere!r} finds an isomorphic one" if elsewhere and elsewhere != resolve else ""
        raise InputError(
            f"architecture {arch.code}",
            expected=f"one of the {len(self.rows):,} that table {self.name} holds",
            got=Verbatim(f"none; one operation away: {', '.join(near[:5]) or 'none'}"),
            remedy=remedy,
        )


def check_indices(what: str, given: npt.ArrayLike) -> Indices:
    """`given` as an array of whole numbers below the number of architectures, of any shape."""
    try:
        index = np.asarray(given) if np.size(given) else np.empty(np.shape(given), dtype=np.int64)
    except ValueError:  # rows of different lengths
        index = np.empty(1)
    if index.dtype.kind not in "iu" or (index.size and not 0 <= index.min() <= index.max() < SIZE):
        raise InputError(what, expected=f"integers from 0 to {SIZE - 1}", got=given)
    return index

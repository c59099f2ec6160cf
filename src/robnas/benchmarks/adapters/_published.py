"""What several adapters need to know about published indices."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import Value
from robnas.benchmarks._predicted import check_measured
from robnas.benchmarks._runs import is_number
from robnas.benchmarks._table import Table
from robnas.errors import InputError, Verbatim
from robnas.spaces.nas_bench_201 import NAME, SIZE, CellArchitecture, partition


def check_id(given: object) -> int:
    """A published index, written as a number or its text.

    Raises:
        InputError: it is none.
    """
    number = int(given) if isinstance(given, str) and given.isascii() and given.isdecimal() else given
    if not is_number(number) or not 0 <= number < SIZE:  # type: ignore[operator]
        raise InputError("published index", expected=f"0 to {SIZE - 1}", got=given)
    return int(number)  # type: ignore[call-overload, no-any-return]


def genotypes(published: npt.NDArray[np.integer[Any]]) -> list[str]:
    """Genotype of every published index."""
    return [CellArchitecture.from_index(int(index)).genotype for index in np.argsort(published)]


def check_table(table: Table) -> Table:
    """The table, if its architectures are those that these classes know, and it was measured.

    Raises:
        InputError: it is of another space, or of several betas, between which these calls do not choose, or has
            predicted values, which they could not tell from others.
    """
    if table.space.name != NAME:
        got = Verbatim(f"table {table.name}, which belongs to {table.space.name}")
        raise InputError("table", expected=f"one of space {NAME}", got=got)
    if len(table.betas) > 1:
        betas = [f"{beta:.12g}" for beta in table.betas]
        got = Verbatim(f"table {table.name} of {', '.join(betas)}")
        raise InputError("table", expected="one beta", got=got, remedy=f"take table.select(beta={betas[-1]})")
    for column in table.columns:
        check_measured(column, f"table {table.name}, {column.name}")
    return table


def percent(value: Value) -> Value:
    """The same accuracy in percent; it still says what it rests on."""
    return type(value)(100 * value, value.runs)


class PublishedIds:
    """The calls about ids that several published classes have; an adapter adds its table."""

    table: Table
    """With published indices."""

    @cached_property
    def map_str_to_id(self) -> dict[str, str]:
        """Genotype → id, of all architectures, in published order."""
        assert self.table.published is not None
        return {genotype: str(number) for number, genotype in enumerate(genotypes(self.table.published))}

    @cached_property
    def _representatives(self) -> list[int]:
        """Lowest id of each official class."""
        published = self.table.published
        assert published is not None
        return [int(published[arch.index]) for arch in partition("official").representatives(published)]

    @cached_property
    def non_isomorph_ids(self) -> list[str]:
        """Ids of the architectures that stand for themselves: the lowest of each official class."""
        return [str(number) for number in sorted(self._representatives)]

    def identical(self, i: int | str) -> bool:
        """Whether the architecture that answers for `i` is the same network, and no relative.

        Raises:
            InputError: none answers.
        """
        arch = CellArchitecture(self.table.architecture(check_id(i)))
        return partition("identical").same(arch, self.table.architectures[self.table.row(arch)])

    def get_uid(self, i: int | str) -> str:
        """The evaluated architecture's id, if `i` is isomorphic to another one; where none was, that which would be."""
        arch = CellArchitecture(self.table.architecture(check_id(i)))
        if self.table.row_of()[arch.index] >= 0:
            return str(self.table.published_id(arch))
        return str(self._representatives[partition("official").class_of[arch.index]])

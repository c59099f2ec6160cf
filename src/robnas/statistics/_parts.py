"""What stands together in a table: the metrics of one split of one data set, of networks of one size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from robnas._brief import brief
from robnas.benchmarks import Column, Table
from robnas.errors import InputError, Verbatim
from robnas.spaces import Space


@final
@dataclass(frozen=True, eq=False)
class Part:
    """Columns of the same trainings, as far as a table tells."""

    __repr__ = brief

    dataset: str
    split: str
    space: str | None
    """Key of the space that was trained in where the table has this split of several; else None."""
    columns: Mapping[str, Column]
    """By metric."""

    @property
    def name(self) -> str:
        """``cifar10 test``, and the key of the space where the table has several."""
        return " ".join(filter(None, (self.dataset, self.split, self.space)))


def parts(table: Table) -> list[Part]:
    """The parts of a table, in the order of its columns."""
    columns: dict[tuple[str, str], list[Column]] = {}
    for column in table.columns:
        columns.setdefault((column.dataset, column.split), []).append(column)
    found = []
    for (dataset, split), all_ in columns.items():
        keys = dict.fromkeys(column.space for column in all_)
        if len(keys.keys() - {None}) < 2:
            found.append(Part(dataset, split, None, {column.metric: column for column in all_}))
            continue
        for key in keys:
            of_key = {column.metric: column for column in all_ if column.space == key}
            found.append(Part(dataset, split, key, of_key))
    return found


def parts_of(table: Table, dataset: str, split: str) -> list[Part]:
    """Those of one split of one data set."""
    return [part for part in parts(table) if (part.dataset, part.split) == (dataset, split)]


def part_with(table: Table, column: Column) -> Part:
    """The part that a column is in; one of its own where the table has none like it."""
    found = parts_of(table, column.dataset, column.split)
    same = [part for part in found if len(found) == 1 or part.space == column.space]
    return same[0] if same else Part(column.dataset, column.split, None, {column.metric: column})


def part_of(
    table: Table, dataset: str, split: str, space: str | Space | None = None, metric: str | None = None
) -> Part | None:
    """The part of these names that has the metric, if one is given; None where the table has none.

    Raises:
        InputError: there are several, and `space` names none of them; the text lists their keys.
    """
    found = parts_of(table, dataset, split)
    if space is None and metric is not None:
        found = [part for part in found if metric in part.columns]
    if len(found) < 2:
        return found[0] if found else None
    key = space.key if isinstance(space, Space) else space
    if key is None or key not in [part.space for part in found]:
        raise InputError(
            f"space of table {table.name}, {dataset} {split}",
            expected=f"one of {', '.join(str(part.space) for part in found)}",
            got=Verbatim("none") if key is None else key,
            remedy="name the space: it is never guessed" if key is None else "",
        )
    return next(part for part in found if part.space == key)

"""What stands together in a table: the accuracies on one split of one data set, of networks of one size."""

from __future__ import annotations

from collections import Counter
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
    """Accuracies of the same trainings, as far as a table tells."""

    __repr__ = brief

    dataset: str
    split: str
    space: str | None
    """Key of the space that was trained in where the table has this split of several; else None."""
    columns: Mapping[str, Column]
    """By metric."""
    source: str = ""
    """Name of the table that they were joined from, where the table has this split of several; else empty."""

    @property
    def name(self) -> str:
        """``cifar10 test``, and where the table has several of these the source and the key of the space."""
        source = f"{self.source}:" if self.source else ""
        return source + " ".join(filter(None, (self.dataset, self.split, self.space)))


def parts(table: Table) -> list[Part]:
    """The parts of a table, in the order of its columns; costs and scores are in none."""
    columns: dict[tuple[str, str, str], list[Column]] = {}
    for column in table.columns:
        if column.is_accuracy:
            columns.setdefault((column.dataset, column.split, column.source), []).append(column)
    found = []
    sources = Counter(spot[:2] for spot in columns)
    for (dataset, split, source), all_ in columns.items():
        source *= sources[dataset, split] > 1
        keys = dict.fromkeys(column.space for column in all_)
        if len(keys.keys() - {None}) < 2:
            found.append(Part(dataset, split, None, {column.metric: column for column in all_}, source))
            continue
        for key in keys:
            of_key = {column.metric: column for column in all_ if column.space == key}
            found.append(Part(dataset, split, key, of_key, source))
    return found


def parts_of(table: Table, dataset: str, split: str) -> list[Part]:
    """Those of one split of one data set."""
    return [part for part in parts(table) if (part.dataset, part.split) == (dataset, split)]


def part_with(table: Table, column: Column) -> Part:
    """The part that a column is in; one of its own where the table has none like it."""
    found = [part for part in parts_of(table, column.dataset, column.split) if column.source in _sources(part)]
    same = [part for part in found if len(found) == 1 or part.space == column.space]
    own = {column.metric: column} if column.is_accuracy else {}
    return same[0] if same else Part(column.dataset, column.split, None, own)


def part_of(
    table: Table, dataset: str, split: str, space: str | Space | None = None, metric: str | None = None
) -> Part | None:
    """The part of these names that has the metric, if one is given; None where the table has none.

    Raises:
        InputError: there are several, and `space` names none of them; the text lists their keys or their sources.
    """
    found = parts_of(table, dataset, split)
    if space is None and metric is not None:
        found = [part for part in found if metric in part.columns]
    key = space.key if isinstance(space, Space) else space
    if key is not None and len(found) > 1:
        found = [part for part in found if key in (part.space, *_spaces(part))] or found
    if len(found) < 2:
        return found[0] if found else None
    where = f"table {table.name}, {dataset} {split}"
    if len(sources := list(dict.fromkeys(part.source for part in found))) > 1:
        remedy = f"take one: table.select(source={sources[0]!r}), or that table itself"
        raise InputError(where, expected="accuracies of one source", got=Verbatim(", ".join(sources)), remedy=remedy)
    raise InputError(
        f"space of {where}",
        expected=f"one of {', '.join(str(part.space) for part in found)}",
        got=Verbatim("none") if key is None else key,
        remedy="name the space: it is never guessed" if key is None else "",
    )


def _sources(part: Part) -> set[str]:
    """Sources of the columns of a part: one."""
    return {column.source for column in part.columns.values()}


def _spaces(part: Part) -> set[str]:
    """Keys of the spaces that the columns of a part were trained in."""
    return {column.space for column in part.columns.values() if column.space is not None}

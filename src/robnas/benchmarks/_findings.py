"""Published rows beside a table: which architectures have their numbers, or that none has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from robnas.benchmarks._claims import Claim, check_named
from robnas.benchmarks._column import Column
from robnas.benchmarks._predicted import measured_only
from robnas.benchmarks._ranks import RESOLUTION
from robnas.benchmarks._runs import Floats
from robnas.benchmarks._table import Table
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture


@final
@dataclass(frozen=True)
class Finding:
    """What a table says of a published row."""

    claim: Claim
    dataset: str
    split: str
    metrics: tuple[str, ...]
    """Of the row, as the table calls them."""
    possible: bool
    """Whether an architecture of the table has all numbers within their rounding, or may have them, because it is
    `undecided`; of means of several runs, whether runs that return architectures of the table can have them, those
    that lack a value left out."""
    architectures: tuple[Architecture, ...]
    """Those that have all numbers, in the order of the rows."""
    undecided: tuple[Architecture, ...]
    """Those of which the table lacks some of the values, and which have the other numbers; of means all that lack
    some."""
    nearest: Architecture | None
    """The one whose worst number lies least beyond rounding, then the one with the smallest sum of differences; None
    where the table has all values of none."""
    values: dict[str, float]
    """Of `nearest`, by metric."""
    misses_by: float
    """How far beyond rounding its worst number lies; of means, that of the best mixture of architectures."""
    best_of_each: bool
    """Whether all numbers are the best of their columns, which are seldom those of one architecture."""
    beyond: tuple[str, ...]
    """Metrics whose number is higher than the highest or lower than the lowest of the column."""


def check_claim(table: Table, claim: Claim, *, dataset: str | None = None, split: str | None = None) -> Finding:
    """Which architectures of a table are within rounding of every number of a published row.

    Means of seeds are compared, and what rounding of the table may add (`RESOLUTION`) is allowed for. Predicted values
    are none: nothing is told by them.

    Args:
        table: any with the metrics of the row.
        claim: the row.
        dataset: where the row does not say it.
        split: may be omitted where the metrics were measured on one split only.

    Raises:
        InputError: the table has no such data set, split or metric.
    """
    table = measured_only(table)
    columns = _columns(table, claim, claim.dataset or dataset, split)
    held = np.stack([column.mean for column in columns.values()], axis=1)
    numbers = list(claim.numbers.values())
    claimed = np.array([number.value for number in numbers])
    room = np.array([number.rounding for number in numbers]) + RESOLUTION
    gaps = np.abs(held - claimed)
    fits = (gaps <= room) | np.isnan(gaps)
    complete = ~np.isnan(gaps).any(axis=1)
    open_ = ~complete & (fits.all(axis=1) | claim.average)
    matching = np.flatnonzero(fits.all(axis=1) & complete)
    near = _nearest(gaps, room, complete)
    misses = 0.0 if near is None else float(np.maximum(gaps[near] - room, 0).max())
    if claim.average and near is not None:
        from robnas.benchmarks._mixture import mixture_misses

        misses = mixture_misses(held[complete], claimed, room)
    first = next(iter(columns.values()))
    highest, lowest = (np.array([pick(column.mean) for column in columns.values()]) for pick in (np.nanmax, np.nanmin))
    beyond = (claimed > highest + room) | (claimed < lowest - room)
    return Finding(
        claim, first.dataset, first.split, tuple(columns),
        possible=(near is not None and misses <= 0) or bool(open_.any() and not claim.average),
        architectures=_at(table, matching),
        undecided=_at(table, np.flatnonzero(open_)),
        nearest=None if near is None else table.at(near),
        values={} if near is None else dict(zip(columns, held[near].tolist(), strict=True)),
        misses_by=misses,
        best_of_each=bool((np.abs(claimed - highest) <= room).all()),
        beyond=tuple(metric for metric, far in zip(columns, beyond, strict=True) if far),
    )  # fmt: skip


def _at(table: Table, rows: Sequence[int] | np.ndarray) -> tuple[Architecture, ...]:
    return tuple(table.at(int(row)) for row in rows)


def _nearest(gaps: Floats, room: Floats, complete: np.ndarray) -> int | None:
    if not complete.any():
        return None
    worst = np.where(complete, np.maximum(gaps - room, 0).max(axis=1), np.inf)
    return int(np.lexsort((gaps.sum(axis=1), worst))[0])


def _columns(table: Table, claim: Claim, dataset: str | None, split: str | None) -> dict[str, Column]:
    """The column of each metric, by the name that the table has for it."""
    found: dict[str, Column] = {}
    for written in claim.numbers:
        column = _column(table, claim, written, dataset, split)
        if column.qualified in found:
            raise InputError(f"{claim.name}, {written}", expected="each metric once", got=column.qualified)
        if not column.counts.any():
            raise InputError(column.name, expected=f"values in table {table.name}", got=Verbatim("none"))
        found[column.qualified] = column
    return found


def _column(table: Table, claim: Claim, written: str, dataset: str | None, split: str | None) -> Column:
    check_named(claim.name, written, table)
    splits = table.splits(dataset, written)
    split = splits[0] if split is None and len(splits) == 1 else split
    return table.column(dataset, written, split)

"""Everything that a table knows about one architecture, in groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from robnas._betas import beta_text
from robnas.benchmarks import IDENTICAL, Column, Table, column_ranks, sharing
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture
from robnas.statistics._leaderboard import ErrorSource, metrics_of, standard_errors
from robnas.statistics._noise import shown_noise
from robnas.statistics._ranking import rank_set
from robnas.types import Metric, Progress, is_attacked, is_metric, silent

CardKind = Literal["clean", "attack", "corruption", "other", "cost", "score"]
_ORDER: tuple[CardKind, ...] = ("clean", "attack", "corruption", "other", "score", "cost")


@final
@dataclass(frozen=True)
class Known:
    """What one column says of an architecture."""

    metric: str
    """Without its source."""
    split: str
    space: str | None
    """Key of the space that was trained in, where that is known."""
    beta: float | None
    """Weight of the robust loss that was trained with, where that is known."""
    value: float
    """Mean over the runs: an accuracy, or in the unit."""
    unit: str
    """Empty for accuracies."""
    direction: str
    runs: int
    """Trainings behind it; 0 where it is predicted."""
    measured: bool
    """False where it is predicted."""
    sd: float | None
    """Standard deviation of what one training would measure around a predicted value, where that is known."""
    seeds: dict[int, float]
    """Value of each run, where the runs are known."""
    rank: int
    """1 is the best; see `robnas.benchmarks.column_ranks`."""
    sharing: int
    """How many have this rank, itself counted."""
    of: int
    """Architectures with a value."""
    standard_error: float | None
    error_of: ErrorSource
    """What the standard error is made of."""
    ranks: tuple[int, int] | None
    """That the noise of trainings leaves possible, at least 95 %; None where that is not known."""
    images: int | None
    """How many were asked, where that is known."""
    relatives: int
    """For how many architectures of the table, at most, the value is that of another network of their class."""


@final
@dataclass(frozen=True)
class Group:
    """What one source says on one data set, of one kind."""

    source: str
    """Name of the table that was joined, or of the table itself."""
    dataset: str
    kind: CardKind
    known: tuple[Known, ...]
    missing: tuple[str, ...]
    """Metrics that have no value of this architecture, each with its split."""


@final
@dataclass(frozen=True)
class Card:
    """All that is known about one architecture."""

    asked: Architecture
    architecture: Architecture
    """The row that answers."""
    identical: bool
    """Whether it is the network that was asked for."""
    groups: tuple[Group, ...]
    """By source, data set and kind."""
    curves: tuple[str, ...]
    """Learning curves that have a value, by name."""
    sources: dict[str, dict[str, Any]]
    """Citation, licence and notes of each source."""


def card(
    table: Table,
    arch: object,
    *,
    dataset: str | None = None,
    split: str | None = None,
    resolve: str = "declared",
    progress: Progress = silent,
) -> Card:
    """Everything that a table knows about an architecture; nothing is charged.

    Args:
        table: any, joined or not.
        arch: any encoding, or a published index if the table brings them.
        dataset: only this one.
        split: only this one.
        resolve: see `Table.row`.
        progress: told about the columns done.

    Raises:
        InputError: the table does not hold it, or has no such data set or split.
    """
    row = table.row(arch, resolve)
    asked, trained = table.architecture(arch), table.at(row)
    columns = [one for one in table.columns if dataset in (None, one.dataset) and split in (None, one.split)]
    if not columns:
        known = sorted({f"{one.dataset} {one.split}" for one in table.columns})
        got = Verbatim(" ".join(filter(None, (dataset, split))))
        raise InputError(f"columns of table {table.name}", expected=f"one of {', '.join(known)}", got=got)
    groups: dict[tuple[str, str, CardKind], list[Column]] = {}
    for column in columns:
        groups.setdefault((column.source or table.name, column.dataset, _kind(column)), []).append(column)
    sources, datasets = ([*dict.fromkeys(key[place] for key in groups)] for place in (0, 1))
    found, done = [], 0
    for key in sorted(groups, key=lambda key: (sources.index(key[0]), datasets.index(key[1]), _ORDER.index(key[2]))):
        found.append(_group(table, row, key, groups[key]))
        progress(done := done + len(groups[key]), len(columns), key[0])
    partitions = table.space.partitions
    held = [one for one in table.curves if dataset in (None, one.dataset) and split in (None, one.split)]
    return Card(
        asked,
        trained,
        asked == trained or (IDENTICAL in partitions and table.space.partition(IDENTICAL).same(asked, trained)),
        tuple(found),
        tuple(table.column_name(one) for one in held if not np.isnan(one.values[row]).all()),
        {source: _about(table, columns, source) for source in sources},
    )


def _kind(column: Column) -> CardKind:
    if not column.is_accuracy:
        return "cost" if column.direction == "minimise" else "score"
    if is_metric(column.metric):
        return Metric.parse(column.metric).kind
    return "attack" if is_attacked(column.metric) else "other"


def _group(table: Table, row: int, key: tuple[str, str, CardKind], columns: list[Column]) -> Group:
    order = {metric: place for place, metric in enumerate(metrics_of(column.metric for column in columns))}
    known, missing, several = [], [], len({one.beta for one in columns}) > 1
    for column in sorted(
        columns, key=lambda one: (order[one.metric], one.split, -1.0 if one.beta is None else one.beta)
    ):
        if math.isnan(column.mean[row]):
            missing.append(" ".join(filter(None, (column.split, column.metric, beta_text(column.beta) * several))))
        else:
            known.append(_known(table, row, column))
    return Group(*key, tuple(known), tuple(missing))


def _known(table: Table, row: int, column: Column) -> Known:
    ranks = column_ranks(column)
    noise = shown_noise(table, column)
    errors, error_of = standard_errors(table, column, noise)
    held = ~np.isnan(column.mean)
    seeds = zip(column.seeds, column.values[row].tolist(), strict=True) if column.seeds else ()
    images = column.facts.get("images")
    possible = None
    if noise is not None and held.sum() > 1 and column.predicted is None:
        where: Any = {"dataset": column.dataset, "metric": column.address, "split": column.split}
        found = rank_set(table, table.at(row), **where, noise=noise, space=column.space, beta=column.beta)
        possible = found.low, found.high
    return Known(
        metric=column.metric,
        split=column.split,
        space=column.space,
        beta=column.beta,
        value=float(column.mean[row]),
        unit=column.unit,
        direction=column.direction,
        runs=int(column.counts[row]),
        measured=bool(column.counts[row]),
        sd=None if column.counts[row] or math.isnan(errors[row]) else float(errors[row]),
        seeds={seed: value for seed, value in seeds if not math.isnan(value)},
        rank=int(ranks[row]),
        sharing=int(sharing(ranks)[row]),
        of=int(held.sum()),
        standard_error=None if math.isnan(errors[row]) or not column.counts[row] else float(errors[row]),
        error_of=error_of,
        ranks=possible,
        images=images if isinstance(images, int) else None,
        relatives=int(column.facts.get("relatives", 0)),
    )


def _about(table: Table, columns: list[Column], source: str) -> dict[str, Any]:
    told = next(table.provenance_of(one) for one in columns if (one.source or table.name) == source)
    return {key: told[key] for key in ("citation", "licence", "notes") if told.get(key)}

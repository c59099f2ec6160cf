"""Columns of a table by the names that a task gives them."""

from __future__ import annotations

from collections.abc import Sequence

from robnas.benchmarks import Column, Table
from robnas.spaces import Space


def listed(metrics: str | Sequence[str]) -> tuple[str, ...]:
    """One name, or several."""
    return (metrics,) if isinstance(metrics, str) else tuple(metrics)


def metrics_of(table: Table) -> tuple[str, ...]:
    """What a table has."""
    return tuple(dict.fromkeys(column.metric for column in table.columns))


def column_of(table: Table, dataset: str | None, metric: str, split: str | None, space: Space | str | None) -> Column:
    """The column; a split that is not named is the only one that the table has for it, never one of several."""
    if split is None:
        found = {c.split for c in table.columns if (c.dataset, c.metric) == (dataset, metric)}
        if not found:  # the error lists what there is
            found = {next((c.split for c in table.columns if c.dataset == dataset), "test")}
        split = found.pop() if len(found) == 1 else None
    return table.column(dataset, metric, split, space)

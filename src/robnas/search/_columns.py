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
    return tuple(dict.fromkeys(column.qualified for column in table.columns))


def columns_called(table: Table, dataset: str | None, metric: str) -> list[Column]:
    """Those of a data set that are called so, or those of any that have this for their whole name, source or not."""
    whole = [column for column in table.columns if column.name == metric]
    whole = whole or [column for column in table.columns if _without_source(column) == metric]
    return whole or [one for one in table.columns if one.dataset == dataset and one.is_called(metric)]


def _without_source(column: Column) -> str:
    return f"{column.dataset} {column.split} {column.metric}"


def column_of(
    table: Table,
    dataset: str | None,
    metric: str,
    split: str | None,
    space: Space | str | None,
    beta: float | None = None,
) -> Column:
    """The column, by its metric or by its whole name.

    A split that is not named is the only one that the table has for it, never one of several. What is no accuracy does
    not depend on images: it is found on its only split, whichever is named.
    """
    found = columns_called(table, dataset, metric)
    splits: set[str] = {column.split for column in found}
    if found and metric in (found[0].name, _without_source(found[0])):
        name = found[0].qualified if len({column.source for column in found}) == 1 else found[0].metric
        return table.column(found[0].dataset, name, found[0].split, space, beta)
    if split is None or not any(column.is_accuracy for column in found):
        if not found:  # the error lists what there is
            splits = {split or next((c.split for c in table.columns if c.dataset == dataset), "test")}
        split = splits.pop() if len(splits) == 1 else split
    return table.column(dataset, metric, split, space, beta)

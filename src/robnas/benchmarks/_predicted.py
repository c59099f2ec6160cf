"""Predicted values stand beside measured ones and are none: which they are, and tables without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.errors import InputError, Verbatim


def predicted_rows(column: Column) -> npt.NDArray[np.bool_]:
    """Rows whose value is predicted, shape (rows,)."""
    if column.predicted is None:
        return np.zeros(len(column.values), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = ~np.isnan(column.predicted)
    return found


def measured_column(column: Column) -> Column:
    """The column without predicted values; itself if it has none."""
    return column if column.predicted is None else replace(column, predicted=None, sd=None)


def measured_only(table: Table) -> Table:
    """The table with the same rows and without predicted values; itself if it has none.

    It is what statistics of trainings look at: of noise, correlations, data quality.
    """
    if all(column.predicted is None for column in table.columns):
        return table
    return Table(
        table.name, table._lookup.given, map(measured_column, table.columns), space=table.space,
        partition=table.partition, published=table.published, provenance=table.provenance, ambiguous=table.ambiguous,
        curves=table.curves, ambiguous_curves=table.ambiguous_curves,
    )  # fmt: skip


def check_measured(column: Column, what: str) -> None:
    """Raise `InputError` where values of a column are predicted, of which `what` is asked."""
    if column.predicted is not None:
        got = Verbatim(f"{int(predicted_rows(column).sum()):,} predicted ones")
        remedy = "robnas.benchmarks.measured_only(table) is without them"
        raise InputError(what, expected="measured values", got=got, remedy=remedy)

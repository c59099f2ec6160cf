"""What a search sees before the last epoch: the learning curves of its columns."""

from __future__ import annotations

from collections.abc import Sequence

from robnas.benchmarks import AfterEpoch, Column, CurveColumn, Table
from robnas.errors import InputError


def epochs_seen(table: Table, columns: Sequence[Column]) -> tuple[tuple[int, ...], str]:
    """Epochs after which all columns are known, ascending, the last of which is the whole training.

    Those that the learning curves of all have, and the last of any. Empty where a column has none, and why.
    """
    if predicted := [column.name for column in columns if column.predicted is not None]:
        return (), f"values of {predicted[0]} are predicted, of which there are no learning curves"
    try:
        curves = [_curve(table, column) for column in columns]
    except InputError as error:
        return (), str(error)
    shared = set[int].intersection(*(set(curve.epochs) for curve in curves))
    return tuple(sorted(shared | {max(curve.epochs[-1] for curve in curves)})), ""


def after(table: Table, columns: Sequence[Column], epochs: int) -> tuple[AfterEpoch, ...]:
    """The same columns after so many epochs."""
    return tuple(_curve(table, column).after(epochs) for column in columns)


def curves_seen(table: Table, columns: Sequence[Column]) -> tuple[CurveColumn, ...]:
    """Learning curves of the columns; none where one of them has none."""
    return tuple(_curve(table, column) for column in columns) if table.curves and epochs_seen(table, columns)[0] else ()


def _curve(table: Table, column: Column) -> CurveColumn:
    return table.curve_column(column.dataset, column.qualified, column.split, column.space, column.beta)

"""Whether two columns hold the same trainings, whatever they, their tables and files are called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robnas.benchmarks import Column, Table
from robnas.surrogates._prediction import Matrix, Vector

_CLOSE = 1e-6  # between equal values, which files may have rounded; of what is no accuracy a share of the largest
_ENOUGH = 10  # rows from which a straight line through all points is no accident
_STRAIGHT = 1 - 1e-6  # correlation of one accuracy in two units, rounded to four digits or more


def same_trainings(first: Table, some: Sequence[Column], second: Table, others: Sequence[Column]) -> bool:
    """Whether one of `some` has the same values as one of `others` wherever both have some: means, or those of a run.

    Those of an accuracy among `others` in another unit, such as percent or errors, are the same.
    """
    values = np.concatenate([_means_and_runs(one) for one in some])
    return same_values(first.texts, values, second, others)


def same_values(texts: Sequence[str], values: Matrix, table: Table, columns: Sequence[Column]) -> bool:
    """Whether some row of `values`, shape (kinds, architectures), has what a column has, see `same_trainings`."""
    place = {text: row for row, text in enumerate(table.texts)}
    rows = np.array([place.get(text, -1) for text in texts])
    here, both = values[:, rows >= 0], rows[rows >= 0]
    return any(
        _same(given, own, column.is_accuracy)
        for column in columns
        for own in _means_and_runs(column)[:, both]
        for given in here
    )


def _means_and_runs(column: Column) -> Matrix:
    """What was measured: the mean and, where there are several, each run; shape (1 + runs, rows)."""
    runs = column.values.T if len(column.seeds) > 1 else column.values.T[:0]
    return np.concatenate([column.measured_mean[None], runs])


def _same(first: Vector, second: Vector, accuracies: bool) -> bool:
    known = ~np.isnan(first + second)
    one, other = first[known], second[known]
    if len(one) == 0:
        return False
    if np.allclose(one, other, rtol=0, atol=_CLOSE * (1.0 if accuracies else np.abs(other).max())):
        return True
    if not accuracies or len(one) < _ENOUGH or min(np.ptp(one), np.ptp(other)) <= _CLOSE:
        return False
    return abs(float(np.corrcoef(one / np.abs(one).max(), other)[0, 1])) > _STRAIGHT

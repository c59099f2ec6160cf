"""What one run sees of the columns of a table: the noise of one training, or one of the trainings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import AfterEpoch, Column, LocalNoise, Table
from robnas.errors import InputError

Floats = npt.NDArray[np.float64]


def local_noise(table: Table, column: Column) -> LocalNoise:
    """That of a column of the table."""
    return table.local_noise(column.dataset, column.qualified, split=column.split, space=column.space)


def run_sd(table: Table, columns: Sequence[Column], *, local: bool) -> Floats:
    """Standard deviation of one training, shape (rows, columns); 0 of what is no accuracy."""
    found = []
    for column in columns:
        if not column.is_accuracy:
            found.append(np.zeros(len(column.mean)))
        elif local:
            found.append(local_noise(table, column).run_sd_at(column.mean))
        else:
            noise = table.noise(column.dataset, column.qualified, split=column.split, space=column.space)
            found.append(np.full(len(column.mean), noise.run_sd))
    return np.stack(found, axis=1)


def has_runs(column: Column) -> bool:
    """Whether runs of the column are told apart; a cost that was measured once is the same in all."""
    return column.is_accuracy or bool(column.seeds)


def one_run(column: Column | AfterEpoch, drawn: Floats) -> Floats:
    """The run of each row that `drawn` in [0, 1) points at, among those that are there; shape (rows,)."""
    if not column.seeds and column.runs > 1:
        raise InputError(
            f"noise of {column.name}",
            expected="none or gaussian",
            got="seeds",
            remedy=f"only the mean of {column.runs} runs was published",
        )
    known = ~np.isnan(column.values)
    rank = (drawn * known.sum(axis=1)).astype(np.int64)
    order = np.argsort(~known, axis=1, kind="stable")  # the runs that are there come first
    place = np.take_along_axis(order, rank[:, None], axis=1)
    return np.take_along_axis(column.values, place, axis=1)[:, 0]

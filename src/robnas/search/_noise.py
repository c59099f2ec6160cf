"""What one run sees of the columns of a table: the noise of one training, or one of the trainings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import AfterEpoch, Column, LocalNoise, Table, check_measured, predicted_rows
from robnas.errors import InputError, Verbatim

Floats = npt.NDArray[np.float64]


def local_noise(table: Table, column: Column) -> LocalNoise:
    """That of a column of the table."""
    return table.local_noise(column.dataset, column.qualified, split=column.split, space=column.space, beta=column.beta)


def run_sd(table: Table, columns: Sequence[Column], *, local: bool) -> Floats:
    """Standard deviation of one training, shape (rows, columns); 0 of what is no accuracy."""
    found = []
    for column in columns:
        if not column.is_accuracy:
            found.append(np.zeros(len(column.mean)))
        elif local:
            found.append(local_noise(table, column).run_sd_at(column.mean))
        else:
            noise = table.noise(
                column.dataset, column.qualified, split=column.split, space=column.space, beta=column.beta
            )
            found.append(np.full(len(column.mean), noise.run_sd))
    return np.stack(found, axis=1)


def predictive_sd(columns: Sequence[Column]) -> Floats:
    """Standard deviation of what a surrogate predicts, shape (rows, columns); 0 of what was measured.

    Raises:
        InputError: nothing is predicted, or it is not known how well.
    """
    found = np.zeros((len(columns[0].values), len(columns)))
    for place, column in enumerate(columns):
        if (predicted := predicted_rows(column)).any():
            sd = np.full(len(found), np.nan) if column.sd is None else column.sd
            if np.isnan(sd[predicted]).any():
                got = Verbatim("predicted ones without")
                raise InputError(f"noise of {column.name}", expected="values with a standard deviation", got=got)
            found[predicted, place] = sd[predicted]
    if all(column.predicted is None for column in columns):
        names = ", ".join(column.name for column in columns)
        raise InputError(
            f"predictive noise of {names}", expected="predicted values",
            got=Verbatim("measured ones only"), remedy="robnas complete predicts what a table lacks",
        )  # fmt: skip
    return found


def within_scale(drawn: Floats, columns: Sequence[Column]) -> Floats:
    """What was drawn, shape (rows, objectives), the first of which are the columns: accuracies within [0, 1]."""
    for place, column in enumerate(columns):
        if column.is_accuracy:
            drawn[:, place] = np.clip(drawn[:, place], 0, 1)
    return drawn


def check_runs(columns: Sequence[Column]) -> None:
    """Raise `InputError` where single runs are asked for and values are predicted, which have none."""
    for column in columns:
        check_measured(column, f"single runs of {column.name}")


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

"""Which noise of trainings is used where the reader asks for none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import FEWEST_DEGREES, Column, LocalNoise, Noise, Table
from robnas.errors import InputError
from robnas.statistics._constant import unchanged_rows

_GROUPS = 80  # networks trained several times, from which their noise is known as a function of the accuracy
_WINDOW = 200  # of them at most are pooled, and at most a seventh of all


def measured_noise(table: Table, column: Column) -> Noise | None:
    """`Table.noise`, which may be 0; None if too few trainings were repeated to know it."""
    try:
        noise = table.noise(column.dataset, column.metric, split=column.split)
    except InputError:
        return None
    return noise if noise.degrees >= FEWEST_DEGREES else None


def known_noise(table: Table, column: Column) -> Noise | None:
    """`measured_noise`, but None as well where it is 0: that says too little of other trainings."""
    noise = measured_noise(table, column)
    return noise if noise is not None and noise.run_sd > 0 else None


def shown_noise(table: Table, column: Column) -> Noise | LocalNoise | None:
    """The noise behind errors, ranks and outliers, unless another one is asked for.

    It is local, that of networks of similar accuracy, where at least 80 were trained several times, else pooled over
    all: its `kind` says which. None where `known_noise` is. The window is a seventh of those networks and at most 200:
    wide enough to know a standard deviation, and about what predicts the spread of a network best from that of the
    others. It is doubled where some of them, such as all that get every image wrong, did not differ at all: nobody
    knows that others like them never do. Networks that no attack changes are left out: nothing is learned from them
    about others.
    """
    noise = known_noise(table, column)
    if noise is None or noise.groups < _GROUPS:
        return noise
    constant = unchanged_rows(table, column.dataset, column.split)
    live = table if constant is None else only(table, column, ~constant)
    left = known_noise(live, column)
    if left is None or left.groups < _GROUPS:
        return noise
    window, where = min(left.groups // 7, _WINDOW), (column.dataset, column.metric)
    local = live.local_noise(*where, split=column.split, window=window)
    while local.window < local.groups and not local.run_variance.all():
        local = live.local_noise(*where, split=column.split, window=2 * local.window)
    return local


def constant_sd(table: Table, column: Column, constant: npt.NDArray[np.bool_]) -> float:
    """Standard deviation of one training of a constant network; nan where none was trained again."""
    try:
        noise = only(table, column, constant).noise(column.dataset, column.metric, split=column.split)
    except InputError:
        return math.nan
    return noise.run_sd


def only(table: Table, column: Column, rows: npt.NDArray[np.bool_]) -> Table:
    """The column with the values of these rows, shape (rows,), the others missing."""
    values = np.where(rows[:, None], column.values, np.nan)
    return Table(table.name, table.rows, [replace(column, values=values)])

"""Which noise of trainings is used where the reader asks for none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import (
    LOCAL_GROUPS,
    Column,
    LocalNoise,
    Noise,
    Table,
    known_noise,
    local_window,
    measure_local_noise,
    measure_noise,
)
from robnas.errors import InputError
from robnas.statistics._constant import unchanged_rows
from robnas.statistics._parts import part_with


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
    if noise is None or noise.groups < LOCAL_GROUPS:
        return noise
    constant = unchanged_rows(part_with(table, column))
    live = column if constant is None else only(column, ~constant)
    left = known_noise(table, live)
    if left is None or left.groups < LOCAL_GROUPS:
        return noise
    local = measure_local_noise(table, live, local_window(left.groups))
    while local.window < local.groups and not local.run_variance.all():
        local = measure_local_noise(table, live, 2 * local.window)
    return local


def constant_sd(table: Table, column: Column, constant: npt.NDArray[np.bool_]) -> float:
    """Standard deviation of one training of a constant network; nan where none was trained again."""
    try:
        noise = measure_noise(table, only(column, constant))
    except InputError:
        return math.nan
    return noise.run_sd


def only(column: Column, rows: npt.NDArray[np.bool_]) -> Column:
    """The column with the values of these rows, shape (rows,), the others missing."""
    return replace(column, values=np.where(rows[:, None], column.values, np.nan))

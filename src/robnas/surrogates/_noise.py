"""The noise of trainings behind the values of a table."""

from __future__ import annotations

import numpy as np

from robnas.benchmarks import (
    FEWEST_DEGREES,
    Column,
    LocalNoise,
    Noise,
    Table,
    measure_local_noise,
    measure_noise,
)
from robnas.errors import InputError
from robnas.surrogates._prediction import Vector

_GROUPS = 80  # networks trained several times, from which their noise is known as a function of the accuracy
_SMALL = 1e-3  # of the pooled noise: less noise than that is taken for none


def table_noise(table: Table, column: Column) -> Noise | LocalNoise | None:
    """The noise of one training of a column, local where enough networks were trained again; None if too few were."""
    try:
        pooled = measure_noise(table, column)
    except InputError:
        return None
    if pooled.degrees < FEWEST_DEGREES or not pooled.run_sd > 0:
        return None
    if pooled.groups < _GROUPS:
        return pooled
    return measure_local_noise(table, column, min(pooled.groups // 7, 200))


def standard_errors(noise: Noise | LocalNoise | None, column: Column) -> Vector | None:
    """Of each value of a column, shape (rows,), nan where there is none; None where the noise is not known."""
    if noise is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Vector = noise.run_sd_at(column.measured_mean) / np.sqrt(column.counts)
    return np.maximum(found, _SMALL * np.nanmax(found))

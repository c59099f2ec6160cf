"""The noise of trainings behind the values of a table."""

from __future__ import annotations

import numpy as np

from robnas.benchmarks import (
    LOCAL_GROUPS,
    Column,
    LocalNoise,
    Noise,
    Table,
    known_noise,
    local_window,
    measure_local_noise,
)
from robnas.surrogates._prediction import Vector

_SMALL = 1e-3  # of the pooled noise: less noise than that is taken for none


def table_noise(table: Table, column: Column) -> Noise | LocalNoise | None:
    """The noise of one training of a column, local where enough networks were trained again; None if too few were."""
    pooled = known_noise(table, column)
    if pooled is None or pooled.groups < LOCAL_GROUPS:
        return pooled
    return measure_local_noise(table, column, local_window(pooled.groups))


def standard_errors(noise: Noise | LocalNoise | None, column: Column) -> Vector | None:
    """Of each value of a column, shape (rows,), nan where there is none; None where the noise is not known."""
    if noise is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Vector = noise.run_sd_at(column.measured_mean) / np.sqrt(column.counts)
    return np.maximum(found, _SMALL * np.nanmax(found))

"""The noise of trainings behind the values of a table."""

from __future__ import annotations

from typing import Any

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
)
from robnas.surrogates._prediction import Vector

_LEAST = 1e-3  # smallest local standard deviation that is believed, as a share of the largest


def table_noise(table: Table, column: Column) -> Noise | LocalNoise | None:
    """The noise of one training of a column, local where enough networks were trained again; None if too few were."""
    pooled = known_noise(table, column)
    if pooled is None or pooled.groups < LOCAL_GROUPS:
        return pooled
    return measure_local_noise(table, column, local_window(pooled.groups))


def standard_errors(noise: Noise | LocalNoise | None, values: Vector, trainings: npt.NDArray[Any]) -> Vector | None:
    """Of means over trainings, shape (n,); None where the noise is not known.

    Args:
        noise: of one training.
        values: the means.
        trainings: behind each of them.
    """
    if noise is None:
        return None
    sd = noise.run_sd_at(values)
    found: Vector = np.maximum(sd, _LEAST * sd.max()) / np.sqrt(trainings)
    return found

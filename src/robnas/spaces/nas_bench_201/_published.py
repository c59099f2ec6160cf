"""The order in which NAS-Bench-201 numbers its architectures, which no rule gives."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from robnas._arrays import read_arrays

KIND = "robnas published order 1"


@cache
def published_indices() -> npt.NDArray[np.int64]:
    """Published index of every architecture in the project's own order, shape (15625,).

    That of NAS-Bench-201, NATS-Bench, HW-NAS-Bench, the robustness data set of Jung et al. and NAS-RobBench-201.
    """
    file = resources.files("robnas.spaces.nas_bench_201").joinpath("published.npz")
    (stored,) = read_arrays(file, KIND, "published")
    found = stored.astype(np.int64)
    found.flags.writeable = False
    return found

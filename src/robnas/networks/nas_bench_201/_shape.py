"""The shape of a cell as numbers for predictors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from robnas.networks.nas_bench_201._counts import cell_counts
from robnas.networks.nas_bench_201._ways import CONV1, CONV3, POOL, SKIP, ways
from robnas.spaces.nas_bench_201 import CellArchitecture

_GAINS = {SKIP: 1.0, CONV1: 2.0, CONV3: 6.0, POOL: 1.0}

SHAPE: tuple[str, ...] = (
    *("parameters", "macs", "count_1x1", "count_3x3", "count_convolutions", "count_poolings", "count_skips"),
    "count_ways",
    *(f"{which}_{what}" for what in ("convolutions", "3x3", "poolings") for which in ("most", "fewest", "mean")),
    "gain",
)
"""Names of the columns of `shape`."""


def shape(architectures: Sequence[object]) -> npt.NDArray[np.float64]:
    """The shape of each cell, shape (architectures, 18); live edges only.

    Logarithms of parameters and MACs; numbers of 1×1 and 3×3 convolutions, of both, of poolings and of skips; ways from
    the input to the output; the most, fewest and mean convolutions, 3×3 convolutions and poolings on a way; and the
    logarithm of the sum over ways of the product of gains, 2, 6 and 1 for a 1×1, a 3×3 convolution and a pooling, which
    is about the growth of a network with |θ| and without batch norm.
    """
    return np.array([_shape(CellArchitecture(arch)) for arch in architectures], dtype=np.float64)


def _shape(arch: CellArchitecture) -> list[float]:
    counts = cell_counts(arch, live=True)
    live = [digit for digit, is_live in zip(arch.code, arch.live_edges, strict=True) if is_live]
    ones, threes, pools, skips = (float(live.count(digit)) for digit in (CONV1, CONV3, POOL, SKIP))
    there = ways(arch.code)
    found = [math.log(counts.parameters), math.log(counts.macs), ones, threes, ones + threes, pools, skips, len(there)]
    for digits in (CONV1 + CONV3, CONV3, POOL):
        on_way = [sum(digit in digits for digit in way) for way in there] or [-1]
        found += [max(on_way), min(on_way), sum(on_way) / len(on_way)]
    return [*found, math.log(1e-3 + sum(math.prod(_GAINS[digit] for digit in way) for way in there))]

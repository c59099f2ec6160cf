"""A closed-form score of a cell: which architectures are among the best under attack, from its ways alone."""

from __future__ import annotations

import math

from robnas.networks.nas_bench_201._ways import CONV1, CONV3, POOL, SKIP, ways
from robnas.spaces.nas_bench_201 import CellArchitecture

_GAINS = {SKIP: 1.0, CONV1: 1.2, CONV3: 3.5, POOL: 0.7}
_POOLED_WAY, _FEWEST_CONV3, _MEAN_POOLS = -0.5, -0.4, -0.6


def top_score(arch: object) -> float | None:
    """How good a cell may become under adversarial training; higher is better, None if nothing reaches its output.

    With the ways from the input to the output of the cell, those through ``none`` left out:

        log Σ_ways Π gain − 0.5 · ways with poolings and no convolution
        − 0.4 · fewest 3×3 convolutions on a way − 0.6 · mean poolings on a way,

    gains 1.2 of a 1×1, 3.5 of a 3×3 convolution, 0.7 of a pooling, 1 of a skip. Architectures that compute the same
    function have the same score. No network is built and none was trained for it, but form and weights were chosen by
    the accuracy under PGD 8/255 of 646 architectures of NAS-RobBench-201, on CIFAR-10 and CIFAR-100 (docs/proxies.md).

    For *finding* good architectures: of those of NAS-RobBench-201 that had no part in its choice it orders the best
    tenth better than the number of parameters; the whole is ordered better by `robnas.proxies.PROXIES["robust_score"]`,
    and other tables may show no gain.

    Args:
        arch: an architecture of ``nas-bench-201`` in any encoding.

    Raises:
        InputError: a malformed architecture.
    """
    there = ways(CellArchitecture(arch).code)
    if not there:
        return None
    gain = math.fsum(math.prod(_GAINS[digit] for digit in sorted(way)) for way in there)  # equal cells to the bit
    pooled = sum(set(way) - {SKIP} == {POOL} for way in there)
    fewest = min(way.count(CONV3) for way in there)
    pools = sum(way.count(POOL) for way in there) / len(there)
    return math.log(gain) + _POOLED_WAY * pooled + _FEWEST_CONV3 * fewest + _MEAN_POOLS * pools

"""What the architectures of a table cost: parameters, MACs, simulated hours of training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Table, training_hours
from robnas.errors import InputError
from robnas.networks import count
from robnas.spaces import Architecture

Floats = npt.NDArray[np.float64]
Cost = Literal["parameters", "macs"]
COSTS: tuple[str, ...] = get_args(Cost)
_COST_MODEL = ("nas-robbench-201", "nas-robbench-201-seeds")  # trained by the recipe that `training_hours` models


def costs_of(architectures: Sequence[Architecture], every: bool) -> dict[str, Floats]:
    """`COSTS` of each architecture, shape (architectures,) each; of `every` edge, or of the live ones only."""
    live = [
        [digit for digit, is_live in zip(arch.code, arch.live_edges, strict=True) if is_live or every]
        for arch in architectures
    ]
    sizes = [_size(digits.count("2"), digits.count("3")) for digits in live]
    parameters, macs = np.array(sizes, dtype=np.float64).T
    return {"parameters": parameters, "macs": macs}


@cache
def _size(pointwise: int, spatial: int) -> tuple[int, int]:
    """Parameters and MACs of a network with so many live 1×1 and 3×3 convolutions: they depend on nothing else."""
    found = count(Architecture(("2" * pointwise + "3" * spatial).ljust(6, "1")))
    return found.parameters, found.macs


def hours_of(table: Table, dataset: str) -> Floats | None:
    """Simulated GPU-hours of each row's adversarial training, shape (rows,); None where there is no cost model."""
    if not set(table.name.split("+")) & set(_COST_MODEL):
        return None
    kinds: dict[tuple[int, int], float] = {}
    found = []
    for arch in table.architectures:
        kind = arch.code.count("2"), arch.code.count("3")
        if kind not in kinds:
            try:
                kinds[kind] = training_hours(arch, dataset)
            except InputError:
                return None
        found.append(kinds[kind])
    return np.array(found)

"""What the architectures of a table cost: parameters, MACs, simulated hours of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Table, training_hours
from robnas.errors import InputError
from robnas.networks import Counts, count
from robnas.spaces import Architecture, Space

Floats = npt.NDArray[np.float64]
Cost = Literal["parameters", "macs"]
COSTS: tuple[str, ...] = get_args(Cost)
_KEPT = 2**17  # architectures
_COST_MODEL = ("nas-robbench-201", "nas-robbench-201-seeds")  # trained by the recipe that `training_hours` models


def costs_of(architectures: Sequence[Architecture], space: Space, every: bool) -> dict[str, Floats]:
    """`COSTS` of each architecture, shape (architectures,) each; of `every` edge, or of the live ones only.

    Raises:
        InputError: nothing builds networks of the space.
    """
    found = list(map(counter(space, every), architectures))
    return {cost: np.array([getattr(one, cost) for one in found], dtype=np.float64) for cost in COSTS}


@cache
def counter(space: Space | None, every: bool) -> Callable[[Architecture], Counts]:
    """Counts in a space, the registered one if None, of `every` edge or of the live ones only; each is made once."""
    return lru_cache(_KEPT)(lambda arch: count(arch, space=space, live=not every))


def hours_of(table: Table, dataset: str) -> Floats | None:
    """Simulated GPU-hours of each row's adversarial training, shape (rows,); None where there is no cost model."""
    if not set(table.name.split("+")) & set(_COST_MODEL):
        return None
    try:
        return np.array([_hours(arch, dataset) for arch in table.architectures])
    except InputError:
        return None


_hours = lru_cache(_KEPT)(training_hours)

"""The noise of trainings of a column, where enough of them were repeated to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robnas.benchmarks._column import Column
from robnas.benchmarks._noise import FEWEST_DEGREES, Noise, measure_noise
from robnas.errors import InputError

if TYPE_CHECKING:
    from robnas.benchmarks._table import Table

LOCAL_GROUPS = 80
"""Networks trained several times, from which their noise is known as a function of the accuracy."""
_WINDOW = 200


def measured_noise(table: Table, column: Column) -> Noise | None:
    """`Table.noise` of a column, which may be 0; None if too few trainings were repeated to know it."""
    try:
        noise = measure_noise(table, column)
    except InputError:
        return None
    return noise if noise.degrees >= FEWEST_DEGREES else None


def known_noise(table: Table, column: Column) -> Noise | None:
    """`measured_noise`, but None as well where it is 0: that says too little of other trainings."""
    noise = measured_noise(table, column)
    return noise if noise is not None and noise.run_sd > 0 else None


def local_window(groups: int) -> int:
    """How many networks of similar accuracy local noise is pooled over: a seventh of those repeated, 200 at most."""
    return min(groups // 7, _WINDOW)

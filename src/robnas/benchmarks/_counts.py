"""Accuracies as whole counts of right answers, which they are up to rounding."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from robnas.benchmarks._column import Column
from robnas.benchmarks._runs import Floats

_ROUNDED = 5e-8  # published numbers went through 32-bit floats
_LARGEST = 65_534  # counts fit in 16 bits
_DIVISORS = (1000, 10_000, 6000, 18_000, 30_000, 60_000)


def exact_divisor(column: Column) -> int | None:
    """The number of answers of which every value is a whole count, up to rounding to 32 bits; None without one."""
    known = column.mean[~np.isnan(column.mean)]
    for divisor in _candidates(column):
        if divisor <= _LARGEST and (np.abs(known - np.round(known * divisor) / divisor) < _ROUNDED).all():
            return divisor
    return None


def counted(column: Column) -> Floats:
    """Mean of each row, shape (rows,): a quotient of whole numbers where all are such, so that equal ones are equal."""
    divisor = exact_divisor(column)
    return column.mean if divisor is None else np.round(column.mean * divisor) / divisor


def _candidates(column: Column) -> Iterable[int]:
    images = column.facts.get("images")
    if isinstance(images, int) and images > 0:
        yield from (images, images * math.lcm(*range(1, len(column.seeds) + 1)))
    yield from _DIVISORS

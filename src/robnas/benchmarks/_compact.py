"""Numbers in few bytes: whole counts where numbers are such over one divisor, as accuracies are."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from robnas.benchmarks._runs import Floats

_MOST = 65_535


def divisor_of(values: Floats) -> int | None:
    """The smallest number of which all values are whole counts, to the bit; None where there is none of 16 bits."""
    known = values[~np.isnan(values)]
    if not known.size:
        return 1
    if known.min() < 0 or known.max() > _MOST:
        return None
    found = 1
    for value in np.unique(known).tolist():
        found = math.lcm(found, Fraction(value).limit_denominator(_MOST).denominator)
        if found > _MOST:
            return None
    counts = np.round(known * found)
    return found if counts.max() <= _MOST and (counts / found == known).all() else None


def packed(values: Floats, divisor: int | None) -> pa.Array:
    """One column of a file, shape (rows,): counts of a divisor, else the numbers as they are; nan is missing."""
    if divisor is None:
        return pa.array(values, from_pandas=True)
    missing = np.isnan(values)
    counts: npt.NDArray[np.uint16] = np.round(np.where(missing, 0.0, values) * divisor).astype(np.uint16)
    return pa.array(counts, mask=missing)

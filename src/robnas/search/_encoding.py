"""Architectures as vectors for predictors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from robnas._registry import Registry
from robnas.search._space import digits_of, everything
from robnas.spaces import EDGES, OPERATIONS, SIZE, WAYS, Architecture

Matrix = npt.NDArray[np.float64]


@cache
def _one_hot() -> npt.NDArray[np.float32]:
    codes = digits_of(everything())[:, :, None] == np.arange(len(OPERATIONS))
    rows: npt.NDArray[np.float32] = codes.reshape(SIZE, len(EDGES) * len(OPERATIONS)).astype(np.float32)
    return rows


@cache
def _path() -> npt.NDArray[np.float32]:
    operations = range(1, len(OPERATIONS))  # a path with `none` in it is no path
    paths = [path for length in (1, 2, 3) for path in product(operations, repeat=length)]
    column = {path: place for place, path in enumerate(paths)}
    found = np.zeros((SIZE, len(paths)), dtype=np.float32)
    for row, digits in enumerate(digits_of(everything()).tolist()):
        for way in WAYS:
            path = tuple(digits[edge] for edge in way)
            if path in column:
                found[row, column[path]] = 1
    return found


ENCODINGS: Registry[Callable[[], npt.NDArray[np.float32]]] = Registry(
    "encoding", {"path": _path, "one-hot": _one_hot}, Callable
)
"""``path``: which of the 84 sequences of operations lead from the input to the output (White et al. 2021, BANANAS,
where a sequence counts once whichever node it passes through); ``one-hot``: the operation of each edge, 30 columns."""


def encode(architectures: Sequence[Architecture], encoding: str) -> Matrix:
    """Rows for a predictor, shape (architectures, 84 or 30)."""
    rows: Matrix = ENCODINGS[encoding]()[[arch.index for arch in architectures]].astype(np.float64)
    return rows

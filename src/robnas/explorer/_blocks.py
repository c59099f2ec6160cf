"""Arrays in a binary file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MISSING = 65535  # in columns of 16 bits
_ALIGNED = 8  # bytes of the largest number


class Blocks:
    """Arrays one after another in one file, each at a multiple of 8 bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, values: npt.NDArray[Any], dtype: str) -> int:
        """Append `values` in little-endian order; returns the offset of the first byte."""
        offset, content = self._size, np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()
        padding = bytes(-len(content) % _ALIGNED)
        self._parts += [content, padding]
        self._size += len(content) + len(padding)
        return offset

    def content(self) -> bytes:
        """The file."""
        return b"".join(self._parts)

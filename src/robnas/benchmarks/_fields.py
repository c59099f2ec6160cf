"""Single fields of Parquet files, and the texts and numbers that may stand there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from robnas.errors import InputError, printable

LONGEST = 200
"""Characters of a name."""
LONGEST_TEXT = 2_000
"""Characters of an architecture, or of the key of a space."""


def read_field(file: pq.ParquetFile, name: str) -> pa.ChunkedArray:
    """One column at a time: Arrow's allocator then keeps some megabytes less for itself."""
    found = file.read(columns=[name], use_threads=False)
    if found.column_names != [name]:
        raise ValueError(f"{found.num_columns} fields called {name!r:.60}")
    return found.column(0)


def to_texts(column: pa.ChunkedArray, longest: int) -> tuple[str, ...]:
    """Text per row of a column that was read as a dictionary, empty where there is none."""
    found: list[str] = []
    for chunk in column.chunks:
        known = [checked_text(text, longest=longest) for text in chunk.dictionary.to_pylist()]
        found += ["" if place is None else known[place] for place in chunk.indices.to_pylist()]
    return tuple(found)


def to_numpy(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Like `ChunkedArray.to_numpy`, which imports pandas for the purpose; null becomes nan."""
    if column.null_count and not pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
    chunks = (chunk.fill_null(np.nan) if chunk.null_count else chunk for chunk in column.chunks)
    return np.concatenate([np.from_dlpack(chunk) for chunk in chunks])


def fact(value: Any) -> str | int | float:
    """A text or finite number, also one of numpy."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, int | float) and math.isfinite(plain) else checked_text(plain, "fact")


def checked_text(value: Any, what: str = "name", longest: int = LONGEST) -> str:
    """What can be shown as it is."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > longest:
        raise InputError(what, expected=f"at most {longest} printable characters", got=value)
    return value


def one_line(text: str) -> str:
    """A text as it can be kept: one line, not too long."""
    return printable(text)[:LONGEST]

"""Tables as Parquet files: one column of architectures, one per metric and seed, the rest in the schema's metadata."""

from __future__ import annotations

import json
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from robnas._content import CONTENT, UNVERIFIED, check_content, digest, note_unverified
from robnas._files import write_atomically
from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim, printable, reason
from robnas.spaces import SIZE, partition_facts, partition_of
from robnas.types import check_split

SCHEMA_VERSION = 2
_UNHASHED = {"schema_version", "name", "partition", "provenance", "columns"}  # what a file of version 1 says, no more
_KEY = b"robnas"
_PUBLISHED = b"robnas.published"
_LARGEST = 256 * 2**20  # bytes of a file that is opened at all
_LONGEST = 200  # characters of a name


def write_table(table: Table, path: Path | str) -> None:
    """Write `table` to `path`, atomically.

    Raises:
        InputError: a name or fact that `read_table` would refuse, provenance that is no JSON, or more than it reads.
    """
    arrays: dict[str, Any] = {"architecture": pa.array(table.rows.astype(np.int16))}
    described = []
    for column in table.columns:
        fields = [f"{column.name} {seed}" for seed in column.seeds or ("mean",)]
        if taken := arrays.keys() & set(fields):
            raise InputError(f"table {table.name}", expected="columns of different names", got=min(taken))
        arrays |= {name: pa.array(column.values[:, place]) for place, name in enumerate(fields)}
        described.append(
            {
                "dataset": _text(column.dataset),
                "split": column.split,
                "metric": _text(column.metric),
                "seeds": list(column.seeds),
                "runs": column.runs,
                "facts": {_text(key): _fact(value) for key, value in column.facts.items()},
                "fields": fields,
            }
        )
    if (size := 8 * len(table) * len(arrays)) > _LARGEST:
        raise InputError(f"table {table.name}", expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{size:,}"))
    facts = {
        "schema_version": SCHEMA_VERSION,
        "name": _text(table.name),
        **partition_facts(table.partition),
        "provenance": table.provenance,
        "columns": described,
    }
    plain = json.loads(_json(table.name, facts))
    metadata = {_KEY: json.dumps({**plain, CONTENT: _digest(plain, table)}).encode()}
    if table.published is not None:
        metadata[_PUBLISHED] = zlib.compress(table.published.astype("<i2").tobytes(), 9)
    content = pa.table(arrays).replace_schema_metadata(metadata)
    write_atomically(Path(path), lambda stream: pq.write_table(content, stream, compression="zstd"))


def _digest(facts: dict[str, Any], table: Table) -> str:
    arrays = [table.rows, *(column.values for column in table.columns)]
    if table.published is not None:
        arrays.append(table.published.astype(np.int64))
    return digest("robnas table", facts, arrays)


def _json(name: str, facts: dict[str, Any]) -> str:
    """Facts as JSON, numbers and arrays of numpy among them."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        raise TypeError(f"a {type(value).__name__}")

    try:
        return json.dumps(facts, default=plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"table {name}, provenance", expected="what JSON can hold", got=reason(error)) from None


def read_table(path: Path | str, remedy: str = "") -> Table:
    """Read a table file.

    Args:
        path: of the file.
        remedy: what to do about one that cannot be read, if there is something better than to export it again.

    Returns:
        The table. One of version 1, which has no hash of its content, says in its provenance that it is unverified.

    Raises:
        DataError: the file is missing, damaged, hostile or of another schema version.
    """
    path = Path(path)
    if not os.path.isfile(path):
        got = Verbatim("a folder" if os.path.isdir(path) else "nothing")
        raise DataError(str(path), expected="a table file", got=got, remedy="see robnas tables")
    if path.stat().st_size > _LARGEST:
        raise DataError(str(path), expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{path.stat().st_size:,}"))
    remake = remedy or "fetch or export it again"
    try:
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            metadata = file.schema_arrow.metadata or {}
            facts, written = _facts(path, metadata, remedy)
            _check_size(path, file)
            table = _assemble(facts, metadata.get(_PUBLISHED), file)
        if facts["schema_version"] == 1:
            note_unverified(path)
            table.provenance["unverified"] = UNVERIFIED
        else:
            check_content(path, written, _digest(facts, table), remake)
        return table
    except DataError:
        raise
    except (
        pa.ArrowException, InputError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
        OverflowError, zlib.error,
    ) as error:  # fmt: skip
        raise DataError(
            str(path),
            expected="a table written by robnas",
            got=reason(error),
            remedy=remake,
        ) from None


def _facts(path: Path, metadata: dict[bytes, bytes], remedy: str) -> tuple[dict[str, Any], object]:
    """What the file says, and the hash of its content; None for one of version 1."""
    facts: dict[str, Any] = json.loads(metadata[_KEY])
    version = facts["schema_version"]
    if version == 1 and facts.keys() <= _UNHASHED:
        return facts, None
    if version != SCHEMA_VERSION:
        raise DataError(
            str(path),
            expected=f"schema version {SCHEMA_VERSION}",
            got=version,
            remedy=remedy or "read it with the robnas that wrote it",
        )
    return facts, facts.pop(CONTENT)


def _check_size(path: Path, file: pq.ParquetFile) -> None:
    """Refuse what is no table of numbers, or would unpack to something huge, before it is unpacked."""
    metadata = file.metadata
    for field in file.schema_arrow:
        kind = pa.types.is_integer if field.name == "architecture" else pa.types.is_floating
        if not kind(field.type):
            raise DataError(
                str(path), expected="columns of numbers", got=Verbatim(f"{field.name!r:.60} of type {field.type!s:.60}")
            )
    # not of each column: damaged facts of one end the process there, in a library that does not expect them
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    unpacked = max(unpacked, 8 * metadata.num_rows * metadata.num_columns)  # repeated values are stored once
    if metadata.num_rows > SIZE or unpacked > _LARGEST:
        raise DataError(
            str(path),
            expected=f"at most {SIZE:,} rows and {_LARGEST:,} bytes unpacked",
            got=Verbatim(f"{metadata.num_rows:,} rows, {unpacked:,} bytes"),
        )


def _assemble(facts: dict[str, Any], published: bytes | None, file: pq.ParquetFile) -> Table:
    architectures = _read(file, "architecture")
    if architectures.null_count:
        raise ValueError("an architecture is missing")
    if sum(len(entry["fields"]) for entry in facts["columns"]) >= file.metadata.num_columns:
        raise ValueError("more fields are described than there are")
    return Table(
        _text(facts["name"]),
        _to_numpy(architectures),
        [_column(entry, file) for entry in facts["columns"]],
        partition=partition_of(facts),
        published=None if published is None else _unpack(published),
        provenance=facts["provenance"],
    )


def _read(file: pq.ParquetFile, name: str) -> pa.ChunkedArray:
    """One column at a time: Arrow's allocator then keeps some megabytes less for itself."""
    found = file.read(columns=[name], use_threads=False)
    if found.column_names != [name]:
        raise ValueError(f"{found.num_columns} fields called {name!r:.60}")
    return found.column(0)


def _to_numpy(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Like `ChunkedArray.to_numpy`, which imports pandas for the purpose; null becomes nan."""
    chunks = (chunk.fill_null(np.nan) if chunk.null_count else chunk for chunk in column.chunks)
    return np.concatenate([np.from_dlpack(chunk) for chunk in chunks])


def _column(entry: dict[str, Any], file: pq.ParquetFile) -> Column:
    fields = [_to_numpy(_read(file, name)) for name in entry["fields"]]
    return Column(
        _text(entry["dataset"]),
        check_split(entry["split"]),
        _text(entry["metric"]),
        np.stack(fields, axis=1).astype(np.float64),
        tuple(int(seed) for seed in entry["seeds"]),
        int(entry["runs"]),
        {_text(key): _fact(value) for key, value in entry.get("facts", {}).items()},
    )


def _fact(value: Any) -> str | int | float:
    """A text or finite number, also one of numpy."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, int | float) and math.isfinite(plain) else _text(plain, "fact")


def _text(value: Any, what: str = "name") -> str:
    """What can be shown as it is."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST:
        raise InputError(what, expected=f"at most {_LONGEST} printable characters", got=value)
    return value


def one_line(text: str) -> str:
    """A text as it can be kept: one line, not too long."""
    return printable(text)[:_LONGEST]


def _unpack(packed: bytes) -> npt.NDArray[np.int64]:
    raw = zlib.decompressobj().decompress(packed, 2 * SIZE + 1)
    return np.frombuffer(raw, dtype="<i2").astype(np.int64)

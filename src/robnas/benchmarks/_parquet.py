"""Tables as Parquet files: one column of architectures, one per metric and seed (and epoch), the rest as metadata."""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from robnas._content import CONTENT, UNVERIFIED, check_content, digest, note_unverified
from robnas._files import write_atomically
from robnas.benchmarks._column import Column
from robnas.benchmarks._compact import divisor_of, packed
from robnas.benchmarks._curve import CurveColumn
from robnas.benchmarks._fields import LONGEST_TEXT, checked_text, fact, read_field, to_numpy, to_texts
from robnas.benchmarks._rows import Texts
from robnas.benchmarks._runs import Floats
from robnas.benchmarks._space_facts import check_numbers, check_unchanged, space_facts, space_of_file
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.spaces import MOST_LISTED, Space, space_of
from robnas.types import check_split

SCHEMA_VERSION = 2
CURVES_VERSION = 3
"""Of a table with learning curves; others are written as version 2, which earlier versions of robnas read."""
KINDS_VERSION = 4
"""Of a table with columns that have a unit, a direction or a source, or with published indices, which are a text since:
some readers open no file whose metadata hold anything else."""
KEPT_APART_VERSION = 5
"""Of a table in which columns differ by their beta alone, or hold what was predicted: readers that do not know these
would refuse the first as repeated, and count the second as missing."""
_VERSIONS = (SCHEMA_VERSION, CURVES_VERSION, KINDS_VERSION, KEPT_APART_VERSION)
_PREDICTED = ("predicted", "sd", "measured")
"""What stands behind the name of a column in its fields of predictions."""
_UNHASHED = {
    "schema_version",
    "name",
    "space",
    "fingerprint",
    "space_file",
    "partition",
    "provenance",
    "columns",
}  # without a hash
TABLE_KEY = b"robnas"
"""Of the metadata by which a file is known for a table."""
_PUBLISHED = b"robnas.published"
_LARGEST = 256 * 2**20  # bytes of a file that is opened at all
_ARCHITECTURE = "architecture"


def write_table(table: Table, path: Path | str) -> None:
    """Write `table` to `path`, atomically.

    Raises:
        InputError: a name or fact that `read_table` would refuse, provenance that is no JSON, or more than it reads.
    """
    arrays: dict[str, Any] = {_ARCHITECTURE: _written(table)}
    described = []
    for column in table.columns:
        fields = [f"{table.column_name(column)} {seed}" for seed in column.seeds or ("mean",)]
        if taken := arrays.keys() & set(fields):
            raise InputError(f"table {table.name}", expected="columns of different names", got=min(taken))
        arrays |= {name: packed(column.values[:, place], None) for place, name in enumerate(fields)}
        described.append(_described(column, fields) | _add_predicted(table, column, arrays))
    columns = list(arrays)
    curves, decimal = _add_curves(table, arrays)
    if (size := 8 * len(table) * len(arrays)) > _LARGEST:
        raise InputError(f"table {table.name}", expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{size:,}"))
    facts = {
        "schema_version": _version(table),
        "name": checked_text(table.name),
        **space_facts(table.space),
        **table.space.partition_facts(table.partition),
        "provenance": table.provenance,
        "columns": described,
        **({"curves": curves} if curves else {}),
    }
    plain = json.loads(_json(table.name, facts))
    metadata = {TABLE_KEY: json.dumps({**plain, CONTENT: _digest(plain, table)}).encode()}
    if table.published is not None:
        metadata[_PUBLISHED] = base64.b64encode(_packed_indices(table.published, table.space))
    content = pa.table(arrays).replace_schema_metadata(metadata)
    options: dict[str, Any] = {"use_dictionary": columns, "use_byte_stream_split": decimal} if curves else {}
    write_atomically(Path(path), lambda stream: pq.write_table(content, stream, compression="zstd", **options))


def _version(table: Table) -> int:
    """The first version whose readers understand all of a table."""
    told = [column for column in table.columns if not column.is_accuracy]
    if any(one.predicted is not None for one in table.columns) or _differ_by_beta(table):
        return KEPT_APART_VERSION
    if told or table.published is not None or any(column.source for column in (*table.columns, *table.curves)):
        return KINDS_VERSION
    return CURVES_VERSION if table.curves else SCHEMA_VERSION


def _differ_by_beta(table: Table) -> bool:
    """Whether some columns, or curves, would be the same ones without their beta."""
    for found in (table.columns, table.curves):
        named = [(one.name, one.space) for one in found]
        if len(set(named)) < len(named):
            return True
    return False


def _described(column: Column | CurveColumn, fields: list[str]) -> dict[str, Any]:
    """What the metadata say of a column or of curves, whose numbers are in `fields`."""
    return {
        "dataset": checked_text(column.dataset),
        "split": column.split,
        "metric": checked_text(column.metric),
        "seeds": list(column.seeds),
        "runs": column.runs,
        "facts": {checked_text(key): fact(value) for key, value in column.facts.items()},
        "fields": fields,
        **({} if column.space is None else {"space": checked_text(column.space, longest=LONGEST_TEXT)}),
        **({"source": checked_text(column.source)} if column.source else {}),
        **({} if column.beta is None else {"beta": column.beta}),
        **({} if isinstance(column, CurveColumn) or column.is_accuracy else _kind(column)),
    }


def _kind(column: Column) -> dict[str, str]:
    """What the metadata say of a column that holds no accuracies."""
    return {"unit": column.unit, "direction": column.direction}


def _add_predicted(table: Table, column: Column, arrays: dict[str, Any]) -> dict[str, list[str]]:
    """Add what was predicted to the columns of a file; what the metadata say of it."""
    if column.predicted is None:
        return {}
    fields = [f"{table.column_name(column)}:{part}" for part in _PREDICTED]
    if taken := arrays.keys() & set(fields):
        raise InputError(f"table {table.name}", expected="columns of different names", got=min(taken))
    numbers = [packed(values, None) for values in _predictions(column)]
    arrays |= dict(zip(fields, [*numbers, pa.array(column.measured)], strict=True))
    return {"predicted": fields}


def _predictions(column: Column) -> list[Floats]:
    """What is predicted, and its standard deviations; none of a column that was measured."""
    if column.predicted is None:
        return []
    return [column.predicted, np.full(len(column.values), np.nan) if column.sd is None else column.sd]


def _add_curves(table: Table, arrays: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Add the curves of a table to the columns of a file; what the metadata say of them, and which are no counts."""
    described, decimal = [], []
    for curve in table.curves:
        name, runs = table.column_name(curve), curve.seeds or ("mean",)
        fields = [f"{name} {seed} epoch {epoch}" for seed in runs for epoch in curve.epochs]
        if taken := arrays.keys() & set(fields):
            raise InputError(f"table {table.name}", expected="columns of different names", got=min(taken))
        divisor = divisor_of(curve.values)
        flat = curve.values.reshape(len(curve.values), len(fields))
        arrays |= {name: packed(flat[:, place], divisor) for place, name in enumerate(fields)}
        decimal += fields if divisor is None else []
        described.append({**_described(curve, fields), "epochs": list(curve.epochs), "divisor": divisor})
    return described, decimal


def _written(table: Table) -> pa.Array:
    """The architectures: numbers where these never change, else texts."""
    if table.space.numbered:
        return pa.array(table.rows.astype(_number_type(table.space)))
    return pa.array([checked_text(text, longest=LONGEST_TEXT) for text in table.texts], pa.string())


def _number_type(space: Space) -> np.dtype[Any]:
    """The smallest type of numbers that holds each of the space's own order, little-endian."""
    return np.min_scalar_type(-(space.size or 1)).newbyteorder("<")


def _digest(facts: dict[str, Any], table: Table) -> str:
    arrays = [values for column in table.columns for values in (column.values, *_predictions(column))]
    arrays += [curve.values for curve in table.curves]
    if table.published is not None:
        arrays.append(table.published.astype(np.int64))
    if table.space.numbered:
        return digest("robnas table", facts, [table.rows, *arrays])
    return digest("robnas table", [facts, table.texts], arrays)


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


def read_table(path: Path | str, remedy: str = "", space: str | None = None) -> Table:
    """Read a table file.

    Args:
        path: of the file.
        remedy: what to do about one that cannot be read, if there is something better than to export it again.
        space: key of the space that was trained in, for a file of an earlier version, which does not say so.

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
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False, read_dictionary=[_ARCHITECTURE]) as file:
            metadata = file.schema_arrow.metadata or {}
            facts, written = _facts(path, metadata, remedy)
            known = space_of_file(path, facts)
            if known.numbered or _PUBLISHED in metadata:
                check_numbers(path, facts, known)
            _check_size(path, file, known)
            table = _assemble(facts, known, space, _published(metadata, facts), file)
        if facts["schema_version"] == 1:
            note_unverified(path)
            table.provenance["unverified"] = UNVERIFIED
        else:
            check_content(path, written, _digest(facts, table), remake)
        check_unchanged(path, facts, table)
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
    facts: dict[str, Any] = json.loads(metadata[TABLE_KEY])
    version = facts["schema_version"]
    if version == 1 and facts.keys() <= _UNHASHED:
        return facts, None
    if version not in _VERSIONS:
        raise DataError(
            str(path),
            expected=f"schema version {', '.join(map(str, _VERSIONS[:-1]))} or {_VERSIONS[-1]}",
            got=version,
            remedy=remedy or "read it with the robnas that wrote it",
        )
    return facts, facts.pop(CONTENT)


def _check_size(path: Path, file: pq.ParquetFile, space: Space) -> None:
    """Refuse what is no table of numbers, or would unpack to something huge, before it is unpacked."""
    metadata = file.metadata
    for field in file.schema_arrow:
        texts = field.name == _ARCHITECTURE and not space.numbered
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if texts:
            fits = pa.types.is_string(kind)
        elif field.name == _ARCHITECTURE:
            fits = pa.types.is_integer(kind)
        else:
            fits = pa.types.is_floating(kind) or pa.types.is_uint16(kind)  # counts, as `packed` makes them
            fits |= pa.types.is_boolean(kind) and field.name.endswith(f":{_PREDICTED[-1]}")
        if not fits:
            expected = "architectures as texts" if texts else "columns of numbers"
            got = Verbatim(f"{field.name!r:.60} of type {kind!s:.60}")
            raise DataError(str(path), expected=expected, got=got)
    # not of each column: damaged facts of one end the process there, in a library that does not expect them
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    unpacked = max(unpacked, 8 * metadata.num_rows * metadata.num_columns)  # repeated values are stored once
    most = space.size if space.numbered and space.size else MOST_LISTED
    if metadata.num_rows > most or unpacked > _LARGEST:
        raise DataError(
            str(path),
            expected=f"at most {most:,} rows and {_LARGEST:,} bytes unpacked",
            got=Verbatim(f"{metadata.num_rows:,} rows, {unpacked:,} bytes"),
        )


def _assemble(
    facts: dict[str, Any], space: Space, old: str | None, published: bytes | None, file: pq.ParquetFile
) -> Table:
    architectures = read_field(file, _ARCHITECTURE)
    if architectures.null_count:
        raise ValueError("an architecture is missing")
    curves = facts.get("curves", [])
    entries = (*facts["columns"], *curves)
    if sum(len(entry["fields"]) + len(entry.get("predicted", ())) for entry in entries) >= file.metadata.num_columns:
        raise ValueError("more fields are described than there are")
    trained = None if "space" in facts else old or _space_of_old(facts["provenance"])
    return Table(
        checked_text(facts["name"]),
        to_numpy(architectures) if space.numbered else Texts(to_texts(architectures, LONGEST_TEXT)),
        [_column(entry, trained, file) for entry in facts["columns"]],
        curves=[_curve(entry, trained, file) for entry in curves],
        space=space if "space" in facts else trained,
        partition=space.partition_of(facts),
        published=None if published is None else _unpack(published, space),
        provenance=facts["provenance"],
    )


def _space_of_old(provenance: Mapping[str, Any]) -> str | None:
    """Key of the space whose size stands in the recipe of the plan that made a table of an earlier version."""
    plan = provenance.get("plan")
    recipe = plan.get("recipe") if isinstance(plan, Mapping) else None
    space = space_of(None)
    if not isinstance(recipe, Mapping) or not space.settings.keys() <= recipe.keys():
        return None
    return space.configure(**{name: recipe[name] for name in space.settings}).key


def _values(entry: dict[str, Any], file: pq.ParquetFile) -> Floats:
    """Shape (rows, fields)."""
    fields = [to_numpy(read_field(file, name)) for name in entry["fields"]]
    return np.stack(fields, axis=1).astype(np.float64)


def _named(entry: dict[str, Any], trained: str | None) -> dict[str, Any]:
    """What a column or curves are called, and what they rest on."""
    return {
        "dataset": checked_text(entry["dataset"]),
        "split": check_split(entry["split"]),
        "metric": checked_text(entry["metric"]),
        "seeds": tuple(int(seed) for seed in entry["seeds"]),
        "runs": int(entry["runs"]),
        "facts": {checked_text(key): fact(value) for key, value in entry.get("facts", {}).items()},
        "space": checked_text(entry["space"], longest=LONGEST_TEXT) if "space" in entry else trained,
        "source": checked_text(entry.get("source", "")),
        "beta": entry.get("beta"),
    }


def _column(entry: dict[str, Any], trained: str | None, file: pq.ParquetFile) -> Column:
    kind = {name: entry[name] for name in ("unit", "direction") if name in entry}
    values, predicted = _values(entry, file), _read_predicted(entry, file)
    column = Column(**_named(entry, trained), **kind, values=values, **predicted)
    if (told := predicted.get("predicted")) is not None:
        measured = to_numpy(read_field(file, entry["predicted"][-1]).cast(pa.uint8())).astype(bool)
        # what other readers go by must be what is read here
        if (measured != column.measured).any() or (~np.isnan(told) & measured).any():
            raise ValueError(f"column {column.name} says that it measured what it did not")
    return column


def _read_predicted(entry: dict[str, Any], file: pq.ParquetFile) -> dict[str, Any]:
    """What was predicted, and its standard deviations, each of shape (rows,)."""
    if "predicted" not in entry:
        return {}
    predicted, sd, _ = entry["predicted"]
    return {
        part: to_numpy(read_field(file, name)).astype(np.float64)
        for part, name in (("predicted", predicted), ("sd", sd))
    }


def _curve(entry: dict[str, Any], trained: str | None, file: pq.ParquetFile) -> CurveColumn:
    named, epochs, divisor = _named(entry, trained), tuple(entry["epochs"]), entry["divisor"]
    values = _values(entry, file)
    if divisor is not None:
        if not 0 < divisor < 2**16:
            raise ValueError(f"a divisor of {divisor!r:.60}")
        values /= divisor
    shape = len(values), len(named["seeds"]) or 1, len(epochs)
    return CurveColumn(**named, epochs=epochs, values=values.reshape(shape))


def _published(metadata: Mapping[bytes, bytes], facts: Mapping[str, Any]) -> bytes | None:
    """The published indices, packed; None where there are none."""
    found = metadata.get(_PUBLISHED)
    return found if found is None or facts["schema_version"] < KINDS_VERSION else base64.b64decode(found, validate=True)


def _packed_indices(published: npt.NDArray[np.int64], space: Space) -> bytes:
    return zlib.compress(published.astype(_number_type(space)).tobytes(), 9)


def _unpack(packed: bytes, space: Space) -> npt.NDArray[np.int64]:
    kind = _number_type(space)
    raw = zlib.decompressobj().decompress(packed, kind.itemsize * (space.size or 0) + 1)
    return np.frombuffer(raw, dtype=kind).astype(np.int64)

"""Records → table: benchmarks built here are queried like published ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim
from robnas.records import Record


def table_of_records(name: str, records: Iterable[Record], *, partition: str | None = None) -> Table:
    """A table with the records' values per seed.

    Args:
        name: of the table.
        records: of one recipe; of each data set one version; of each metric one attack and one number of images.
        partition: see `Table`.

    Raises:
        InputError: no records, or records that are not comparable; the text names what to select.
    """
    found = list(records)
    if not found:
        raise InputError(f"table {name}", expected="records", got=Verbatim("none"))
    _check_one(name, "recipe_hash", found)
    rows = sorted({record.architecture.index for record in found})
    row_of = {index: row for row, index in enumerate(rows)}
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in found:
        groups.setdefault((record.dataset, record.split, record.metric), []).append(record)
    for dataset in sorted({record.dataset for record in found}):
        _check_one(f"{name}, {dataset}", "dataset_hash", [record for record in found if record.dataset == dataset])
    columns = [_column(name, group, row_of) for group in groups.values()]
    return Table(name, rows, columns, partition=partition, provenance=_provenance(found))


def _column(name: str, group: Sequence[Record], row_of: Mapping[int, int]) -> Column:
    """The records of one metric on one split of one data set."""
    first = group[0]
    what = f"{first.dataset} {first.split} {first.metric}"
    for part in ("attack_hash", "images"):
        _check_one(f"{name}, {what}", part, group)
    seeds = tuple(sorted({record.seed for record in group}))
    values = np.full((len(row_of), len(seeds)), np.nan)
    for record in group:
        cell = row_of[record.architecture.index], seeds.index(record.seed)
        if not np.isnan(values[cell]) and values[cell] != record.value:
            raise InputError(
                f"table {name}, {what} of {record.architecture.code}, seed {record.seed}",
                expected="one value",
                got=Verbatim(f"{values[cell]:g} and {record.value:g}"),
            )
        values[cell] = record.value
    return Column(first.dataset, first.split, first.metric, values, seeds)


def table_of_store(url: str) -> Table:
    """All records of a store as a table.

    Raises:
        DataError: the file of an SQLite store is missing; none is made.
    """
    from robnas.records import RecordStore

    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not file.is_file():
        raise DataError(str(file), expected="a store of records", got=Verbatim("nothing"), remedy="check the URL")
    with RecordStore(url) as store:
        return table_of_records(file.stem if url.startswith("sqlite:///") else "records", store.records())


def _check_one(what: str, part: str, records: Sequence[Record]) -> None:
    values = sorted({getattr(record, part) for record in records})
    if len(values) > 1:
        raise InputError(
            f"table {what}",
            expected=f"records of one {part}",
            got=Verbatim(", ".join(map(str, values))),
            remedy=f"select one, for example store.records({part}={values[0]!r})",
        )


def _provenance(records: Sequence[Record]) -> dict[str, object]:
    def all_of(part: str) -> list[object]:
        return sorted({getattr(record, part) for record in records})

    return {
        "recipe_hash": records[0].recipe_hash,
        "dataset_hash": {record.dataset: record.dataset_hash for record in records},
        "torch_version": all_of("torch_version"),
        "device": all_of("device"),
        "images": {f"{record.dataset} {record.split} {record.metric}": record.images for record in records},
    }

"""Tables as CSV and JSON: written for others, and read from others. A row per architecture, a column per metric."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from robnas._files import read_text, write_text
from robnas.benchmarks._column import Column
from robnas.benchmarks._curve import CurveColumn
from robnas.benchmarks._headers import MEASURED, Header, read_headers, written
from robnas.benchmarks._runs import Floats
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim, reason, shorten
from robnas.spaces import Architecture, Space, parse_key, space_of

SUFFIXES = (".csv", ".json")
_ARCHITECTURE, _SPACE, _PUBLISHED = "architecture", "space", "published_index"
Row = Mapping[str, Any]


def write_rows(table: Table, path: Path | str, dataset: str | None = None) -> None:
    """Write the means of a table as CSV or JSON, whichever `path` ends in; pandas does it.

    The columns are ``architecture``: the text or, where the space has other spellings, the first of these, which
    spreadsheets do not take for a number; ``space``, where it would be taken for another; and
    ``DATASET SPLIT METRIC``, or the metric alone where they are all of one `dataset` and split, with source, unit and
    direction where there are some, as `read_rows` takes them. Learning curves have one for each epoch, with
    ``epoch N`` behind.

    Args:
        table: any.
        path: ends in ``.csv`` or ``.json``.
        dataset: only this one.

    Raises:
        InputError: another suffix, or no such data set.
    """
    path = Path(path)
    _check_suffix(path)
    curves = any(dataset in (None, curve.dataset) for curve in table.curves)
    if dataset is not None and any(column.source for column in (*table.columns, *table.curves)):
        table, dataset = table.select(dataset), None  # a source is written before the data set
    frame = table.to_pandas(dataset, epochs=curves).reset_index()
    frame = frame.rename(columns={name: written(name, frame.attrs) for name in frame.columns})
    spellings = list(table.space.spellings(table.architecture(table.texts[0])))
    if spellings:
        frame[_ARCHITECTURE] = frame[spellings[0]]
    if table.space != space_of(None):
        frame.insert(1, _SPACE, table.space.key)
    as_csv = path.suffix == ".csv"
    text = frame.to_csv(index=False) if as_csv else frame.to_json(orient="records", double_precision=15) + "\n"
    write_text(path, text)


def read_rows(
    path: Path | str,
    *,
    space: Space | str | None = None,
    name: str | None = None,
    dataset: str | None = None,
    split: str | None = None,
) -> Table:
    """Read a table from CSV with a header, or from a JSON list of objects: one's own, or those of `write_rows`.

    Each row has an ``architecture``, or a value for each gene of the space; other spellings and published indices are
    left out. All other columns are accuracies in [0, 1], called ``DATASET SPLIT METRIC`` and, where a column is one
    run of several, its seed: ``digits test pgd@8/255 0``. Of learning curves each epoch is a column with ``epoch N``
    behind: ``digits validation clean 0 epoch 3``. The beta of the training stands before these, ``digits test clean
    beta=0.5``. What is no accuracy has a unit, which may be left out, and a direction behind:
    ``cifar10 test latency:pixel3 [ms, minimise]``. A column of a joined table begins with its source:
    ``jung-2023:cifar10 test clean``. Where some means were predicted, ``digits test clean:measured`` says for each row
    whether it was measured, and ``digits test clean:sd`` the standard deviation. Empty cells are missing values.

    Args:
        path: ends in ``.csv`` or ``.json``.
        space: of the architectures, with the settings that were trained; if omitted that of a column ``space``.
        name: of the table; the name of the file if omitted.
        dataset: of columns that are called by their metric alone.
        split: likewise.

    Raises:
        DataError: the file is missing or malformed, or names another space or one that is not known here.
    """
    path = Path(path)
    _check_suffix(path)
    rows = _rows(path)
    own, key = _space(path, rows, space)
    architectures = _architectures(path, rows, own)
    left_out = {_ARCHITECTURE, _SPACE, _PUBLISHED, *(gene.name for gene in own.genes)}
    left_out |= own.spellings(architectures[0]).keys()
    headers = [header for header in rows[0] if header not in left_out]
    columns, curves = _columns(path, rows, headers, (dataset, split), key)
    source = {"source": path.name}
    try:
        return Table(name or path.stem, architectures, columns, space=own, provenance=source, curves=curves)
    except InputError as error:
        raise DataError(str(path), expected="a consistent table", got=Verbatim(str(error))) from None


def _check_suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise InputError("table file", expected=f"a name that ends in {' or '.join(SUFFIXES)}", got=str(path))


def _refuse(path: Path, expected: str, got: Any, row: int | None = None, remedy: str = "") -> NoReturn:
    where = str(path) if row is None else f"{path}, row {row + 1}"
    raise DataError(where, expected=expected, got=got, remedy=remedy) from None


def _rows(path: Path) -> list[Row]:
    """Objects with the same keys; at least one."""
    if not path.is_file():
        _refuse(path, "a table file", Verbatim("a folder" if path.is_dir() else "nothing"))
    try:
        text = read_text(path)
        found = rows_of_csv(text) if path.suffix == ".csv" else json.loads(text, parse_constant=_no_number)
    except DataError:
        raise
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        _refuse(path, "rows of architectures and accuracies", reason(error))
    if not isinstance(found, list) or not found or not all(isinstance(row, Mapping) for row in found):
        _refuse(path, "at least one row of architectures and accuracies", found)
    for place, row in enumerate(found):
        if row.keys() != found[0].keys():
            odd = sorted(row.keys() ^ found[0].keys())[0]
            _refuse(path, "the same columns in all rows", Verbatim(f"{odd!r:.60} in some"), place)
    return found


def rows_of_csv(text: str, separator: str = ",") -> list[Mapping[str, str]]:
    """A mapping per line below the header; ValueError or `csv.Error` where that cannot be."""
    read = csv.reader(text.splitlines(keepends=True), strict=True, delimiter=separator)
    header, *lines = [line for line in read if line] or [[]]
    if len(set(header)) < len(header):
        raise ValueError("a column twice")
    if wrong := [line for line in lines if len(line) != len(header)]:
        raise ValueError(f"a row of {len(wrong[0])} cells under {len(header)} columns")
    return [dict(zip(header, line, strict=True)) for line in lines]


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _space(path: Path, rows: Sequence[Row], given: Space | str | None) -> tuple[Space, str | None]:
    """The space that was given or that the rows name, and its key where somebody said the settings."""
    wanted = given if isinstance(given, Space) or given is None else space_of(parse_key(given))
    named = list(dict.fromkeys(row[_SPACE] for row in rows if row.get(_SPACE) not in (None, "")))
    if not named:
        own = wanted or space_of(None)
        return own, own.key if given in (own, own.key) else None
    if len(named) > 1 or not isinstance(named[0], str):
        _refuse(path, "one space in all rows", Verbatim(", ".join(map(shorten, named[:3]))))
    try:
        found = space_of(parse_key(named[0]))
    except InputError as error:
        _refuse(path, "a space that is known here", Verbatim(str(error)))
    if wanted is not None and given != found.name and wanted.key != found.key:
        _refuse(path, f"architectures of space {wanted.key}", Verbatim(f"a file that belongs to {found.key}"))
    return found, found.key


def _architectures(path: Path, rows: Sequence[Row], space: Space) -> list[Architecture]:
    found = []
    for place, row in enumerate(rows):
        try:
            found.append(space.parse(row[_ARCHITECTURE]) if _ARCHITECTURE in row else _of_genes(row, space))
        except InputError as error:
            _refuse(path, f"architectures of space {space.name}", Verbatim(str(error)), place)
    return found


def _of_genes(row: Row, space: Space) -> Architecture:
    """The architecture whose genes have these values, which CSV knows as texts only."""
    if missing := [gene.name for gene in space.genes if gene.name not in row]:
        expected = f"a column {_ARCHITECTURE}, or one for each gene"
        raise InputError("columns", expected=expected, got=Verbatim(f"no {missing[0]}"))
    values = {gene.name: row[gene.name] for gene in space.genes}
    for gene in space.genes:
        written = values[gene.name]
        if isinstance(written, str) and written not in gene.choices and written in gene.texts:
            values[gene.name] = gene.choices[gene.texts.index(written)]
    return space.from_genes(values)


def _columns(
    path: Path, rows: Sequence[Row], headers: Sequence[str], where: tuple[str | None, str | None], own: str | None
) -> tuple[list[Column], list[CurveColumn]]:
    """Headers of one metric that differ in the seed are one column; those that differ in the epoch too are curves."""
    groups: dict[tuple[Any, ...], dict[tuple[int | None, int | None], Header]] = {}
    for header in read_headers(path, headers, where, own):
        group = groups.setdefault((*header.spot, header.epoch is None), {})
        mixed = any((seed is None) != (header.seed is None) for seed, _ in islice(group, 1))
        if mixed or (header.seed, header.epoch) in group:
            _refuse(path, "each column once", header.text)
        group[header.seed, header.epoch] = header
    columns: list[Column] = []
    curves: list[CurveColumn] = []
    for group in groups.values():
        found = _of_group(path, rows, list(group.values()))
        columns += [found] if isinstance(found, Column) else []
        curves += [found] if isinstance(found, CurveColumn) else []
    return columns, curves


def _of_group(path: Path, rows: Sequence[Row], group: Sequence[Header]) -> Column | CurveColumn:
    dataset, split, metric, space, beta, source = group[0].spot
    unit, direction = group[0].kind
    if any(header.kind != group[0].kind for header in group):
        _refuse(path, "one unit and direction of all runs", group[0].text)
    seeds = list(dict.fromkeys(header.seed for header in group))
    runs = tuple(seed for seed in seeds if seed is not None)
    epochs = sorted({header.epoch for header in group if header.epoch is not None})
    values = np.full((len(rows), len(seeds), max(1, len(epochs))), np.nan)
    for header in group:
        place = 0 if header.epoch is None else epochs.index(header.epoch)
        values[:, seeds.index(header.seed), place] = [
            _number(path, row[header.text], number, not header.is_accuracy) for number, row in enumerate(rows)
        ]
    predicted: Any = {} if epochs else _predicted(path, rows, group, values)
    try:
        if epochs:
            named: Any = {"space": space, "source": source, "beta": beta}
            return CurveColumn(dataset, split, metric, tuple(epochs), values, runs, **named)
        kind: Any = {"unit": unit, "direction": direction, "source": source, "beta": beta}
        return Column(dataset, split, metric, values[:, :, 0], runs, space=space, **kind, **predicted)
    except InputError as error:
        _refuse(path, "a consistent table", Verbatim(str(error)))


_LARGEST = 1e300


def _predicted(path: Path, rows: Sequence[Row], group: Sequence[Header], values: Floats) -> dict[str, Floats]:
    """What was predicted, and its standard deviations; it is taken out of the values, of shape (rows, runs, 1)."""
    (header, *others), found = group, {}
    if header.measured is None:
        return {}
    if others:
        _refuse(path, "one column of means where some are predicted", header.text)
    measured = [_flag(path, row[header.measured], place) for place, row in enumerate(rows)]
    for place, (flag, value) in enumerate(zip(measured, values[:, 0, 0], strict=True)):
        if flag and math.isnan(value):
            _refuse(path, f"a value of {header.text}, which was measured", Verbatim("none"), place)
    found["predicted"] = np.where(measured, np.nan, values[:, 0, 0])
    if header.sd is not None:
        found["sd"] = np.array([_number(path, row[header.sd], place, True) for place, row in enumerate(rows)])
    values[np.logical_not(measured)] = np.nan
    return found


_FLAGS = {"true": True, "false": False, "1": True, "0": False}


def _flag(path: Path, value: Any, place: int) -> bool:
    if (found := _FLAGS.get(str(value).strip().lower())) is None:
        _refuse(path, f"true or false under a column that ends in {MEASURED}", value, place)
    return found


def _number(path: Path, value: Any, place: int, free: bool) -> float:
    """An accuracy or, where it is `free`, any finite number."""
    if value is None or value == "":
        return math.nan
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float)
        or not (abs(number) < _LARGEST if free else 0 <= number <= 1)
    ):
        remedy = "" if free else "other values have a unit: a column 'cifar10 test latency:pixel3 [ms, minimise]'"
        _refuse(path, "finite numbers" if free else "accuracies in [0, 1]", value, place, remedy)
    return float(number)

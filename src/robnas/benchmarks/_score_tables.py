"""Scores of untrained networks, whether this system computed them or a published table holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from robnas.benchmarks._catalogue import BUNDLED, CATALOGUE, cached_path, load
from robnas.benchmarks._parquet import TABLE_KEY
from robnas.benchmarks._scores import Scores, read_scores
from robnas.benchmarks._table import Table
from robnas.errors import InputError, Verbatim
from robnas.spaces import Space


def load_scores(source: Path | str, space: Space | None = None, *, dataset: str | None = None) -> Scores:
    """Scores of a file that ``robnas score --out`` wrote, or of a table that holds some.

    Args:
        source: path of the file; or name or path of a table, such as ``nas-bench-suite-zero``.
        space: of the architectures in a file of scores, where it is not registered.
        dataset: of a table, whose scores; may be omitted where it has those of one data set. A file of scores has those
            of one, whatever is said here.

    Raises:
        DataError: the file is missing, damaged or something else.
        InputError: the table holds no scores, or none of this data set.
    """
    if str(source) in (*BUNDLED, *CATALOGUE) or _is_table(Path(source)):
        return scores_of(load(source), dataset)
    return read_scores(source, space)


def _is_table(path: Path) -> bool:
    try:
        return TABLE_KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):  # `read_scores` says what is wrong
        return False


def scores_path(source: str) -> Path:
    """The file that `load_scores` reads."""
    return BUNDLED.get(source) or (cached_path(source) if source in CATALOGUE else Path(source))


def scores_of(table: Table, dataset: str | None = None) -> Scores:
    """The columns of a table that score untrained networks: what is no accuracy and is to be maximised.

    Of a completed table what was measured. The settings name the data set, as ``data``, and the table.

    Raises:
        InputError: there are none, none of this data set, or two of one name.
    """
    held = [column for column in table.columns if not column.is_accuracy and column.direction == "maximise"]
    known = list(dict.fromkeys(column.dataset for column in held))
    if dataset is None and len(known) == 1:
        dataset = known[0]
    if dataset not in known:
        expected = f"one of {', '.join(known)}" if known else "scores such as those of nas-bench-suite-zero"
        got = Verbatim("none") if dataset is None or not known else dataset
        raise InputError(f"data set of the scores in table {table.name}", expected=expected, got=got)
    named = [column for column in held if column.dataset == dataset and ":" not in column.metric]
    columns = {column.metric: column for column in named}
    if twice := len(named) - len(columns):
        raise InputError(f"scores in table {table.name}", expected="each name once", got=Verbatim(f"{twice} again"))
    means = np.stack([column.measured_mean for column in columns.values()], axis=1)
    rows = np.flatnonzero(~np.isnan(means).all(axis=1))
    archs = table.architectures
    settings = {"data": dataset, "table": table.name}
    codes = tuple(archs[row].text for row in rows.tolist())
    return Scores(codes, tuple(columns), means[rows], np.full((len(rows), len(columns)), np.nan), {}, settings,
                  space=table.space)  # fmt: skip

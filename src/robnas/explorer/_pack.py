"""Tables and scores as a JSON header and compact binary columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robnas._betas import beta_text
from robnas.benchmarks import (
    Column,
    Scores,
    Table,
    exact_divisor,
    measured_column,
    measured_only,
    name_of_key,
    predicted_rows,
)
from robnas.errors import InputError, Verbatim
from robnas.explorer._blocks import MISSING, Blocks
from robnas.explorer._pack_noise import pack_noise
from robnas.explorer._pack_sizes import pack_sizes
from robnas.explorer._pack_space import is_known, pack_numbers, pack_rows
from robnas.statistics import constant_rows
from robnas.types import NORMS, Metric, is_one_corruption, label_order

FORMAT = "robnas-explorer"
VERSION = 4


def pack_table(table: Table, source: str, file: str) -> tuple[dict[str, Any], bytes]:
    """Header and binary columns of a table.

    Args:
        table: any.
        source: what `robnas.load` takes, as the page shows it in commands.
        file: name of the binary file in the site.
    """
    blocks, measured = Blocks(), measured_only(table)
    header: dict[str, Any] = {
        "name": table.name,
        "source": source,
        "file": file,
        "space": table.space.key,
        "partition": table.partition,
        "rows": pack_rows(table.space, table.architectures, blocks),
        "published": None if table.published is None else pack_numbers(table.published, blocks),
        "sizes": _sizes(table, blocks),
        "provenance": plain(table.provenance),
        "left_out": [str(reason.error(name_of_key(key))) for key, reason in table.ambiguous.items()],
    }
    columns = [column for column in table.columns if column.is_accuracy]
    if not columns:
        got = Verbatim(", ".join(f"{column.name} in {column.unit or 'no unit'}" for column in table.columns))
        raise InputError(f"table {table.name}", expected="accuracies, which the explorer shows", got=got)
    header["left_out"] += [
        f"{column.name}, in {column.unit or 'no unit'}: the explorer shows accuracies"
        for column in table.columns if not column.is_accuracy
    ]  # fmt: skip
    alone = {kind: _of_kind(measured, kind) for kind in {_kind(column) for column in columns}}
    header["columns"] = [_pack_column(table, alone[_kind(one)], one, blocks) for one in columns]
    header["constant"] = {
        _measured_on(table, one): _constant(alone[_kind(one)], one.dataset, one.split) for one in columns
    }
    header["main"] = _main(columns)
    return header, blocks.content()


def _sizes(table: Table, blocks: Blocks) -> dict[str, Any] | None:
    """Of the networks, unless the page can tell them itself."""
    return None if is_known(table.space) else pack_sizes(table, blocks)


def _kind(column: Column) -> tuple[str | None, str, float | None]:
    """Space, source and beta."""
    return column.space, column.source, column.beta


def _of_kind(table: Table, kind: tuple[str | None, str, float | None]) -> Table:
    """The columns of one space, source and beta, as statistics take them; the table itself if it has no others."""
    columns = [column for column in table.columns if _kind(column) == kind]
    if len(columns) == len(table.columns):
        return table
    return Table(table.name, table.architectures, columns, space=table.space, partition=table.partition)


def _several(table: Table, column: Column) -> str | None:
    """The key of a column's space and its beta where these are needed to tell it from another one."""
    return table.column_name(column).removeprefix(column.name).strip() or None


def _told_apart(table: Table, column: Column) -> dict[str, Any]:
    """What a query has to say to mean the column and no other of its name."""
    apart = _apart(column, [other for other in table.columns if other.name == column.name])
    return {f"{part}_needed": own for part, own in apart.items()}


def _apart(column: Column, others: Sequence[Column]) -> dict[str, Any]:
    """Space and beta of a column, as far as it and the others differ in them."""
    parts = ("space", "beta")
    return {part: getattr(column, part) for part in parts if len({getattr(other, part) for other in others}) > 1}


def _measured_on(table: Table, column: Column) -> str:
    """Data set and split, with the source and, where others of these were trained with another one, space and beta."""
    same = [other for other in table.columns if (other.dataset, other.split) == (column.dataset, column.split)]
    apart = _apart(column, same)
    source = f"{column.source}:" if column.source else ""
    return source + " ".join(
        filter(None, (column.dataset, column.split, apart.get("space"), beta_text(apart.get("beta"))))
    )


def _constant(table: Table, dataset: str, split: str) -> list[int] | None:
    """Rows of networks that give one answer for all images; None where that cannot be told."""
    rows = constant_rows(table, dataset, split)
    return None if rows is None else [int(row) for row in np.flatnonzero(rows)]


def _pack_column(whole: Table, table: Table, column: Column, blocks: Blocks) -> dict[str, Any]:
    """Header of a column of the `whole` table, with the noise that the `table` of its space shows."""
    divisor = exact_divisor(column)
    place: dict[str, int | None]
    if divisor:
        values = np.where(np.isnan(column.mean), MISSING, np.round(column.mean * divisor))
        place = {"divisor": divisor, "offset": blocks.add(values, "u2")}
    else:
        place = {"divisor": None, "offset": blocks.add(column.mean, "f8")}
    counts = np.unique(column.counts[column.counts > 0])
    varied = len(counts) > 1
    return {
        "dataset": column.dataset,
        "split": column.split,
        "metric": column.qualified,
        "source": column.source,
        **_corruption(column),
        "space": column.space,
        "apart": _several(whole, column),
        **_told_apart(whole, column),
        "measured_on": _measured_on(whole, column),
        **place,
        "runs": blocks.add(np.minimum(column.counts, MISSING), "u2") if varied else int(counts.max(initial=1)),
        "runs_vary": varied,
        "seeds": len(column.seeds),
        "noise": pack_noise(table, measured_column(column), blocks),
        **_predicted(column, blocks),
        "facts": plain(column.facts),
    }


def _predicted(column: Column, blocks: Blocks) -> dict[str, Any]:
    """Standard deviation around each predicted value, and which these are; nothing where all are measured."""
    if column.predicted is None:
        return {}
    rows = predicted_rows(column)
    sd = np.full(len(rows), np.nan) if column.sd is None else column.sd
    return {"predicted": {"rows": blocks.add(np.packbits(rows, bitorder="little"), "u1"), "sd": blocks.add(sd, "f4")}}


def _corruption(column: Column) -> dict[str, Any]:
    """What the page needs to show one corruption at one severity in a grid; nothing for other metrics."""
    if not is_one_corruption(column.metric):
        return {}
    found = Metric.parse(column.metric)
    of = {"name": found.attack, "label": found.label, "severity": found.severity, "source": column.source}
    return {"corruption": of}


def _main(columns: Sequence[Column]) -> int:
    """The column that is shown first: the strongest PGD, or else another attack, on the first data set."""
    first = [place for place, column in enumerate(columns) if column.dataset == columns[0].dataset]
    return max(first, key=lambda place: (*_strength(columns[place].metric), -place), default=0)


def _strength(metric: str) -> tuple[bool, bool, int, float, tuple[str | int, ...]]:
    """PGD before other attacks, L∞ before other norms, whose radii cannot be compared."""
    try:
        found = Metric.parse(metric)
    except InputError:
        return False, metric != "clean", -len(NORMS), 0.0, ()
    if found.threat is None:  # clean, or a corruption
        return False, False, 0, 0.0, ()
    norm, label = -list(NORMS).index(found.threat.norm), label_order(found.label)
    return found.attack == "pgd", True, norm, found.threat.epsilon, label


def pack_scores(scores: Scores, name: str, file: str) -> tuple[dict[str, Any], bytes]:
    """Header and binary columns of a file of scores."""
    blocks = Blocks()
    header: dict[str, Any] = {
        "name": name,
        "file": file,
        "rows": pack_rows(scores.space, [scores.space.parse(code) for code in scores.codes], blocks),
        "settings": plain(scores.settings),
    }
    errors = scores.standard_errors
    header["columns"] = [
        {
            "name": column,
            "offset": blocks.add(scores.means[:, place], "f4"),
            "standard_errors": None if np.isnan(errors[:, place]).all() else blocks.add(errors[:, place], "f4"),
            "missing": _reasons(scores, column),
        }
        for place, column in enumerate(scores.names)
    ]
    return header, blocks.content()


def _reasons(scores: Scores, name: str) -> dict[str, list[int]]:
    """Rows of the architectures that lack a score, by the reason."""
    found: dict[str, list[int]] = {}
    for row, (code, value) in enumerate(zip(scores.codes, scores.column(name), strict=True)):
        if math.isnan(value):
            reason = scores.reasons.get((code, name), "no reason recorded")
            found.setdefault(reason, []).append(row)
    return found


def plain(value: Any) -> Any:
    """Facts as JSON has them: no infinities, nothing but texts, numbers, lists and dictionaries."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)

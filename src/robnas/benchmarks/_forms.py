"""A table in other forms: joined with another one, a part of it, or as a data frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column
from robnas.benchmarks._columns import Columns
from robnas.benchmarks._curve import CurveColumn
from robnas.benchmarks._pareto import pareto_front
from robnas.benchmarks._rows import Indices, Resolve, Rows, check_indices
from robnas.benchmarks._runs import Floats
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space, parse_key, space_of

if TYPE_CHECKING:
    import pandas as pd


class _Tabled(Protocol):
    """What is asked of a table."""

    name: str
    space: Space
    partition: str | None
    published: Indices | None
    provenance: dict[str, Any]
    ambiguous: dict[Any, Ambiguity]
    ambiguous_curves: dict[Any, Ambiguity]

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def curves(self) -> tuple[CurveColumn, ...]: ...

    @property
    def architectures(self) -> tuple[Architecture, ...]: ...

    @property
    def texts(self) -> tuple[str, ...]: ...

    @property
    def rows(self) -> Indices: ...

    def column_name(self, column: Column | CurveColumn) -> str: ...


_C = TypeVar("_C", Column, CurveColumn)


def joined(table: _Tabled, other: _Tabled, suffix: str, lookups: tuple[Rows, Rows]) -> dict[str, Any]:
    """Arguments of the table that holds the columns of both, see `Table.join`; `lookups` are those of the two."""
    check_same_space(table, other)
    ours_by, theirs_by = lookups
    rows, relative = theirs_by.rows_for(ours_by)
    both = rows >= 0
    if not both.any():
        raise InputError("join", expected="tables with an architecture in common", got=Verbatim("none"))
    taken = {(column.dataset, column.split, column.metric) for column in (*table.columns, *table.curves)}
    taken |= {key[:3] for key in (*table.ambiguous, *table.ambiguous_curves)}

    def renamed(dataset: str, split: str, metric: str) -> str:
        return metric + suffix * ((dataset, split, metric) in taken)

    relatives = int(relative[both].sum())
    said = {"relatives": relatives} if relatives else {}  # rows whose value is that of another network

    def ours(column: _C) -> _C:
        return replace(column, values=column.values[both])

    def theirs(column: _C) -> _C:
        return replace(
            column,
            metric=renamed(column.dataset, column.split, column.metric),
            values=column.values[rows[both]],
            facts={**column.facts, **said},
        )

    def their_reasons(ambiguous: Mapping[Any, Ambiguity]) -> dict[Any, Ambiguity]:
        return {(*key[:2], renamed(*key[:3]), *key[3:]): reason for key, reason in ambiguous.items()}

    second = other.name if other.name != table.name else f"{other.name} (2)"
    return {
        "name": f"{table.name}+{other.name}",
        "architectures": ours_by.kept(both),
        "columns": [*map(ours, table.columns), *map(theirs, other.columns)],
        "curves": [*map(ours, table.curves), *map(theirs, other.curves)],
        "space": table.space,
        "partition": table.partition,
        "published": table.published if table.published is not None else other.published,
        "provenance": {table.name: table.provenance, second: other.provenance},
        "ambiguous": table.ambiguous | their_reasons(other.ambiguous),
        "ambiguous_curves": table.ambiguous_curves | their_reasons(other.ambiguous_curves),
    }


def selected(
    table: _Tabled, columns: Columns[Column], rows: Rows, dataset: str | None, space: str | Space | None
) -> dict[str, Any]:
    """Arguments of the table with the columns of one data set, of one space, or of both, see `Table.select`."""
    if dataset is not None:
        columns.check_known("dataset", dataset, columns.datasets)
    key = None if space is None else columns.key_of(space)

    def meant(of: str, trained_in: str | None) -> bool:
        return dataset in (None, of) and key in (None, trained_in)

    def reasons(ambiguous: Mapping[Any, Ambiguity]) -> dict[Any, Ambiguity]:
        return {name: why for name, why in ambiguous.items() if meant(name[0], (*name, key)[3])}

    return {
        "name": table.name,
        "architectures": rows.given,
        "columns": [column for column in table.columns if meant(column.dataset, column.space)],
        "curves": [column for column in table.curves if meant(column.dataset, column.space)],
        "space": table.space if key is None else space_of(parse_key(key)),
        "partition": table.partition,
        "published": table.published,
        "provenance": table.provenance,
        "ambiguous": reasons(table.ambiguous),
        "ambiguous_curves": reasons(table.ambiguous_curves),
    }


def values_at(
    values: Floats, rows: Rows, index: npt.ArrayLike | None, published_index: npt.ArrayLike | None, resolve: Resolve
) -> Floats:
    """The values of a column, shape (rows,), at numbers of the space or published ones, see `Table.values`."""
    if index is None and published_index is None:
        return values.copy()
    if index is not None and published_index is not None:
        raise InputError("index", expected="index or published_index", got=Verbatim("both"))
    row_of = rows.row_of(resolve)
    own = check_indices("index", index, len(row_of)) if index is not None else rows.own_indices(published_index)  # type: ignore[arg-type]
    found: Floats = np.append(values, np.nan)[row_of][own]  # row -1 is missing
    return found


def best_rows(column: Column, count: int) -> list[int]:
    """The `count` rows with the highest mean, best first; fewer where fewer are known."""
    order = np.argsort(-column.mean, kind="stable")[:count]
    return [int(row) for row in order if not np.isnan(column.mean[row])]


def pareto_rows(columns: list[Column], name: str) -> list[tuple[int, tuple[float, ...]]]:
    """Rows of table `name` on the Pareto front of these columns, by the first of them, with their values."""
    check_comparable(columns, name)
    points = np.stack([column.mean for column in columns], axis=1)
    front = pareto_front(points)
    front = front[np.argsort(-points[front, 0], kind="stable")]
    return [(int(row), tuple(points[row].tolist())) for row in front]


def check_same_space(table: _Tabled, other: _Tabled) -> None:
    """Refuse tables of different spaces, in one line."""
    if (table.space.name, table.space.genes) != (other.space.name, other.space.genes):
        ours, theirs = table.space, other.space
        shown = theirs.name if theirs.name != ours.name else f"{theirs.name} with other genes"
        got = Verbatim(f"table {other.name}, which belongs to {shown}")
        raise InputError(f"join with table {table.name}", expected=f"a table of space {ours.name}", got=got)


def check_comparable(columns: list[Column], name: str) -> None:
    """Refuse columns of several recipes, versions of a data set or sizes of the network, where that is known."""
    for part in ("recipe", "dataset_version"):
        known = sorted({str(column.facts[part]) for column in columns if part in column.facts})
        if len(known) > 1:
            raise InputError(
                f"table {name}",
                expected=f"metrics of one {part.replace('_', ' ')}",
                got=Verbatim(", ".join(known)),
                remedy=f"load the store with {part}={known[0]!r}",
            )
    spaces = sorted({column.space for column in columns if column.space is not None})
    if len(spaces) > 1:
        remedy = f"name one: space={spaces[0]!r}"
        raise InputError(
            f"table {name}", expected="metrics of one space", got=Verbatim(", ".join(spaces)), remedy=remedy
        )


def frame(
    table: _Tabled,
    columns: list[Column],
    curves: list[CurveColumn],
    *,
    short: bool,
    seed: int | Literal["mean"] = "mean",
) -> pd.DataFrame:
    """A row per architecture, a column per metric and one per epoch of a curve, named in short or in full."""
    import pandas as pd

    spelled = [table.space.spellings(arch) for arch in table.architectures]
    data: dict[str, Any] = {name: [each[name] for each in spelled] for name in spelled[0]}
    if table.published is not None:
        data["published_index"] = table.published[table.rows]

    def named(column: Column | CurveColumn) -> str:
        name = table.column_name(column)
        return name.removeprefix(f"{column.dataset} {column.split} ") if short else name

    data |= {named(column): column.at_seed(seed) for column in columns}
    for curve in curves:
        values = curve.at_seed(seed)
        data |= {f"{named(curve)} epoch {epoch}": values[:, place] for place, epoch in enumerate(curve.epochs)}
    return pd.DataFrame(data, index=pd.Index(table.texts, name="architecture"))

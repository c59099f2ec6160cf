"""A table in other forms: joined with another one, a part of it, or as a data frame."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column, Value
from robnas.benchmarks._columns import Columns, has_beta, source_of_key, whole_key
from robnas.benchmarks._curve import CurveColumn
from robnas.benchmarks._fields import LONGEST
from robnas.benchmarks._headers import MEASURED, SD
from robnas.benchmarks._pareto import pareto_front
from robnas.benchmarks._rows import Indices, Resolve, Rows, check_indices
from robnas.benchmarks._runs import Floats
from robnas.errors import InputError, Verbatim, printable
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
_NUMBER = re.compile(r" \(\d+\)$")


def joined(table: _Tabled, other: _Tabled, suffix: str | None, lookups: tuple[Rows, Rows]) -> dict[str, Any]:
    """Arguments of the table that holds the columns of both, see `Table.join`; `lookups` are those of the two."""
    check_same_space(table, other)
    ours_by, theirs_by = lookups
    rows, relative = theirs_by.rows_for(ours_by)
    both = rows >= 0
    if not both.any():
        raise InputError("join", expected="tables with an architecture in common", got=Verbatim("none"))
    ours = _Renamed(table, (), {}, "")
    theirs = _Renamed(other, ours.sources.values(), ours.metrics() if suffix else (), suffix or "")
    relatives, copies = int(relative[both].sum()), int(both.sum()) - len(np.unique(rows[both]))
    said = {"relatives": relatives} if relatives else {}  # rows whose value is that of another network
    said |= {"copies": copies} if copies else {}  # rows that repeat the value of another row
    return {
        "name": name if len(name := f"{table.name}+{other.name}") <= LONGEST else f"{name[: LONGEST - 1]}…",
        "architectures": ours_by.kept(both),
        "columns": [
            *(ours.column(column, both, {}) for column in table.columns),
            *(theirs.column(column, rows[both], said) for column in other.columns),
        ],
        "curves": [
            *(ours.column(curve, both, {}) for curve in table.curves),
            *(theirs.column(curve, rows[both], said) for curve in other.curves),
        ],
        "space": table.space,
        "partition": table.partition,
        "published": table.published if table.published is not None else other.published,
        "provenance": ours.provenance() | theirs.provenance(),
        "ambiguous": ours.reasons(table.ambiguous) | theirs.reasons(other.ambiguous),
        "ambiguous_curves": ours.reasons(table.ambiguous_curves) | theirs.reasons(other.ambiguous_curves),
    }


class _Renamed:
    """What the columns of a table are called when they stand beside those of another one.

    Args:
        table: that is joined. What it has from other tables keeps its source; all else gets the table's name.
        taken: sources that others have: equal ones are numbered, ``digits (2)``.
        metrics: that get a suffix, each with data set and split.
        suffix: see `Table.join`.
    """

    def __init__(self, table: _Tabled, taken: Iterable[str], metrics: Collection[Any], suffix: str) -> None:
        self._table, self._metrics, self._suffix = table, metrics, suffix
        keys = (*table.ambiguous, *table.ambiguous_curves)
        present = [one.source for one in (*table.columns, *table.curves)] + [source_of_key(key) for key in keys]
        own = " ".join(printable(table.name).split()) or "table"
        self.sources: dict[str, str] = {}
        known = set(taken)
        for source in sorted(dict.fromkeys(present), key=lambda source: source == ""):
            name = self.sources[source] = _free(source or own, known)
            known.add(name)

    def metrics(self) -> set[tuple[str, str, str]]:
        """Data set, split and metric of all that there is."""
        keys = (*self._table.ambiguous, *self._table.ambiguous_curves)
        columns = (*self._table.columns, *self._table.curves)
        return {(one.dataset, one.split, one.metric) for one in columns} | {key[:3] for key in keys}

    def _metric(self, dataset: str, split: str, metric: str) -> str:
        return metric + self._suffix * ((dataset, split, metric) in self._metrics)

    def column(self, column: _C, rows: npt.NDArray[Any], said: Mapping[str, int]) -> _C:
        """A column at these rows, under its name beside others, with what is `said` among its facts."""
        return replace(
            column.take(rows),
            metric=self._metric(column.dataset, column.split, column.metric),
            facts={**column.facts, **said},
            source=self.sources[column.source],
        )

    def reasons(self, ambiguous: Mapping[Any, Ambiguity]) -> dict[Any, Ambiguity]:
        """What was measured in several ways, by such names."""
        return {
            (*key[:2], self._metric(*key[:3]), whole_key(key)[3], self.sources[source_of_key(key)], *key[5:]): why
            for key, why in ambiguous.items()
        }

    def provenance(self) -> dict[str, Any]:
        """Where the numbers come from, by source."""
        of = self._table.provenance
        return {
            name: of.get(source, {}) if source else _without(of, self.sources) for source, name in self.sources.items()
        }


def _without(provenance: Mapping[str, Any], sources: Iterable[str]) -> dict[str, Any]:
    """The provenance of what a table has of its own."""
    return {key: value for key, value in provenance.items() if key not in {*sources} - {""}}


def _free(name: str, taken: Collection[str]) -> str:
    """The name or, where it is taken, the first of ``name (2)``, ``name (3)`` … that is not."""
    base = _NUMBER.sub("", name)
    numbered = (f"{base} ({number})" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def selected(
    table: _Tabled,
    columns: Columns[Column],
    rows: Rows,
    dataset: str | None,
    space: str | Space | None,
    source: str | None,
    beta: float | None,
) -> dict[str, Any]:
    """Arguments of the table with the columns of one data set, space, source and beta, see `Table.select`."""
    if dataset is not None:
        columns.check_known("dataset", dataset, columns.datasets)
    key = None if space is None else columns.key_of(space)
    wanted = None if beta is None else columns.check_beta(beta)
    if source is not None:
        known = [one.source for one in (*table.columns, *table.curves) if one.source]
        columns.check_known("source", source, known or ["none: it was not joined"])

    def meant(one: Column | CurveColumn | Ambiguity, named: tuple[Any, ...]) -> bool:
        of, _, _, trained_in, source_of, own = whole_key(named)
        places = dataset in (None, of) and key in (None, trained_in) and source in (None, source_of)
        return places and (wanted is None or has_beta(one, own, wanted))

    def kept(columns: Iterable[_C]) -> list[_C]:
        return [
            one for one in columns if meant(one, (one.dataset, one.split, one.metric, one.space, one.source, one.beta))
        ]

    def reasons(ambiguous: Mapping[Any, Ambiguity]) -> dict[Any, Ambiguity]:
        return {name: why for name, why in ambiguous.items() if meant(why, (*name[:3], (*name, key)[3], *name[4:]))}

    return {
        "name": table.name,
        "architectures": rows.given,
        "columns": kept(table.columns),
        "curves": kept(table.curves),
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


def best_rows(column: Column, most: int) -> list[int]:
    """The `most` rows with the best mean, best first; fewer where fewer are known."""
    order = np.argsort(-column.sign * column.mean, kind="stable")[:most]
    return [int(row) for row in order if not np.isnan(column.mean[row])]


def pareto_rows(columns: list[Column], name: str) -> list[tuple[int, tuple[Value, ...]]]:
    """Rows of table `name` on the Pareto front of these columns, by the first of them, with their values."""
    check_comparable(columns, name)
    points = np.stack([column.mean for column in columns], axis=1)
    better = points * [column.sign for column in columns]
    front = pareto_front(better)
    front = front[np.argsort(-better[front, 0], kind="stable")]
    return [(int(row), tuple(column.mean_at(row) for column in columns)) for row in front.tolist()]


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
    """A row per architecture, a column per metric and one per epoch of a curve, named in short or in full.

    Where something is predicted there are two more of its metric, ``clean:sd`` and ``clean:measured``. The attributes
    of the frame say ``kinds`` and ``betas`` of its columns.
    """
    import pandas as pd

    spelled = [table.space.spellings(arch) for arch in table.architectures]
    data: dict[str, Any] = {name: [each[name] for each in spelled] for name in spelled[0]}
    if table.published is not None:
        data["published_index"] = table.published[table.rows]

    def named(column: Column | CurveColumn) -> str:
        source = f"{column.source}:" if column.source else ""
        name = table.column_name(column).removeprefix(source)
        return source + (name.removeprefix(f"{column.dataset} {column.split} ") if short else name)

    for column in columns:
        parts: dict[str, npt.NDArray[Any]] = {"": column.at_seed(seed)}
        if column.predicted is not None and seed == "mean":
            sd = np.full(len(column.values), np.nan) if column.sd is None else column.sd
            parts |= {SD: sd, MEASURED: column.measured}
        data |= {named(column) + behind: values for behind, values in parts.items()}
    for curve in curves:
        values = curve.at_seed(seed)
        data |= {f"{named(curve)} epoch {epoch}": values[:, place] for place, epoch in enumerate(curve.epochs)}
    found = pd.DataFrame(data, index=pd.Index(table.texts, name="architecture"))
    kinds = {named(one): {"unit": one.unit, "direction": one.direction} for one in columns if not one.is_accuracy}
    betas = {named(one): one.beta for one in columns if one.beta is not None}
    betas |= {f"{named(one)} epoch {epoch}": one.beta for one in curves if one.beta is not None for epoch in one.epochs}
    found.attrs |= {what: facts for what, facts in (("kinds", kinds), ("betas", betas)) if facts}
    return found

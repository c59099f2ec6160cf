"""A table in other forms: joined with another one, or as a data frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column
from robnas.benchmarks._rows import Indices, Rows
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space

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

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def architectures(self) -> tuple[Architecture, ...]: ...

    @property
    def texts(self) -> tuple[str, ...]: ...

    @property
    def rows(self) -> Indices: ...

    def column_name(self, column: Column) -> str: ...


def joined(table: _Tabled, other: _Tabled, suffix: str, lookups: tuple[Rows, Rows]) -> dict[str, Any]:
    """Arguments of the table that holds the columns of both, see `Table.join`; `lookups` are those of the two."""
    check_same_space(table, other)
    ours_by, theirs_by = lookups
    rows, relative = theirs_by.rows_for(ours_by)
    both = rows >= 0
    if not both.any():
        raise InputError("join", expected="tables with an architecture in common", got=Verbatim("none"))
    ours = [replace(column, values=column.values[both]) for column in table.columns]
    taken = {(column.dataset, column.split, column.metric) for column in table.columns}
    taken |= {key[:3] for key in table.ambiguous}

    def renamed(dataset: str, split: str, metric: str) -> str:
        return metric + suffix * ((dataset, split, metric) in taken)

    relatives = int(relative[both].sum())
    said = {"relatives": relatives} if relatives else {}  # rows whose value is that of another network
    theirs = [
        replace(
            column,
            metric=renamed(column.dataset, column.split, column.metric),
            values=column.values[rows[both]],
            facts={**column.facts, **said},
        )
        for column in other.columns
    ]
    ambiguous = {(*key[:2], renamed(*key[:3]), *key[3:]): reason for key, reason in other.ambiguous.items()}
    second = other.name if other.name != table.name else f"{other.name} (2)"
    return {
        "name": f"{table.name}+{other.name}",
        "architectures": ours_by.kept(both),
        "columns": [*ours, *theirs],
        "space": table.space,
        "partition": table.partition,
        "published": table.published if table.published is not None else other.published,
        "provenance": {table.name: table.provenance, second: other.provenance},
        "ambiguous": {**table.ambiguous, **ambiguous},
    }


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


def frame(table: _Tabled, columns: list[Column], *, short: bool, seed: int | Literal["mean"] = "mean") -> pd.DataFrame:
    """A row per architecture, a column per metric, named in short or in full."""
    import pandas as pd

    spelled = [table.space.spellings(arch) for arch in table.architectures]
    data: dict[str, Any] = {name: [each[name] for each in spelled] for name in spelled[0]}
    if table.published is not None:
        data["published_index"] = table.published[table.rows]
    for column in columns:
        name = table.column_name(column)
        data[name.removeprefix(f"{column.dataset} {column.split} ") if short else name] = column.at_seed(seed)
    return pd.DataFrame(data, index=pd.Index(table.texts, name="architecture"))

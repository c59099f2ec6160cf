"""A table in other forms: joined with another one, or as a data frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column
from robnas.benchmarks._columns import Key
from robnas.benchmarks._rows import Indices
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, partition

if TYPE_CHECKING:
    import pandas as pd


class _Tabled(Protocol):
    """What is asked of a table."""

    name: str
    rows: Indices
    partition: str | None
    provenance: dict[str, Any]
    ambiguous: dict[Key, Ambiguity]

    @property
    def published(self) -> Indices | None: ...

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def architectures(self) -> tuple[Architecture, ...]: ...

    def row_of(self) -> Indices: ...


def joined(table: _Tabled, other: _Tabled, suffix: str) -> dict[str, Any]:
    """Arguments of the table that holds the columns of both, see `Table.join`."""
    rows = other.row_of()[table.rows]
    both = rows >= 0
    if not both.any():
        raise InputError("join", expected="tables with an architecture in common", got=Verbatim("none"))
    ours = [replace(column, values=column.values[both]) for column in table.columns]
    taken = {(column.dataset, column.split, column.metric) for column in table.columns} | set(table.ambiguous)

    def renamed(dataset: str, split: str, metric: str) -> str:
        return metric + suffix * ((dataset, split, metric) in taken)

    networks = partition("identical").class_of
    relatives = int((networks[other.rows[rows[both]]] != networks[table.rows[both]]).sum())
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
    ambiguous = {(key[0], key[1], renamed(*key)): reason for key, reason in other.ambiguous.items()}
    second = other.name if other.name != table.name else f"{other.name} (2)"
    return {
        "name": f"{table.name}+{other.name}",
        "architectures": table.rows[both],
        "columns": [*ours, *theirs],
        "partition": table.partition,
        "published": table.published if table.published is not None else other.published,
        "provenance": {table.name: table.provenance, second: other.provenance},
        "ambiguous": {**table.ambiguous, **ambiguous},
    }


def check_comparable(columns: list[Column], name: str) -> None:
    """Refuse columns of several recipes or versions of a data set, where that is known."""
    for part in ("recipe", "dataset_version"):
        known = sorted({str(column.facts[part]) for column in columns if part in column.facts})
        if len(known) > 1:
            raise InputError(
                f"table {name}",
                expected=f"metrics of one {part.replace('_', ' ')}",
                got=Verbatim(", ".join(known)),
                remedy=f"load the store with {part}={known[0]!r}",
            )


def frame(table: _Tabled, columns: list[Column], *, short: bool, seed: int | Literal["mean"] = "mean") -> pd.DataFrame:
    """A row per architecture, a column per metric, named in short or in full."""
    import pandas as pd

    data: dict[str, Any] = {"genotype": [arch.genotype for arch in table.architectures]}
    if table.published is not None:
        data["published_index"] = table.published[table.rows]
    for column in columns:
        data[column.metric if short else column.name] = column.at_seed(seed)
    return pd.DataFrame(data, index=pd.Index([arch.code for arch in table.architectures], name="architecture"))

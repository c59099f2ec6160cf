"""Whether an SQLite file holds what its columns are declared to hold: SQLite itself lets any value into any column."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from robnas.records import _schema

_SMALLEST, _LARGEST = -1e9, 1e11  # seconds since 1970 in the year 5138; accuracies, norms and durations are smaller
_SINCE = {  # column → schema that has it first
    _schema.records.c.space: 3,
    _schema.plans.c.earlier: 3,
    _schema.trials.c.target: 4,
    _schema.trials.c.reached: 4,
}
_WORDS = {  # column → what it may say
    _schema.trials.c.state: ("waiting", "running", "done", "failed", "paused"),
    _schema.search_events.c.kind: ("ask", "tell"),
}


def wrong_value(connection: sa.Connection, tables: set[str], version: int) -> tuple[str, str, Any] | None:
    """Place, expected and found of the first value of a wrong type; PostgreSQL has none.

    Args:
        connection: to an SQLite file.
        tables: those that there are.
        version: their schema; an earlier one lacks columns.
    """
    for table in _schema.metadata.sorted_tables:
        if table.name not in tables:
            continue
        columns = _columns(table, version)
        if (row := connection.execute(_first_wrong(table, columns)).first()) is not None:
            number, *found = row
            for column, (wrong, value) in zip(columns, zip(found[::2], found[1::2], strict=True), strict=True):
                if wrong:
                    return f"{table.name}.{column.name} in row {number}", _expected(column), _plain(value)
    return None


def _columns(table: sa.Table, version: int) -> list[sa.Column[Any]]:
    return [
        column
        for column in table.columns
        if not isinstance(column.type, sa.DateTime)  # which nothing reads
        and _SINCE.get(column, 0) <= version
    ]


def _first_wrong(table: sa.Table, columns: list[sa.Column[Any]]) -> sa.Select[Any]:
    """The number of a row with anything wrong, and for each column whether it is that and what it holds."""
    checks = [_is_wrong(column) for column in columns]
    # as bytes, because text may be no UTF-8
    values = [sa.type_coerce(sa.func.substr(sa.cast(c, sa.LargeBinary), 1, 80), sa.LargeBinary) for c in columns]
    pairs: list[Any] = [part for pair in zip(checks, values, strict=True) for part in pair]
    return sa.select(*[sa.literal_column("rowid"), *pairs]).select_from(table).where(sa.or_(*checks)).limit(1)


def _is_wrong(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    kind, value = sa.func.typeof(column), sa.type_coerce(column, sa.Float)
    allowed = {"real", "integer"} if isinstance(column.type, sa.Float) else {_kind(column)}
    wrong = kind.not_in(sorted(allowed | ({"null"} if column.nullable else set())))
    if isinstance(column.type, sa.Float):
        return sa.func.coalesce(sa.or_(wrong, ~value.between(_SMALLEST, _LARGEST)), False)
    if column in _WORDS:
        return sa.or_(wrong, column.not_in(_WORDS[column]))
    return wrong


def _kind(column: sa.Column[Any]) -> str:
    return "integer" if isinstance(column.type, sa.Integer) else "text"


def _expected(column: sa.Column[Any]) -> str:
    if column in _WORDS:
        return f"one of {', '.join(_WORDS[column])}"
    if isinstance(column.type, sa.Float):
        return f"a number below {_LARGEST:g}"
    return {"integer": "a whole number", "text": "a text"}[_kind(column)]


def _plain(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")

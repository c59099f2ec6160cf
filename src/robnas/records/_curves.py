"""Curves as rows of a store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from robnas.errors import StoreError, Verbatim
from robnas.records import _schema
from robnas.records._curve import Curve
from robnas.records._database import Database

_curves = _schema.curves
_KEY = tuple(column.name for column in _curves.primary_key)
_PAIRS = ("epochs", "values")


def add_curves(store: Database, connection: sa.Connection, curves: Sequence[Curve]) -> None:
    """Add curves as a part of a transaction; those that are there get the epochs that they lack.

    Raises:
        StoreError: the store holds another accuracy after the same epoch.
    """
    rows = [_row(curve) for curve in curves]
    if store.insert_new(connection, _curves, rows) < len(rows):
        for curve, row in zip(curves, rows, strict=True):
            _complete(store, connection, curve, row)


def _complete(store: Database, connection: sa.Connection, curve: Curve, row: Mapping[str, Any]) -> None:
    """Bring what the store has of a curve together with `curve`."""
    mine = sa.and_(*(_curves.c[name] == row[name] for name in _KEY))
    query = sa.select(*(_curves.c[name] for name in _PAIRS)).where(mine)
    if store.dialect == "postgresql":
        query = query.with_for_update()
    there = curve_of({**vars(curve), **connection.execute(query).mappings().one()})
    kept, found = (dict(zip(one.epochs, one.values, strict=True)) for one in (there, curve))
    for epoch in kept.keys() & found.keys():
        if curve.is_accuracy and kept[epoch] != found[epoch]:  # durations differ, and losses in their last digits
            raise StoreError(
                f"curve {curve.architecture.text} {curve.dataset} {curve.split} {curve.metric} seed {curve.seed}, "
                f"epoch {epoch}",
                expected=f"{kept[epoch]}, which the store holds",
                got=Verbatim(found[epoch]),
                remedy="perhaps another torch, device or batch size gave another value: use another store",
            )
    if found.keys() - kept.keys():
        whole = dict(sorted((found | kept).items()))
        pairs = {"epochs": json.dumps([*whole]), "values": json.dumps([*whole.values()])}
        connection.execute(sa.update(_curves).where(mine).values(pairs))


def _row(curve: Curve) -> dict[str, Any]:
    pairs = {name: json.dumps(getattr(curve, name)) for name in _PAIRS}
    return {**vars(curve), "architecture": curve.architecture.text, **pairs}


def curve_of(row: Mapping[str, Any]) -> Curve:
    """The curve of a row whose architecture was parsed.

    Raises:
        InputError: something is out of range.
        TypeError, ValueError, RecursionError: something is no list of numbers.
    """
    return Curve(**{**row, **{name: json.loads(row[name]) for name in _PAIRS}})

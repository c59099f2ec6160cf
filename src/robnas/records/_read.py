"""Records and curves out of the rows of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from robnas._settings import settled_metric
from robnas.errors import InputError, StoreError, UnknownNameError, Verbatim, reason
from robnas.records._curve import Curve
from robnas.records._database import Database
from robnas.records._engine import RESTORE
from robnas.records._record import Record
from robnas.records._trials import space_facts
from robnas.spaces import Architecture, Space, parse_key, space_of
from robnas.types import canonical_metric, is_metric

_Measured = TypeVar("_Measured", Record, Curve)
_Maker = Callable[[dict[str, Any]], _Measured]


def read_rows(
    store: Database,
    connection: sa.Connection,
    table: sa.Table,
    columns: Sequence[sa.Column[Any]],
    where: Mapping[str, object],
    make: _Maker[_Measured],
) -> list[_Measured]:
    """What `make` makes of the rows of a table whose columns equal `where`, in the order of their keys.

    Raises:
        StoreError: there is no such column, or a row is damaged.
        InputError: a space is not known here, which says how to bring it.
    """
    what = table.name.removesuffix("s")
    query = sa.select(*columns).order_by(*table.primary_key)
    for name, value in where.items():
        if name not in table.c:
            raise StoreError(f"{what} column", expected=f"one of {', '.join(table.c.keys())}", got=name)
        one_of = [one.text if isinstance(one, Architecture) else one for one in _listed(value)]
        if name == "metric":
            one_of = [spelled for one in one_of for spelled in _spellings(one)]
        query = query.where(table.c[name].in_(one_of))
    rows = connection.execute(query).mappings().all()
    spaces = {key: space_of(parse_key(key)) for key in {row["space"] for row in rows}}
    store.check_spaces(connection, {key: space_facts(space) for key, space in spaces.items()})
    archs: dict[tuple[str, str], Architecture] = {}
    return [_measured(f"store {store.shown}, {what}", row, spaces, archs, make) for row in rows]


def _measured(
    place: str,
    row: Mapping[Any, Any],
    spaces: Mapping[str, Space],
    archs: dict[tuple[str, str], Architecture],
    make: _Maker[_Measured],
) -> _Measured:
    """What is made of a row; `archs` are the architectures that were read before."""
    try:
        if (arch := archs.get(known := (row["space"], row["architecture"]))) is None:
            arch = archs[known] = spaces[row["space"]].parse(row["architecture"])
        return make({**row, "architecture": arch})
    except (InputError, TypeError, ValueError, RecursionError) as error:
        key = " ".join(f"{row[name]}" for name in ("architecture", "dataset", "split", "metric"))
        own = isinstance(error, UnknownNameError)  # or a damaged name
        raise StoreError(
            f"{place} {key} seed {row['seed']}"[:300],
            expected="what a build writes",
            got=Verbatim(f"InputError ({error})") if own else reason(error),
            remedy=f"else {RESTORE}" if own else RESTORE,
        ) from None


def _spellings(metric: object) -> set[object]:
    """What stands in rows for a metric: its key, or what earlier versions wrote."""
    if not isinstance(metric, str) or not is_metric(metric):
        return {metric}
    key = canonical_metric(metric)
    return {key, settled_metric(key)}


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set) else [value]

"""How far the designs are by which parts of plans were chosen, by their journals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import sqlalchemy as sa

from robnas.records import _schema
from robnas.records._store import RecordStore

_searches, _events = _schema.searches, _schema.search_events


@final
@dataclass(frozen=True)
class DesignStatus:
    """How far a design is, when it last looked."""

    kind: str
    """``random``, ``spread``, ``active`` or one of one's own."""
    metric: str
    """That it looks at."""
    split: str
    """That it looks at."""
    chosen: int
    """Architectures that it has chosen by now."""
    known: int
    """Architectures that were measured when it last chose."""
    failed: int
    """Architectures whose trainings had all failed then."""
    budget: int
    """Architectures that it may know at the end."""
    until_mae: float | None
    """The error at which it is enough."""
    error: float | None
    """Estimated mean absolute error of the predictions then, as a fraction."""
    reason: str
    """Why it is over; empty while it is not."""
    trials_left: int
    """That it may choose yet, beyond those that it has chosen."""


def design_statuses(store: RecordStore, connection: sa.Connection) -> dict[str, DesignStatus]:
    """Hash of a plan → its last design; plans without one are left out."""
    if not sa.inspect(connection).has_table(_searches.name):  # a store of an earlier version
        return {}
    found: dict[str, DesignStatus] = {}
    for row in connection.execute(sa.select(_searches).order_by(_searches.c.created, _searches.c.hash)).all():
        facts = store.decoded(row.json, f"search {row.hash}")
        if isinstance(facts.get("design"), Mapping) and isinstance(facts.get("plan"), str):
            found |= _status(store, connection, row.hash, facts)
    return found


def _status(
    store: RecordStore, connection: sa.Connection, search: str, facts: Mapping[str, Any]
) -> dict[str, DesignStatus]:
    """By the hash of its plan; nothing of a design that has chosen nothing yet."""
    mine = _events.c.search == search
    chosen = connection.scalar(sa.select(sa.func.count()).where(mine, _events.c.kind == "ask"))
    last = sa.select(_events.c.json).where(mine, _events.c.kind == "tell").order_by(_events.c.number.desc()).limit(1)
    if (text := connection.scalar(last)) is None:
        return {}
    told = store.decoded(text, f"search {search}")
    spent = told.get("known", 0) + told.get("failed", 0) + (chosen or 0) - told.get("asked", 0)
    left = 0 if told.get("reason") else max(0, told.get("budget", 0) - spent)
    status = DesignStatus(
        kind=str(facts["design"].get("kind")),
        metric=str(facts.get("metric")),
        split=str(facts.get("split")),
        chosen=chosen or 0,
        known=told.get("known", 0),
        failed=told.get("failed", 0),
        budget=told.get("budget", 0),
        until_mae=told.get("until_mae"),
        error=told.get("error"),
        reason=told.get("reason", ""),
        trials_left=left * told.get("seeds", 1),
    )
    return {facts["plan"]: status}

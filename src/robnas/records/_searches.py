"""What a search by training has asked and been told, in order: by it the search goes on after a kill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final

import sqlalchemy as sa

from robnas.errors import StoreError, Verbatim
from robnas.records import _schema
from robnas.records._drivers import now
from robnas.records._engine import RESTORE
from robnas.records._store import RecordStore

_searches, _events = _schema.searches, _schema.search_events


@final
@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One entry: a question, or the answer to it."""

    kind: Literal["ask", "tell"]
    architecture: str
    """Its text."""
    epochs: int | None
    """After how many of its training; None for all."""
    asked: int
    """Questions of the algorithm until then."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The answer in plain values."""


@final
class SearchLog:
    """The events of one search in a store, kept before a training is begun that they led to.

    What is lost by a kill before that had no consequences: questions that nobody has worked on, and answers that the
    store gives again.

    Args:
        store: where it is kept.
        search: hash of what decides the search: everything but its budget.
        facts: what that hash stands for.

    Raises:
        StoreError: the store has another search under this hash, or cannot be written.
    """

    def __init__(self, store: RecordStore, search: str, facts: Mapping[str, Any]) -> None:
        self._store, self.search = store, search
        text = json.dumps(facts, sort_keys=True)
        with store.write() as connection:
            row = {"hash": search, "json": text, "created": now(connection)}
            if not store.insert_new(connection, _searches, [row]):
                known = connection.scalar(sa.select(_searches.c.json).where(_searches.c.hash == search))
                if known != text:
                    raise StoreError(
                        f"search {search}",
                        expected="the settings that the store has under this hash",
                        got=Verbatim("others"),
                        remedy="use another store",
                    )
        self._open: list[LoggedEvent] = []  # not kept yet
        self._count = 0
        self.catch_up()

    def events(self) -> list[LoggedEvent]:
        """All that was appended, in order.

        Raises:
            StoreError: one is missing or damaged.
        """
        query = sa.select(_events).where(_events.c.search == self.search).order_by(_events.c.number)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [self._event(place, row) for place, row in enumerate(rows)]

    def _event(self, place: int, row: Any) -> LoggedEvent:
        what = f"event {place} of search {self.search}"
        facts = self._store.decoded(row.json, what)
        asked = facts.pop("asked", None)
        if row.number != place or row.kind not in ("ask", "tell") or not isinstance(asked, int):
            raise StoreError(f"store {self._store.shown}, {what}", expected="what a search writes",
                             got=Verbatim(f"number {row.number}, {row.kind}"), remedy=RESTORE)  # fmt: skip
        return LoggedEvent(row.kind, row.architecture, row.epochs or None, asked, facts)

    def catch_up(self) -> list[LoggedEvent]:
        """All that this and other processes have kept; what was appended and is not kept is forgotten."""
        self._open.clear()
        found = self.events()
        self._count = len(found)
        return found

    def append(self, event: LoggedEvent) -> None:
        """One more, to be kept by the next `flush`."""
        self._open.append(event)

    def flush(self) -> None:
        """Keep what was appended.

        Raises:
            StoreError: another process has gone on with this search, or the store cannot be written.
        """
        if self._open:
            with self._store.write() as connection:
                self.flush_within(connection)
            self.kept()

    def flush_within(self, connection: sa.Connection) -> None:
        """The same as a part of a larger transaction, after which `kept` is called."""
        rows = [
            {
                "search": self.search,
                "number": number,
                "kind": event.kind,
                "architecture": event.architecture,
                "epochs": event.epochs or 0,
                "json": json.dumps({**event.facts, "asked": event.asked}, sort_keys=True),
            }
            for number, event in enumerate(self._open, start=self._count)
        ]
        if self._store.insert_new(connection, _events, rows) < len(rows):
            mine = (_events.c.search == self.search) & (_events.c.number >= self._count)
            query = sa.select(_events).where(mine).order_by(_events.c.number)
            if [dict(row) for row in connection.execute(query).mappings()] != rows:
                raise StoreError(
                    f"search {self.search}",
                    expected="one process that runs it",
                    got=Verbatim("another one has gone on with it"),
                    remedy="let that one finish it, or choose another seed",
                )  # else the same were kept before, by a call whose answer was lost

    def kept(self) -> None:
        """The transaction of `flush_within` has ended well."""
        self._count += len(self._open)
        self._open.clear()

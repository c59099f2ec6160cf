"""The journal of a search in a store."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, final

from robnas.errors import StoreError
from robnas.records import LoggedEvent, SearchLog
from robnas.search import Answer, Event


@final
class StoredJournal:
    """A `robnas.search.Journal` that a store keeps.

    Args:
        log: of the search.
        goals: values per answer.
    """

    def __init__(self, log: SearchLog, goals: int) -> None:
        self._log, self._goals = log, goals

    @property
    def search(self) -> str:
        """Hash of the search."""
        return self._log.search

    def events(self) -> Iterator[Event]:
        """See `Journal.events`.

        Raises:
            StoreError: one is damaged.
        """
        for number, event in enumerate(self._log.events()):
            answer = self._answer(number, event.facts) if event.kind == "tell" else None
            yield Event(event.kind, event.architecture, event.epochs, event.asked, answer)

    def _answer(self, number: int, plain: Any) -> Answer:
        try:
            values = tuple(-math.inf if value is None else float(value) for value in plain["values"])
            if len(values) != self._goals or any(map(math.isnan, values)):
                raise ValueError
            return Answer(values, seconds=plain.get("seconds"), feasible=bool(plain.get("feasible", True)))
        except (TypeError, ValueError, KeyError):
            raise StoreError(
                f"event {number} of search {self.search}",
                expected=f"an answer of {self._goals} values",
                got=plain,
                remedy="the store is damaged: restore it from a copy",
            ) from None

    def append(self, event: Event) -> None:
        """See `Journal.append`; it is kept with the next training that is begun, see `SearchLog`."""
        plain = {} if event.answer is None else _plain(event.answer)
        self._log.append(LoggedEvent(event.kind, event.architecture, event.epochs, event.asked, plain))


def _plain(answer: Answer) -> dict[str, Any]:
    values = [value if math.isfinite(value) else None for value in answer.values]
    return {"values": values, "seconds": answer.seconds, **({} if answer.feasible else {"feasible": False})}

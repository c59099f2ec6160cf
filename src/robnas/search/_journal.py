"""The order of questions and answers, by which an interrupted search is brought back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, final

from robnas.search._objective import Answer


@final
@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a journal: a question that was charged, or the answer to it."""

    kind: Literal["ask", "tell"]
    architecture: str
    """Its text."""
    epochs: int | None
    """See `robnas.search.Question.epochs`."""
    asked: int
    """Questions of the algorithm until then, free ones included."""
    answer: Answer | None = None
    """Of what was told."""


class Journal(Protocol):
    """Keeps the events of one search, each before anything is done about it."""

    def events(self) -> Iterable[Event]:
        """What was appended before, in that order."""
        ...

    def append(self, event: Event) -> None:
        """Keep another one for good."""
        ...

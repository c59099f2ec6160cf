"""Progress where standard error is a file or a pipe: a line soon, and others now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from robnas.errors import printable

_SOON, _OFTEN = 3.0, 10.0  # seconds to the first line and between lines
_SELDOM = 0.05  # lines are this share of the time so far apart, if that is longer

_early: list[_Lines] = []
"""Begun before the libraries of a command are imported, which may take seconds; the first progress goes on with it."""


class _Lines:
    """A `Progress` that writes the first line in time, whether anything was told by then or not."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._due = self._begun + _SOON
        self._latest = "working, no estimate yet"
        self._timer = threading.Timer(_SOON, self._first)
        self._timer.daemon = True
        self._timer.start()

    def begin(self) -> None:
        """The work whose rate counts begins now."""
        self._begun = time.monotonic()

    def stop(self) -> None:
        """The work is done, or did not begin."""
        self._timer.cancel()

    def __call__(self, done: int, total: int, text: str, /) -> None:
        """See `Progress`."""
        now = time.monotonic()
        self._latest = text
        if done:
            left = (now - self._begun) * (total - done) / done
            self._latest = f"{text}: {100 * done / total:.0f} %, {left:.0f} s left"
            if now >= self._due:
                self._tell(now)

    def _first(self) -> None:
        now = time.monotonic()
        if now >= self._due:  # else a line was shown
            self._tell(now)

    def _tell(self, now: float) -> None:
        self._due = now + max(_OFTEN, _SELDOM * (now - self._begun))
        print(printable(self._latest), file=sys.stderr, flush=True)


@contextmanager
def early_line(wanted: bool) -> Iterator[None]:
    """Show a line soon if the command in this block has not begun to tell of its progress by then.

    Args:
        wanted: False for output to a machine.
    """
    if wanted and not sys.stderr.isatty():
        _early.append(_Lines())
    try:
        yield
    finally:
        while _early:
            _early.pop().stop()


@contextmanager
def lines_for_logs() -> Iterator[_Lines]:
    """Lines while this block is at work."""
    lines = _early.pop() if _early else _Lines()
    lines.begin()
    try:
        yield lines
    finally:
        lines.stop()

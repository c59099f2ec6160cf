"""Output that fits its terminal: letters that it lacks, lines that are not held back, warnings in one line."""

from __future__ import annotations

import codecs
import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_HANDLER = "robnas-ascii"
_ASCII = dict(zip("─━┄│┃╭╮╰╯┌┐└┘▶▲▼←→−×·•ερβσ", "--.||++++++++>^v<>-x.*erbs", strict=True)) | {
    "…": "...", "±": "+-", "≤": "<=", "≥": ">=", "∞": "inf", "–": "-", "“": '"', "”": '"',
}  # fmt: skip


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_ASCII.get(letter, "?") for letter in missing), error.end


@contextmanager
def prepared() -> Iterator[None]:
    """Standard output and error that never fail at a letter and show every line at once, while a command runs."""
    codecs.register_error(_HANDLER, _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER, line_buffering=True)
    before, warnings.formatwarning = warnings.formatwarning, _one_line
    try:
        yield
    finally:
        warnings.formatwarning = before


def _one_line(message: Warning | str, *_: Any, **__: Any) -> str:
    return f"warning: {' '.join(str(message).split())}\n"


def has_all_letters() -> bool:
    """Whether standard output can show any text."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")

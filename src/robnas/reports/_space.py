"""Whether a source is of the space that somebody chose."""

from __future__ import annotations

from robnas.benchmarks import Choice
from robnas.errors import InputError


def check_space(choice: Choice, key: str, whose: str) -> None:
    """Raise `InputError` where another space is chosen than that of this key, which is of `whose`."""
    if not choice.means(key):
        raise InputError("space", expected=f"{key}, that of {whose}", got=choice.space)

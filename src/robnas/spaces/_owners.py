"""Whose text it is: for errors about architectures of another space."""

from __future__ import annotations

from robnas.errors import InputError, Verbatim


def of_another_space(given: object, name: str) -> InputError | None:
    """The error that `given` is an architecture of another space than the one called `name`; None if it is not."""
    from robnas.spaces._architecture import Architecture

    if isinstance(given, Architecture):
        owners = [given.space] if given.space != name else []
    else:
        owners = _readers(given, name) if isinstance(given, str) else []
    if not owners:
        return None
    got = Verbatim(f"{str(given).strip()[:200]}, which belongs to {' or '.join(owners)}")
    return InputError("architecture", expected=f"one of space {name}", got=got)


def _readers(text: str, but: str) -> list[str]:
    """Names of the registered spaces that read a text, one space excepted."""
    from robnas.spaces._spaces import SPACES

    return [name for name, space in SPACES.items() if name != but and space.reads(text)]

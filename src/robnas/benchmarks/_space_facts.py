"""What a table file says of its space, and whether that is still so."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robnas._own import OwnFile, facts, loaded
from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim, printable, reason
from robnas.spaces import SPACES, Space, configured, parse_key, space_of

_LONGEST = 2_000  # characters of the key of a space
_SHOWN = 200


def space_facts(space: Space) -> dict[str, Any]:
    """Key, fingerprint of the genes and, of a space of one's own, the file that defines it and its hash."""
    if not space.key.isprintable() or len(space.key) > _LONGEST:
        raise InputError("space", expected=f"at most {_LONGEST:,} printable characters", got=space.key)
    own = _file_of(space)
    return {"space": space.key, "fingerprint": space.fingerprint} | ({"space_file": facts([own])[0]} if own else {})


def trained_in(table: Table, column: Column) -> Space:
    """The space of a table with the settings of the networks of one of its columns, where these are known."""
    settings = parse_key(column.space or table.space.name)
    del settings["name"]
    return configured(table.space, settings)


def _file_of(space: Space) -> OwnFile | None:
    """The file that `space` or its builder was imported from with ``--import``."""
    modules = {type(space).__module__, getattr(space.build, "__module__", None)}
    return next((own for own in loaded() if own.module in modules), None)


def space_of_file(path: Path, facts: Mapping[str, Any]) -> Space:
    """The space that a file names; files of earlier versions, which name none, are of one space.

    Raises:
        DataError: it is not known here.
    """
    key = facts.get("space")
    try:
        return space_of(None if key is None else parse_key(key))
    except (InputError, AttributeError) as error:  # AttributeError: no text
        shown = f"one of {printable(key)[:_SHOWN]}" if isinstance(key, str) else reason(error)
        raise DataError(
            str(path),
            expected=f"a table of a space that is known here: {', '.join(SPACES)}",
            got=Verbatim(shown),
            remedy="a space of your own is brought by --import FILE, in Python by importing that file",
        ) from None


def check_numbers(path: Path, facts: Mapping[str, Any], space: Space) -> None:
    """Before numbers of the space's own order are read, see that this is the order in which they were written.

    Raises:
        DataError: the space has other genes now.
    """
    if facts.get("fingerprint", space.fingerprint) != space.fingerprint:
        raise _changed(path, space, "the order in which architectures are numbered may be another")


def check_unchanged(path: Path, facts: Mapping[str, Any], table: Table) -> None:
    """Say that the space or its file has changed.

    Raises:
        DataError: the genes of the space no longer read the architectures.
    """
    space = table.space
    if facts.get("fingerprint", space.fingerprint) != space.fingerprint:
        _check_readable(path, table)
        _note(path, f"space {space.name} has other genes or choices", "its architectures still read")
        return
    written, now = facts.get("space_file"), _file_of(space)
    if isinstance(written, Mapping) and now is not None and written.get("hash") != now.hash:
        _note(path, f"{now.name}, the file of space {space.name}, has another content", "its genes are the same")


def _check_readable(path: Path, table: Table) -> None:
    space = table.space
    try:
        for text in table.texts:
            if (found := space.parse(text).text) != text:
                raise InputError("architecture", expected=text, got=found)
    except InputError as error:
        raise _changed(path, space, str(error)) from None


def _changed(path: Path, space: Space, why: str) -> DataError:
    return DataError(
        str(path),
        expected=f"space {space.name} as it was when the table was written",
        got=Verbatim(f"a space of this name with other genes: {why}"),
        remedy="give the earlier file of the space with --import, or name the changed space differently",
    )


def _note(path: Path, what: str, but: str) -> None:
    logging.getLogger("robnas").warning("%s: %s than when this table was written; %s", path, what, but)

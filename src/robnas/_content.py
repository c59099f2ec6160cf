"""Hashes of what a file says, not of its bytes: a damaged file is found, one that was only packed again is not."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.errors import DataError, InputError, Verbatim

CONTENT = "content"
"""Key of the hash in a JSON object."""


def digest(kind: str, facts: object, arrays: Iterable[npt.NDArray[Any]] = ()) -> str:
    """64 hexadecimal digits that change with every fact, and with the type, shape and every number of an array.

    They depend neither on the order of keys nor on that of bytes, and every nan counts the same.

    Args:
        kind: of the file, with the version of its format.
        facts: what JSON can hold.
        arrays: of numbers.
    """
    found = hashlib.sha256(f"{kind}\n{_canonical(facts)}\n".encode())
    for array in arrays:
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        if plain.dtype.kind == "f" and (missing := np.isnan(plain)).any():
            plain = np.where(missing, plain.dtype.type(np.nan), plain)
        found.update(f"{plain.dtype.str} {plain.shape}\n".encode())
        found.update(plain.data if plain.size else b"")
    return found.hexdigest()


def _canonical(facts: object) -> str:
    """As it will be read back, where every key is a text."""
    return json.dumps(json.loads(json.dumps(facts)), sort_keys=True, separators=(",", ":"))


def seal(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts and the hash of all of them, for JSON; `unseal` checks it."""
    plain = _without_hash(facts)
    return {**plain, CONTENT: digest(kind, plain)}


def unseal(path: Path, kind: str, facts: Mapping[str, Any], remedy: str) -> dict[str, Any]:
    """The facts of `seal`.

    Raises:
        DataError: they are no longer what was written.
    """
    plain = _without_hash(facts)
    check_content(path, facts[CONTENT], digest(kind, plain), remedy)
    return plain


def _without_hash(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != CONTENT}


def check_content(path: Path, written: object, found: str, remedy: str, error: type[InputError] = DataError) -> None:
    """Raise `error` unless the file holds what was written, as the hash in it says."""
    if written != found:
        raise error(
            str(path),
            expected="the content that was written",
            got=Verbatim("other content: the file is damaged"),
            remedy=remedy,
        )


def note_unverified(path: Path) -> None:
    """Say that a file of an earlier version was read, which has no hash by which damage would be seen."""
    logging.getLogger("robnas").warning("%s: unverified: %s", path, UNVERIFIED)


UNVERIFIED = "written by an earlier version, without a hash of its content"

"""Names that columns had once: a table's provenance says which, and why they were wrong."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any


def old_names(provenance: Any) -> dict[str, tuple[str, str]]:
    """The present name and the reason, by the old name, of a table and of those that were joined with it.

    Provenance has them as ``renamed``, a mapping, and ``renamed_because``, a text.
    """
    if not isinstance(provenance, Mapping):
        return {}
    found: dict[str, tuple[str, str]] = {}
    renamed, because = provenance.get("renamed"), provenance.get("renamed_because", "")
    if isinstance(renamed, Mapping):
        found |= {old: (new, str(because)) for old, new in renamed.items() if isinstance(new, str)}
    for inner in provenance.values():
        found = old_names(inner) | found
    return found


def warn_renamed(what: str, old: str, new: str, because: str) -> None:
    """Say that a column was asked for by an old name, once in a process unless the filters of warnings differ."""
    text = f"{what}, {old}: this is {new}{f'; {because}' if because else ''}"
    warnings.warn_explicit(text, UserWarning, __file__, 1, registry=_said)


_said: dict[str | tuple[str, type[Warning], int], int] = {}

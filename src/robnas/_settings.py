"""Frozen dataclasses of settings as plain dictionaries and as short hashes of their content."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from robnas._registry import Registry
from robnas.errors import unknown_name
from robnas.types import Metric, ThreatModel

ABSENT_IF_EMPTY = {"absent if empty": True}
"""Metadata of a field that came later: while it is empty, settings and their hashes are what they were without it."""
ABSENT_IF_DEFAULT = {"absent if default": True}
"""The same of a field whose default is not empty."""


def to_dict(settings: Any) -> dict[str, Any]:
    """Fields by name; threat models and other dataclasses inside become dictionaries too."""
    return {
        field.name: _plain(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if not (field.metadata == ABSENT_IF_EMPTY and getattr(settings, field.name) == "")
        and not (field.metadata == ABSENT_IF_DEFAULT and getattr(settings, field.name) == field.default)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, ThreatModel):
        return {"norm": value.norm, "epsilon": settled_epsilon(value.epsilon)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    return list(value) if isinstance(value, tuple) else value


def settled_epsilon(epsilon: float) -> str:
    """The text of a distance in settings: the one that hashes of stored results rest on, whatever keys of metrics say.

    ``"8/255"`` for whole grey levels, else a decimal.
    """
    levels = round(epsilon * 255)
    return f"{levels}/255" if levels / 255 == epsilon and levels % 255 else repr(float(epsilon)).removesuffix(".0")


def settled_metric(key: str) -> str:
    """The key of a metric as it stands in hashes, and in the rows of earlier versions, see `settled_epsilon`."""
    metric = Metric.parse(key)
    return key if metric.threat is None else f"{key.partition('@')[0]}@{settled_epsilon(metric.threat.epsilon)}"


def content_hash(value: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change with any entry and do not depend on their order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recipe_hash(settings: Mapping[str, Any]) -> str:
    """Of the plain values of a recipe; the name has no part in it."""
    ignored = {"name"} | ({"precision"} if settings.get("precision") == "float32" else set())  # all there once was
    return content_hash({key: value for key, value in settings.items() if key not in ignored})


def check_keys(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `InputError` at the first unknown key, with the closest known one as remedy."""
    names = known if isinstance(known, Registry) else list(known)
    for key in given:
        if key not in names:
            raise unknown_name(what, key, names, own=isinstance(known, Registry))

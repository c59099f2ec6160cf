"""Values that print in one line, however much they hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence, Set
from typing import Any

from robnas.errors import shorten

_FEW = 4  # entries that are shown
_LONGEST = 300


def brief(value: Any) -> str:
    """``Name(field=…, …)`` of a dataclass: arrays as type and shape, long lists by their beginning and length."""
    fields = [field.name for field in dataclasses.fields(value) if field.repr]
    text = f"{type(value).__name__}({', '.join(f'{name}={_show(getattr(value, name))}' for name in fields)})"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…)"


def _show(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"<{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}>"
    if isinstance(value, Mapping):
        shown = [f"{shorten(key)}: {_show(value[key])}" for key in list(value)[:_FEW]]
        return _listed("{", shown, len(value), "}")
    if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes | bytearray):
        opening, closing = "()" if isinstance(value, tuple) else "[]"
        return _listed(opening, [_show(one) for one in list(value)[:_FEW]], len(value), closing)
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and type(value).__repr__ is brief:
        return f"{type(value).__name__}(…)"
    return shorten(value)


def _listed(opening: str, shown: list[str], count: int, closing: str) -> str:
    more = [f"… {count:,} in all"] if count > len(shown) else []
    return opening + ", ".join(shown + more) + closing

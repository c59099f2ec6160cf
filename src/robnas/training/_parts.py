"""Parts of a recipe that have settings of their own: objects, their plain values, and back.

A part is a frozen dataclass with a `name` (a class attribute), under which its class stands in a registry. As plain
values it is ``{"name": "adamw", "lr": 0.001, …}``.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from robnas._registry import Registry
from robnas._settings import check_keys, to_dict
from robnas.errors import InputError, Verbatim
from robnas.types import ThreatModel, check_count, check_range, parse_epsilon


def parts_with(*needed: str) -> Callable[[str, Any], None]:
    """What checks a class before it is registered: a frozen dataclass that has a name and all that is `needed`."""

    def check(what: str, kind: Any) -> None:
        frozen = dataclasses.is_dataclass(kind) and getattr(kind, "__dataclass_params__").frozen  # noqa: B009
        if not frozen or not isinstance(getattr(kind, "name", None), str):
            raise InputError(what, expected="a frozen dataclass with a class attribute name", got=kind)
        fields = kind.__dataclass_fields__
        if missing := [one for one in needed if one not in fields and not hasattr(kind, one)]:
            raise InputError(what, expected=f"a class with {', '.join(needed)}", got=Verbatim(f"no {missing[0]}"))

    return check


def part_to_dict(part: Any) -> dict[str, Any]:
    """Name and settings as plain values; `read_part` reads them back."""
    return {"name": part.name, **to_dict(part)}


def read_part(what: str, given: Any, kinds: Registry[Any], before: Any = None) -> Any:
    """A part of a recipe from whatever people write.

    Args:
        what: the part is called, in errors, such as ``recipe optimizer``.
        given: the object; a name; or plain values. Those without a name, or with that of `before`, change some
            settings of `before`; those with another name have the defaults of that class for the rest.
        kinds: name → class.
        before: what stands there so far.

    Raises:
        InputError: an unknown name or setting, a setting of another type, out of range, or missing.
    """
    if isinstance(given, str):
        given = {"name": given}
    if isinstance(given, Mapping):
        return _from_values(what, given, kinds, before)
    name = getattr(given, "name", None)
    if isinstance(given, type) or not isinstance(name, str) or dict.get(kinds, name) is not type(given):
        raise InputError(
            what,
            expected=f"one of {', '.join(kinds.names())}, by name or as an object",
            got=given,
            remedy="register the class of your own first" if dataclasses.is_dataclass(given) else "",
        )
    try:
        json.dumps(part_to_dict(given), allow_nan=False)
    except (TypeError, ValueError):
        raise InputError(what, expected="finite numbers, texts, or lists of them as settings", got=given) from None
    return _normal(what, given)


def _normal(what: str, given: Any) -> Any:
    """An object as its plain values are read back: of a float, 1 and 1.0 are one setting and have one hash."""
    hints = _hints(type(given))
    found = {field.name: getattr(given, field.name) for field in dataclasses.fields(given) if field.init}
    read = {key: _checked(f"{what} {key}", value, hints.get(key, Any)) for key, value in found.items()}
    same = all(type(read[key]) is type(found[key]) for key in found)
    return given if same else dataclasses.replace(given, **read)


def _from_values(what: str, given: Mapping[str, Any], kinds: Registry[Any], before: Any) -> Any:
    name = given.get("name", getattr(before, "name", None))
    if name is None:
        raise InputError(what, expected=f"a name, one of {', '.join(kinds.names())}", got=Verbatim("none"))
    check_keys(what, [name], kinds)
    kind = kinds[name]
    fields = [field.name for field in dataclasses.fields(kind) if field.init]
    settings = {key: value for key, value in given.items() if key != "name"}
    if settings and not fields:
        raise InputError(f"{what} {name}", expected="no settings, as it has none", got=Verbatim(next(iter(settings))))
    check_keys(f"{what} {name} setting", settings, fields)
    hints = _hints(kind)
    settings = {key: _checked(f"{what} {key}", value, hints.get(key, Any)) for key, value in settings.items()}
    if type(before) is kind:
        return read_part(what, dataclasses.replace(before, **settings) if settings else before, kinds)
    needed = [field.name for field in dataclasses.fields(kind) if field.init and _has_no_default(field)]
    if missing := [key for key in needed if key not in settings]:
        raise InputError(f"{what} {name}", expected=f"an entry {missing[0]}", got=Verbatim("none"))
    return read_part(what, kind(**settings), kinds)


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _hints(kind: type) -> dict[str, Any]:
    try:
        return get_type_hints(kind)
    except Exception:  # names that only a type checker sees: such a class checks its settings itself
        return {}


def _checked(what: str, value: Any, hint: Any) -> Any:
    """A plain value as a field of that type takes it; types other than the plain ones are left to the class."""
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [one for one in get_args(hint) if one is not type(None)]
        return value if value is None or len(kinds) > 1 else _checked(what, value, kinds[0])
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise InputError(what, expected="a list", got=value)
        return tuple(_checked(f"{what} {place}", one, get_args(hint)[0]) for place, one in enumerate(value, start=1))
    if hint is float:
        if isinstance(value, str) and "/" in value:
            return parse_epsilon(value, what)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(what, expected="a number", got=value)
        try:
            return float(value)
        except OverflowError:
            raise InputError(what, expected="a finite number", got=value) from None
    if hint is int:
        return check_count(what, value, -(2**63))
    if (hint is bool or hint is str) and not isinstance(value, hint):
        raise InputError(what, expected="true or false" if hint is bool else "a text", got=value)
    if hint is ThreatModel and not isinstance(value, ThreatModel):
        if not isinstance(value, Mapping) or set(value) != {"norm", "epsilon"}:
            raise InputError(what, expected='a norm and an epsilon, such as "8/255"', got=value)
        return ThreatModel(value["norm"], parse_epsilon(value["epsilon"]))
    return value


def set_numbers(what: str, part: Any, **ranges: tuple[float, float]) -> None:
    """Check settings that are numbers, and make them floats: 1 and 1.0 are one setting and have one hash.

    Args:
        what: the part is called, in errors.
        part: a frozen dataclass, in its `__post_init__`.
        ranges: field → least and largest value.

    Raises:
        InputError: no number, or one outside its range.
    """
    for field, (low, high) in ranges.items():
        value = getattr(part, field)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise InputError(f"{what} {field}", expected="a number", got=value)
        check_range(f"{what} {field}", value, low, high)
        object.__setattr__(part, field, float(value))

"""Every space by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robnas._registry import Registry
from robnas.errors import InputError, Verbatim
from robnas.spaces._modules import MODULES
from robnas.spaces._space import Space
from robnas.spaces._theory import TheorySpace
from robnas.spaces._wide_resnet import wide_resnet
from robnas.spaces.nas_bench_201 import NASBench201

_USUAL = NASBench201().name  # that of whatever names none
_OF_PLANS = ("name", "kind", "partition", "partition_version", "count", "seed", "architectures")


def _check_settings(name: str, space: Space) -> None:
    """Refuse settings that files could not tell from something else, or not read back."""
    if name == MODULES.name:
        raise InputError("space name", expected="another, as this is that of networks of no space", got=name)
    for setting in space.settings:
        if not isinstance(setting, str) or not setting.isidentifier() or setting in _OF_PLANS:
            expected = f"an identifier other than {', '.join(_OF_PLANS)}, which [space] of a plan has"
            raise InputError(f"setting of space {name}", expected=expected, got=setting)
    try:
        facts = parse_key(space.key)
        back = configured(space, {setting: value for setting, value in facts.items() if setting != "name"})
    except InputError:
        back = None
    if back != space:
        expected = "numbers, truth values or words, which read back from its key"
        raise InputError(f"settings of space {name}", expected=expected, got=space.key)


SPACES: Registry[Space] = Registry(
    "space",
    {space.name: space for space in (NASBench201(), TheorySpace(), wide_resnet())},
    Space,
    _check_settings,
    own_name=True,
)
"""Search spaces by name, with their usual settings; ``SPACES[space.name] = space`` adds one."""


def space_of(facts: Mapping[str, Any] | str | None) -> Space:
    """The space that a file or a person names: a name, or a mapping of `Space.to_dict`; ``nas-bench-201`` if None.

    Raises:
        InputError: there is no such space here, which says how to bring it; or it has no such settings.
    """
    if facts is None:
        return SPACES[_USUAL]
    values = {"name": facts} if isinstance(facts, str) else dict(facts)
    name = values.pop("name", _USUAL)
    if name == MODULES.name:
        return configured(MODULES, values)
    if not isinstance(name, str) or name not in SPACES:
        raise InputError(
            "space",
            expected=f"one of {', '.join(SPACES)}",
            got=name,
            remedy="a space of your own is brought by --import FILE, or imports = [FILE] in a plan",
        )
    return configured(SPACES[name], values)


def configured(space: Space, settings: Mapping[str, Any]) -> Space:
    """A space with settings that are texts where `parse_key` cannot tell what they are: each becomes of its kind.

    Raises:
        InputError: it has no such settings.
    """
    if not settings:
        return space
    usual = space.settings
    return space.configure(**{name: _alike(value, usual.get(name)) for name, value in settings.items()})


def _alike(value: Any, usual: Any) -> Any:
    """A text, or whole number, of a key as the kind of value that stands there now; as it is where it is none."""
    if isinstance(usual, str):
        return value if isinstance(value, str) else str(value)
    if isinstance(usual, bool) or usual is None:
        return {"True": True, "False": False, "true": True, "false": False, "None": None}.get(str(value), value)
    if not isinstance(usual, int | float) or isinstance(value, bool) or not isinstance(value, str | int):
        return value
    try:
        return type(usual)(value)
    except (ValueError, OverflowError):
        return value


def parse_key(key: str) -> dict[str, Any]:
    """Name and settings of `Space.key`, as texts and whole numbers."""
    name, _, written = key.partition(":")
    pairs = [entry.partition("=") for entry in written.split(",")] if written else []
    names = ["name", *(setting for setting, _, _ in pairs)]
    if any(not separator for _, separator, _ in pairs) or len(set(names)) < len(names):
        raise InputError("space", expected="a name, or name:setting=value,…", got=Verbatim(key))
    return {"name": name} | {name_: int(value) if value.isdecimal() else value for name_, _, value in pairs}

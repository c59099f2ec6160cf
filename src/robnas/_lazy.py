"""Public names that are imported when first used, so that `import robnas` stays light, and the list of all of them."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any


def attach(
    package: str, names: Mapping[str, str], former: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose public names live in the modules that `names` gives.

    Those of `former` are in other rooms now; each says where.
    """

    def getattribute(name: str) -> Any:
        if former and name in former:
            return _told(package, former[name], name)
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(names[name])
        value = module if names[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return getattribute, listing(package, names)


def moved(former: str, *rooms: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of the `former` name of `rooms`: their public names; each says where it is."""

    def getattribute(name: str) -> Any:
        for room in [] if name.startswith("_") else rooms:
            if name in dir(importlib.import_module(room)):
                return _told(former, room, name)
        raise AttributeError(f"module {former!r}, now {' and '.join(rooms)}, has no attribute {name!r}")

    def directory() -> list[str]:
        return sorted({name for room in rooms for name in dir(importlib.import_module(room))})

    return getattribute, directory


def _told(former: str, room: str, name: str) -> Any:
    """A public name of a room for somebody who asks the `former` one."""
    warnings.warn(f"{former}.{name} is now {room}.{name}", DeprecationWarning, stacklevel=3)
    return getattr(importlib.import_module(room), name)


def listing(module: str, lazy: Collection[str] = ()) -> Callable[[], list[str]]:
    """``__dir__`` of a module: its public names, those of `lazy` among them; no private ones, no tools it uses."""

    def directory() -> list[str]:
        there = vars(sys.modules[module])
        return sorted({*lazy, *(name for name, value in there.items() if _is_public(name, value))})

    return directory


def _is_public(name: str, value: Any) -> bool:
    if name.startswith("_") or name == "TYPE_CHECKING" or isinstance(value, ModuleType):
        return False
    home = getattr(value, "__module__", None) or "robnas"
    from_elsewhere = home.partition(".")[0] != "robnas"
    return not (from_elsewhere and getattr(sys.modules.get(home), name, None) is value)

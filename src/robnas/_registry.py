"""Dictionaries of what has a name and may be added to: attacks, proxies, algorithms, spaces and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar, final, overload

from robnas.errors import InputError, Verbatim, reason, shorten, unknown_name

GROUP = "robnas"
"""Entry points of installed packages in this group are modules that register what they add."""
_T = TypeVar("_T")
_NONE: Final[Any] = object()
_changes: list[_Import] = []  # the imports under way, the innermost last
_discovered = False


@final
class Registry(dict[str, _T]):
    """A dictionary from names to values of one kind, which refuses to replace one by accident.

    Reading is a dictionary's; a name that is not there is looked for in installed packages (entry point group
    ``robnas``) before it is an error. Copies and pickles are plain dictionaries.

    Args:
        what: a value is called, in errors.
        values: those that come with robnas.
        kind: each value is an instance of it.
        check: raises `InputError` at a name or value that will not do.
        own_name: each value's attribute `name` is its key.
    """

    def __init__(
        self,
        what: str,
        values: Mapping[str, _T],
        kind: Any = object,
        check: Callable[[str, Any], object] | None = None,
        *,
        own_name: bool = False,
    ) -> None:
        self.what, self._kind, self._check, self._own_name = what, kind, check, own_name
        self._origins: dict[str, str] = {}
        super().__init__(values)

    def __missing__(self, name: str) -> _T:
        if discover() and dict.__contains__(self, name):
            return self[name]
        raise unknown_name(self.what, name, self, own=True)

    def __contains__(self, name: object) -> bool:
        try:
            return dict.__contains__(self, name) or (discover() and dict.__contains__(self, name))
        except TypeError:  # a list or another value that is no key
            return False

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name, or `default`."""
        return dict.get(self, name, default) if name in self else default

    def names(self) -> list[str]:
        """All names, those of installed packages too."""
        discover()
        return list(self)

    def origin(self, name: str) -> str | None:
        """The imported file or installed package that brought a value; None if that was neither."""
        return self._origins.get(name)

    def __setitem__(self, name: str, value: _T) -> None:
        self.register(name, value)

    @overload
    def register(self, name: str, value: _T, *, overwrite: bool = False) -> _T: ...

    @overload
    def register(self, name: str, *, overwrite: bool = False) -> Callable[[_T], _T]: ...

    def register(self, name: str, value: Any = _NONE, *, overwrite: bool = False) -> Any:
        """Give `value` a name, and return it; without a value, a decorator that does so.

        Raises:
            InputError: the name is taken, or none; or the value is of another kind.
        """
        if value is _NONE:
            return lambda found: self.register(name, found, overwrite=overwrite)
        if not isinstance(name, str) or not name or not name.isprintable() or any(mark in name for mark in " ,="):
            raise InputError(f"{self.what} name", expected="letters and digits, no space, comma or =", got=name)
        if not isinstance(value, self._kind):
            kind = getattr(self._kind, "__name__", str(self._kind)).lower()
            raise InputError(f"{self.what} {shorten(name)}", expected=f"a {kind}", got=value)
        if self._check is not None:
            self._check(name, value)
        if self._own_name and value.name != name:
            raise InputError(f"{self.what} name", expected=f"its own, {value.name}", got=name)
        before = dict.get(self, name, _NONE)
        if before is not _NONE and not overwrite:
            raise InputError(
                f"{self.what} name",
                expected="one that is free",
                got=name,
                remedy="choose another, or replace it with register(name, value, overwrite=True)",
            )
        self._note(name, before)
        super().__setitem__(name, value)
        return value

    def update(self, *others: Any, **named: Any) -> None:
        """As `register` for each."""
        for name, value in dict(*others, **named).items():
            self.register(name, value)

    def __ior__(self, others: Any) -> Registry[_T]:  # type: ignore[override,misc]
        self.update(others)
        return self

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The value of a name, which is registered if it is free."""
        return self[name] if name in self else self.register(name, default)

    def __delitem__(self, name: str) -> None:
        self._note(name, self[name])
        super().__delitem__(name)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def _note(self, name: str, before: Any) -> None:
        origin = self._origins.pop(name, None)
        if _changes:
            _changes[-1].undo.append(lambda: self._restore(name, before, origin))
            if _changes[-1].origin is not None:
                self._origins[name] = _changes[-1].origin

    def _restore(self, name: str, before: Any, origin: str | None) -> None:
        self._origins.pop(name, None)
        if origin is not None:
            self._origins[name] = origin
        if before is _NONE:
            dict.pop(self, name, None)
        else:
            super().__setitem__(name, before)


@final
class _Import:
    """An import under way: who registers, and how to undo what was registered, the latest last."""

    def __init__(self, origin: str | None) -> None:
        self.origin = origin
        self.undo: list[Callable[[], None]] = []


@contextmanager
def all_or_nothing(origin: str | None = None) -> Iterator[None]:
    """What is registered inside is undone if something is raised; `origin` is who registers, see `Registry.origin`."""
    changes = _Import(origin)
    _changes.append(changes)
    try:
        yield
    except BaseException:
        for undo in reversed(changes.undo):
            undo()
        raise
    finally:
        _changes.remove(changes)


def discover() -> bool:
    """Import what installed packages add, once per process; whether that was now.

    A package that cannot be imported is left out, and a line says so.
    """
    global _discovered
    if _discovered:
        return False
    _discovered = True
    import logging
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        try:
            with all_or_nothing(_owner(point)):
                point.load()
        except (Exception, SystemExit) as error:
            text = Verbatim(error) if isinstance(error, InputError) else reason(error)  # type: ignore[arg-type]
            logging.getLogger("robnas").warning("left out %s (entry point of %s): %s", point.value, _owner(point), text)
    return True


def _owner(point: Any) -> str:
    return str(getattr(point.dist, "name", "an installed package"))

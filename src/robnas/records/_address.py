"""Where a store is: one reading of paths and URLs for all commands, so that they mean the same file everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final
from urllib.parse import parse_qsl, unquote

from robnas.errors import DataError, StoreError, Verbatim

_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_MAGIC = b"SQLite format 3\0"
_DRIVERS = {  # scheme of a URL → that of SQLAlchemy
    "sqlite": "sqlite", "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg",
}  # fmt: skip
_FOR_PYTHON = {"timeout": float, "cached_statements": int, "check_same_thread": bool}
_LARGEST = 1e6  # of a number among the options
FOR_SQLITE = {  # option of an SQLite URI → its values
    "mode": "ro|rw|rwc", "cache": "shared|private", "immutable": r"\w*", "nolock": r"\w*", "psow": r"\w*",
}  # fmt: skip
_USER = r"(?:(?P<username>[^:/@?]*)(?::(?P<password>{password}*))?@)?"
_PLACE = (
    r"(?:\[(?P<ipv6>[^\]/?@]+)\]|(?P<host>[^:/?@\[]*))(?::(?P<port>\d+))?(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?"
)
# a password with a sign that should be written as %40, %2F … is taken where nothing else fits
_SERVER = tuple(re.compile(_USER.format(password=kind) + _PLACE, re.DOTALL) for kind in ("[^@/?]", "[^@]"))
_EXAMPLE = "give a URL such as sqlite:///runs.db or postgresql://user@host/name, or a file ending in .db"


@final
@dataclass(frozen=True)
class StoreAddress:
    """Of an SQLite file or a PostgreSQL database."""

    shown: str
    """The URL as messages may show it: without password and options."""
    driver: str
    """As SQLAlchemy calls it."""
    path: Path | None = None
    """Of an SQLite file."""
    server: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Of PostgreSQL: username, password, host, port, database."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What stands behind the question mark of the URL."""

    @classmethod
    def parse(cls, given: str | Path | StoreAddress) -> StoreAddress:
        """The address of a URL, whose ``%20`` is a space, or of a path, which is taken as it is.

        Raises:
            StoreError: it is neither, or that of another kind of database, or of one that is lost with the process.
        """
        if isinstance(given, StoreAddress):
            return given
        text = str(given)
        if given == text and (text.startswith("file:") or text == ":memory:"):
            text = f"sqlite:///{text}"
        scheme, separator, rest = text.partition("://")
        if not separator:
            return _of_path(given)
        driver = _DRIVERS.get(scheme.lower())
        if driver is None:
            named = scheme if re.fullmatch(r"[\w+.-]{1,40}", scheme) else "…"
            raise StoreError(
                f"store {named}://…",
                expected="a database of records on SQLite (sqlite) or PostgreSQL (postgresql+psycopg)",
                got=Verbatim(named),
                remedy=_EXAMPLE,
            )
        return _of_sqlite(rest) if driver == "sqlite" else _of_server(driver, rest)

    @property
    def name(self) -> str:
        """What its table is called."""
        return "records" if self.path is None else self.path.stem

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may contain."""
        values = [value for key, value in self.options.items() if "pass" in key.lower()]
        return tuple(str(value) for value in (self.server.get("password"), *values) if value)

    def exists(self) -> bool:
        """False for an SQLite file that is not there; opening it would make one."""
        return self.path is None or _is_file(self.path)

    def check_exists(self, what: str = "a store of records") -> StoreAddress:
        """This address.

        Raises:
            DataError: it is that of a file that is not there.
        """
        if not self.exists():
            raise DataError(str(self.path), expected=what, got=Verbatim("nothing"), remedy="check the URL or name")
        return self


def is_store(given: str | Path) -> bool:
    """Whether this names a store: a URL, an SQLite file, or what would be one."""
    if isinstance(given, str) and ("://" in given or given.startswith("file:") or given == ":memory:"):
        return True
    return _is_sqlite(_local(given))


def _is_sqlite(path: Path) -> bool:
    try:
        if _is_file(path) and path.stat().st_size:
            with path.open("rb") as stream:
                return stream.read(len(_MAGIC)) == _MAGIC
    except OSError:  # cannot be read: opening it says why
        pass
    return path.suffix in _SUFFIXES


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _local(given: str | Path) -> Path:
    """A path in which a leading ``~`` is the folder of the user."""
    path = Path(given)
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such user
        return path


def _of_path(given: str | Path) -> StoreAddress:
    path, text = _local(given), str(given)
    server = re.match(r"[^/]+:[^/]*@", text)  # user and password
    if not server and text.partition(":")[0] not in _DRIVERS and (_is_sqlite(path) or _is_file(path)):
        return _of_file(path, {})
    raise StoreError(
        "store",
        expected="a database of records as a URL, or as a file ending in .db, .sqlite or .sqlite3",
        got=Verbatim("…") if "@" in text else text,
        remedy=_EXAMPLE,
    )


def _of_sqlite(rest: str) -> StoreAddress:
    if rest and not rest.startswith("/"):
        raise _malformed("sqlite", _EXAMPLE if "@" in rest else f"did you mean sqlite:///{rest}?")
    name, _, query = rest.removeprefix("/").partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if name.startswith("file:"):  # as SQLite reads it
        name = name.removeprefix("file:").partition("#")[0]
        if name.startswith("//"):
            name = name.removeprefix("//").removeprefix("localhost")
    name = unquote(name, errors="surrogateescape")
    if name in ("", ":memory:") or options.get("mode") == "memory" or "vfs" in options:
        raise StoreError(
            "store sqlite://",
            expected="the name of a file",
            got=Verbatim("none"),
            remedy="give a URL such as sqlite:///runs.db: what is kept in memory is lost",
        )
    options.pop("uri", None)
    return _of_file(_local(name), options)


def _of_file(path: Path, options: Mapping[str, str]) -> StoreAddress:
    marks = str(path).replace("%", "%25").replace("?", "%3F")
    shown = f"sqlite:///{marks.replace(':', '%3A', 1) if marks.startswith('file:') else marks}"
    if "\0" in shown:
        raise _malformed("sqlite", _EXAMPLE)
    checked: dict[str, Any] = {}
    for key, value in options.items():
        if key not in (*_FOR_PYTHON, *FOR_SQLITE):
            known = ", ".join((*_FOR_PYTHON, *FOR_SQLITE))
            raise StoreError(f"store {shown}", expected=f"an option among {known}", got=key)
        checked[key] = _option(shown, key, value)
    return StoreAddress(shown, "sqlite", path=path, options=checked)


def _option(shown: str, key: str, value: str) -> Any:
    """An option of an SQLite URL as its type."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    kind = _FOR_PYTHON.get(key, str)
    try:
        found = words[value.lower()] if kind is bool else kind(value)
        if not (re.fullmatch(FOR_SQLITE[key], value) if kind is str else 0 <= found <= _LARGEST):
            raise ValueError
    except (ValueError, KeyError):
        raise StoreError(f"store {shown}", expected=f"another value of the option {key}", got=value) from None
    return found


def _of_server(driver: str, rest: str) -> StoreAddress:
    found = next((match for pattern in _SERVER if (match := pattern.fullmatch(rest))), None)
    if found is None or int(found["port"] or 0) > 65535:
        raise _malformed(driver, "give a URL such as postgresql://user@host:5432/name")
    host = found["ipv6"] or found["host"]
    server: dict[str, Any] = {key: unquote(found[key]) for key in ("username", "password", "database") if found[key]}
    server |= {"host": unquote(host)} if host else {}
    server |= {"port": int(found["port"])} if found["port"] else {}
    options: dict[str, Any] = {}
    for key, value in parse_qsl(found["query"] or ""):
        options[key] = value if key not in options else (*_several(options[key]), value)
    place = f"[{host}]" if found["ipv6"] else host
    port, name = (found[key] or "" for key in ("port", "database"))
    shown = f"{driver}://{place}{port and ':'}{port}/{name if '=' not in name else '…'}"
    return StoreAddress(shown, driver, server=server, options=options)


def _several(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)


def _malformed(driver: str, remedy: str) -> StoreError:
    """Without the text, which may hold a password."""
    return StoreError(
        f"store {driver}://…",
        expected="a database of records with a URL that can be read",
        got=Verbatim("another"),
        remedy=remedy,
    )

"""Python files of one's own: imported once per process, by worker processes too, and known by their content.

A file registers what it adds: ``ATTACKS["mine"] = Mine``. Nothing is imported because a table, a store or a page names
it; a command is told by ``--import FILE``, a plan or search file by its entry ``imports``.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import pickle
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, final

from robnas._registry import all_or_nothing
from robnas.errors import InputError, Verbatim, printable, reason

_FACTS = {"file", "hash"}
_loaded: dict[str, OwnFile] = {}


@final
@dataclass(frozen=True)
class OwnFile:
    """A Python file as it was when it was read."""

    path: str
    """Absolute, on the machine that read it."""
    source: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Without the folder."""
        return Path(self.path).name

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that change with any byte."""
        return hashlib.sha256(self.source).hexdigest()[:16]

    @property
    def module(self) -> str:
        """Name under which it is imported; the same in all processes, and another for each path."""
        stem = re.sub(r"\W", "_", Path(self.path).stem)
        return f"robnas_own_{stem}_{hashlib.sha256(self.path.encode()).hexdigest()[:8]}"

    def load(self) -> None:
        """Import it, unless this process has done so.

        Raises:
            InputError: it cannot be imported; what it has registered until then is undone.
        """
        if self.path in _loaded:
            return
        module = ModuleType(self.module)
        module.__file__ = self.path
        sys.modules[self.module] = module  # before it runs, as dataclasses and pickles look for it there
        _loaded[self.path] = self
        try:
            with all_or_nothing(self.path), contextlib.redirect_stdout(sys.stderr):  # what commands answer stands alone
                exec(compile(self.source, self.path, "exec", dont_inherit=True), vars(module))  # noqa: S102
        except BaseException as error:
            del sys.modules[self.module], _loaded[self.path]
            if isinstance(error, (Exception, SystemExit)):
                raise self._failed(error) from error
            raise

    def _failed(self, error: BaseException) -> InputError:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.path]
        line = frames[-1].lineno if frames else getattr(error, "lineno", None)
        got = Verbatim(error) if isinstance(error, InputError) else reason(error)  # type: ignore[arg-type]
        return InputError(
            f"import of {self.path}" + (f", line {line}" if line else ""),
            expected="a Python file that can be imported",
            got=Verbatim(got),
            remedy="mend the file; nothing of it was registered",
        )


def load_file(path: str | Path, folder: Path | None = None) -> OwnFile:
    """Import a Python file, once per process.

    Args:
        path: of the file; the same one by another path is the same.
        folder: of which a relative path is; the present one if omitted.

    Raises:
        InputError: there is no such file, it is no Python file, or it cannot be imported.
    """
    what = f"import of {path}"
    if Path(path).suffix != ".py":
        raise InputError(what, expected="a Python file, whose name ends in .py", got=str(path))
    try:
        found = (Path() if folder is None else folder).joinpath(Path(path).expanduser()).resolve()
        own = OwnFile(str(found), found.read_bytes())
    except FileNotFoundError:
        remedy = "give the path of the file" + ("" if folder is None else f", relative to {folder}")
        raise InputError(what, expected="a Python file", got=Verbatim("no such file"), remedy=remedy) from None
    except IsADirectoryError:
        raise InputError(what, expected="a Python file", got=Verbatim("a folder")) from None
    except (OSError, ValueError, RuntimeError) as error:  # a null byte, a home of nobody
        raise InputError(what, expected="a Python file that can be read", got=reason(error)) from None
    if (before := _loaded.get(own.path)) is not None:
        if before.hash != own.hash:
            logging.getLogger("robnas").warning(
                "%s has changed since it was imported: this process goes on with what it was", printable(own.path)
            )
        return before
    own.load()
    return own


def loaded() -> tuple[OwnFile, ...]:
    """The files that this process has imported, in that order."""
    return tuple(_loaded.values())


def facts(files: Iterable[OwnFile] | None = None) -> list[dict[str, str]]:
    """Name and content of each file, for what depends on them; of all that were imported if omitted."""
    return [{"file": own.name, "hash": own.hash} for own in (loaded() if files is None else files)]


def load_entries(what: str, entries: Any, folder: Path) -> None:
    """Import what the entry `imports` of a plan or search file lists.

    Args:
        what: the entry is called, in errors.
        entries: paths of Python files.
        folder: of which they are relative.

    Raises:
        InputError: a wrong entry, or a file that cannot be imported.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise InputError(what, expected='a list of Python files, such as ["my_space.py"]', got=entries)
    for entry in entries:
        load_file(entry, folder)


def check_facts(what: str, entries: Any, error: type[InputError] = InputError) -> None:
    """Check that the files of `facts` have been imported; what a store or a folder says is never imported itself.

    Raises:
        InputError: one was not, or has another content, or these are no facts; or another `error`.
    """
    shape = isinstance(entries, list) and all(isinstance(one, Mapping) and set(one) == _FACTS for one in entries)
    if not shape:
        raise error(what, expected="names and contents of files of one's own", got=entries)
    for one in entries:
        same = [own for own in loaded() if own.name == one["file"]]
        if one["hash"] not in [own.hash for own in same]:
            raise error(
                what,
                expected=f"{one['file']} with the content {one['hash']}",
                got=Verbatim(f"content {same[0].hash}" if same else "not imported"),
                remedy="restore the file" if same else f"give it with --import {one['file']}",
            )


class Parcel:
    """A value on its way to another process, where it arrives as what it was once the same files are imported."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return _open, (loaded(), pickle.dumps(self._value))


def _open(files: tuple[OwnFile, ...], value: bytes) -> Any:
    for own in files:
        own.load()
    return pickle.loads(value)  # noqa: S301 (made by the process that sent it)

"""Files that are complete or absent, never half-written."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from robnas.errors import DataError, Verbatim, WriteError

_PREFIX, _SUFFIX = ".robnas-", ".part"
_LARGEST = 64 * 2**20  # bytes of a text that is read at all
_OLD = 24 * 3600  # seconds after which a room is left over, where a file system knows no locks


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    After an error, a full disk among them, what was at `path` before is still there.

    Raises:
        WriteError: the disk is full, or `path` cannot be written.
    """
    with saying(path), room(path.parent) as folder:
        part = folder / "new"
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(part, 0o644)
        os.replace(part, path)


def read_text(path: Path) -> str:
    """UTF-8 text, without the byte order mark with which spreadsheets and Windows editors begin it.

    Raises:
        DataError: there is more of it than anybody writes, or no end.
    """
    with path.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise DataError(str(path), expected=f"at most {_LARGEST:,} bytes of text", got=Verbatim("more"))
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read()  # which knows all ends of lines


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomically(path, lambda stream: stream.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(value, indent=1) + "\n")


@contextmanager
def saying(path: Path) -> Iterator[None]:
    """Errors of the operating system become a `WriteError` that names `path`."""
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(path, error) from error


def check_writable(path: Path, *, folder: bool = False) -> None:
    """Before long work, see whether its results can be written; nothing stays behind.

    Args:
        path: of a file, or of a folder that will hold some.
        folder: which of the two.

    Raises:
        WriteError: they cannot.
    """
    with saying(path):
        if path.exists() and path.is_dir() != folder:
            raise NotADirectoryError("a file is there") if folder else IsADirectoryError("a folder is there")
        place = path if folder else path.parent
        while not place.exists() and place != place.parent:
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            pass


@contextmanager
def room(parent: Path) -> Iterator[Path]:
    """A temporary folder inside `parent`, on the same disk, for what will be moved out of it when it is complete.

    It is locked as long as its process lives: what a killed one has left is removed by the next that needs a room here.
    """
    parent.mkdir(parents=True, exist_ok=True)
    _remove_left_over(parent)
    path, lock = _locked(parent)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _locked(parent: Path) -> tuple[Path, int]:
    """A new room and the lock on it."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=_SUFFIX, dir=parent))
        with contextlib.suppress(FileNotFoundError):  # another process took it for left over before it was locked
            lock = os.open(path, os.O_RDONLY)
            if _lock(lock) is not False and os.path.samestat(os.fstat(lock), path.stat()):
                return path, lock
            os.close(lock)


def _lock(handle: int) -> bool | None:
    """Whether the lock was free, and is ours now; None where a file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove_left_over(parent: Path) -> None:
    found = list[str]()
    with contextlib.suppress(PermissionError), os.scandir(parent) as entries:
        found += [entry.path for entry in entries if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)]
    for path in found:
        with contextlib.suppress(OSError):  # somebody else's, or just gone
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                free = _lock(handle)
                if free or (free is None and time.time() - os.fstat(handle).st_mtime > _OLD):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(handle)

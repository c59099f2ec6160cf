"""The site as a folder, which is complete or absent and takes the place of nothing but an earlier one."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from robnas._files import check_writable, room, saying
from robnas.errors import InputError, Verbatim, shorten
from robnas.explorer._pack import FORMAT
from robnas.explorer._site import HEADER, MANIFEST, Site, pages

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def check_export(folder: str | Path) -> Path:
    """See before long work whether a site can be written there; one whose exchange was interrupted is put back.

    Returns:
        The absolute path of the folder.

    Raises:
        InputError: the folder holds anything but an earlier site, or cannot be written.
    """
    target = Path(folder).absolute()
    with saying(target):
        _restore(target)
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            raise InputError("--export", expected="a folder, or nothing", got=str(target))
        if target.is_dir() and any(target.iterdir()):
            _check_replaceable(target)
        check_writable(target.parent, folder=True)
    return target


def write_site(site: Site, folder: str | Path) -> Path:
    """Write the site as a folder, which appears complete or not at all.

    Args:
        site: of `build_site`.
        folder: absent, empty, or an explorer that was written before, which is replaced.

    Raises:
        InputError: the folder holds anything else.
        WriteError: the disk is full, or the folder cannot be written.
    """
    target = check_export(folder)
    with saying(target), room(target.parent) as place:
        fresh = place / "new"
        for name, content in site.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        fresh.chmod(0o755)
        if not target.exists():
            os.replace(fresh, target)
        elif not _exchange(fresh, target):
            _replace(fresh, target)
    return target


def _exchange(first: Path, second: Path) -> bool:
    """Let two folders change places in one step; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0:
        return True
    if (number := ctypes.get_errno()) in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number))


def _replace(fresh: Path, target: Path) -> None:
    """The same in two steps; `_restore` mends what a kill between them leaves."""
    old = _old(target)
    os.replace(target, old)
    try:
        os.replace(fresh, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.robnas-old")


def _restore(target: Path) -> None:
    old = _old(target)
    if not old.is_dir():
        return
    if target.exists():
        shutil.rmtree(old)
    else:
        os.replace(old, target)


def _check_replaceable(target: Path) -> None:
    """Raise `InputError` unless nothing but the files of an earlier site would be lost."""
    known = _files_of(target)
    if known is None:
        raise InputError(
            "--export", expected="an empty folder, or one that it wrote before", got=str(target), remedy="name another"
        )
    if other := next(_others(target, known), None):
        raise InputError(
            "--export",
            expected="an earlier export with nothing else in it",
            got=Verbatim(f"{shorten(other)} in {shorten(str(target))}"),
            remedy="move it, or name another folder",
        )


def _files_of(target: Path) -> set[str] | None:
    """The files that belong to an earlier site; None if the folder is none."""
    try:
        header = _read(target / HEADER)
        if header["format"] != FORMAT:
            return None
        if header["version"] == 1:  # without a manifest
            parts = [header["space"], *header["tables"], *header["scores"], header["searches"] or {}]
            data = {str(part["file"]) for part in parts if "file" in part}
            return {HEADER, *data, *dict(pages())}
        return {MANIFEST, *_read(target / MANIFEST)["files"].keys()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _read(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _others(target: Path, known: Set[str]) -> Iterator[str]:
    """What is in the folder besides the known files and the folders that hold them; first what lies on top."""
    folders = {parent.as_posix() for name in known for parent in Path(name).parents}
    for place, inside, files in os.walk(target):
        within = Path(place).relative_to(target)
        for name in sorted((*inside, *files)):
            path = (within / name).as_posix()
            plain = not (target / path).is_symlink()
            if not (plain and path in (folders if name in inside else known)):
                yield path

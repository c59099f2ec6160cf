"""Where data lives, and how it gets there: download, verify, extract; nothing half-written stays."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any

from robnas.errors import DataError, Verbatim
from robnas.types import Progress, silent


def data_directory(given: str | Path | None = None) -> Path:
    """`given`, else ``$ROBNAS_DATA``, else ``robnas`` in the user's cache folder."""
    if given is not None:
        return Path(given).expanduser()
    if configured := os.environ.get("ROBNAS_DATA"):
        return Path(configured).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "robnas"


def check_md5(path: Path, md5: str) -> None:
    """Raise `DataError` unless the file has this checksum."""
    with path.open("rb") as stream:
        got = hashlib.file_digest(stream, "md5").hexdigest()
    if got != md5:
        raise DataError(
            str(path),
            expected=f"MD5 {md5}",
            got=Verbatim(got),
            remedy="delete the file and download it again",
        )


class _Meter:
    """What pooch expects of a progress bar, told on to a `Progress`."""

    def __init__(self, text: str, progress: Progress) -> None:
        self.total, self._done, self._text, self._progress = 0, 0, text, progress

    def update(self, count: int) -> None:
        self._done += count
        self._progress(self._done, max(self.total, self._done), self._text)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        self._progress(self.total, self.total, self._text)

    def __enter__(self) -> _Meter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def download(url: str, md5: str, target: Path, progress: Progress = silent) -> None:
    """Fetch `url` to `target` and verify it; the target appears complete or not at all.

    Raises:
        DataError: there is no connection, or the checksum is wrong.
    """
    import pooch
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")
    meter: Any = _Meter(f"download {target.name}", progress)
    try:
        pooch.retrieve(
            url,
            known_hash=f"md5:{md5}",
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(progressbar=meter, timeout=30),
        )
    except (RequestException, ValueError, OSError) as error:
        wrong_hash = isinstance(error, ValueError) and "hash" in str(error)
        raise DataError(
            str(target),
            expected=f"a download from {url} with MD5 {md5}",
            got=Verbatim("another checksum" if wrong_hash else f"{type(error).__name__}"),
            remedy="try again later" if wrong_hash else f"check the connection, or put the file into {target.parent}",
        ) from error


def extract(archive: Path, members: Collection[str], target: Path) -> None:
    """Write the named members of a tar archive into the folder `target`, all or none; other members are ignored.

    Raises:
        DataError: the archive is damaged or lacks a member.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        missing = set(members)
        with tarfile.open(archive) as tar:
            for member in tar:
                name = Path(member.name).name
                if name in missing and member.isfile() and (stream := tar.extractfile(member)):
                    with stream, (part / name).open("wb") as out:
                        shutil.copyfileobj(stream, out)
                    missing.discard(name)
        if missing:
            raise DataError(str(archive), expected=f"the file {min(missing)} inside", got=Verbatim("none"))
        if not target.exists():
            part.replace(target)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(
            str(archive),
            expected="a complete tar archive and room to extract it",
            got=Verbatim(f"{type(error).__name__} ({error})"),
            remedy="delete the archive and download it again, or free some space",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)

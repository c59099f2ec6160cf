"""Where data lives, and how it gets there: download, verify, extract; nothing half-written stays."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Collection
from pathlib import Path

from robnas.errors import DataError, Verbatim
from robnas.types import Progress, silent

_CHUNK = 1 << 16


def data_directory(given: str | Path | None = None) -> Path:
    """`given`, else ``$ROBNAS_DATA``, else ``robnas`` in the user's cache folder."""
    if given is not None:
        return Path(given).expanduser()
    if configured := os.environ.get("ROBNAS_DATA"):
        return Path(configured).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "robnas"


def reason(error: Exception) -> Verbatim:
    """Kind and text of an error from elsewhere, in one short line."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error)[:200])
    return Verbatim(f"{type(error).__name__} ({text})")


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


def download(url: str, md5: str, target: Path, progress: Progress = silent) -> None:
    """Fetch `url` to `target` and verify it; the target appears complete or not at all.

    Raises:
        DataError: there is no connection, or the checksum is wrong.
    """
    import pooch
    import requests

    def fetch(url: str, part: str, _: object) -> None:
        with requests.get(url, stream=True, timeout=30) as response, Path(part).open("wb") as out:
            response.raise_for_status()
            done, total = 0, int(response.headers.get("content-length", 0))
            for chunk in response.iter_content(_CHUNK):
                done += out.write(chunk)
                progress(done, max(done, total), f"download {target.name}")

    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(url, known_hash=f"md5:{md5}", fname=target.name, path=target.parent, downloader=fetch)
    except (requests.RequestException, ValueError, OSError) as error:
        wrong_hash = isinstance(error, ValueError) and "hash" in str(error)
        raise DataError(
            str(target),
            expected=f"a download from {url} with MD5 {md5}",
            got=Verbatim("another checksum") if wrong_hash else reason(error),
            remedy="try again later" if wrong_hash else f"check the connection, or put the file into {target.parent}",
        ) from error


def extract(archive: Path, members: Collection[str], target: Path) -> None:
    """Write the named members of a tar archive into the folder `target`, all or none; other members are ignored.

    Raises:
        DataError: the archive is damaged or lacks a member.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as room:
            part = Path(room, target.name)  # a folder inside, because only its owner may read a temporary one
            part.mkdir()
            _copy_out(archive, members, part)
            try:
                part.replace(target)
            except OSError:
                if not target.is_dir():  # else another process was faster
                    raise
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(
            str(archive),
            expected="a complete tar archive and room to extract it",
            got=reason(error),
            remedy="delete the archive and download it again, or free some space",
        ) from error


def _copy_out(archive: Path, members: Collection[str], folder: Path) -> None:
    missing = set(members)
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if name in missing and member.isfile() and (stream := tar.extractfile(member)):
                with stream, (folder / name).open("wb") as out:
                    shutil.copyfileobj(stream, out)
                missing.discard(name)
    if missing:
        raise DataError(str(archive), expected=f"the file {min(missing)} inside", got=Verbatim("none"))

"""Files from the network: verified, complete or absent."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from robnas.errors import DataError, Verbatim, reason
from robnas.types import Progress, silent

_CHUNK = 1 << 16


def cache_directory() -> Path:
    """``robnas`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "robnas"


def check_hash(path: Path, known_hash: str, shown: Path | None = None) -> None:
    """Raise `DataError` unless the file has this checksum.

    Args:
        path: the file.
        known_hash: algorithm and digits, such as ``md5:…`` or ``sha256:…``.
        shown: the path that the error names, if `path` is a copy.
    """
    algorithm, _, digits = known_hash.partition(":")
    with path.open("rb") as stream:
        got = hashlib.file_digest(stream, algorithm).hexdigest()
    if got != digits:
        raise DataError(
            str(shown or path),
            expected=f"{algorithm.upper()} {digits}",
            got=Verbatim(got),
            remedy="delete the file and download it again",
        )


def download(url: str, known_hash: str, target: Path, progress: Progress = silent, *, remedy: str = "") -> None:
    """Fetch `url` to `target` and verify it; the target appears complete or not at all.

    Args:
        url: where from.
        known_hash: algorithm and digits, such as ``md5:…``.
        target: the file.
        progress: told about the bytes.
        remedy: what to do without a connection.

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

    algorithm, _, digits = known_hash.partition(":")
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(url, known_hash=known_hash, fname=target.name, path=target.parent, downloader=fetch)
    except (requests.RequestException, ValueError, OSError) as error:
        wrong_hash = isinstance(error, ValueError) and "hash" in str(error)
        raise DataError(
            str(target),
            expected=f"a download from {url} with {algorithm.upper()} {digits}",
            got=Verbatim("another checksum") if wrong_hash else reason(error),
            remedy="try again later"
            if wrong_hash
            else remedy or f"check the connection, or put the file into {target.parent}",
        ) from error

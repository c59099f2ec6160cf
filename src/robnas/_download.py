"""Files from the network: verified, complete or absent."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from robnas._files import room
from robnas.errors import DataError, Verbatim, reason
from robnas.types import Progress, silent

_CHUNK = 1 << 16
_PATIENCE = 30  # seconds without a byte


def cache_directory() -> Path:
    """``robnas`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "robnas"


def data_directory(given: str | Path | None = None) -> Path:
    """Where images and tables are kept: `given`, else ``$ROBNAS_DATA``, else ``robnas`` in the user's cache folder."""
    if given is not None:
        return Path(given).expanduser()
    if configured := os.environ.get("ROBNAS_DATA"):
        return Path(configured).expanduser()
    return cache_directory()


def check_hash(path: Path, known_hash: str, shown: Path | None = None) -> None:
    """Raise `DataError` unless the file has this checksum.

    Args:
        path: the file.
        known_hash: algorithm and digits, such as ``md5:…`` or ``sha256:…``.
        shown: the path that the error names, if `path` is a copy.
    """
    algorithm, _, digits = known_hash.partition(":")
    if (got := file_digits(path, algorithm)) != digits:
        raise DataError(
            str(shown or path),
            expected=f"{algorithm.upper()} {digits}",
            got=Verbatim(got),
            remedy="delete the file and download it again",
        )


def file_digits(path: Path, algorithm: str) -> str:
    """Hexadecimal digits of a file's checksum, read a part at a time."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def download(
    url: str, known_hash: str, target: Path, progress: Progress = silent, *, remedy: str = "", shown: str = ""
) -> None:
    """Fetch `url` to `target` and verify it; the target appears complete or not at all.

    Errors speak of `shown`, if the target is a temporary file that means nothing to people.

    Args:
        url: where from.
        known_hash: algorithm and digits, such as ``md5:…``.
        target: the file.
        progress: told about the bytes.
        remedy: what to do without a connection.
        shown: what errors call the target; its path if omitted.

    Raises:
        DataError: there is no connection, or the checksum is wrong.
    """
    import pooch
    import requests

    def fetch(url: str, part: str, _: object) -> None:
        with requests.get(url, stream=True, timeout=_PATIENCE) as response, Path(part).open("wb") as out:
            response.raise_for_status()
            done, total = 0, int(response.headers.get("content-length", 0))
            for chunk in response.iter_content(_CHUNK):
                done += out.write(chunk)
                progress(done, max(done, total), f"download {target.name}")

    algorithm, _, digits = known_hash.partition(":")
    pooch.get_logger().setLevel("ERROR")
    try:
        if target.is_file() and file_digits(target, algorithm) == digits:
            return
        with room(target.parent) as place:
            pooch.retrieve(url, known_hash=known_hash, fname=target.name, path=place, downloader=fetch)
            os.replace(place / target.name, target)
    except (requests.RequestException, ValueError, OSError) as error:
        got, special_remedy = _failure(error)
        raise DataError(
            shown or str(target),
            expected=f"a download from {url} with {algorithm.upper()} {digits}",
            got=got,
            remedy=special_remedy or remedy or f"check the connection, or put the file into {target.parent}",
        ) from error


def _failure(error: Exception) -> tuple[Verbatim, str]:
    """What went wrong, without the words of the libraries underneath; and the remedy, if it is not the connection."""
    import requests

    if isinstance(error, requests.Timeout):
        return Verbatim(f"no answer within {_PATIENCE} s"), ""
    if isinstance(error, requests.ConnectionError):
        return Verbatim("no connection"), ""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return Verbatim(f"the answer {error.response.status_code} {error.response.reason}".rstrip()), ""
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return Verbatim("a part: the connection broke off"), ""
    if isinstance(error, ValueError) and "hash" in str(error):
        return Verbatim("another checksum"), "try again later"
    if isinstance(error, OSError) and error.strerror:
        return Verbatim(error.strerror), "make room on this machine, or choose another folder"
    return reason(error), ""

"""How archives are extracted; nothing half-written stays."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path

from robnas._files import room
from robnas.errors import DataError, Verbatim, reason


def extract(archive: Path, members: Collection[str], target: Path) -> None:
    """Write the named members of a tar archive into the folder `target`, all or none; other members are ignored.

    Raises:
        DataError: the archive is damaged or lacks a member.
    """
    try:
        with room(target.parent) as place:
            part = place / target.name  # a folder inside, because only its owner may read a temporary one
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

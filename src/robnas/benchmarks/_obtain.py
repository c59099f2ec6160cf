"""The files of a published table: from the network, or from folders, files and wheels that people have."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from robnas._download import check_hash, download
from robnas._files import saying
from robnas.benchmarks._entries import Entry, File
from robnas.errors import DataError, Verbatim
from robnas.types import Progress

_LARGEST = 2**30  # bytes of a file that is copied at all


def opened(wanted: Entry, source: Path, place: Path) -> Path:
    """A wheel as a folder; of another version than is known, neither a wheel nor a folder is taken.

    A folder may also be the one into which the wheel was downloaded.
    """
    if wanted.package is None:
        return source
    wheels = sorted(source.glob(f"{wanted.package.name.replace('-', '_')}-*.whl")) if source.is_dir() else []
    if len(wheels) == 1 and all(_find(wanted, file.name, [source]) is None for file in wanted.files):
        source = wheels[0]
    if source.is_dir():
        wanted.package.check_folder(source)
        return source
    if source.name in {Path(file.name).name for file in wanted.files}:
        return source.parent
    return wanted.package.unpack(source, [file.name for file in wanted.files], Path(tempfile.mkdtemp(dir=place)))


def obtain(wanted: Entry, sources: Sequence[Path], place: Path, progress: Progress) -> dict[str, Path]:
    """Verified copies in `place` of the files of a table, by their names."""
    if not sources:
        return {file.name: _download(wanted, file, place / file.name, progress) for file in wanted.files}
    found = {name: path for name in wanted.extra if (path := _find(wanted, name, sources)) is not None}
    files = {}
    for file in wanted.files:
        path = _find(wanted, file.name, sources)
        if path is None:
            if found:
                continue  # the importer says whether it needs it
            raise _missing(wanted, file, sources)
        files[file.name] = _copy(path, place / file.name)
        if file.sha256 is not None:
            shown = path if wanted.package is None else Path(file.name)  # not the place where a wheel was unpacked
            check_hash(place / file.name, f"sha256:{file.sha256}", shown=shown)
    return files | {name: _copy(path, place / name) for name, path in found.items()}


def _find(wanted: Entry, name: str, sources: Sequence[Path]) -> Path | None:
    """The first file of this name; of those in a folder of their own, such as ``cifar10``, that folder will do too."""
    parts = Path(name).parts
    known = {Path(other).name for other in (*(file.name for file in wanted.files[1:]), *wanted.extra)}
    for source in sources:
        folder = source if source.is_dir() else source.parent
        places = [folder / name]
        if wanted.package is not None:  # any folder of an unpacked wheel on the way to the file
            places += [folder.joinpath(*parts[place:]) for place in range(1, len(parts))]
        elif folder.name == Path(name).parent.name:
            places.append(folder / parts[-1])
        if not source.is_dir() and name == wanted.files[0].name and source.name not in known:
            places.insert(0, source)  # the main file under whatever name, the others beside it
        for path in places:
            if path.is_file():
                return path
    return None


def _missing(wanted: Entry, file: File, sources: Sequence[Path]) -> DataError:
    folders = [source if source.is_dir() else source.parent for source in sources]
    if len(folders) == 1:
        return DataError(str(folders[0] / file.name), expected=f"a file of {wanted.name}", got=Verbatim("nothing"))
    expected = f"a file of {wanted.name} in one of {', '.join(map(str, folders))}"
    return DataError(file.name, expected=expected, got=Verbatim("nothing"))


def _copy(path: Path, target: Path) -> Path:
    """What is verified is what is read."""
    if (size := path.stat().st_size) > _LARGEST:
        raise DataError(str(path), expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{size:,}"))
    target.parent.mkdir(parents=True, exist_ok=True)
    with path.open("rb") as stream, saying(target), target.open("wb") as out:
        shutil.copyfileobj(stream, out)
    return target


def _download(wanted: Entry, file: File, target: Path, progress: Progress) -> Path:
    if file.url is None or file.sha256 is None:
        raise DataError(
            f"table {wanted.name}",
            expected=f"--from a folder with {' and '.join(other.name for other in wanted.files)}",
            got=Verbatim("no folder"),
            remedy="there is no direct link: " + wanted.notes.rpartition(". ")[2],
        )
    remedy = f"check the connection, or get the files elsewhere and robnas fetch {wanted.name} --from PATH"
    download(file.url, f"sha256:{file.sha256}", target, progress, remedy=remedy, shown=file.name)
    return target

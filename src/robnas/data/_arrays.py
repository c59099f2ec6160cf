"""Arrays of an ``.npz`` file, which says how large they are before they are read."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from robnas.errors import DataError, Verbatim, reason

MOST_BYTES = 4 * 2**30
"""Of pixels in a data set: several copies of it must fit into memory."""
_SUFFIX = ".npy"


def check_bytes(source: Path | str, size: int) -> None:
    """Raise `DataError` before more is read than memory is likely to hold."""
    if size > MOST_BYTES:
        raise DataError(
            str(source),
            expected=f"at most {MOST_BYTES / 2**30:g} GiB of arrays",
            got=Verbatim(f"{size / 2**30:,.1f} GiB"),
            remedy="take fewer or smaller images",
        )


def read_arrays(path: Path, wanted: Collection[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of these names that an ``.npz`` file holds, and the names of all.

    Raises:
        DataError: the file is damaged, holds something else than plain arrays, or more than fits into memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(_SUFFIX) for name in archive.namelist() if name.endswith(_SUFFIX)]
            sizes = {name: _declared_size(archive, name) for name in names}
            found = [name for name in wanted if name in sizes]
            check_bytes(path, sum(sizes[name] for name in found))
            return {name: _read(archive, name) for name in found}, names
    except DataError:
        raise
    except Exception as error:  # a damaged archive can raise almost anything
        raise DataError(
            str(path),
            expected="an .npz file of plain arrays",
            got=reason(error),
            remedy="write it with numpy.savez_compressed(path, images=…, labels=…)",
        ) from None


def _declared_size(archive: zipfile.ZipFile, name: str) -> int:
    """Bytes of an array by its own header, which must be those that the archive holds."""
    entry = archive.getinfo(name + _SUFFIX)
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        # Version 3 differs from 2 in names of fields only, and has no reader of its own.
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        header = stream.tell()
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded")
    size = math.prod(shape) * dtype.itemsize
    if size != entry.file_size - header:
        raise ValueError(f"{name} of shape {shape} and {entry.file_size - header:,} bytes")
    return size


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name + _SUFFIX) as stream:
        array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read(1)  # the end, at which the checksum is compared
    return array

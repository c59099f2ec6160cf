"""CIFAR-10-C and CIFAR-100-C (Hendrycks and Dietterich 2019) as their authors published them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn, final

import numpy as np
import numpy.typing as npt

from robnas._content import digest
from robnas._download import check_hash
from robnas.data._dataset import Bytes, Images, describe
from robnas.data._files import extract
from robnas.errors import DataError, Verbatim, reason
from robnas.types import COMMON_CORRUPTIONS, CORRUPTIONS, SEVERITIES

_COUNT = 10_000
_IMAGE = (32, 32, 3)
_LABELS = "labels.npy"
_PARTIAL = "or pass allow_partial=True (--allow-partial) to use what is there"


@dataclass(frozen=True)
class _Archive:
    folder: str
    md5: str
    address: str

    @property
    def name(self) -> str:
        return f"{self.folder}.tar"


ARCHIVES = {
    "cifar10": _Archive(
        "CIFAR-10-C", "56bf5dcef84df0e2308c6dcbcbbd8499", "https://zenodo.org/records/2535967/files/CIFAR-10-C.tar"
    ),
    "cifar100": _Archive(
        "CIFAR-100-C", "11f0ed0f1191edbf9fa23466ae6021d3", "https://zenodo.org/records/3555552/files/CIFAR-100-C.tar"
    ),
}
"""By the name of the data set whose test images they are copies of."""


@final
@dataclass(frozen=True)
class Official:
    """The files of a folder: ``{corruption}.npy``, severity after severity, and the labels of all rows."""

    KIND: ClassVar[str] = "official corruption 1"
    folder: Path
    rows: int
    """Images per severity in the files."""
    count: int
    """Images per severity that are used: those of the test split."""

    def levels(self, name: str, severity: int, count: int) -> Bytes:
        """The first images of a severity, of shape (count, 3, 32, 32)."""
        start = (severity - 1) * self.rows
        block = read_pixels(self.folder / f"{name}.npy", self.rows)[start : start + count]
        return np.ascontiguousarray(block.transpose(0, 3, 1, 2))

    def content(self, name: str, severity: int) -> str:
        """A hash of the pixels of a severity."""
        facts = {"name": name, "severity": severity}
        return digest(self.KIND, facts, [self.levels(name, severity, self.count)])


def find_official(name: str, directory: Path) -> Path | None:
    """The folder of the corrupted test images of a data set, from its archive if only that is there; else None.

    Raises:
        DataError: the archive is another one, damaged, or there is no room for its content.
    """
    if (archive := ARCHIVES.get(name)) is None:
        return None
    folder = directory / archive.folder
    if not folder.is_dir():
        if not (directory / archive.name).is_file():
            return None
        check_hash(directory / archive.name, f"md5:{archive.md5}")
        extract(directory / archive.name, [_LABELS, *(f"{each}.npy" for each in CORRUPTIONS)], folder)
    return folder


def read_official(folder: Path, clean: Images, *, allow_partial: bool) -> tuple[Official, tuple[str, ...]]:
    """The source of a folder, and which corruptions it has.

    Args:
        folder: with the files.
        clean: the test images they are copies of.
        allow_partial: accept fewer than 10,000 images per severity (the first ones of the test images, alike in all
            files), and fewer than the 15 corruptions that the mean is over. The 4 extra ones may always be missing.

    Raises:
        DataError: a file is missing, damaged, a pickle, of another shape, or of other images.
    """
    rows = _checked_labels(folder / _LABELS, clean, allow_partial)
    names = tuple(name for name in CORRUPTIONS if (folder / f"{name}.npy").is_file())
    missing = [name for name in COMMON_CORRUPTIONS if name not in names]
    if missing and not (allow_partial and names):
        raise DataError(
            str(folder / f"{missing[0]}.npy"),
            expected=f"a file for each of the {len(COMMON_CORRUPTIONS)} corruptions",
            got=Verbatim(f"nothing for {', '.join(missing)}"),
            remedy=f"extract the archive again, {_PARTIAL}",
        )
    for name in names:
        read_pixels(folder / f"{name}.npy", rows)
    return Official(folder, rows, min(rows, len(clean))), names


def read_pixels(path: Path, rows: int) -> Bytes:
    """The pixels of a file, (5 · rows, 32, 32, 3), on the disk until they are used.

    Raises:
        DataError: it is something else.
    """
    found = _mapped(path)
    wanted = (len(SEVERITIES) * rows, *_IMAGE)
    if found.dtype != np.uint8 or found.shape != wanted:
        raise DataError(
            str(path),
            expected=f"uint8 of shape {wanted}: {len(SEVERITIES)} severities of {rows:,} images each, as in {_LABELS}",
            got=describe(found),
            remedy="the file is incomplete or belongs to another data set: extract the archive again",
        )
    return found


def _checked_labels(path: Path, clean: Images, allow_partial: bool) -> int:
    """How many images a severity has, after its labels were found to be those of the test images."""
    found = np.asarray(_mapped(path))
    rows, left = divmod(found.size, len(SEVERITIES))
    if found.dtype.kind not in "iu" or found.ndim != 1 or left or not 0 < rows <= _COUNT:
        _refuse_labels(path, f"integers of shape ({len(SEVERITIES) * _COUNT:,},)", describe(found))
    if not allow_partial and rows != _COUNT:
        _refuse_labels(path, f"{_COUNT:,} images per severity", Verbatim(f"{rows:,}"), _PARTIAL)
    if not allow_partial and len(clean) != _COUNT:
        what = Verbatim(f"data with {len(clean):,} test images")
        _refuse_labels(path, f"the {_COUNT:,} test images these are copies of", what, _PARTIAL)
    shape = tuple(clean.images.shape[1:])
    if shape != (_IMAGE[2], *_IMAGE[:2]):
        _refuse_labels(path, "test images of 3×32×32", Verbatim(f"data with images of {'×'.join(map(str, shape))}"))
    count = min(rows, len(clean))
    blocks, labels = found.reshape(len(SEVERITIES), rows)[:, :count], clean.labels[:count].cpu().numpy()
    if (wrong := blocks != labels).any():
        severity, image = np.argwhere(wrong)[0].tolist()
        _refuse_labels(
            path,
            "the labels of the test images, once per severity",
            Verbatim(
                f"{blocks[severity, image]} instead of {labels[image]} for image {image:,} at severity {severity + 1}"
            ),
            f'the files belong to other images: load those, or take {path.parent.name} away (or pass source="made")',
        )
    return rows


def _refuse_labels(path: Path, expected: str, got: Verbatim, remedy: str = "") -> NoReturn:
    raise DataError(str(path), expected=expected, got=got, remedy=remedy or "extract the archive again")


def _mapped(path: Path) -> npt.NDArray[Any]:
    """A plain array on the disk."""
    if not path.is_file():  # a device may have no end
        raise DataError(str(path), expected="a file", got=Verbatim("nothing"), remedy="extract the archive again")
    try:
        return np.lib.format.open_memmap(path, mode="r")  # which reads no objects, thus no pickles
    except Exception as error:  # damaged bytes raise what they happen to ask for
        raise DataError(
            str(path), expected="an .npy file of numbers", got=reason(error), remedy="extract the archive again"
        ) from None

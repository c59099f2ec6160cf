"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from the official binary or pickle archives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from robnas._download import check_hash, download
from robnas.data._dataset import Dataset, Images, checked, describe
from robnas.data._files import extract
from robnas.data._splits import hold_out
from robnas.data._unpickle import load_arrays
from robnas.errors import DataError, Verbatim
from robnas.types import Progress

_PIXELS = 3 * 32 * 32
_TRAIN = 50_000
_SITE = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class _Archive:
    name: str
    md5: str
    folder: str
    train: tuple[str, ...]
    test: str

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.train, self.test)


@dataclass(frozen=True)
class _Cifar:
    name: str
    num_classes: int
    label_bytes: int
    """Leading bytes of a record; the label is the last of them."""
    label_key: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    binary: _Archive
    pickled: _Archive


def _grey(*levels: float) -> tuple[float, float, float]:
    red, green, blue = levels
    return red / 255, green / 255, blue / 255


CIFAR10 = _Cifar(
    "cifar10",
    10,
    1,
    "labels",
    _grey(125.3, 123.0, 113.9),
    _grey(63.0, 62.1, 66.7),
    _Archive(
        "cifar-10-binary.tar.gz",
        "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-batches-bin",
        tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test_batch.bin",
    ),
    _Archive(
        "cifar-10-python.tar.gz",
        "c58f30108f718f92721af3b95e74349a",
        "cifar-10-batches-py",
        tuple(f"data_batch_{number}" for number in range(1, 6)),
        "test_batch",
    ),
)
CIFAR100 = _Cifar(
    "cifar100",
    100,
    2,
    "fine_labels",
    _grey(129.3, 124.1, 112.4),
    _grey(68.2, 65.4, 70.4),
    _Archive(
        "cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", "cifar-100-binary", ("train.bin",), "test.bin"
    ),
    _Archive("cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", "cifar-100-python", ("train",), "test"),
)


def load_cifar(
    which: _Cifar, directory: Path, *, validation: float, allow_partial: bool, progress: Progress
) -> Dataset:
    """CIFAR from `directory`; downloads the binary archive if nothing is there."""
    archive = _find(which, directory, progress)
    folder = directory / archive.folder
    read = _read_binary if archive is which.binary else _read_pickle
    train = [read(which, folder / name) for name in archive.train]
    test = read(which, folder / archive.test)
    _check_count(folder, sum(map(len, train)), _TRAIN, allow_partial)
    _check_count(folder / archive.test, len(test), 10_000, allow_partial)
    images, labels = (torch.cat(column) for column in zip(*((part.images, part.labels) for part in train), strict=True))
    splits = hold_out(Images(images, labels), validation)
    return Dataset(which.name, which.num_classes, {**splits, "test": test}, which.mean, which.std)


def _find(which: _Cifar, directory: Path, progress: Progress) -> _Archive:
    """The archive whose extracted folder is there, after extracting or downloading it if need be."""
    for archive in (which.binary, which.pickled):
        folder = directory / archive.folder
        if folder.is_dir():
            for name in archive.files:
                if not (folder / name).is_file():
                    raise DataError(
                        str(folder / name),
                        expected=f"a file of {which.name}",
                        got=Verbatim("nothing"),
                        remedy=f"delete {folder} to fetch the data again",
                    )
            return archive
        if (directory / archive.name).is_file():
            check_hash(directory / archive.name, f"md5:{archive.md5}")
            extract(directory / archive.name, archive.files, folder)
            return archive
    download(_SITE + which.binary.name, f"md5:{which.binary.md5}", directory / which.binary.name, progress)
    extract(directory / which.binary.name, which.binary.files, directory / which.binary.folder)
    return which.binary


def _read_binary(which: _Cifar, path: Path) -> Images:
    """Records of label bytes and three 32×32 planes, red first."""
    size, record = path.stat().st_size, which.label_bytes + _PIXELS
    if size == 0 or size % record:
        raise DataError(
            str(path),
            expected=f"a whole number of records of {record} bytes",
            got=Verbatim(f"{size:,} bytes, {size % record} left over"),
            remedy="the file is truncated: delete its folder to fetch the data again",
        )
    _check_count(path, size // record, _TRAIN, allow_partial=True)
    records = np.fromfile(path, dtype=np.uint8).reshape(-1, record)
    images, labels = records[:, which.label_bytes :], records[:, which.label_bytes - 1]
    return checked(path, images.reshape(-1, 3, 32, 32), labels, which.num_classes)


def _read_pickle(which: _Cifar, path: Path) -> Images:
    content = load_arrays(path)
    images, labels = content.get("data"), content.get(which.label_key)
    if not isinstance(images, np.ndarray) or images.ndim != 2 or images.shape[1] != _PIXELS:
        raise DataError(str(path), expected=f"an array data of shape (n, {_PIXELS})", got=describe(images))
    return checked(path, images.reshape(-1, 3, 32, 32), labels, which.num_classes)


def _check_count(source: Path, got: int, expected: int, allow_partial: bool) -> None:
    if got != expected and not (allow_partial and got < expected):
        raise DataError(
            str(source),
            expected=f"{expected:,} images",
            got=Verbatim(f"{got:,}"),
            remedy="delete the folder to fetch the data again, or pass allow_partial=True (--allow-partial) to use "
            "what is there; in a plan allow_partial = true",
        )

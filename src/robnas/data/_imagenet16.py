"""ImageNet16-120: the first 120 classes of 16×16 ImageNet (Chrabaszcz et al. 2017; Dong and Yang 2020)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robnas._download import check_hash
from robnas.data._dataset import Dataset, Images, checked, checked_labels, describe
from robnas.data._splits import hold_out
from robnas.data._unpickle import load_arrays
from robnas.errors import DataError, Verbatim
from robnas.types import Progress

NUM_CLASSES = 120
_PIXELS = 3 * 16 * 16
_FOLDER = "ImageNet16"
_MEAN = (122.68 / 255, 116.66 / 255, 104.01 / 255)
_STD = (63.22 / 255, 61.26 / 255, 65.09 / 255)
TRAIN_MD5 = {
    "train_data_batch_1": "27846dcaa50de8e21a7d1a35f30f0e91",
    "train_data_batch_2": "c7254a054e0e795c69120a5727050e3f",
    "train_data_batch_3": "4333d3df2e5ffb114b05d2ffc19b1e87",
    "train_data_batch_4": "1620cdf193304f4a92677b695d70d10f",
    "train_data_batch_5": "348b3c2fdbb3940c4e9e834affd3b18d",
    "train_data_batch_6": "6e765307c242a1b3d7d5ef9139b48945",
    "train_data_batch_7": "564926d8cbf8fc4818ba23d2faac7564",
    "train_data_batch_8": "f4755871f718ccb653440b9dd0ebac66",
    "train_data_batch_9": "bb6dd660c38c58552125b1a92f86b5d4",
    "train_data_batch_10": "8f03f34ac4b42271a294f91bf480f29b",
}
TEST_MD5 = {"val_data": "3410e3017fdaefba8d5073aaa65e4bd6"}


def load_imagenet16_120(directory: Path, *, validation: float, allow_partial: bool, progress: Progress) -> Dataset:
    """ImageNet16-120 from ``ImageNet16/`` in `directory`; the official validation images are the test split.

    Its authors publish no direct link, so the files are put there by the user. `allow_partial` skips the checksums.
    """
    folder = directory / _FOLDER
    train = _read_all(folder, TRAIN_MD5, allow_partial, progress)
    test = _read_all(folder, TEST_MD5, allow_partial, progress)
    return Dataset("imagenet16-120", NUM_CLASSES, {**hold_out(train, validation), "test": test}, _MEAN, _STD)


def _read_all(folder: Path, files: dict[str, str], allow_partial: bool, progress: Progress) -> Images:
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for number, (name, md5) in enumerate(files.items(), start=1):
        path = folder / name
        if not path.is_file():
            if allow_partial and parts:
                break
            raise DataError(
                str(path),
                expected="a file of ImageNet16-120",
                got=Verbatim("nothing"),
                remedy=f"put train_data_batch_1 … 10 and val_data into {folder}; the NAS-Bench-201 page links to them",
            )
        if not allow_partial:
            check_hash(path, f"md5:{md5}")
        parts.append(_read(path))
        progress(number, len(files), f"read {name}")
    images = np.concatenate([images for images, _ in parts])
    return checked(folder, images, np.concatenate([labels for _, labels in parts]), NUM_CLASSES)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels 0 … 119 of the first 120 classes."""
    content = load_arrays(path)
    images = content.get("data")
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.uint8
        or images.ndim != 2
        or images.shape[1] != _PIXELS
        or len(images) == 0
    ):
        raise DataError(str(path), expected=f"a uint8 array data of shape (n, {_PIXELS})", got=describe(images))
    labels = checked_labels(path, content.get("labels"), count=len(images), low=1, high=1000)
    keep = labels <= NUM_CLASSES
    return images[keep].reshape(-1, 3, 16, 16), labels[keep] - 1

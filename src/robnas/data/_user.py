"""A user's own images: an ``.npz`` file or a folder of images by class."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path

import numpy as np

from robnas.data._arrays import check_bytes, read_arrays
from robnas.data._dataset import Dataset, Images, channel_statistics, checked
from robnas.data._given import from_floats
from robnas.data._order import balanced_order, validation_count
from robnas.data._pictures import SUFFIXES, decode
from robnas.data._splits import hold_out, split_in_three, take
from robnas.errors import DataError, Verbatim
from robnas.types import SPLITS, Progress, Split

_TEST_SHARE = 0.1
_KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train")),
    "validation": (("validation_images", "validation_labels"), ("x_val", "y_val")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test")),
}
_UNSPLIT = (("images", "labels"), ("x", "y"))
_FOLDERS: dict[str, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("validation", "val", "valid"),
    "test": ("test",),
}


def load_user(path: Path, *, validation: float, progress: Progress) -> Dataset:
    """Images from an ``.npz`` file or a folder.

    An ``.npz`` holds ``train_images``, ``train_labels``, ``test_images``, ``test_labels`` and perhaps
    ``validation_…`` (or Keras' ``x_train`` …), or just ``images`` and ``labels``, or ``x`` and ``y``. A folder holds
    one folder per class, or ``train/``, ``test/`` and perhaps ``validation/`` with those inside. What comes unsplit is
    split here: a tenth for test, `validation` of the rest for validation, class-balanced and always the same way.
    Floats in [0, 1] become grey levels as in `Dataset.from_arrays`.
    """
    if not (os.path.isdir(path) or os.path.isfile(path)):  # no device either, which may have no end
        raise DataError(str(path), expected="an .npz file or a folder of images by class", got=Verbatim("nothing"))
    parts, names = _read_folder(path, progress) if path.is_dir() else (_read_npz(path), ())
    count = sum(len(labels) for _, labels in parts.values())  # no more classes than images
    named = {name: checked(path, *part, count) for name, part in parts.items()}
    classes = np.unique(np.concatenate([part.labels for part in named.values()]))
    if len(classes) < 2:
        raise DataError(str(path), expected="labels of at least 2 classes", got=Verbatim(len(classes)))
    if len({tuple(part.images.shape[1:]) for part in named.values()}) > 1:
        raise DataError(
            str(path),
            expected="images of one shape in all splits",
            got=Verbatim("; ".join(f"{name} {tuple(part.images.shape[1:])}" for name, part in named.items())),
        )
    splits = _split(named, validation, path)
    mean, std = channel_statistics(splits["train"])
    num_classes = int(classes[-1]) + 1
    return Dataset(path.stem, num_classes, splits, mean, std, names[:num_classes])


def _split(named: dict[str, Images], validation: float, path: Path) -> dict[Split, Images]:
    if "all" in named:
        count = len(named["all"])
        test = max(1, round(_TEST_SHARE * count))
        return split_in_three(named["all"], test=test, validation=validation_count(validation, count - test))
    if missing := [name for name in ("train", "test") if name not in named]:
        raise DataError(
            str(path),
            expected="train and test, or neither",
            got=Verbatim(f"no {missing[0]} among {', '.join(named)}"),
        )
    shuffled = {name: take(part, balanced_order(part.labels.numpy())) for name, part in named.items()}
    if "validation" not in named:
        shuffled |= dict(hold_out(shuffled["train"], validation).items())
    return {name: shuffled[name] for name in SPLITS if name in shuffled}


def _read_npz(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    known = [key for choices in (*_KEYS.values(), _UNSPLIT) for pair in choices for key in pair]
    content, names = read_arrays(path, known)
    pairs = {name: pair for name, choices in _KEYS.items() for pair in choices if pair[0] in content}
    found = pairs or {"all": next((pair for pair in _UNSPLIT if pair[0] in content), _UNSPLIT[0])}
    for pair in found.values():
        for key in pair:
            if key not in content:
                raise DataError(
                    str(path),
                    expected=f"an array {key}",
                    got=Verbatim(f"only {', '.join(names) or 'none'}"),
                    remedy="see robnas.load_data for the names",
                )
    images = from_floats(str(path), {name: content[x] for name, (x, _) in found.items()})
    return {name: (_channels_first(path, images[name]), content[y].reshape(-1)) for name, (_, y) in found.items()}


def _channels_first(path: Path, images: np.ndarray) -> np.ndarray:
    """(n, h, w), (n, h, w, c) or (n, c, h, w) as the last of these."""
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4:
        return images  # refused later, with the shape that is wanted
    first, last = images.shape[1] in (1, 3, 4), images.shape[3] in (1, 3, 4)
    if first and last:
        raise DataError(
            str(path),
            expected="a shape that shows where the channels are",
            got=images.shape,
            remedy="store it as (n, height, width) or with a side above 4",
        )
    return images.transpose(0, 3, 1, 2) if last else images


def _read_folder(path: Path, progress: Progress) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], tuple[str, ...]]:
    """The parts, and what the classes are called: as their folders are."""
    roots = {
        name: path / folder for name, folders in _FOLDERS.items() for folder in folders if (path / folder).is_dir()
    }
    found = roots or {"all": path}
    classes = sorted({entry.name for root in found.values() for entry in _folders(root)})
    if len(classes) < 2:
        raise DataError(
            str(path), expected="at least 2 folders, one per class", got=Verbatim(", ".join(classes) or "none")
        )
    files = {
        name: [(file, classes.index(folder.name)) for folder in _folders(root) for file in _image_files(folder)]
        for name, root in found.items()
    }
    if empty := [str(found[name]) for name, entries in files.items() if not entries]:
        raise DataError(empty[0], expected="image files", got=Verbatim("none"))
    first, total = next(iter(files.values()))[0][0], sum(map(len, files.values()))
    shape, done, turned, parts = decode(first)[0].shape, 0, 0, {}
    check_bytes(path, total * math.prod(shape))
    for name, entries in files.items():
        images = np.empty((len(entries), *shape), dtype=np.uint8)
        for number, (file, _) in enumerate(entries):
            image, lay = decode(file)
            if image.shape != shape:
                raise DataError(
                    str(file),
                    expected=f"the shape of {first.name}, {shape}",
                    got=image.shape,
                    remedy="give all images one size and mode",
                )
            images[number] = image
            done, turned = done + 1, turned + lay
            if done % 500 == 0:
                progress(done, total, "read images")
        parts[name] = images, np.array([label for _, label in entries])
    if turned:
        warnings.warn(f"{path}: {turned:,} of {total:,} images were turned upright, as their cameras say", stacklevel=2)
    return parts, tuple(classes)


def _folders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _image_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())

"""An image data set in memory: uint8 tensors on one device, split once and for all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robnas._brief import brief
from robnas.data._memory import Share, prepared
from robnas.errors import DataError, InputError, Verbatim
from robnas.types import SPLITS, Split, check_range, check_split

Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@final
@dataclass(frozen=True, eq=False)
class Images:
    """The images of one split with their labels."""

    __repr__ = brief

    images: Tensor
    """Shape (n, channels, height, width), uint8."""
    labels: Tensor
    """Shape (n,), int64."""

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> Images:
        """The same images on `device`."""
        return Images(self.images.to(device), self.labels.to(device))

    def limit(self, count: int | None) -> Images:
        """The first `count` images, or all if that is None.

        Raises:
            InputError: `count` is below 1 or above what there is.
        """
        if count is None:
            return self
        check_range("image limit", count, 1, len(self))
        return Images(self.images[:count], self.labels[:count])


def to_pixels(images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Pixels in [0, 1] of uint8 images ``(n, channels, height, width)``.

    Raises:
        InputError: images of another dtype, whose scale is not known.
    """
    if images.dtype != torch.uint8:
        raise InputError(
            "images of a data set", expected="uint8, 0 to 255", got=Verbatim(images.dtype), remedy="multiply by 255"
        )
    return images.to(dtype).div_(255)


@final
@dataclass(frozen=True, eq=False)
class Dataset:
    """A named image data set with its splits; make one with `load_data` or `from_arrays`."""

    name: str
    num_classes: int
    splits: Mapping[Split, Images]
    mean: tuple[float, ...]
    """Per channel, in [0, 1] pixels."""
    std: tuple[float, ...]
    """Per channel, in [0, 1] pixels."""
    classes: tuple[str, ...] = ()
    """What people call the classes, in the order of the logits; empty where nobody said it. Not in the content hash."""

    @classmethod
    def from_arrays(
        cls,
        x: object,
        y: object,
        *,
        name: str = "arrays",
        classes: int | Sequence[Any] | None = None,
        channels: str | None = None,
        size: int | Sequence[int] | None = None,
        validation: Share = 0.1,
        test: Share = 0.1,
        seed: int | None = None,
    ) -> Dataset:
        """Images and labels in memory as a data set: the one that `load_data` reads from an ``.npz`` file of them.

        Images are kept as grey levels from 0 to 255. Floats between two levels become the nearest (halves the even
        one), by at most 1/510, with a warning that says by how much. Every split is shuffled so that its first images
        hold the classes in their proportions; mean and deviation are those of the training images.

        Args:
            x: NumPy array or tensor, uint8 or floating point in [0, 1], of shape (n, height, width) for grey images,
                (n, height, width, channels) or (n, channels, height, width); or a list of arrays without the first of
                these axes, which may differ in height and width if `size` is given.
            y: n labels, shape (n,) or (n, 1) or a list: whole numbers or texts.
            name: of the data set, as records and tables have it.
            classes: names in the order of the logits, for labels that are such names or numbers from 0; or numbers that
                labels may be, in the order of the logits; or how many classes there are. If omitted, numbers are those
                of the logits and each from 0 has to occur, and texts are sorted.
            channels: ``first`` or ``last``; if omitted the one side of 1, 3 or 4 shows where they are.
            size: (height, width) or one number for both, to which images are stretched, bilinear with antialiasing.
            validation: ``(x, y)``, or a share in [0, 0.9] of what is not for test.
            test: ``(x, y)``, or a share; with 1 all images are for test, and the data can be evaluated on only.
            seed: of other splits, class-balanced as well; None for those of `load_data`, which never change.

        Raises:
            InputError: images or labels that are none, do not fit each other, or could be read in two ways.
        """
        made = prepared(
            x, y, name=name, classes=classes, channels=channels, size=size, validation=validation, test=test, seed=seed
        )
        splits = {
            split: Images(torch.from_numpy(images), torch.from_numpy(labels))
            for split, (images, labels) in made.parts.items()
        }
        mean, std = channel_statistics(next(iter(splits.values())))
        return cls(name, made.num_classes, splits, mean, std, made.names)

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {len(part):,}" for name, part in self.splits.items())
        return f"Dataset({self.name!r}, {self.num_classes} classes of {'×'.join(map(str, self.image_shape))}, {parts})"

    def split(self, name: str) -> Images:
        """The images of a split.

        Raises:
            InputError: there is no such split; the text lists what exists.
        """
        if (split := check_split(name)) not in self.splits:
            raise InputError(
                f"split of {self.name}",
                expected=f"one of {', '.join(self.splits)}",
                got=name,
                remedy="load the data with a validation share above 0" if name == "validation" else "",
            )
        return self.splits[split]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width.

        Raises:
            InputError: the images have another number of dimensions.
        """
        shape = next(iter(self.splits.values())).images.shape
        if len(shape) != 4:
            raise InputError(
                f"images of {self.name}",
                expected="shape (n, channels, height, width)",
                got=Verbatim(f"shape {tuple(shape)}"),
            )
        return shape[1], shape[2], shape[3]

    def to(self, device: torch.device | str) -> Dataset:
        """The same data set on `device`."""
        return replace(self, splits={name: part.to(device) for name, part in self.splits.items()})

    def limit(self, *, train: int | None = None) -> Dataset:
        """A data set with the first `train` training images only; its content hash is another one."""
        return (
            self if train is None else replace(self, splits={**self.splits, "train": self.split("train").limit(train)})
        )

    @cached_property
    def content_hash(self) -> str:
        """16 hexadecimal digits that change with any pixel, label, split or normalisation."""
        digest = hashlib.sha256(f"{self.num_classes} classes {self.mean} {self.std}".encode())
        for name in SPLITS:
            if name in self.splits:
                part = self.splits[name].to("cpu")
                digest.update(f"{name} {tuple(part.images.shape)}".encode())
                digest.update(part.images.contiguous().numpy().data)
                digest.update(part.labels.contiguous().numpy().data)
        return digest.hexdigest()[:16]


def checked(source: Path | str, images: Bytes, labels: object, num_classes: int) -> Images:
    """Images and labels of a file as tensors.

    Args:
        source: the file, for errors.
        images: shape (n, channels, height, width), uint8.
        labels: shape (n,), integers.
        num_classes: labels must lie in [0, num_classes).

    Raises:
        DataError: wrong type, shape, count or label range.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise DataError(
            f"{source}, images",
            expected="uint8 of shape (n, channels, height, width)",
            got=describe(images),
        )
    numbers = checked_labels(source, labels, count=len(images), low=0, high=num_classes - 1)
    return Images(torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(numbers))


def checked_labels(source: Path | str, labels: object, *, count: int, low: int, high: int) -> Labels:
    """`count` labels of a file, all in [low, high].

    Raises:
        DataError: wrong type, count or range.
    """
    try:
        numbers = np.asarray(labels)
    except (ValueError, RecursionError):
        numbers = np.array(None)  # nested lists of several lengths are no array
    if numbers.dtype.kind not in "iu" or numbers.shape != (count,):
        raise DataError(
            f"{source}, labels",
            expected=f"{count:,} integers, one per image",
            got=describe(numbers),
        )
    least, most = int(numbers.min()), int(numbers.max())
    if least < low or most > high:
        raise DataError(
            f"{source}, labels",
            expected=f"labels from {low} to {high}",
            got=Verbatim(least if least < low else most),
            remedy="the file is damaged or belongs to another data set",
        )
    return numbers.astype(np.int64)


def describe(value: object) -> Verbatim:
    """Type and shape of what should have been an array, for errors."""
    return Verbatim(f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__)


def channel_statistics(part: Images) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel in [0, 1] pixels; a constant channel gets standard deviation 1."""
    levels = part.images.transpose(0, 1).flatten(1)
    counts = torch.stack([torch.bincount(channel, minlength=256) for channel in levels]).double()
    value = torch.arange(256, dtype=torch.float64, device=levels.device) / 255
    weight = counts / counts.sum(1, keepdim=True)
    mean = weight @ value
    std = ((weight * (value - mean[:, None]) ** 2).sum(1)).sqrt()
    std = torch.where(std > 0, std, torch.ones_like(std))
    return tuple(mean.tolist()), tuple(std.tolist())

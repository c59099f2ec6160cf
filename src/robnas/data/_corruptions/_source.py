"""Where the corrupted copies of the images of a data set come from: the official files, or robnas itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, NoReturn, Protocol, final, get_args

import torch

from robnas._brief import brief
from robnas._content import digest
from robnas._download import data_directory
from robnas.data._corruptions._catalogue import NOTES, RECIPES, corruptions_of, left_out
from robnas.data._corruptions._making import checked_corruption, made_levels
from robnas.data._corruptions._official import ARCHIVES, find_official, read_official
from robnas.data._dataset import Bytes, Dataset, Images, to_pixels
from robnas.errors import DataError, InputError, Verbatim
from robnas.types import COMMON_CORRUPTIONS, CORRUPTIONS, check_count, check_range, check_split

MADE = "made"
"""Label in metric keys of what robnas made: its pixels are not the official ones."""
Source = Literal["auto", "official", "made"]


class _Pixels(Protocol):
    """Corrupted grey levels."""

    KIND: ClassVar[str]
    """What does it, with a version that changes with the pixels."""

    def levels(self, name: str, severity: int, count: int) -> Bytes:
        """The first `count` images, (count, channels, height, width)."""
        ...

    def content(self, name: str, severity: int) -> str:
        """A hash of what was done."""
        ...


@final
@dataclass(frozen=True)
class _Made:
    KIND: ClassVar[str] = "made corruption 1"
    clean: Bytes
    seed: int

    def levels(self, name: str, severity: int, count: int) -> Bytes:
        return made_levels(self.clean[:count], name, severity, seed=self.seed, first=0)

    def content(self, name: str, severity: int) -> str:
        facts = {
            "name": name,
            "severity": severity,
            "parameters": RECIPES[name].parameters[severity - 1],
            "shape": self.clean.shape[1:],
        }
        return digest(self.KIND, facts)


@final
@dataclass(frozen=True, eq=False)
class Corruptions:
    """Corrupted copies of the images of one split; `robnas.data.corruptions` finds or makes them."""

    __repr__ = brief

    clean: Images
    """What they are copies of."""
    label: str
    """Of their metric keys: empty for the official pixels, ``made`` for those that robnas makes."""
    names: tuple[str, ...]
    """The corruptions there are, in the order of `robnas.types.CORRUPTIONS`."""
    left_out: Mapping[str, str]
    """Name → reason of the others."""
    notes: Mapping[str, str]
    """Name → what is to be said of a corruption wherever it is shown."""
    seed: int | None
    """Of the random parts; None for official pixels."""
    pixels: _Pixels = field(repr=False)

    def __len__(self) -> int:
        """Images per corruption and severity."""
        return len(self.clean)

    def images(self, name: str, severity: int, *, limit: int | None = None) -> Images:
        """The images under a corruption, on the CPU, in the order of the split.

        Args:
            name: one of `names`.
            severity: 1 to 5.
            limit: the first so many; all if omitted.

        Raises:
            InputError: there is no such corruption, severity or number of images.
            DataError: an official file changed since it was found.
        """
        name, severity = self._checked(name, severity)
        if limit is not None:
            check_range("image limit", limit, 1, len(self))
        count = len(self) if limit is None else limit
        return Images(
            torch.from_numpy(self.pixels.levels(name, severity, count)), self.clean.labels[:count].to("cpu", copy=True)
        )

    def key(self, name: str, severity: int) -> str:
        """The key of the accuracy under a corruption, such as ``brightness@3`` or ``brightness:made@3``."""
        name, severity = self._checked(name, severity)
        return f"{name}{self._suffix}@{severity}"

    @property
    def mean_key(self) -> str:
        """The key of the mean over `mean_names` and all severities."""
        return f"corruptions{self._suffix}"

    @property
    def mean_names(self) -> tuple[str, ...]:
        """The corruptions that the mean is over: those of the 15 common ones that there are, not the extra ones."""
        return tuple(name for name in COMMON_CORRUPTIONS if name in self.names)

    def content_hash(self, name: str, severity: int) -> str:
        """16 hexadecimal digits of what was done to the images: name, severity and parameters, or official pixels.

        Neither the seed nor the clean images are in it where robnas made them: their own hashes say it.
        """
        return self.pixels.content(*self._checked(name, severity))[:16]

    @property
    def mean_hash(self) -> str:
        """16 hexadecimal digits of what the mean is over."""
        return digest(f"mean of {self.pixels.KIND}", {"names": self.mean_names})[:16]

    @property
    def _suffix(self) -> str:
        return f":{self.label}" if self.label else ""

    def _checked(self, name: str, severity: int) -> tuple[str, int]:
        found = checked_corruption(name, severity, tuple(self.clean.images.shape[1:]))
        if name not in self.names:
            raise InputError("corruption", expected=f"one of {', '.join(self.names)}", got=name)
        return found


def corruptions(
    data: Dataset,
    *,
    split: str,
    seed: int = 0,
    source: Source = "auto",
    data_dir: str | Path | None = None,
    allow_partial: bool = False,
) -> Corruptions:
    """Corrupted copies of the images of a split.

    The official ones are those of CIFAR-10-C and CIFAR-100-C, from a folder of that name (or its ``.tar``, which is
    verified and extracted) in the data directory. All others are made here at the parameters that are published for
    CIFAR, with sizes in proportion to the side of the image, and have the label ``made``.

    Args:
        data: whose images.
        split: which of them; there are official ones for the test split only.
        seed: of the random parts of what is made.
        source: ``official``, ``made``, or ``auto``: official where they are there, else made.
        data_dir: where to look, as for `load_data`.
        allow_partial: accept official files with fewer images per severity, or not for all 15 corruptions.

    Raises:
        InputError: an unknown source or split, or nothing that means something for images of this shape.
        DataError: official files that are missing, damaged, or copies of other images.
    """
    name, clean = check_split(split), data.split(split)
    seed = check_count("seed", seed, 0)
    if source not in get_args(Source):
        raise InputError("source of corruptions", expected=f"one of {', '.join(get_args(Source))}", got=source)
    if source != MADE and name == "test":
        directory = data_directory(data_dir)
        if (folder := find_official(data.name, directory)) is not None:
            return _official(folder, clean, allow_partial)
        if source == "official":
            _refuse_nothing(data.name, directory)
    elif source == "official":
        raise InputError("split of official corruptions", expected="test", got=split, remedy='pass source="made"')
    return _made(data, clean, seed)


def corrupted(
    data: Dataset,
    name: str,
    severity: int,
    *,
    split: str,
    seed: int = 0,
    source: Source = "auto",
    data_dir: str | Path | None = None,
    allow_partial: bool = False,
    limit: int | None = None,
) -> Images:
    """The images of a split under one corruption: what `corruptions` finds or makes."""
    found = corruptions(data, split=split, seed=seed, source=source, data_dir=data_dir, allow_partial=allow_partial)
    return found.images(name, severity, limit=limit)


def _official(folder: Path, clean: Images, allow_partial: bool) -> Corruptions:
    found, names = read_official(folder, clean, allow_partial=allow_partial)
    missing = {name: f"no file in {folder.name}" for name in CORRUPTIONS if name not in names}
    return Corruptions(clean.limit(found.count), "", names, missing, {}, None, found)


def _made(data: Dataset, clean: Images, seed: int) -> Corruptions:
    to_pixels(clean.images[:0])  # refuses what are no grey levels
    names, missing = corruptions_of(data.image_shape), left_out(data.image_shape)
    if not names:
        raise InputError(f"corruptions of {data.name}", expected="grey or RGB images", got=data.image_shape)
    notes = {name: note for name, note in NOTES.items() if name in names}
    pixels = _Made(clean.images.cpu().numpy(), seed)
    return Corruptions(clean, MADE, names, missing, notes, seed, pixels)


def _refuse_nothing(name: str, directory: Path) -> NoReturn:
    if (archive := ARCHIVES.get(name)) is None:
        raise DataError(
            f"official corruptions of {name}",
            expected=f"one of {', '.join(ARCHIVES)}",
            got=Verbatim("none are published"),
            remedy='pass source="made"',
        )
    raise DataError(
        str(directory / archive.folder),
        expected="a folder of .npy files",
        got=Verbatim("nothing"),
        remedy=f"put {archive.name} from {archive.address} into {directory}",
    )

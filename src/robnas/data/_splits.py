"""Deterministic, class-balanced splits that depend on nothing but the labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robnas.data._dataset import Images
from robnas.data._order import cut_in_three, hold_out_rows
from robnas.types import Split


def hold_out(train: Images, share: float) -> dict[Split, Images]:
    """Split validation images off the training images, class-balanced; both keep the order of the source.

    Args:
        train: all training images.
        share: fraction in [0, 0.9] that becomes the validation split; 0 leaves no such split.
    """
    rows = hold_out_rows(train.labels.numpy(), share)
    return {"train": train} if len(rows) == 1 else {name: take(train, index) for name, index in rows.items()}


def take(part: Images, index: npt.NDArray[np.int64]) -> Images:
    """The images at `index`."""
    return Images(part.images[index], part.labels[index])


def split_in_three(part: Images, *, validation: int, test: int) -> dict[Split, Images]:
    """Shuffle class-balanced and cut into train, validation and test; sizes in images."""
    rows = cut_in_three(part.labels.numpy(), validation=validation, test=test)
    return {name: take(part, index) for name, index in rows.items() if len(index) or name != "validation"}

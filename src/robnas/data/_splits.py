"""Deterministic, class-balanced splits that depend on nothing but the labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robnas.data._dataset import Images
from robnas.types import Split, check_range

_U64 = np.uint64


def _ranks(count: int) -> npt.NDArray[np.uint64]:
    """A fixed pseudo-random number per index (SplitMix64: Steele, Lea and Flood 2014), the same on every machine."""
    with np.errstate(over="ignore"):
        z = (np.arange(count, dtype=_U64) + _U64(1)) * _U64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> _U64(30))) * _U64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> _U64(27))) * _U64(0x94D049BB133111EB)
    return z ^ (z >> _U64(31))


def balanced_order(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A shuffled order of which every prefix holds the classes in their proportions.

    Args:
        labels: shape (n,).

    Returns:
        Indices, shape (n,).
    """
    rank = _ranks(len(labels))
    by_class = np.lexsort((rank, labels))
    start = np.searchsorted(labels[by_class], labels[by_class])  # where the class of each begins
    size = np.bincount(labels)[labels[by_class]]
    quantile = np.empty(len(labels))
    quantile[by_class] = (np.arange(len(labels)) - start + 0.5) / size
    return np.lexsort((rank, quantile))


def hold_out(train: Images, share: float) -> dict[Split, Images]:
    """Split validation images off the training images, class-balanced; both keep the order of the source.

    Args:
        train: all training images.
        share: fraction in [0, 0.9] that becomes the validation split; 0 leaves no such split.
    """
    count = validation_count(share, len(train))
    if count == 0:
        return {"train": train}
    order = balanced_order(train.labels.numpy())
    return {"train": take(train, np.sort(order[count:])), "validation": take(train, np.sort(order[:count]))}


def validation_count(share: float, count: int) -> int:
    """How many of `count` images make up a share in [0, 0.9]; at least one is left for training."""
    check_range("validation share", share, 0, 0.9)
    return min(round(share * count), count - 1)


def take(part: Images, index: npt.NDArray[np.int64]) -> Images:
    """The images at `index`."""
    return Images(part.images[index], part.labels[index])


def split_in_three(part: Images, *, validation: int, test: int) -> dict[Split, Images]:
    """Shuffle class-balanced and cut into train, validation and test; sizes in images."""
    order = balanced_order(part.labels.numpy())
    splits: dict[Split, Images] = {"train": take(part, order[test + validation :])}
    if validation:
        splits["validation"] = take(part, order[test : test + validation])
    splits["test"] = take(part, order[:test])
    return splits

"""In which order images are taken and cut into splits: class-balanced, and the same on every machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robnas._seeds import derive_seed
from robnas.types import Split, check_range

Indices = npt.NDArray[np.int64]
_U64 = np.uint64


def _ranks(count: int, seed: int | None = None) -> npt.NDArray[np.uint64]:
    """A fixed pseudo-random number per index (SplitMix64: Steele, Lea and Flood 2014), the same on every machine."""
    start = _U64(0 if seed is None else derive_seed(seed, "splits"))
    with np.errstate(over="ignore"):
        z = start + (np.arange(count, dtype=_U64) + _U64(1)) * _U64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> _U64(30))) * _U64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> _U64(27))) * _U64(0x94D049BB133111EB)
    return z ^ (z >> _U64(31))


def balanced_order(labels: Indices, seed: int | None = None) -> Indices:
    """A shuffled order of which every prefix holds the classes in their proportions.

    Args:
        labels: shape (n,).
        seed: another one for each; None for the one that `load_data` takes.

    Returns:
        Indices, shape (n,).
    """
    rank = _ranks(len(labels), seed)
    by_class = np.lexsort((rank, labels))
    start = np.searchsorted(labels[by_class], labels[by_class])  # where the class of each begins
    size = np.bincount(labels)[labels[by_class]]
    quantile = np.empty(len(labels))
    quantile[by_class] = (np.arange(len(labels)) - start + 0.5) / size
    return np.lexsort((rank, quantile))


def validation_count(share: float, count: int) -> int:
    """How many of `count` images make up a share in [0, 0.9]; at least one is left for training."""
    check_range("validation share", share, 0, 0.9)
    return min(round(share * count), max(count - 1, 0))


def count_for_test(share: float, count: int) -> int:
    """How many of `count` images make up a share in [0, 1]: at least one, and all only for a share of 1."""
    check_range("test share", share, 0, 1)
    if share in (0, 1):
        return int(share) * count
    return min(max(1, round(share * count)), count - 1)


def cut_in_three(labels: Indices, *, validation: int, test: int, seed: int | None = None) -> dict[Split, Indices]:
    """Shuffle class-balanced and cut into train, validation and test; sizes in images."""
    order = balanced_order(labels, seed)
    return {"train": order[test + validation :], "validation": order[test : test + validation], "test": order[:test]}


def hold_out_rows(labels: Indices, share: float, seed: int | None = None) -> dict[Split, Indices]:
    """Training and validation images among those that are there, each in the order in which they are there."""
    count = validation_count(share, len(labels))
    if count == 0:
        return {"train": np.arange(len(labels))}
    order = balanced_order(labels, seed)
    return {"train": np.sort(order[count:]), "validation": np.sort(order[:count])}

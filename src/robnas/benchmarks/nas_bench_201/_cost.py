"""What a training of the published table cost."""

from __future__ import annotations

from functools import cache

from robnas._settings import check_keys
from robnas.networks import count
from robnas.spaces.nas_bench_201 import CellArchitecture, partition

MEAN_HOURS = 1.84
"""GPU-hours per training: about 107,000 hours for 58,194 trainings (Wu et al. 2024)."""
_PIXELS = {"cifar10": 50_000 * 32**2, "cifar100": 50_000 * 32**2, "imagenet16-120": 151_700 * 16**2}


@cache
def _macs(arch: CellArchitecture) -> int:
    return count(arch).macs


@cache
def _mean_macs() -> float:
    trained = partition("official").representatives()
    return sum(map(_macs, trained)) / len(trained)


def training_hours(arch: object, dataset: str) -> float:
    """Simulated GPU-hours of one adversarial training by the published recipe.

    A model, not a measurement: proportional to the network's MACs (dead edges included, as they were executed) and to
    the pixels of the training images, scaled so that the published trainings cost 1.84 hours on average.

    Raises:
        InputError: the published table does not have this data set, or `arch` is of another space than its own.
    """
    check_keys("data set", [dataset], _PIXELS)
    mean_pixels = sum(_PIXELS.values()) / len(_PIXELS)
    return MEAN_HOURS * _macs(CellArchitecture(arch)) / _mean_macs() * _PIXELS[dataset] / mean_pixels

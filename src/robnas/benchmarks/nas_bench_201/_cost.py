"""What a training of the published table cost."""

from __future__ import annotations

from functools import cache

from robnas._settings import check_keys
from robnas.spaces.nas_bench_201 import CellArchitecture, partition

MEAN_HOURS = 1.84
"""GPU-hours per training: about 107,000 hours for 58,194 trainings (Wu et al. 2024)."""
_PIXELS = {"cifar10": 50_000 * 32**2, "cifar100": 50_000 * 32**2, "imagenet16-120": 151_700 * 16**2}


_SECONDS = {"0": 119.4, "1": 82.2, "2": 464.2, "3": 573.9, "4": 281.8}
"""Seconds of one operation on one edge of all cells, by digit, in a standard training of NAS-Bench-201 on half of
CIFAR-10; each has a sixth of what all networks have in common. Fitted by `experiments/cost_model.py`."""


def _seconds(arch: CellArchitecture) -> float:
    return sum(map(_SECONDS.__getitem__, arch.code))


@cache
def _mean_seconds() -> float:
    trained = partition("official").representatives()
    return sum(map(_seconds, trained)) / len(trained)


def training_hours(arch: object, dataset: str) -> float:
    """Simulated GPU-hours of one adversarial training by the published recipe.

    A model, not a measurement. What architectures cost relative to each other is what NAS-Bench-201's authors measured
    of standard trainings, as a sum over the operations on all six edges, dead ones included, as they were executed:
    within 1.5 % of the measured time for half of the 15,625 cells, 3.5 % for 90 %, 6.1 % for 99 %, and 15 % for all,
    where cells with the same operations had no part in the fit. It is multiplied by the pixels of the training images
    and scaled so that the published trainings cost 1.84 hours on average; nobody measured adversarial trainings.

    Raises:
        InputError: the published table does not have this data set, or `arch` is of another space than its own.
    """
    check_keys("data set", [dataset], _PIXELS)
    mean_pixels = sum(_PIXELS.values()) / len(_PIXELS)
    return MEAN_HOURS * _seconds(CellArchitecture(arch)) / _mean_seconds() * _PIXELS[dataset] / mean_pixels

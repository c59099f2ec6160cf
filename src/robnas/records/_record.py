"""One measurement of one trial."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from robnas.errors import InputError
from robnas.records._key import key_of
from robnas.spaces import Architecture
from robnas.types import Metric, Split, check_count, check_range, check_split


@final
@dataclass(frozen=True, kw_only=True)
class Record:
    """One measurement of a trial, with everything needed to compare it and to make it again.

    All up to `images` is its key; a store holds one record per key.
    """

    architecture: Architecture
    space: str = ""
    """`Space.key` of what was trained, which has the settings of the space; if omitted the name of the space alone, and
    nobody knows the settings."""
    dataset_hash: str
    """Content hash of the data set, its splits included."""
    split: Split
    recipe_hash: str
    seed: int
    metric: str
    """Key such as ``pgd@8/255``; it names attack, norm and epsilon."""
    attack_hash: str
    """Hash of the settings of the attack or corruption; empty for clean accuracy."""
    attack_seed: int = 0
    """Of the randomness of the attack or corruption; 0 for clean accuracy."""
    images: int
    """How many images of the split were asked."""
    dataset: str
    """Name of the data set, for people."""
    value: float
    """Accuracy, a fraction in [0, 1]."""
    seconds: float
    """Duration of the measurement."""
    torch_version: str
    device: str
    num_classes: int | None = None
    """How many classes the data set has; None where that was not recorded."""
    majority: float | None = None
    """Share of the most frequent class among the images asked: what one answer for all reaches; None likewise."""

    def __post_init__(self) -> None:
        if not self.space:
            object.__setattr__(self, "space", self.architecture.space)
        if self.space.partition(":")[0] != self.architecture.space:
            raise InputError("record space", expected=f"that of {self.architecture.space}", got=self.space)
        check_split(self.split)
        object.__setattr__(self, "metric", Metric.parse(self.metric).key)
        check_range("record images", self.images, 1)
        if self.num_classes is not None:
            check_count("record num_classes", self.num_classes)
        if self.majority is not None:
            check_range("record majority", self.majority, 0, 1)
        if not (math.isfinite(self.value) and 0 <= self.value <= 1):
            raise InputError("record value", expected="an accuracy in [0, 1]", got=self.value)

    @property
    def has_seed_of_trial(self) -> bool:
        """Whether its attack had the seed that plans give it, that of the trial.

        Clean accuracy has 0, and so have corrupted images, which are the same for all trials.
        """
        drawn = self.attack_hash and Metric.parse(self.metric).kind == "attack"
        return self.attack_seed == (self.seed if drawn else 0)

    @property
    def key(self) -> tuple[object, ...]:
        """What identifies this measurement."""
        return key_of(self)

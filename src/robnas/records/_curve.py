"""One figure of a training, epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from robnas.errors import InputError
from robnas.records._key import key_of
from robnas.spaces import Architecture
from robnas.types import Metric, check_count, check_range, check_split

OF_TRAINING = "train"
"""The split of figures of the training itself."""
TRAINING_METRICS = ("loss", "robust", "seconds")
"""Those figures: mean of the objective, robust accuracy on the training batches, duration of each epoch."""


@final
@dataclass(frozen=True, kw_only=True)
class Curve:
    """A figure of a trial after each of its epochs: an accuracy, or one of the training itself.

    All up to `images` is its key, as of a `Record`; a store holds one curve per key.

    Raises:
        InputError: epochs that are not ascending from 1 on, or not as many as the values; a value that is not finite,
            or an accuracy outside [0, 1]; a metric that the split does not have.
    """

    architecture: Architecture
    space: str = ""
    """`Space.key` of what was trained, as in a `Record`."""
    dataset_hash: str
    """Content hash of the data set, its splits included."""
    split: str
    """Of the images asked; ``train`` for the figures of the training itself."""
    recipe_hash: str
    seed: int
    metric: str
    """Key such as ``pgd@8/255``; on split ``train`` one of `TRAINING_METRICS`."""
    attack_hash: str
    """Hash of the attack's settings; empty where nothing was attacked, and of the training itself."""
    attack_seed: int = 0
    """Of the attack's randomness; 0 likewise."""
    images: int
    """How many images of the split were asked; 0 for the figures of the training itself."""
    dataset: str
    """Name of the data set, for people."""
    epochs: tuple[int, ...]
    """Those that were measured, ascending, counted from 1."""
    values: tuple[float, ...]
    """One per epoch: accuracies are fractions in [0, 1]."""

    def __post_init__(self) -> None:
        if not self.space:
            object.__setattr__(self, "space", self.architecture.space)
        if self.space.partition(":")[0] != self.architecture.space:
            raise InputError("curve space", expected=f"that of {self.architecture.space}", got=self.space)
        if self.split == OF_TRAINING:
            if self.metric not in TRAINING_METRICS:
                raise InputError("curve metric", expected=f"one of {', '.join(TRAINING_METRICS)}", got=self.metric)
        else:
            check_split(self.split)
            object.__setattr__(self, "metric", Metric.parse(self.metric).key)
        check_range("curve images", self.images, 0 if self.split == OF_TRAINING else 1)
        object.__setattr__(self, "epochs", tuple(check_count("curve epochs", epoch) for epoch in self.epochs))
        object.__setattr__(self, "values", tuple(map(float, self.values)))
        if not self.epochs or any(b <= a for a, b in zip(self.epochs, self.epochs[1:], strict=False)):
            raise InputError("curve epochs", expected="numbers from 1 on, ascending", got=self.epochs)
        if len(self.values) != len(self.epochs):
            raise InputError("curve values", expected=f"{len(self.epochs)}, as epochs", got=len(self.values))
        for value in self.values:
            if not math.isfinite(value) or (self.is_accuracy and not 0 <= value <= 1):
                kind = "accuracies in [0, 1]" if self.is_accuracy else "finite numbers"
                raise InputError("curve values", expected=kind, got=value)

    @property
    def is_accuracy(self) -> bool:
        """Whether the values are accuracies, which the same training on the same machine has again."""
        return self.split != OF_TRAINING or self.metric == "robust"

    @property
    def key(self) -> tuple[object, ...]:
        """What identifies this curve."""
        return key_of(self)

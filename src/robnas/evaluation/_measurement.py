"""What an evaluation finds out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas._binomial import binomial_error
from robnas._brief import brief
from robnas.types import Metric, Split, canonical_metric


@final
@dataclass(frozen=True)
class Share:
    """How many of some images stayed correct."""

    name: str
    """What they have in common, or what they stayed correct after."""
    images: int
    """How many there are."""
    correct: int
    """How many of them stayed correct."""

    @property
    def value(self) -> float | None:
        """Accuracy on them; None without any."""
        return self.correct / self.images if self.images else None


@final
@dataclass(frozen=True)
class Measurement:
    """Accuracy under one attack or corruption, or none, on the first images of a split."""

    __repr__ = brief

    metric: str
    """Key such as ``clean``, ``pgd@8/255`` or ``brightness@3``."""
    attack: Mapping[str, Any] | None
    """Settings of the attack or corruption with its name; None for clean accuracy."""
    images: int
    """How many were asked, misclassified ones included."""
    seconds: float
    """Duration."""
    seed: int
    """Of the attack or corruption; 0 without one."""
    outcomes: str
    """Which of them stayed correct: bits, first image first, in hexadecimal."""
    torch_version: str
    """At the time of measuring."""
    device: str
    """Where it was measured: model of a GPU, or ``cpu``."""
    warnings: tuple[str, ...] = ()
    """What the attack's library doubts about this result."""
    per_attack: tuple[Share, ...] = ()
    """Of an attack that consists of several, such as AutoAttack: what is left after each of them, all images asked
    included; empty for others, and where an earlier version kept the measurement."""
    per_class: tuple[Share, ...] = ()
    """The images of each class, in the order of the logits; of a mean each image counts as often as it was asked."""
    times: int = 1
    """How often each image was asked: of a mean over corruptions and severities once for each of these."""

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Per image whether it stayed correct, shape (images,), bool; of a mean (times, images)."""
        count = self.times * self.images
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(self.outcomes), dtype=np.uint8), count=count).astype(bool)
        return bits if self.times == 1 else bits.reshape(self.times, self.images)

    @property
    def value(self) -> float:
        """Accuracy: the share of images that stayed correct."""
        return float(self.correct.mean())

    @property
    def standard_error(self) -> float:
        """Of the accuracy as an estimate for the distribution that the images come from, see `binomial_error`.

        Of a mean that of the images, each with the share of times that it stayed correct: its copies are no other ones.
        """
        if self.times == 1:
            return float(binomial_error(self.value, self.images))
        shares = self.correct.mean(0)
        return float(shares.std() / math.sqrt(self.images)) or float(binomial_error(self.value, self.images))


@final
@dataclass(frozen=True)
class Flag:
    """Result of one sanity check."""

    check: str
    """What ought to hold."""
    passed: bool
    """Whether it does, up to noise."""
    detail: str
    """The figures."""
    metrics: tuple[str, ...] = ()
    """Keys of the accuracies that it is about; all of the evaluation if none is named."""


@final
@dataclass(frozen=True)
class Evaluation:
    """All measurements of one network on one split."""

    __repr__ = brief

    suite: str
    split: Split
    seed: int
    measurements: tuple[Measurement, ...]
    flags: tuple[Flag, ...]
    folded: bool = False
    """Whether a folded form of the network was asked, which computes the same faster, or the network itself."""
    remeasured: tuple[str, ...] = ()
    """Metrics that the directory held already, but not for a network known to answer like this one."""
    weights: str = ""
    """Hash of weights and structure of the network."""
    dataset_hash: str = ""
    """Content hash of the data set."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Corruptions of the suite that mean nothing on these images, and why."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What to know of some of the corruptions measured, by name."""

    def __getitem__(self, metric: str) -> float:
        """The accuracy of a metric key."""
        for measurement in self.measurements:
            if measurement.metric == canonical_metric(metric):
                return measurement.value
        raise KeyError(metric)

    @property
    def corruptions(self) -> dict[str, dict[int, float]]:
        """Accuracy by corruption and severity."""
        found: dict[str, dict[int, float]] = {}
        for measurement in self.measurements:
            metric = Metric.parse(measurement.metric)
            if metric.severity is not None:
                found.setdefault(metric.attack, {})[metric.severity] = measurement.value
        return found

    def checks(self, metric: str | None = None) -> dict[str, bool]:
        """Which checks ran, and whether all of that name passed, for one accuracy or for all."""
        found: dict[str, bool] = {}
        for flag in self.flags:
            if metric is None or not flag.metrics or canonical_metric(metric) in flag.metrics:
                found[flag.check] = found.get(flag.check, True) and flag.passed
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line per failed check, and what the libraries doubt."""
        failed = [f"{flag.check}: {flag.detail}" for flag in self.flags if not flag.passed]
        return tuple(failed + [f"{m.metric}: {text}" for m in self.measurements for text in m.warnings])


def pack(correct: np.ndarray) -> str:
    """Hexadecimal bits of a boolean array."""
    return np.packbits(correct.astype(bool)).tobytes().hex()

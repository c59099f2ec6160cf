"""What is compared: one long training and many cheaper ones, as plans of one store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from robnas.attacks import FGSM, NFGSM, PGD, RSFGSM, Attack, Free
from robnas.building import CurveMeasuring, Measuring, Plan, Selection, Source
from robnas.evaluation import Suite
from robnas.networks import Counts, count
from robnas.spaces import SPACES, Architecture, Space, partition
from robnas.training import Recipe
from robnas.types import ThreatModel, format_epsilon

ATTACKS: dict[str, Callable[[ThreatModel], Attack]] = {
    "pgd-2": lambda threat: PGD(threat, steps=2, step_size=1.25 * threat.epsilon),
    "rs-fgsm": RSFGSM,
    "n-fgsm": NFGSM,
    "free-4": lambda threat: Free(threat, replays=4),
    "pgd-7": lambda threat: PGD(threat, steps=7, step_size=threat.epsilon / 4),
    "pgd-10": lambda threat: PGD(threat, steps=10, step_size=threat.epsilon / 4),
}
STANDARD = "pgd-2"
ALONE: Mapping[str, Sequence[Any]] = MappingProxyType(
    {
        "attack": ("rs-fgsm", "n-fgsm", "free-4", "pgd-7"),
        "epochs": (0.25, 0.5, 2),
        "width": (0.5, 2),
        "images": (0.25, 0.5),
    }
)
"""Factor → levels that are tried while the others are standard; numbers are multiples of the standard."""
CROSSED: Sequence[tuple[str, float, float, float]] = (
    ("rs-fgsm", 0.25, 1, 1),
    ("rs-fgsm", 2, 1, 1),
    ("n-fgsm", 0.5, 1, 1),
    ("n-fgsm", 0.5, 0.5, 0.5),
    ("n-fgsm", 2, 1, 1),
    ("n-fgsm", 2, 2, 1),
    ("free-4", 0.25, 1, 1),
    ("free-4", 0.5, 1, 1),
    ("pgd-2", 0.5, 0.5, 0.5),
    ("pgd-2", 2, 0.5, 0.5),
    ("pgd-7", 0.25, 1, 1),
    ("pgd-7", 2, 1, 0.5),
)
"""Attack, epochs, width, images of what differs in several."""
GOLD_SEEDS, SEED = (0, 1, 2), 3


@dataclass(frozen=True)
class Setting:
    """One way to train all architectures."""

    attack: str
    epochs: int
    channels: int
    images: int
    """Of the training split, the first ones."""
    label: str = ""
    """What people call it besides."""

    def __str__(self) -> str:
        text = f"{self.attack}, {self.epochs} epoch{'s' * (self.epochs > 1)}, C={self.channels}, {self.images:,} images"
        return f"{text} ({self.label})" if self.label else text

    def passes(self, threat: ThreatModel) -> int:
        """Images that go forward and backward through the network in a training, by attack and update."""
        attack: Any = ATTACKS[self.attack](threat)
        return self.epochs * self.images * (attack.replays if isinstance(attack, Free) else attack.steps + 1)


@dataclass(frozen=True)
class Study:
    """Data set, the standard training and gold."""

    data: str
    image: tuple[int, int]
    """Channels and side of an image, in pixels."""
    recipe: Recipe
    """Everything but attack and epochs; with the threat model."""
    channels: int
    epochs: int
    images: int
    gold_epochs: int
    gold_images: int
    measured: int | None = None
    """Images of each split that are measured; all if None."""
    architectures: int = 200
    seed: int = 0
    """Of their drawing."""
    alone: Mapping[str, Sequence[Any]] = field(default_factory=lambda: ALONE)
    crossed: Sequence[tuple[str, float, float, float]] = CROSSED

    @property
    def threat(self) -> ThreatModel:
        """Of all trainings and measurements."""
        return self.recipe.attack.threat

    @property
    def metric(self) -> str:
        """By which gold is told and settings are judged."""
        return f"pgd@{format_epsilon(self.threat.epsilon)}"

    @property
    def one_step(self) -> str:
        """The metric of the attack of one step."""
        return self.metric.replace("pgd", "fgsm")

    @cached_property
    def archs(self) -> tuple[Architecture, ...]:
        """One per class of networks that compute the same; fewer of them are the first ones of more."""
        found = partition("effective").representatives()
        order = np.random.default_rng(self.seed).permutation(len(found))
        return tuple(found[row] for row in order[: self.architectures])

    @property
    def gold(self) -> Setting:
        """The long training."""
        return Setting("pgd-10", self.gold_epochs, self.channels, self.gold_images, "gold")

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """What is compared with gold: the standard, one factor at a time, several, and gold with another seed."""
        made = [self._setting(**{name: level}) for name, levels in self.alone.items() for level in levels]
        made += [self._setting(*one) for one in self.crossed]
        standard = self._setting()
        others = [one for one in dict.fromkeys(made) if one != standard]
        return replace(standard, label="standard"), *others, replace(self.gold, label="gold, one more seed")

    def _setting(self, attack: str = STANDARD, epochs: float = 1, width: float = 1, images: float = 1) -> Setting:
        levels = zip((self.epochs, self.channels, self.images), (epochs, width, images), strict=True)
        return Setting(attack, *(max(1, round(whole * share)) for whole, share in levels))

    def space(self, channels: int) -> Space:
        """The cells with a stem of so many channels."""
        return SPACES["nas-bench-201"].configure(channels=channels, cells=1)

    def count(self, channels: int, arch: Architecture) -> Counts:
        """Parameters and multiply-accumulates of a network."""
        size = {"in_channels": self.image[0], "input_size": self.image[1]}
        return count(arch, space=self.space(channels), live=True, **size)

    def cost(self, setting: Setting) -> float:
        """Passes of a training as so many of the standard width, by multiply-accumulates of all architectures."""
        own, standard = (
            sum(self.count(width, arch).macs for arch in self.archs) for width in (setting.channels, self.channels)
        )
        return setting.passes(self.threat) * own / standard

    def plan(self, setting: Setting) -> Plan:
        """All architectures trained in this way; gold with its seeds, measured on test images as well."""
        whole = setting == self.gold
        attacks = (FGSM(self.threat), PGD(self.threat, steps=10, step_size=self.threat.epsilon / 4))
        splits: tuple[Any, ...] = ("validation", "test") if whole else ("validation",)
        return Plan(
            name=f"fidelity {self.data}: {setting}",
            space=Selection(of=self.space(setting.channels), kind="list", listed=tuple(a.text for a in self.archs)),
            source=Source(name=self.data, limit_train=setting.images),
            recipe=self.recipe.replace(epochs=setting.epochs, attack=ATTACKS[setting.attack](self.threat)),
            measuring=Measuring(
                suite=Suite("fidelity", attacks, {}, checks=False),
                splits=splits,
                images=dict.fromkeys(splits, self.measured) if self.measured else {},
                batch_size=400,
                # It costs little, and brings the seconds of every epoch into the store.
                curve=CurveMeasuring(images=min(100, self.measured or 100), attack=FGSM(self.threat)),
            ),
            seeds=GOLD_SEEDS if whole else (SEED,),
        )


STUDIES = {
    "digits": Study(
        "digits", (1, 8), Recipe.digits(), channels=8, epochs=4, images=1000, gold_epochs=12, gold_images=1000
    ),
    "cifar10": Study(
        "cifar10",
        (3, 32),
        Recipe.nas_robbench_201().replace(batch_size=128),
        channels=16,
        epochs=8,
        images=10_000,
        gold_epochs=24,
        gold_images=20_000,
        measured=2000,
    ),
}

"""Which attacks and corruptions an evaluation runs, and on how many images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import partial
from typing import Any, final

from robnas._registry import Registry
from robnas._settings import check_keys, content_hash, to_dict
from robnas.attacks import APGD, FGSM, PGD, Attack, AutoAttack, Square, check_radius, metric_of
from robnas.data import Dataset
from robnas.errors import InputError, Verbatim, reason
from robnas.types import ALL_CORRUPTIONS, COMMON_CORRUPTIONS, CORRUPTIONS, ThreatModel, check_count


@final
@dataclass(frozen=True)
class Suite:
    """A named list of attacks and corruptions; clean accuracy is always measured too."""

    name: str
    """What people call it."""
    attacks: tuple[Attack, ...]
    """In the order in which they run."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Attack name, or name and label such as ``pgd:100``, or ``corruptions`` → at most this many images, the first of
    the split; what is not named gets all."""
    checks: bool = True
    """Run the sanity checks, on a few images."""
    corruptions: tuple[str, ...] = ()
    """Names of `robnas.types.CORRUPTIONS`, each measured at all five severities; the mean is measured with the first 15
    of them, over these."""

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "attacks", tuple(self.attacks))
        except TypeError:
            raise InputError("suite attacks", expected="a tuple of attacks", got=self.attacks) from None
        try:
            object.__setattr__(self, "limits", dict(self.limits))
        except (TypeError, ValueError):
            raise InputError("suite limits", expected="attack name → images", got=self.limits) from None
        for attack in self.attacks:
            _check_settings(attack)
        if len(set(self.metrics)) < len(self.metrics):
            raise InputError(
                "suite attacks",
                expected="one per metric key",
                got=Verbatim(", ".join(self.metrics)),
                remedy='tell them apart by a label, such as label="100" for pgd:100@8/255',
            )
        object.__setattr__(self, "corruptions", _checked_corruptions(self.corruptions))
        names = dict.fromkeys(name for attack in self.attacks for name in _names(attack))
        names |= {ALL_CORRUPTIONS: None} if self.corruptions else {}
        check_keys("suite limit", self.limits, names)
        for name, limit in self.limits.items():
            check_count(f"suite limit of {name}", limit)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Keys of what is measured on uncorrupted images, such as ``clean`` and ``pgd@8/255``."""
        return ("clean", *(metric_key(attack) for attack in self.attacks))

    def images(self, attack: Attack, size: int) -> int:
        """How many of `size` images an attack is given; a limit of its label comes before one of its name."""
        return min(size, next((self.limits[name] for name in _names(attack) if name in self.limits), size))

    def corrupted_images(self, size: int) -> int:
        """How many of `size` images are asked under each corruption and severity."""
        return min(size, self.limits.get(ALL_CORRUPTIONS, size))

    @classmethod
    def nas_robbench_201(cls) -> Suite:
        """The published evaluation: FGSM and PGD-20 at 3/255 and 8/255, standard AutoAttack at 8/255."""
        weak, strong = ThreatModel.linf("3/255"), ThreatModel.linf("8/255")
        return cls("nas-robbench-201", (FGSM(weak), FGSM(strong), _pgd(weak), _pgd(strong), AutoAttack(strong)))

    @classmethod
    def few_classes(cls) -> Suite:
        """For 2 or 3 classes, which AutoAttack cannot do: FGSM, PGD-20, APGD and Square at 8/255."""
        threat = ThreatModel.linf("8/255")
        return cls("few-classes", (FGSM(threat), _pgd(threat), APGD(threat), Square(threat)))

    @classmethod
    def digits(cls) -> Suite:
        """For the bundled digits: FGSM and PGD-10 at 16/255 and 32/255, AutoAttack at 32/255 on 50 images."""
        weak, strong = ThreatModel.linf("16/255"), ThreatModel.linf("32/255")
        return cls(
            "digits",
            (FGSM(weak), FGSM(strong), _pgd(weak, 10), _pgd(strong, 10), AutoAttack(strong)),
            limits={"autoattack": 50},
        )

    @classmethod
    def of_corruptions(cls, *, extra: bool = False) -> Suite:
        """The 15 corruptions of CIFAR-10-C (Hendrycks and Dietterich 2019) at 5 severities and their mean, no attack.

        Args:
            extra: the 4 further ones as well; they are no part of the mean.
        """
        if extra:
            return cls("corruptions-19", (), corruptions=CORRUPTIONS)
        return cls("corruptions", (), corruptions=COMMON_CORRUPTIONS)


def _pgd(threat: ThreatModel, steps: int = 20) -> PGD:
    return PGD(threat, steps=steps, step_size=2.5 * threat.epsilon / steps)


def metric_key(attack: Attack | None) -> str:
    """``clean`` without an attack, else its key such as ``pgd@8/255``."""
    return "clean" if attack is None else metric_of(attack).key


def _checked_corruptions(given: Any) -> tuple[str, ...]:
    """Names of corruptions, without repetition, in the order in which they are known."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError("suite corruptions", expected="names of corruptions", got=given)
    names = list(given)
    check_keys("corruption", names, CORRUPTIONS)
    return tuple(name for name in CORRUPTIONS if name in names)


def _check_settings(attack: Any) -> None:
    """Settings are stored with every result."""
    what = f"suite attack {metric_key(attack)}"
    if not is_dataclass(attack):
        raise InputError(what, expected="a frozen dataclass, whose settings can be stored", got=attack)
    try:
        content_hash(to_dict(attack))
    except (TypeError, ValueError) as error:
        raise InputError(what, expected="settings that JSON can hold", got=reason(error)) from None


def _names(attack: Attack) -> tuple[str, ...]:
    """What a limit may call it, the most exact first."""
    label = metric_of(attack).label
    return (f"{attack.name}:{label}", attack.name) if label else (attack.name,)


def check_suite(suite: Suite, data: Dataset) -> None:
    """Refuse attacks that these images do not allow, before the work.

    Raises:
        InputError: AutoAttack with fewer than 4 classes, or a radius that no two images are apart.
    """
    if data.num_classes < 4 and any(attack.name == "autoattack" for attack in suite.attacks):
        raise InputError(
            f"suite {suite.name}",
            expected="no AutoAttack with fewer than 4 classes",
            got=Verbatim(f"{data.num_classes} classes of {data.name}"),
            remedy="use the suite few-classes",
        )
    for attack in suite.attacks:
        check_radius(attack.threat, data.image_shape)


SUITES: Registry[Callable[[], Suite]] = Registry(
    "suite",
    {
        "nas-robbench-201": Suite.nas_robbench_201,
        "digits": Suite.digits,
        "few-classes": Suite.few_classes,
        "corruptions": Suite.of_corruptions,
        "corruptions-19": partial(Suite.of_corruptions, extra=True),
    },
    Callable,
)


def suite(name: str) -> Suite:
    """A preset by name.

    Raises:
        InputError: there is no such preset; the text lists them.
    """
    check_keys("suite", [name], SUITES)
    return SUITES[name]()

"""Words shared by all rooms: splits, threat models, metrics, progress."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, final, get_args

from robnas import _lazy
from robnas._registry import Registry
from robnas.errors import OWN, InputError, UnknownNameError, Verbatim, shorten, unknown_name

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
WEAKER_FIRST = ("fgsm", "pgd", "apgd", "autoattack")
"""Attacks in the order of their strength at one threat model, whatever their labels; others stand outside it."""
CORRUPTIONS: tuple[str, ...] = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
    "snow", "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
    "speckle_noise", "gaussian_blur", "spatter", "saturate",
)  # fmt: skip
"""What befalls images without an attacker: the 15 of CIFAR-10-C (Hendrycks & Dietterich 2019), then its 4 extra."""
COMMON_CORRUPTIONS = CORRUPTIONS[:15]
"""Those over which benchmarks such as RobustBench (Croce et al. 2021) take the mean; the others are extra."""
ALL_CORRUPTIONS = "corruptions"
"""Name of the mean over corruptions and severities."""
CONFIDENCE = "confidence"
"""Begins names of columns such as ``confidence:pgd@8/255``, which are no accuracies, so no attack is called so."""
SEVERITIES = range(1, 6)
Kind = Literal["clean", "attack", "corruption"]
_NAME, _LABEL = re.compile(r"[a-z][a-z0-9_.]*"), re.compile(r"[a-z0-9.]+")
_KEY = re.compile(
    f"(?P<name>{_NAME.pattern})(?::(?P<label>{_LABEL.pattern}))?(?:-(?P<norm>{_NAME.pattern}))?@(?P<epsilon>.+)"
)
_KEYS = "clean, or a key such as pgd@8/255, pgd-l2@0.5, pgd:100@8/255 or brightness@3"
_UNLIKE_ATTACKS = frozenset(("clean", ALL_CORRUPTIONS, *CORRUPTIONS))
_LONGEST_KEY = 64  # characters: what record stores have room for
_DECIMALS = 9  # of grey levels
_LONG = 30  # characters of name, label and norm with which a key may be longer


def _check_norm(name: str, _: float) -> None:
    if not _NAME.fullmatch(name):
        raise InputError("norm name", expected="a letter a to z, then a to z, digits, _ and .", got=name)


Norm: TypeAlias = str
"""A name of `NORMS`."""
NORMS: Registry[float] = Registry("norm", {"linf": 1.0, "l2": math.inf, "l1": math.inf}, float, _check_norm)
"""What a distance between images may be measured in, with the largest radius that makes sense.

`robnas.attacks.GEOMETRIES` has the geometry of each; one that is added there is added here too.
"""


def check_split(split: str) -> Split:
    """Return `split`, or raise `InputError` if it is none of `SPLITS`; there is no default split."""
    for known in SPLITS:
        if split == known:
            return known
    raise InputError("split", expected=f"one of {', '.join(SPLITS)}", got=split)


def parse_epsilon(value: str | float, what: str = "epsilon") -> float:
    """A distance in [0, 1] pixel units from ``"8/255"``, ``"0.1/255"``, ``"0.5"`` or a number; errors call it `what`.

    What lies within 1e-9 of a whole number of grey levels is that number, so arithmetic such as ``8 * (1 / 255)``
    does not make another threat model.

    Raises:
        InputError: not a finite number ≥ 0.
    """
    try:
        epsilon = _quotient(value) if isinstance(value, str) else float(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        epsilon = math.nan
    if not (math.isfinite(255 * epsilon) and epsilon >= 0) or isinstance(value, bool):
        raise InputError(what, expected="a number ≥ 0 in pixel units, such as 8/255", got=value)
    levels = round(epsilon * 255)
    return levels / 255 if abs(epsilon * 255 - levels) < 1e-9 else epsilon


def _quotient(text: str) -> float:
    """The value of ``"0.5"`` or ``"8/255"``."""
    above, *below = map(float, text.split("/"))
    if not below:
        return above
    (divisor,) = below  # ValueError where there are more
    return above / divisor if 0 < divisor < math.inf else math.nan


def format_epsilon(epsilon: float) -> str:
    """The text of a distance, which `parse_epsilon` reads back.

    ``"8/255"`` for whole grey levels, else the shorter one of ``"0.1/255"`` and a decimal.
    """
    levels = round(epsilon * 255)
    if levels / 255 == epsilon and levels % 255:
        return f"{levels}/255"
    plain, text = repr(float(epsilon)).removesuffix(".0"), f"{round(epsilon * 255, _DECIMALS)}/255"
    return text if len(text) < len(plain) and parse_epsilon(text) == epsilon else plain


@final
@dataclass(frozen=True, slots=True)
class ThreatModel:
    """What an attacker may do: move an image by at most `epsilon` in `norm`, inside [0, 1] pixels."""

    norm: Norm
    epsilon: float

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise unknown_name("threat model norm", self.norm, NORMS, own=True)
        object.__setattr__(self, "epsilon", parse_epsilon(self.epsilon))
        if self.epsilon > (largest := NORMS[self.norm]):
            raise InputError(
                "threat model epsilon",
                expected=f"at most {largest:g} for {self.norm}, because pixels lie in [0, 1]",
                got=self.epsilon,
                remedy='write "8/255", not 8',
            )

    @classmethod
    def linf(cls, epsilon: str | float) -> ThreatModel:
        """Every pixel moves by at most `epsilon`."""
        return cls("linf", parse_epsilon(epsilon))

    @classmethod
    def l2(cls, epsilon: str | float) -> ThreatModel:
        """The whole image moves by at most `epsilon` in Euclidean norm."""
        return cls("l2", parse_epsilon(epsilon))

    @classmethod
    def l1(cls, epsilon: str | float) -> ThreatModel:
        """The moves of all pixels sum to at most `epsilon`."""
        return cls("l1", parse_epsilon(epsilon))

    def __str__(self) -> str:
        return f"{self.norm} {format_epsilon(self.epsilon)}"


@final
@dataclass(frozen=True, slots=True)
class Metric:
    """Accuracy without attack (``clean``), under a named attack or on corrupted images, as in tables and records.

    The key of a metric is ``clean``; ``pgd@8/255`` (L∞) or ``pgd-l2@0.5``, where a label tells two attacks of one name
    apart: ``pgd:100@8/255``, ``pgd:100-l1@12``; ``brightness@3``, a corruption and its severity, or ``corruptions``,
    the mean over corruptions and severities, where a label says that the pixels are not the official ones:
    ``brightness:made@3``, ``corruptions:made``.

    Raises:
        InputError: a name or label that could not be read back from a key, or no severity where there must be one.
    """

    attack: str
    """``clean``, the name of an attack or that of a corruption."""
    threat: ThreatModel | None
    """Of an attack."""
    label: str = ""
    severity: int | None = None
    """Of a corruption, 1 to 5; None for their mean, and for what is no corruption."""

    def __post_init__(self) -> None:
        kind = self.kind
        if kind == "corruption":
            self._check_corruption()
        if kind != "corruption" and self.threat is not None:
            check_attack_name(self.attack)
        elif kind == "attack" or self.threat is not None or (kind == "clean" and self.label):
            expected = "clean, an attack with a threat model, or a corruption without one"
            raise InputError("metric", expected=expected, got=self._got)
        check_label(self.label)
        if kind == "attack" and not isinstance(self.threat, ThreatModel):
            raise InputError("metric threat", expected="a ThreatModel", got=self.threat)
        if kind != "corruption" and self.severity is not None:
            raise InputError("metric severity", expected=f"None for {self.attack}", got=self.severity)
        norm = self.threat.norm if self.threat else ""
        if len(self.attack) + len(self.label) + len(norm) > _LONG and len(self.key) > _LONGEST_KEY:
            raise InputError("metric", expected=f"a key of at most {_LONGEST_KEY} characters", got=self.key)

    def _check_corruption(self) -> None:
        if self.attack == ALL_CORRUPTIONS:
            if self.severity is not None:
                raise InputError("metric severity", expected="None for the mean over severities", got=self.severity)
            return
        if self.severity is None:
            remedy = f"write {self.attack}@3, or {ALL_CORRUPTIONS} for the mean"
            raise InputError("metric", expected="a severity from 1 to 5", got=self._got, remedy=remedy)
        severity = check_count("metric severity", self.severity, SEVERITIES[0], SEVERITIES[-1])
        object.__setattr__(self, "severity", severity)

    @property
    def kind(self) -> Kind:
        """Whether it is of clean, attacked or corrupted images."""
        if self.attack == "clean":
            return "clean"
        return "corruption" if isinstance(self.attack, str) and self.attack in _UNLIKE_ATTACKS else "attack"

    @property
    def key(self) -> str:
        """The text of this metric."""
        if self.threat is None:
            return f"{self.attack}{self._suffix}" + ("" if self.severity is None else f"@{self.severity}")
        linf = self.threat.norm == "linf"
        norm = "" if linf else f"-{self.threat.norm}"
        epsilon = "255/255" if linf and self.threat.epsilon == 1 else format_epsilon(self.threat.epsilon)
        return f"{self.attack}{self._suffix}{norm}@{epsilon}"

    @property
    def _suffix(self) -> str:
        return f":{self.label}" if self.label else ""

    @property
    def _got(self) -> str:
        at = self.threat or self.severity
        return f"{self.attack}{self._suffix}" + (f" with {at}" if at else "")

    @classmethod
    def parse(cls, key: str) -> Metric:
        """The metric of a key.

        Raises:
            InputError: the key is not of the form above.
        """
        name, at, severity = str(key).partition("@")
        name, colon, label = name.partition(":")
        if name in _UNLIKE_ATTACKS:
            return cls._of_no_attack(key, name, label if colon else None, severity if at else None)
        found = _KEY.fullmatch(str(key))
        if found is None or found["norm"] == "linf":
            raise InputError("metric", expected=_KEYS, got=key)
        norm = found["norm"] or "linf"
        if norm not in NORMS:
            raise UnknownNameError("metric", expected=f"{_KEYS}, in {', '.join(NORMS)}", got=key, remedy=OWN)
        return cls(found["name"], ThreatModel(norm, parse_epsilon(found["epsilon"])), found["label"] or "")

    @classmethod
    def _of_no_attack(cls, key: str, name: str, label: str | None, severity: str | None) -> Metric:
        """Of the parts of a key whose name is that of no attack; those that it lacks are None."""
        if name == "clean" and (label, severity) == (None, None):
            return cls(name, None)
        levels = [str(level) for level in SEVERITIES]
        labelled = label is None or _LABEL.fullmatch(label)
        if name == "clean" or not labelled or (severity is None) != (name == ALL_CORRUPTIONS):
            expected = _KEYS if name in ("clean", ALL_CORRUPTIONS) else f"a severity from 1 to 5, as in {name}@3"
            raise InputError("metric", expected=expected, got=key)
        if severity is not None and severity not in levels:
            expected = f"a severity from 1 to 5 of {name}, which is no attack"
            raise InputError("metric", expected=expected, got=key)
        return cls(name, None, label or "", None if severity is None else int(severity))


def is_metric(key: str) -> bool:
    """Whether it is the key of an accuracy, see `Metric`."""
    try:
        return bool(Metric.parse(key))
    except InputError:
        return False


def is_attacked(key: str) -> bool:
    """Whether it is the key of an accuracy under attack, or of an average over several such as ``pgd@average``."""
    name = key.partition("@")[0].partition(":")[0]
    return "@" in key and name not in _UNLIKE_ATTACKS and not _is_confidence(name)


def is_one_corruption(key: str) -> bool:
    """Whether it is the key of one corruption at one severity: of these there are many, which stand in a grid."""
    return "@" in key and key.partition("@")[0].partition(":")[0] in CORRUPTIONS


def by_severity(keys: Iterable[str]) -> dict[str, list[str]]:
    """Keys for people: what stands for them → the keys; one corruption at all five severities is ``fog@1 … 5``.

    They may have a source before them. What lacks a severity is written out.
    """
    groups: dict[str, list[str]] = {}
    for key in keys:
        stem, _, level = key.rpartition("@")
        of_corruption = level in map(str, SEVERITIES) and not {*CORRUPTIONS}.isdisjoint(stem.split(":"))
        groups.setdefault(stem if of_corruption else key, []).append(key)
    found: dict[str, list[str]] = {}
    for stem, of in groups.items():
        whole = of == [f"{stem}@{severity}" for severity in SEVERITIES]
        found |= {f"{of[0]} … {SEVERITIES[-1]}": of} if whole else {key: [key] for key in of}
    return found


def canonical_metric(key: str) -> str:
    """The one spelling of a metric's key; what is none, as it is."""
    try:
        return Metric.parse(key).key
    except InputError:
        return key


def _is_confidence(name: str) -> bool:
    """Whether names of columns that are confidences begin so: ``confidence`` or ``confidence.label``."""
    return name.partition(".")[0] == CONFIDENCE


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or name in _UNLIKE_ATTACKS or _is_confidence(name):
        return False
    return _NAME.fullmatch(name) is not None


def check_attack_name(name: object) -> None:
    """Raise `InputError` unless this can be the name of an attack, in keys such as ``name:label-l2@0.5``."""
    if not _is_name(name):
        raise InputError(
            "attack name",
            expected="a letter a to z, then a to z, digits, _ and . (not clean), as it stands in metric keys, "
            "and no corruption",
            got=name,
        )


def check_label(label: object) -> None:
    """Raise `InputError` unless this is the label of an attack, or empty."""
    if not isinstance(label, str) or (label and not _LABEL.fullmatch(label)):
        raise InputError("attack label", expected="letters a to z, digits and dots, or nothing", got=label)


def label_order(label: str) -> tuple[str | int, ...]:
    """A key that sorts labels as people count: none, 20, 100."""
    return tuple(int(part) if place % 2 else part for place, part in enumerate(re.split("([0-9]+)", label)))


class Progress(Protocol):
    """Told about long work as it goes on."""

    def __call__(self, done: int, total: int, text: str, /) -> None:
        """`done` of `total` units are finished; `text` holds the figures to show."""
        ...


def silent(done: int, total: int, text: str, /) -> None:
    """A `Progress` that shows nothing."""


def check_count(what: str, value: object, low: int = 1, high: int = 2**63 - 1) -> int:
    """`value` as a Python integer from `low` to `high`; NumPy integers will do.

    Raises:
        InputError: it is no whole number, too small or too large.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InputError(what, expected="a whole number", got=value)
    number = operator.index(value)
    check_range(what, number, low, high if number > high else math.inf)
    return number


def check_range(what: str, value: float, low: float, high: float = math.inf) -> None:
    """Raise `InputError` unless low ≤ value ≤ high; what is no number is not."""
    got: object = value
    try:
        if low <= value <= high:
            return
        got = Verbatim(shorten(value) if isinstance(value, int) else value)
    except (TypeError, ValueError):  # a text, None, several numbers
        pass
    bound = f"at least {low:g}" if high == math.inf else f"a number in [{low:g}, {high:g}]"
    raise InputError(what, expected=bound, got=got)


__dir__ = _lazy.listing(__name__)

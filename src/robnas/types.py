"""Words shared by all rooms: splits, threat models, metrics, progress."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, TypeAlias, final, get_args

from robnas import _lazy
from robnas._registry import Registry
from robnas.errors import OWN, InputError, UnknownNameError, Verbatim, shorten, unknown_name

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
WEAKER_FIRST = ("fgsm", "pgd", "apgd", "autoattack")
"""Attacks in the order of their strength at one threat model, whatever their labels; others stand outside it."""
_NAME, _LABEL = re.compile(r"[a-z][a-z0-9_.]*"), re.compile(r"[a-z0-9.]+")
_KEY = re.compile(
    f"(?P<name>{_NAME.pattern})(?::(?P<label>{_LABEL.pattern}))?(?:-(?P<norm>{_NAME.pattern}))?@(?P<epsilon>.+)"
)
_KEYS = "clean, or a key such as pgd@8/255, pgd-l2@0.5 or pgd:100@8/255"
_LONGEST_KEY = 64  # characters: what record stores have room for
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
    """A distance in [0, 1] pixel units from ``"8/255"``, ``"0.5"`` or a number; errors call it `what`.

    What lies within 1e-9 of a whole number of grey levels is that number, so arithmetic such as ``8 * (1 / 255)``
    does not make another threat model.

    Raises:
        InputError: not a finite number ≥ 0.
    """
    try:
        epsilon = float(Fraction(value)) if isinstance(value, str) else float(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        epsilon = math.nan
    if not (math.isfinite(255 * epsilon) and epsilon >= 0) or isinstance(value, bool):
        raise InputError(what, expected="a number ≥ 0 in pixel units, such as 8/255", got=value)
    levels = round(epsilon * 255)
    return levels / 255 if abs(epsilon * 255 - levels) < 1e-9 else epsilon


def format_epsilon(epsilon: float) -> str:
    """The text of a distance, which `parse_epsilon` reads back: ``"8/255"`` for whole grey levels, else a decimal."""
    levels = round(epsilon * 255)
    return f"{levels}/255" if levels / 255 == epsilon and levels % 255 else repr(float(epsilon)).removesuffix(".0")


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
    """Accuracy without attack (``clean``) or under a named attack, as written in tables and records.

    The key of a metric is ``clean``, ``pgd@8/255`` (L∞) or ``pgd-l2@0.5``; a label tells two attacks of one name apart:
    ``pgd:100@8/255``, ``pgd:100-l1@12``.

    Raises:
        InputError: a name or label that could not be read back from a key.
    """

    attack: str
    threat: ThreatModel | None
    label: str = ""

    def __post_init__(self) -> None:
        if self.threat is None:
            if (self.attack, self.label) != ("clean", ""):
                raise InputError(
                    "metric", expected="clean, or an attack with a threat model", got=f"{self.attack}{self._suffix}"
                )
            return
        check_attack_name(self.attack)
        check_label(self.label)
        if not isinstance(self.threat, ThreatModel):
            raise InputError("metric threat", expected="a ThreatModel", got=self.threat)
        if len(self.attack) + len(self.label) + len(self.threat.norm) > _LONG and len(self.key) > _LONGEST_KEY:
            raise InputError("metric", expected=f"a key of at most {_LONGEST_KEY} characters", got=self.key)

    @property
    def key(self) -> str:
        """The text of this metric."""
        if self.threat is None:
            return self.attack
        norm = "" if self.threat.norm == "linf" else f"-{self.threat.norm}"
        return f"{self.attack}{self._suffix}{norm}@{format_epsilon(self.threat.epsilon)}"

    @property
    def _suffix(self) -> str:
        return f":{self.label}" if self.label else ""

    @classmethod
    def parse(cls, key: str) -> Metric:
        """The metric of a key.

        Raises:
            InputError: the key is not of the form above.
        """
        if key == "clean":
            return cls("clean", None)
        found = _KEY.fullmatch(str(key))
        if found is None or found["name"] == "clean" or found["norm"] == "linf":
            raise InputError("metric", expected=_KEYS, got=key)
        norm = found["norm"] or "linf"
        if norm not in NORMS:
            raise UnknownNameError("metric", expected=f"{_KEYS}, in {', '.join(NORMS)}", got=key, remedy=OWN)
        return cls(found["name"], ThreatModel(norm, parse_epsilon(found["epsilon"])), found["label"] or "")


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name != "clean" and _NAME.fullmatch(name) is not None


def check_attack_name(name: object) -> None:
    """Raise `InputError` unless this can be the name of an attack, in keys such as ``name:label-l2@0.5``."""
    if not _is_name(name):
        raise InputError(
            "attack name",
            expected="a letter a to z, then a to z, digits, _ and . (not clean), as it stands in metric keys",
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

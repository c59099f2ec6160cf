"""What a plan measures of its networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, final

from robnas._settings import check_keys, content_hash, settled_epsilon, to_dict
from robnas.attacks import ATTACKS, PGD, Attack
from robnas.building._selection import sequence, table
from robnas.errors import InputError, Verbatim
from robnas.evaluation import Corrupted, Suite, metric_key, suite
from robnas.types import COMMON_CORRUPTIONS, Split, ThreatModel, check_count, check_split, parse_epsilon

_EVALUATION_KEYS = ("suite", "attacks", "corruptions", "limits", "checks", "splits", "images", "batch_size", "curve")


@final
@dataclass(frozen=True, kw_only=True)
class CurveMeasuring:
    """What is measured on the validation images after every epoch; it changes neither training nor final values."""

    images: int | None = None
    """The first so many of them; all if omitted."""
    attack: Attack | None = None
    """If omitted PGD with ten steps of ε/4, in the threat model of the recipe."""

    @classmethod
    def from_dict(cls, values: Any) -> CurveMeasuring:
        """The entries of a plan's ``[evaluation.curve]``.

        Raises:
            InputError: an unknown entry or attack.
        """
        given = table("plan evaluation curve", values)
        check_keys("plan evaluation curve", given, ("images", "attack"))
        images = None if "images" not in given else check_count("plan evaluation curve images", given["images"])
        return cls(images=images, attack=_attack(given["attack"]) if "attack" in given else None)

    def to_dict(self) -> dict[str, Any]:
        """The entries of ``[evaluation.curve]``."""
        images = {} if self.images is None else {"images": self.images}
        return images | ({} if self.attack is None else {"attack": _attack_entry(self.attack)})

    def suite(self, threat: ThreatModel) -> Suite:
        """What is measured besides clean accuracy, for a recipe of that threat model; nothing if it has no radius."""
        attack = self.attack
        if attack is None and threat.epsilon > 0:
            attack = PGD(threat, steps=10, step_size=threat.epsilon / 4)
        return Suite("curve", () if attack is None else (attack,), {}, checks=False)


@final
@dataclass(frozen=True, kw_only=True)
class Measuring:
    """What is measured of each trained network."""

    suite: Suite
    """The attacks, and on how many images each."""
    splits: tuple[Split, ...]
    """In this order."""
    images: Mapping[str, int] = field(default_factory=dict)
    """Split → only its first images."""
    batch_size: int = 256
    """Images per forward pass."""
    curve: CurveMeasuring | None = None
    """Nothing is measured during a training if omitted."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Measuring:
        """The entries of a plan's ``[evaluation]``.

        Raises:
            InputError: an unknown entry, attack or corruption, no split, or attacks or corruptions twice.
        """
        check_keys("plan evaluation", values, _EVALUATION_KEYS)
        base = _chosen(values)
        chosen = replace(base, limits=_counts("limits", values.get("limits", base.limits)))
        if "checks" in values:
            if not isinstance(values["checks"], bool):
                raise InputError("plan evaluation checks", expected="true or false", got=values["checks"])
            chosen = replace(chosen, checks=values["checks"])
        splits = tuple(check_split(name) for name in sequence("plan evaluation splits", values.get("splits", [])))
        if not splits or len(set(splits)) < len(splits):
            raise InputError("plan evaluation splits", expected="validation, test or both", got=list(splits))
        images = _counts("images", values.get("images", {}))
        check_keys("plan evaluation images", images, splits)
        size = check_count("plan evaluation batch_size", values.get("batch_size", 256))
        curve = CurveMeasuring.from_dict(values["curve"]) if "curve" in values else None
        return cls(suite=chosen, splits=splits, images=images, batch_size=size, curve=curve)

    def to_dict(self) -> dict[str, Any]:
        """The entries of ``[evaluation]``."""
        return {
            "attacks": [_attack_entry(attack) for attack in self.suite.attacks],
            **({"corruptions": list(self.suite.corruptions)} if self.suite.corruptions else {}),
            "limits": dict(self.suite.limits),
            "checks": self.suite.checks,
            "splits": list(self.splits),
            "images": dict(self.images),
            "batch_size": self.batch_size,
            **({} if self.curve is None else {"curve": self.curve.to_dict()}),
        }


def _chosen(values: Mapping[str, Any]) -> Suite:
    """The suite that is named, what is written out, or both: of attacks and of corruptions, each from one of these."""
    named = suite(values["suite"]) if "suite" in values else Suite("own", ())
    written = [kind for kind in ("attacks", "corruptions") if kind in values]
    if not (written or "suite" in values):
        raise InputError("plan evaluation", expected="a suite, attacks or corruptions", got=sorted(values))
    for kind in written:
        if getattr(named, kind):
            raise InputError("plan evaluation", expected=f"either suite or {kind}", got=sorted(values))
    names = values.get("corruptions", named.corruptions)
    if isinstance(names, bool):
        names = COMMON_CORRUPTIONS if names else ()
    attacks = tuple(map(_attack, sequence("plan evaluation attacks", values.get("attacks", []))))
    corruptions = tuple(sequence("plan evaluation corruptions", names))
    return replace(named, attacks=named.attacks or attacks, corruptions=corruptions)


def described(suite: Suite, split: Split, count: int, corrupted: Corrupted | None = None) -> list[dict[str, Any]]:
    """Split, metric, attack hash and number of images of what a suite measures on the first images of a split.

    Args:
        suite: of a plan.
        split: that is measured.
        count: how many images of it.
        corrupted: the copies of this split, for a suite with corruptions.
    """
    found: list[tuple[str, str, int]] = []
    for attack in (None, *suite.attacks):
        images = count if attack is None else suite.images(attack, count)
        settings = "" if attack is None else content_hash({"name": attack.name, **to_dict(attack)})
        found.append((metric_key(attack), settings, images))
    if corrupted is not None:
        asked = corrupted.described(corrupted.count(suite, count))
        found += [(metric, content_hash(done), images) for metric, done, images in asked]
    return [
        {"split": split, "metric": metric, "attack_hash": settings, "images": images}
        for metric, settings, images in found
    ]


def _counts(key: str, values: Any) -> dict[str, int]:
    what = f"plan evaluation {key}"
    return {name: check_count(f"{what} of {name}", count) for name, count in table(what, values).items()}


def _attack(values: Any) -> Attack:
    if not isinstance(values, Mapping):
        raise InputError("plan evaluation attack", expected="a table with name and epsilon", got=values)
    check_keys("attack", [values.get("name", "")], ATTACKS)
    kind: Any = ATTACKS[values["name"]]
    own = [entry.name for entry in fields(kind) if entry.name not in ("threat", "label")]
    check_keys(f"attack {values['name']} setting", values, ("name", "label", "norm", "epsilon", *own))
    if "epsilon" not in values:
        raise InputError(f"attack {values['name']}", expected="an entry epsilon", got=Verbatim("none"))
    threat = ThreatModel(values.get("norm", "linf"), parse_epsilon(values["epsilon"]))
    if threat.epsilon == 0:
        raise InputError(
            f"attack {values['name']} epsilon",
            expected="above 0",
            got=values["epsilon"],
            remedy="clean is measured anyway",
        )
    settings = {key: value for key, value in values.items() if key in (*own, "label")}
    try:
        attack: Attack = kind(threat=threat, **settings)
    except TypeError as error:
        raise InputError(f"attack {values['name']}", expected=", ".join(own), got=Verbatim(str(error)[:100])) from None
    if attack.name != values["name"]:  # a plan is read back by the names that attacks have
        raise InputError(f"attack {values['name']}", expected="an attack of that name", got=attack.name)
    return attack


def _attack_entry(attack: Attack) -> dict[str, Any]:
    plain = {key: value for key, value in to_dict(attack).items() if key != "threat"}
    return {
        "name": attack.name,
        "norm": attack.threat.norm,
        "epsilon": settled_epsilon(attack.threat.epsilon),
        **plain,
    }

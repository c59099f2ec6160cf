"""Attacks of a recipe: which there are, and their plain values."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from robnas._registry import Registry
from robnas._settings import check_keys, to_dict
from robnas.attacks import ATTACKS, FGSM, NFGSM, PGD, RSFGSM, Attack, Free
from robnas.errors import InputError, Verbatim, unknown_name
from robnas.types import ThreatModel, format_epsilon, parse_epsilon

TRAINING_ATTACKS: Registry[Callable[..., Any]] = Registry(
    "recipe attack", {"pgd": PGD, "fgsm": FGSM, "rs-fgsm": RSFGSM, "n-fgsm": NFGSM, "free": Free}, Callable
)
"""By the name that recipes give; those of `robnas.attacks.ATTACKS` may be named, too."""


def check_attack(attack: Any) -> None:
    """Raise `InputError` unless a recipe may hold this attack: its plain values bring it back and tell it apart."""
    what = "recipe attack"
    if isinstance(attack, type) or not isinstance(attack, Attack) or getattr(attack, "restarts", 1) != 1:
        raise InputError(what, expected="an attack with one start, such as PGD, NFGSM or Free", got=attack)
    if getattr(attack, "label", ""):  # it would make two recipes of one
        raise InputError("recipe attack label", expected="none", got=attack.label)  # type: ignore[attr-defined]
    if _name(attack) is None:
        remedy = "register the class in robnas.training.TRAINING_ATTACKS"
        raise InputError(what, expected=f"one of {', '.join(_kinds())}", got=attack, remedy=remedy)
    try:
        json.dumps(to_dict(attack), allow_nan=False)
    except (TypeError, ValueError):
        text = "settings that are finite numbers, texts, or lists of them"
        raise InputError(what, expected=text, got=Verbatim(str(to_dict(attack)))) from None


def attack_to_dict(attack: Attack) -> dict[str, Any]:
    """Plain values; those of PGD have no name, as when there was nothing else."""
    plain = to_dict(attack)
    return plain if isinstance(attack, PGD) else {"name": _name(attack), **plain}


def read_attack(given: Any, before: Any = None) -> Any:
    """An attack from whatever people write.

    Args:
        given: the object; a name; or plain values. Without a name, or with that of `before`, they change some settings
            of that; with another name they begin with its threat model and the defaults of the class.
        before: the attack that stands there so far, if any.

    Raises:
        InputError: an unknown name or setting, a setting that is missing or will not do.
    """
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, Mapping):
        check_attack(given)
        return given
    name = given.get("name", "pgd" if before is None else _name(before))
    kind: Any = _kinds().get(name)
    if kind is None:
        raise unknown_name("recipe attack", name, _kinds(), own=True)
    if not dataclasses.is_dataclass(kind):
        raise InputError(f"recipe attack {name}", expected="a frozen dataclass, whose settings can be stored", got=kind)
    settings = {key: value for key, value in given.items() if key != "name"}
    fields = [field for field in dataclasses.fields(kind) if field.init]
    check_keys("recipe attack setting", settings, [field.name for field in fields])
    if type(before) is kind:
        settings = {field.name: getattr(before, field.name) for field in fields} | settings
    elif before is not None:
        settings = {"threat": before.threat} | settings
    needed = [field.name for field in fields if _is_needed(field)]
    if missing := [key for key in needed if key not in settings]:
        what = "recipe attack" if kind is PGD else f"recipe attack {name}"
        raise InputError(what, expected=_listed(needed), got=Verbatim(f"no {missing[0]}"))
    try:
        return kind(**settings | {"threat": _threat(settings["threat"], before)})
    except TypeError as error:
        raise InputError(f"recipe attack {name}", expected=_listed(needed), got=Verbatim(str(error)[:100])) from None


def shown_attack(attack: Attack, before: Attack) -> str:
    """What a name says of a changed attack: ``pgd-7@8/255``, and settings that are not what they were before."""
    threat = attack.threat
    norm = "" if threat.norm == "linf" else f"-{threat.norm}"
    steps = f"-{attack.steps}" if isinstance(attack, PGD) else ""
    text = f"{_name(attack)}{steps}{norm}@{format_epsilon(threat.epsilon)}"
    if isinstance(attack, PGD) and (threat, attack.steps) != (before.threat, getattr(before, "steps", None)):
        return text
    for field in dataclasses.fields(attack):  # type: ignore[arg-type]
        value = getattr(attack, field.name)
        present = getattr(before, field.name) if type(before) is type(attack) else field.default
        if field.name not in ("threat", "steps") and value != present and present is not dataclasses.MISSING:
            text += f",{field.name}={format_epsilon(value) if field.name == 'step_size' else value}"
    return text


def _threat(given: Any, before: Any) -> ThreatModel:
    if isinstance(given, ThreatModel):
        return given
    if before is not None and isinstance(given, Mapping):
        given = {"norm": before.threat.norm, "epsilon": before.threat.epsilon} | dict(given)
    if not isinstance(given, Mapping) or set(given) != {"norm", "epsilon"}:
        raise InputError("recipe attack threat", expected='a norm and an epsilon, such as "8/255"', got=given)
    return ThreatModel(given["norm"], parse_epsilon(given["epsilon"]))


def _kinds() -> dict[str, Any]:
    """All that a recipe may name, those made for it first."""
    found = {name: TRAINING_ATTACKS[name] for name in TRAINING_ATTACKS.names()}
    return found | {name: ATTACKS[name] for name in ATTACKS.names() if name not in found}


def _name(attack: Any) -> str | None:
    """Under which a recipe is given it."""
    return next((name for name, kind in _kinds().items() if kind is type(attack)), None)


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    return field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]

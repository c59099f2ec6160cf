"""The objective of a recipe from whatever people write, and what does not go together with an attack."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from robnas._registry import Registry
from robnas._settings import check_keys
from robnas.attacks import FGSM, NFGSM, Free, GradientAttack
from robnas.errors import InputError, Verbatim
from robnas.training._objective import MART, OBJECTIVES, TRADES, Mixed
from robnas.training._parts import read_part

_FLAT: dict[str, tuple[Any, str, str]] = {
    "mixed": (Mixed, "beta", "beta"),
    "trades": (TRADES, "weight", "trades_weight"),
}
"""Objectives whose setting is one of the recipe itself, as when there was nothing else: class, setting, its name."""


def read_objective(given: Any, before: Any = None) -> tuple[Any, dict[str, float]]:
    """What a recipe holds of an objective: a name, or an object with settings; and settings of the recipe itself.

    Args:
        given: a name; an object; plain values, which without a name change settings of `before`; or a function.
        before: what the recipe holds so far.

    Raises:
        InputError: it is none of `OBJECTIVES`, or its settings will not do.
    """
    kinds = _classes()
    if not isinstance(given, str | Mapping) and type(given) not in kinds.values():
        names = [name for name, value in OBJECTIVES.items() if value is given]
        if not names:
            what, remedy = f"one of {', '.join(OBJECTIVES.names())}, by name or as an object", "register your own first"
            raise InputError("recipe objective", expected=what, got=given, remedy=remedy)
        given = names[0]
    if isinstance(given, Mapping):
        name = given.get("name", before if isinstance(before, str) else getattr(before, "name", None))
        check_keys("recipe objective", [name], OBJECTIVES)
        if name not in kinds and given.keys() - {"name"}:
            raise InputError(f"recipe objective {name}", expected="no settings, as it is a function", got=dict(given))
        given = {"name": name, **given} if given.keys() - {"name"} else name
    if isinstance(given, str):
        check_keys("recipe objective", [given], OBJECTIVES)
        if given in _FLAT or given not in kinds:
            return given, {}
    part = read_part("recipe objective", given, kinds, None if isinstance(before, str) else before)
    if part.name not in _FLAT:
        return part, {}
    _, setting, key = _FLAT[part.name]
    return part.name, {key: getattr(part, setting)}


def check_pair(objective: Any, beta: float, attack: Any) -> None:
    """Raise `InputError` if an objective cannot be trained with an attack."""
    name = objective if isinstance(objective, str) else objective.name
    if isinstance(attack, Free) and (isinstance(objective, MART) or name == "trades" or (name == "mixed" and not beta)):
        what = "objective mixed with beta above 0, or one's own, whose own gradient to the images is the attack"
        raise InputError("recipe attack free", expected=what, got=Verbatim(f"{name} with beta {beta:g}"))
    if name != "trades":
        return
    if not isinstance(attack, GradientAttack):
        what = "one that increases any loss, as TRADES attacks the divergence"
    elif isinstance(attack, FGSM) or (isinstance(attack, NFGSM) and not attack.noise):
        what = "a start other than the image, where the divergence of TRADES has no slope"
    else:
        return
    raise InputError("recipe attack", expected=what, got=attack, remedy="use PGD, RSFGSM or NFGSM")


def _classes() -> Registry[Any]:
    """Those that have settings: name → class."""
    found = {name: kind for name, (kind, _, _) in _FLAT.items()}
    for name in OBJECTIVES.names():
        value = OBJECTIVES[name]
        if dataclasses.is_dataclass(value) and name not in found:
            found[name] = value if isinstance(value, type) else type(value)
    return Registry("recipe objective", found)

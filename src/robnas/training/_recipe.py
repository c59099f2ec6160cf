"""All settings of one training."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from typing import Any, final

from robnas._registry import Registry
from robnas._settings import check_keys, recipe_hash, to_dict
from robnas.attacks import PGD
from robnas.errors import InputError
from robnas.spaces.nas_bench_201 import earlier_recipe
from robnas.training._objective import OBJECTIVES
from robnas.training._precision import PRECISIONS, Precision
from robnas.types import ThreatModel, check_count, check_range, format_epsilon, parse_epsilon

_MOST = 1_000_000  # epochs, images per step: what is more is a slip
_SIZE = ("channels", "cells")
_PGD_7 = PGD(ThreatModel.linf("8/255"), steps=7, step_size=2 / 255)


@final
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of one training; with space, architecture, data set and seed it decides the result.

    The size of the network is none of them, but a setting of the space. ``Recipe(channels=8, cells=1)``, as earlier
    versions had it, is carried as a hint, `size`, which decides the space of a trial or plan that names none.
    """

    name: str
    """What people call it; not part of the hash."""
    epochs: int = 50
    """Passes over the training images."""
    batch_size: int = 256
    """Images per step. The last step of an epoch has what remains; below an eighth of this it joins the one before."""
    max_lr: float = 0.1
    """Learning rate at the top of the one-cycle schedule."""
    warmup: float = 0.3
    """Share of the steps in which the learning rate rises."""
    start_divisor: float = 25.0
    """The first learning rate is `max_lr` divided by this."""
    end_divisor: float = 1e4
    """The last learning rate is the first one divided by this."""
    low_momentum: float = 0.85
    """Momentum at the top of the learning rate."""
    high_momentum: float = 0.95
    """Momentum at the first and last step."""
    weight_decay: float = 5e-4
    """L2 penalty of SGD, on all parameters."""
    objective: str = "mixed"
    """``mixed``: (1−β)·clean + β·robust cross-entropy. ``trades``: clean cross-entropy + weight · KL divergence. Or
    another name of `OBJECTIVES`."""
    beta: float = 1.0
    """β of ``mixed``: 0 is standard training and costs no attack, 1 trains on attacked images only."""
    trades_weight: float = 6.0
    """Weight of the KL divergence in ``trades`` (1/λ of Zhang et al. 2019)."""
    attack: PGD = _PGD_7
    """Attack on each training batch, made with the network in evaluation mode."""
    crop: float = 0.125
    """Padding of the random crop as a share of the image side: 4 pixels at 32, 2 at 16; 0 for no crop."""
    flip: bool = True
    """Mirror images at random."""
    precision: Precision = "float32"
    """Of convolutions and matrix products: ``float32``; ``tf32`` (on a GPU, inputs rounded to 10 bits); ``bf16``, with
    weights, batch statistics and losses kept in float32. Evaluations are always in float32."""
    channels: InitVar[int | None] = None
    """Deprecated, see `size`."""
    cells: InitVar[int | None] = None
    """Deprecated, see `size`."""

    def __post_init__(self, channels: int | None, cells: int | None) -> None:
        if not isinstance(self.name, str):
            raise InputError("recipe name", expected="a text", got=self.name)
        self._hint({"channels": channels, "cells": cells}, told=4)
        for what in ("epochs", "batch_size"):
            object.__setattr__(self, what, check_count(f"recipe {what}", getattr(self, what), high=_MOST))
        for what, low, high in (
            ("max_lr", 0, 1e6),
            ("warmup", 0, 1),
            ("start_divisor", 1, 1e9),
            ("end_divisor", 1, 1e12),
            ("low_momentum", 0, 1),
            ("high_momentum", 0, 1),
            ("weight_decay", 0, 1e6),
            ("beta", 0, 1),
            ("trades_weight", 0, 1e6),
            ("crop", 0, 1),
        ):
            value = getattr(self, what)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise InputError(f"recipe {what}", expected="a number", got=value)
            check_range(f"recipe {what}", value, low, high)
            object.__setattr__(self, what, float(value))  # 1 and 1.0 are one recipe and have one hash
        if not isinstance(self.flip, bool):
            raise InputError("recipe flip", expected="true or false", got=self.flip)
        if not isinstance(self.attack, PGD) or self.attack.restarts != 1:
            raise InputError("recipe attack", expected="a PGD with one start", got=self.attack)
        if self.attack.label:  # it would make two recipes of one
            raise InputError("recipe attack label", expected="none", got=self.attack.label)
        check_keys("recipe objective", [self.objective], OBJECTIVES)
        if self.precision not in PRECISIONS:
            raise InputError("recipe precision", expected=f"one of {', '.join(PRECISIONS)}", got=self.precision)

    @classmethod
    def nas_robbench_201(cls) -> Recipe:
        """The published recipe (Wu et al. 2024): PGD-7 at 8/255, 50 epochs, batch 256, one cycle up to 0.1."""
        return cls(name="nas-robbench-201")

    @classmethod
    def digits(cls) -> Recipe:
        """A recipe for the bundled digits: one training takes seconds on one core.

        Of the candidates in ``experiments/digits_recipe.py`` that tell architectures apart, one of the cheapest.
        """
        return cls(
            name="digits",
            epochs=4,
            batch_size=64,
            attack=PGD(ThreatModel.linf("32/255"), steps=2, step_size=40 / 255),
            crop=0.0,
            flip=False,
        )

    def _hint(self, size: Mapping[str, Any], told: int = 0) -> None:
        """Carry the size of a network; `told` is how far above this the caller stands who is to be warned."""
        given = {what: value for what, value in size.items() if value is not None}
        checked = {what: check_count(f"recipe {what}", value, high=_MOST) for what, value in given.items()}
        object.__setattr__(self, "_size", self.size | checked)
        if given and told:
            _warn(", ".join(given), told + 1)

    @property
    def size(self) -> dict[str, int]:
        """What the recipe was given of the size of the network, which is a setting of the space; mostly nothing."""
        found: dict[str, int] = getattr(self, "_size", {})
        return dict(found)

    @property
    def preset(self) -> str:
        """Name of the preset from which it was made, also under another name, for what belongs to that in a space."""
        return getattr(self, "_preset", self.name)

    def without_size(self) -> Recipe:
        """The same without `size`."""
        return self._with({}) if self.size else self

    def _with(self, changes: Mapping[str, Any]) -> Recipe:
        found = dataclasses.replace(self, channels=None, cells=None, **changes)
        object.__setattr__(found, "_preset", self.preset)
        return found

    @property
    def attacks(self) -> bool:
        """Whether any image is attacked; of an objective of one's own, whether one may be."""
        return self.objective != "mixed" or self.beta > 0

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that change with any setting except the name."""
        return recipe_hash(self.to_dict())

    def earlier_hash(self, size: Mapping[str, int]) -> str:
        """The hash by which earlier versions knew it, with a network of this size."""
        return recipe_hash(earlier_recipe({**self.to_dict(), "name": self.preset}, size))

    def replace(self, **changes: Any) -> Recipe:
        """A recipe with some settings changed, and a name that says so.

        Raises:
            InputError: an unknown setting, or a value out of range.
        """
        check_keys("recipe setting", changes, (*(field.name for field in dataclasses.fields(self)), *_SIZE))
        size = {what: changes.pop(what) for what in _SIZE if what in changes}
        changed = {key: value for key, value in changes.items() if getattr(self, key) != value}
        if changed and "name" not in changed:
            shown = (f"{key}={_shown(value, getattr(self, key))}" for key, value in changed.items())
            changed["name"] = f"{self.name}+{','.join(shown)}"
        found = self._with(changed)
        found._hint(self.size)
        found._hint(size, told=3)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON or TOML; `from_dict` reads them back."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The recipe of `to_dict`; settings that are left out keep their default.

        Raises:
            InputError: an unknown setting, or a value out of range.
        """
        check_keys("recipe setting", values, (*(field.name for field in dataclasses.fields(cls)), *_SIZE))
        plain = {"name": "custom", **values}
        size = {what: plain.pop(what, None) for what in _SIZE}  # of a file of an earlier version
        if isinstance(plain.get("attack"), Mapping):
            plain["attack"] = _attack_from_dict(plain["attack"])
        found = cls(**plain)
        found._hint(size)
        return found


def _warn(what: str, level: int) -> None:
    text = f"recipe {what}: the size of the network is a setting of the space, no longer of the recipe"
    warnings.warn(text, DeprecationWarning, stacklevel=level)


def _size_read(what: str) -> Any:
    def read(recipe: Recipe) -> Any:
        _warn(what, 3)
        return earlier_recipe({"name": recipe.preset}, recipe.size)[what]

    return property(read, doc="Deprecated: what was given, or what belongs to the preset.")


for _what in _SIZE:  # after the class was made, for which these are arguments only
    setattr(Recipe, _what, _size_read(_what))


def _shown(value: Any, before: Any) -> str:
    """A setting in a name: ``pgd-7@8/255`` for an attack, with its step size where the rest is as it was."""
    if not isinstance(value, PGD):
        return str(value)
    norm = "" if value.threat.norm == "linf" else f"-{value.threat.norm}"
    text = f"{value.name}-{value.steps}{norm}@{format_epsilon(value.threat.epsilon)}"
    same = (value.threat, value.steps) == (before.threat, before.steps)
    return f"{text},step_size={format_epsilon(value.step_size)}" if same else text


def _attack_from_dict(values: Mapping[str, Any]) -> PGD:
    check_keys("recipe attack setting", values, (field.name for field in dataclasses.fields(PGD)))
    if missing := [key for key in ("threat", "steps", "step_size") if key not in values]:
        raise InputError("recipe attack", expected="threat, steps and step_size", got=f"no {missing[0]}")
    given = values["threat"]
    if not isinstance(given, Mapping) or set(given) != {"norm", "epsilon"}:
        raise InputError("recipe attack threat", expected='a norm and an epsilon, such as "8/255"', got=given)
    threat = ThreatModel(given["norm"], parse_epsilon(given["epsilon"]))
    return PGD(**{**values, "threat": threat})


RECIPES: Registry[Callable[[], Recipe]] = Registry(
    "recipe",
    {
        "nas-robbench-201": Recipe.nas_robbench_201,
        "digits": Recipe.digits,
    },
    Callable,
)


def recipe(name: str) -> Recipe:
    """A preset by name.

    Raises:
        InputError: there is no such preset; the text lists them.
    """
    check_keys("recipe", [name], RECIPES)
    return RECIPES[name]()

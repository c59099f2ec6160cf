"""All settings of one training."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from typing import Any, final

from robnas._registry import Registry
from robnas._settings import check_keys, recipe_hash, to_dict
from robnas.attacks import NFGSM, PGD, Attack
from robnas.errors import InputError, Verbatim
from robnas.spaces.nas_bench_201 import earlier_recipe
from robnas.training._attack import attack_to_dict, read_attack
from robnas.training._averaging import Averaging
from robnas.training._objective import TRADES, Objective
from robnas.training._objective_settings import check_pair, read_objective
from robnas.training._optimizer import Optimizer
from robnas.training._parts import part_to_dict, read_part, set_numbers
from robnas.training._precision import PRECISIONS, Precision
from robnas.training._recipe_parts import PARTS, SHORT, agreed, change_text, check_momentum
from robnas.training._schedule import Cyclic, OneCycle, Piecewise, Schedule, rates_of
from robnas.training._sgd import SGD
from robnas.training._stopping import Stopping
from robnas.types import ThreatModel, check_count

_MOST = 1_000_000  # epochs, images per step: what is more is a slip
_SIZE = ("channels", "cells")
_PGD_7 = PGD(ThreatModel.linf("8/255"), steps=7, step_size=2 / 255)
_OMITTED: Any = type("Omitted", (), {"__repr__": lambda _: "omitted"})()


@final
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of one training; with space, architecture, data set and seed it decides the result.

    The size of the network is none of them, but a setting of the space. ``Recipe(channels=8, cells=1)``, as earlier
    versions had it, is carried as a hint, `size`, which decides the space of a trial or plan that names none.

    Parts such as the optimizer are objects with settings. They may be given as the object, by name, or as plain values:
    ``optimizer=AdamW(lr=0.001)``, ``optimizer="adamw"``, ``optimizer={"name": "adamw", "lr": 0.001}``; values without a
    name change the part that is there. ``max_lr=0.05`` is short for ``optimizer={"lr": 0.05}``, and is read as
    ``recipe.max_lr``; so are `warmup`, `start_divisor`, `end_divisor`, `low_momentum`, `high_momentum` of the schedule
    and `weight_decay` of the optimizer.
    """

    name: str
    """What people call it; not part of the hash."""
    epochs: int = 50
    """Passes over the training images."""
    batch_size: int = 256
    """Images per step. The last step of an epoch has what remains; below an eighth of this it joins the one before."""
    optimizer: Optimizer = SGD()  # noqa: RUF009 (frozen)
    """How gradients change the weights, one of `OPTIMIZERS`."""
    schedule: Schedule = OneCycle()  # noqa: RUF009 (frozen)
    """How the learning rate changes from step to step, one of `SCHEDULES`."""
    objective: str | Objective = "mixed"
    """What a step minimises, one of `OBJECTIVES`: ``"mixed"`` with `beta`, ``"trades"`` with `trades_weight`, an object
    such as ``MART(5)``. `Mixed` and `TRADES` objects set `beta` and `trades_weight`."""
    beta: float = 1.0
    """β of ``mixed``: 0 is standard training and costs no attack, 1 trains on attacked images only."""
    trades_weight: float = 6.0
    """Weight of the KL divergence in ``trades`` (1/λ of Zhang et al. 2019)."""
    attack: Attack = _PGD_7
    """Attack on each training batch, made with the network in evaluation mode (in training mode by `Free`): one of
    `TRAINING_ATTACKS`, or any other of `robnas.attacks.ATTACKS`."""
    crop: float = 0.125
    """Padding of the random crop as a share of the image side: 4 pixels at 32, 2 at 16; 0 for no crop."""
    flip: bool = True
    """Mirror images at random."""
    precision: Precision = "float32"
    """Of convolutions and matrix products: ``float32``; ``tf32`` (on a GPU, inputs rounded to 10 bits); ``bf16``, with
    weights, batch statistics and losses kept in float32. Evaluations are always in float32."""
    averaging: Averaging | None = None
    """Average of the weights over the steps, one of `AVERAGINGS`: what is measured and kept is the average."""
    stopping: Stopping | None = None
    """When to stop before the last epoch, one of `STOPPINGS`: the result is the best epoch on validation images."""
    channels: InitVar[int | None] = None
    """Deprecated, see `size`."""
    cells: InitVar[int | None] = None
    """Deprecated, see `size`."""
    max_lr: InitVar[float] = _OMITTED
    warmup: InitVar[float] = _OMITTED
    start_divisor: InitVar[float] = _OMITTED
    end_divisor: InitVar[float] = _OMITTED
    low_momentum: InitVar[float] = _OMITTED
    high_momentum: InitVar[float] = _OMITTED
    weight_decay: InitVar[float] = _OMITTED

    def __post_init__(self, channels: int | None, cells: int | None, *short: float) -> None:
        if not isinstance(self.name, str):
            raise InputError("recipe name", expected="a text", got=self.name)
        self._hint({"channels": channels, "cells": cells}, told=4)
        for what in ("epochs", "batch_size"):
            object.__setattr__(self, what, check_count(f"recipe {what}", getattr(self, what), high=_MOST))
        given = {key: value for key, value in zip(SHORT, short, strict=True) if value is not _OMITTED}
        for what, part in _with_short({part: getattr(self, part) for part in PARTS}, given).items():
            object.__setattr__(self, what, part)
        check_momentum(self.optimizer, self.schedule)
        self._set_objective()
        set_numbers("recipe", self, beta=(0, 1), trades_weight=(0, 1e6), crop=(0, 1))
        if not isinstance(self.flip, bool):
            raise InputError("recipe flip", expected="true or false", got=self.flip)
        object.__setattr__(self, "attack", read_attack(self.attack))
        check_pair(self.objective, self.beta, self.attack)
        if self.precision not in PRECISIONS:
            raise InputError("recipe precision", expected=f"one of {', '.join(PRECISIONS)}", got=self.precision)

    def _set_objective(self) -> None:
        """Hold an objective by its name where its settings are settings here: one recipe is written in one way."""
        objective, flat = read_objective(self.objective, "mixed")
        object.__setattr__(self, "objective", objective)
        for key, value in flat.items():
            present, default = getattr(self, key), Recipe.__dataclass_fields__[key].default
            object.__setattr__(self, key, value if present == default else agreed(key, value, present))

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

    @classmethod
    def n_fgsm_15(cls) -> Recipe:
        """N-FGSM (de Jorge et al. 2022) on the schedule of 15 epochs of fast adversarial training (Wong et al. 2020).

        Noise 2 ε, a step of ε, ε = 8/255, batch 128, weight decay 5e-4, crop and flip as in the authors' code, which
        has 30 epochs; the rate rises to 0.2 in half of the steps and falls to 0, with the momentum of PyTorch's
        `CyclicLR`, 0.9 → 0.8 → 0.9. They attack in training mode, this in evaluation mode.
        """
        return cls(
            name="n-fgsm-15",
            epochs=15,
            batch_size=128,
            optimizer=SGD(lr=0.2, weight_decay=5e-4),
            schedule=Cyclic(),
            attack=NFGSM(ThreatModel.linf("8/255")),
        )

    @classmethod
    def trades_wrn(cls) -> Recipe:
        """TRADES as published for WRN-34-10 (Zhang et al. 2019 and the authors' code).

        Weight 6, ten steps of 0.007 at ε = 0.031, batch 128, momentum 0.9, weight decay 2e-4, 76 epochs, of which the
        last two have a tenth of the rate 0.1 (the code's other points, 90 and 100, lie beyond). The network of theirs
        has no normalisation of its input.
        """
        return cls(
            name="trades-wrn",
            epochs=76,
            batch_size=128,
            optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=2e-4),
            schedule=Piecewise(at=(74 / 76,), factor=0.1),
            objective=TRADES(6.0),
            attack=PGD(ThreatModel.linf(0.031), steps=10, step_size=0.007),
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
        found = dataclasses.replace(self, channels=None, cells=None, **dict.fromkeys(SHORT, _OMITTED) | dict(changes))
        object.__setattr__(found, "_preset", self.preset)
        return found

    @property
    def attacks(self) -> bool:
        """Whether any image is attacked; of an objective of one's own, whether one may be."""
        return self.objective != "mixed" or self.beta > 0

    def rates(self, step: int, total_steps: int) -> tuple[float, float]:
        """Learning rate and momentum of a step, counted from 0."""
        learning_rate, momentum = rates_of(self.schedule, self.optimizer.lr, step, total_steps)
        return learning_rate, self.optimizer.momentum if momentum is None else momentum

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
        check_keys("recipe setting", changes, _settings())
        size = {what: changes.pop(what) for what in _SIZE if what in changes}
        parts = {key: _read(key, changes[key], getattr(self, key)) for key in PARTS if key in changes}
        if "objective" in changes:
            changes["objective"], flat = read_objective(changes["objective"], self.objective)
            changes |= {key: agreed(key, value, changes.get(key, value)) for key, value in flat.items()}
        if "attack" in changes:
            changes["attack"] = read_attack(changes["attack"], self.attack)
        short = {key: changes[key] for key in SHORT if key in changes}
        changed = {key: value for key, value in (changes | parts).items() if _differs(self, key, value)}
        present = {key: getattr(self, key) for key in PARTS if key not in parts}
        plain = {key: value for key, value in changed.items() if key not in (*PARTS, *SHORT)}
        found = self._with(plain | _with_short(parts, short, present))
        if changed and "name" not in changed:  # once the values are known to be such as can be shown
            shown = (change_text(key, value, getattr(self, key, None)) for key, value in changed.items())
            object.__setattr__(found, "name", f"{self.name}+{','.join(shown)}")
        found._hint(self.size)
        found._hint(size, told=3)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON or TOML; `from_dict` reads them back.

        Those of SGD and one cycle stand side by side under their short names, as when there was nothing else.
        """
        plain = to_dict(self) | {"attack": attack_to_dict(self.attack)}
        if not isinstance(self.objective, str):
            plain["objective"] = part_to_dict(self.objective)
        for key in PARTS:
            if (part := getattr(self, key)) is None:
                del plain[key]
            else:
                plain[key] = part_to_dict(part)
        if type(self.optimizer) is not SGD or type(self.schedule) is not OneCycle:
            return plain
        short = {key: getattr(getattr(self, part), setting) for key, (part, setting) in SHORT.items()}
        found: dict[str, Any] = {}
        for key, value in plain.items():
            found |= {"optimizer": short, "schedule": {}}.get(key, {key: value})
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The recipe of `to_dict`; settings that are left out keep their default.

        Raises:
            InputError: an unknown setting, or a value out of range.
        """
        check_keys("recipe setting", values, _settings())
        plain = {"name": "custom", **values}
        size = {what: plain.pop(what, None) for what in _SIZE}  # of a file of an earlier version
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


def _short_read(key: str) -> Any:
    part, setting = SHORT[key]

    def read(recipe: Recipe) -> float:
        found: float = getattr(getattr(recipe, part), setting)
        return found

    return property(read, doc=f"``{part}.{setting}``; `AttributeError` if that part has no such setting.")


for _what in SHORT:
    setattr(Recipe, _what, _short_read(_what))


def _settings() -> list[str]:
    """All that a recipe may be given."""
    return [*(field.name for field in dataclasses.fields(Recipe)), *SHORT, *_SIZE]


def _read(key: str, given: Any, before: Any) -> Any:
    """A part; none where there need not be one, which a text can say, too."""
    if _DEFAULTS[key] is None and given in (None, "none"):
        return None
    return read_part(f"recipe {key}", given, PARTS[key], before)


def _with_short(
    given: Mapping[str, Any], short: Mapping[str, Any], present: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Parts of a recipe, with what short names say of them.

    Args:
        given: part → object, name or plain values.
        short: short name → value.
        present: part → object that stands there so far, of those that are not given.

    Raises:
        InputError: a part that has no such setting, or is given with another value of it.
    """
    parts = {key: _read(key, value, _DEFAULTS[key]) for key, value in given.items()}
    parts = {**(present or {}), **parts}
    for key, value in short.items():
        what, setting = SHORT[key]
        part = parts[what]
        fields = {field.name: field for field in dataclasses.fields(part)}
        if setting not in fields:
            known = ", ".join(fields) or "none"
            got = Verbatim(key)
            raise InputError("recipe setting", expected=f"those of the {what} {part.name}: {known}", got=got)
        if what in given and getattr(part, setting) not in (fields[setting].default, value):
            got = Verbatim("both, with other values")
            raise InputError(f"recipe {key}", expected=f"{key} or {what}.{setting}", got=got)
        try:
            parts[what] = read_part(f"recipe {what}", {setting: value}, PARTS[what], part)
        except InputError as error:
            error.args = (str(error).replace(f"recipe {what} {setting}", f"recipe {key}", 1),)
            raise
    return parts


def _differs(recipe: Recipe, key: str, value: Any) -> bool:
    present = getattr(recipe, key, _OMITTED)
    return present is _OMITTED or bool(present != value)


_DEFAULTS: dict[str, Any] = {part: Recipe.__dataclass_fields__[part].default for part in PARTS}

RECIPES: Registry[Callable[[], Recipe]] = Registry(
    "recipe",
    {
        "nas-robbench-201": Recipe.nas_robbench_201,
        "digits": Recipe.digits,
        "n-fgsm-15": Recipe.n_fgsm_15,
        "trades-wrn": Recipe.trades_wrn,
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

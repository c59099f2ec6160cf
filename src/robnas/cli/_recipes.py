"""The command that lists recipes and what they are made of."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from robnas.cli._common import Json, print_json, say


def recipes(as_json: Json = False) -> None:
    """List recipes, and the optimizers, schedules and other parts that they may have, with settings and defaults."""
    from robnas.training import AVERAGINGS, OBJECTIVES, OPTIMIZERS, RECIPES, SCHEDULES, STOPPINGS, TRAINING_ATTACKS

    kinds: Mapping[str, Any] = {
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "averaging": AVERAGINGS,
        "stopping": STOPPINGS,
        "objective": OBJECTIVES,
        "attack": TRAINING_ATTACKS,
    }
    presets = {name: RECIPES[name]() for name in RECIPES.names()}
    parts = {kind: {name: _facts(of[name]) for name in of.names()} for kind, of in kinds.items()}
    if as_json:
        print_json({"recipes": {name: made.to_dict() for name, made in presets.items()}, **parts})
        return
    for name, made in presets.items():
        say(f"recipe {name} ({made.hash}): {made.epochs} epochs of batches of {made.batch_size}")
    for kind, of in parts.items():
        for name, facts in of.items():
            settings = ", ".join(f"{key}={value}" for key, value in facts["settings"].items())
            say(f"{kind} {name}{f' ({settings})' if settings else ''}: {facts['about']}")


def _facts(part: Any) -> dict[str, Any]:
    """The first line of what a part says of itself, and its settings with their defaults."""
    about = (inspect.getdoc(part) or "").partition("\n")[0]
    fields = dataclasses.fields(part) if dataclasses.is_dataclass(part) and isinstance(part, type) else ()
    return {"about": about, "settings": {field.name: _default(field) for field in fields if field.name != "label"}}


def _default(field: dataclasses.Field[Any]) -> Any:
    missing = field.default is dataclasses.MISSING
    return "to be given" if missing else list(field.default) if isinstance(field.default, tuple) else field.default

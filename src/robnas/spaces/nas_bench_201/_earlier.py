"""What was written while this was the only space: the size of the skeleton stood in the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robnas.spaces.nas_bench_201._space import NASBench201

_SIZE = ("channels", "cells")


def split_recipe(recipe: Mapping[str, Any]) -> tuple[dict[str, Any], NASBench201]:
    """The settings of a recipe of an earlier version, without the size of the network, and the space of that size.

    Raises:
        InputError: an impossible size.
    """
    size = {what: recipe[what] for what in _SIZE if what in recipe}
    plain = {what: value for what, value in recipe.items() if what not in size}
    if isinstance(name := plain.get("name"), str):
        plain["name"] = _without_size(name)
    return plain, NASBench201(**size)


def earlier_recipe(recipe: Mapping[str, Any], size: Mapping[str, int]) -> dict[str, Any]:
    """The settings of a recipe as earlier versions had them.

    Args:
        recipe: as plain values.
        size: channels and cells; what is missing is that of the preset.
    """
    return {**recipe, **NASBench201().for_recipe(recipe["name"]).settings, **size}


def named_space(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of scores, which earlier versions wrote with the size of the network, with key and fingerprint.

    Raises:
        InputError: an impossible size.
    """
    if "space" in settings or not settings.keys() >= set(_SIZE):
        return settings
    space = NASBench201(**{what: settings[what] for what in _SIZE})
    plain = {what: value for what, value in settings.items() if what not in _SIZE}
    return {"space": space.key, "space_version": space.fingerprint, **plain}


def _without_size(name: str) -> str:
    """``digits+channels=4,epochs=2`` → ``digits+epochs=2``."""
    base, plus, changes = name.partition("+")
    kept = ",".join(change for change in changes.split(",") if not change.startswith(tuple(f"{s}=" for s in _SIZE)))
    return f"{base}{plus}{kept}" if kept else base if changes else name

"""Recipes from what people write: entries of a file, and settings on a command line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robnas._files import read_text
from robnas._own import load_entries
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.training._recipe import RECIPES, Recipe, recipe


def recipe_of(values: Mapping[str, Any]) -> Recipe:
    """The recipe of the entries of a plan's ``[recipe]``: a `preset` with changes, or all settings written out.

    Raises:
        InputError: an unknown preset or setting, or a wrong value.
    """
    given = {key: value for key, value in values.items() if key != "preset"}
    return recipe(values["preset"]).replace(**given) if "preset" in values else Recipe.from_dict(given)


def find_recipe(name: str) -> Recipe:
    """A preset by name, or the recipe of a TOML file, which has the entries of a plan's ``[recipe]``.

    A file may have `imports` as a plan has.

    Raises:
        InputError: no such preset or file, or a wrong entry.
    """
    if name in RECIPES:
        return recipe(name)
    path = Path(name)
    if path.suffix != ".toml" and not path.is_file():
        check_keys("recipe", [name], RECIPES)
    try:
        values = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        got = Verbatim(f"{type(error).__name__} ({' '.join(str(error).split())[:120]})")
        raise InputError(f"recipe {name}", expected="a TOML file, or the name of a preset", got=got) from None
    load_entries(f"imports of {name}", values.pop("imports", []), path.parent)
    return recipe_of({"name": path.stem, **values} if "preset" not in values else values)


def with_settings(base: Recipe, texts: Sequence[str]) -> Recipe:
    """A recipe changed by texts such as ``epochs=3``, ``optimizer.lr=0.05`` and ``schedule=cosine``.

    Raises:
        InputError: a text of another form, an unknown setting, or a wrong value.
    """
    changes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        *parts, last = name.strip().split(".")
        if not equals or not all([*parts, last]):
            raise InputError("--set", expected="NAME=VALUE, such as optimizer.lr=0.05", got=text)
        where = changes
        for part in parts:
            inner = where.get(part, {})
            where[part] = inner if isinstance(inner, dict) else {"name": inner}
            where = where[part]
        found = _value(value.strip())
        where[last] = {**where[last], "name": found} if isinstance(where.get(last), dict) else found
    return base.replace(**changes) if changes else base


def _value(text: str) -> Any:
    """A number, true, false, a list or a quoted text of TOML; what is none of them is a text."""
    try:
        found = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    return found["value"] if len(found) == 1 else text

"""What is known of the recipes of records: their names, their betas, and in what they differ."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from robnas._betas import as_beta
from robnas.errors import InputError, shorten

_NO_MATTER = ("name", "beta")
_MIXED = "mixed"
"""The objective whose weight beta is; that of recipes that name none."""


@final
@dataclass(frozen=True)
class Recipes:
    """Recipes by their hash."""

    names: Mapping[str, str] = field(default_factory=dict)
    """For people."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """As `robnas.training.Recipe.to_dict` has them, of those that are known."""

    def beta(self, recipe: str) -> float | None:
        """Weight of the robust loss; None where it is not known, or the objective has none."""
        settings = self.settings.get(recipe, {})
        if not settings or settings.get("objective", _MIXED) != _MIXED:
            return None
        try:
            return as_beta("beta", settings.get("beta", 1.0))
        except InputError:  # of a store that somebody else has filled
            return None

    def differ_by_beta(self, recipes: Collection[str]) -> bool:
        """Whether each of these has a beta, and nothing else tells them apart; so it is of one recipe."""
        betas = [self.beta(recipe) for recipe in recipes]
        rest = {self._rest(recipe) for recipe in recipes}
        return len(recipes) == 1 or (None not in betas and len(set(betas)) == len(betas) and len(rest) == 1)

    def differences(self, recipes: Collection[str]) -> str:
        """``epochs (4, 8) and beta (0, 1)``; nothing where not all are known."""
        known = [self.settings.get(recipe, {}) for recipe in recipes]
        if not all(known):
            return ""
        told = []
        for key in dict.fromkeys(key for settings in known for key in settings if key != "name"):
            values = sorted({shorten(settings.get(key)) for settings in known})
            told += [f"{key} ({', '.join(values)})"] if len(values) > 1 else []
        return " and ".join(filter(None, (", ".join(told[:-1]), *told[-1:])))

    def _rest(self, recipe: str) -> str:
        """All but name and beta; of what is not known, the hash."""
        known = self.settings.get(recipe)
        if known is None:
            return recipe
        rest = {key: value for key, value in known.items() if key not in _NO_MATTER}
        return json.dumps(rest, sort_keys=True, default=str)

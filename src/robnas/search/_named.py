"""Algorithms by their names: those that train to the end, which others are made around."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from robnas._registry import Registry
from robnas._settings import check_keys
from robnas.errors import InputError
from robnas.search._algorithm import Algorithm
from robnas.search._bananas import Bananas
from robnas.search._evolution import RegularizedEvolution
from robnas.search._local import LocalSearch
from robnas.search._mo_evolution import MORegularizedEvolution
from robnas.search._nsga2 import NSGA2
from robnas.search._optuna import Optuna
from robnas.search._predictor_evolution import PredictorEvolution
from robnas.search._proxy import ProxySearch
from robnas.search._random import RandomSearch

SEARCHERS: Registry[Callable[..., Algorithm]] = Registry(
    "algorithm",
    {
        "random-search": RandomSearch,
        "local-search": LocalSearch,
        "regularized-evolution": RegularizedEvolution,
        "bananas": Bananas,
        "predictor-evolution": PredictorEvolution,
        "nsga2": NSGA2,
        "mo-regularized-evolution": MORegularizedEvolution,
        "proxy-search": ProxySearch,
        "optuna": Optuna,
    },
    Callable,
)
"""Algorithms by name; a frozen dataclass with `start`, as the protocol `Algorithm` says, and a line here add one."""


def searcher(name: str, settings: Mapping[str, Any] | None = None) -> Algorithm:
    """An algorithm from its name and settings.

    Args:
        name: in `SEARCHERS`.
        settings: its fields; texts, as a command line gives them, become numbers where the field is one.

    Raises:
        InputError: no such algorithm or setting, or a wrong value.
    """
    check_keys("algorithm", [name], SEARCHERS)
    kind = SEARCHERS[name]
    given = dict(settings or {})
    fields = {field.name: field for field in dataclasses.fields(cast(Any, kind))}
    check_keys(f"setting of {name}", given, fields)
    return kind(**{key: _converted(f"{name} {key}", value, _kind(fields[key])) for key, value in given.items()})


_KINDS = {bool: "true or false", int: "a whole number", float: "a number"}


def _kind(field: dataclasses.Field[Any]) -> type:
    """Of the field's default; where that is None, the first of its annotation."""
    if field.default is not None:
        return type(field.default)
    written = getattr(field.type, "__name__", str(field.type))
    return next((kind for kind in (*_KINDS, str) if written.partition(" ")[0] == kind.__name__), object)


def _converted(what: str, value: Any, kind: type) -> Any:
    """A text as a value of a kind; other values as they are."""
    wrong = InputError(what, expected=_KINDS.get(kind, "a JSON value"), got=value)
    if not isinstance(value, str):  # whole numbers and names are checked by the algorithm
        number = isinstance(value, int | float) or value is None
        if (kind is bool and type(value) is not bool) or (kind is float and not number):
            raise wrong
        return value
    if kind is str:
        return value
    try:
        if kind is bool:
            return {"true": True, "false": False}[value.lower()]
        return kind(value) if kind in _KINDS else json.loads(value)
    except (KeyError, ValueError):
        raise wrong from None

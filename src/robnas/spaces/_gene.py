"""One choice in a search space."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, final

import numpy as np

from robnas.errors import InputError, Verbatim

GeneValue: TypeAlias = str | int | float | bool | None


@final
@dataclass(frozen=True)
class Gene:
    """One choice that every architecture of a space makes.

    Args:
        name: a Python identifier.
        choices: texts, numbers, truth values or None; at least one, none twice.
        ordered: whether the order of the choices means something, as it does for a width: such genes are filtered by
            ranges and sampled as numbers by those that can.

    Raises:
        InputError: a name that is no identifier, no choices, the same one twice, or one of another kind.
    """

    name: str
    choices: tuple[GeneValue, ...]
    ordered: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise InputError("gene name", expected="an identifier, such as width", got=self.name)
        if isinstance(self.choices, str | bytes | Mapping):
            raise InputError(f"choices of gene {self.name}", expected="a tuple of values", got=self.choices)
        try:
            choices = tuple(map(_plain, self.choices))
        except TypeError:
            raise InputError(f"choices of gene {self.name}", expected="a tuple of values", got=self.choices) from None
        if not choices:
            raise InputError(f"choices of gene {self.name}", expected="at least one", got=Verbatim("none"))
        for place, choice in enumerate(choices):
            if not isinstance(choice, str | int | float | bool | None) or choice != choice or choice in _ENDLESS:
                expected = "texts, finite numbers, truth values or None"
                raise InputError(f"choices of gene {self.name}", expected=expected, got=choice)
            if choice in choices[:place]:  # 1, 1.0 and True are one value to Python, and to whoever reads them back
                raise InputError(f"choices of gene {self.name}", expected="each once", got=choice)
        if not isinstance(self.ordered, bool):
            raise InputError(f"gene {self.name}, ordered", expected="True or False", got=self.ordered)
        object.__setattr__(self, "choices", choices)

    def __len__(self) -> int:
        return len(self.choices)

    def position(self, value: object) -> int:
        """Place of a value among the choices.

        Raises:
            InputError: it is none of them.
        """
        try:
            place = self._positions.get(_plain(value))
        except TypeError:  # a list, or another value that is no key
            place = None
        if place is None or isinstance(value, bool) != isinstance(self.choices[place], bool):
            raise InputError(f"gene {self.name}", expected=f"one of {', '.join(self.texts)}", got=value)
        return place

    @cached_property
    def _positions(self) -> dict[GeneValue, int]:
        return {choice: place for place, choice in enumerate(self.choices)}

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Each choice as it is written in the text of an architecture."""
        return tuple(map(_written, self.choices))


_ENDLESS = (math.inf, -math.inf)


def _plain(value: object) -> GeneValue:
    """A NumPy number as Python's; other values as they are."""
    return value.item() if isinstance(value, np.generic) else value  # type: ignore[return-value]


def _written(value: GeneValue) -> str:
    """A value so that it reads back: texts bare, unless they would read as something else or end early."""
    if isinstance(value, str):
        bare = value and all(letter.isalnum() or letter in "_-+.:/@" for letter in value)
        return value if bare and value.isascii() and not _reads_as_other(value) else json.dumps(value)
    return json.dumps(value)


def _reads_as_other(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in ("true", "false", "null")
    return True

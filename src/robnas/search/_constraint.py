"""What has to keep within bounds: known of an architecture before it is trained, or measured with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

from robnas.errors import InputError, RobnasError, Verbatim, reason
from robnas.spaces import Architecture


@final
@dataclass(frozen=True)
class Constraint:
    """Bounds on a number. What breaks them is never asked for where the number is known for free, see `of`.

    Raises:
        InputError: no name, no bound, bounds that nothing lies between, or an `of` that cannot be called.
    """

    name: str
    unit: str = ""
    """For people: ``ms``, ``mJ``."""
    at_most: float | None = None
    at_least: float | None = None
    of: Callable[[Architecture], float] | None = None
    """The number of an architecture; it is asked often, and has to be fast and always the same. If None, the number is
    measured, as a `Function` does after its goals."""

    def __post_init__(self) -> None:
        for what in ("name", "unit"):
            if not isinstance(getattr(self, what), str):
                raise InputError(f"constraint, {what}", expected="a text", got=getattr(self, what))
        if not self.name:
            raise InputError("constraint, name", expected="a text", got=self.name)
        bounds = {what: getattr(self, what) for what in ("at_most", "at_least")}
        for what, bound in bounds.items():
            if bound is not None and _number(bound) is None:
                raise InputError(f"constraint {self.name}, {what}", expected="a finite number", got=bound)
        if set(bounds.values()) == {None}:
            raise InputError(f"constraint {self.name}", expected="at_most, at_least or both", got=Verbatim("neither"))
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            expected, got = f"at most at_most, {self.at_most:g}", Verbatim(f"{self.at_least:g}")
            raise InputError(f"constraint {self.name}, at_least", expected=expected, got=got)
        if self.of is not None and not callable(self.of):
            raise InputError(f"constraint {self.name}, of", expected="a function of an architecture", got=self.of)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        return f"{self.name} " + " and ".join(f"{word} {bound:,g}{unit}" for word, bound in bounds if bound is not None)

    def allows(self, arch: Architecture) -> bool:
        """Whether the number of `arch`, by `of`, lies within the bounds, which are allowed themselves.

        Raises:
            InputError: the function raises, or gives something else than a number.
        """
        what = f"constraint {self.name} of {arch}"
        if self.of is None:
            raise InputError(what, expected="a number that is known for free", got=Verbatim("one that is measured"))
        try:
            given = self.of(arch)
        except RobnasError:
            raise
        except Exception as error:
            raise InputError(what, expected="a number", got=Verbatim(f"an error: {reason(error)}")) from error
        value = _number(given, finite=False)
        if value is None:
            raise InputError(what, expected="a number", got=given)
        return self.keeps(value)

    def keeps(self, value: float) -> bool:
        """Whether a number lies within the bounds, which are allowed themselves."""
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the function."""
        return {key: getattr(self, key) for key in ("name", "unit", "at_most", "at_least")}


def check_constraints(given: Any, *, measured: bool = False) -> tuple[Constraint, ...]:
    """One, or several, as a tuple.

    Args:
        given: what is to be one or several.
        measured: whether there may be some without `Constraint.of`.

    Raises:
        InputError: something else, two of one name, or a measured one where nothing measures it.
    """
    found = (given,) if isinstance(given, Constraint) else tuple(given) if isinstance(given, list | tuple) else (given,)
    if odd := [one for one in found if not isinstance(one, Constraint)]:
        raise InputError("constraints", expected="search.Constraint, one or several", got=odd[0])
    names = [one.name for one in found]
    if again := [name for name in names if names.count(name) > 1]:
        raise InputError("constraints", expected="different names", got=again[0])
    if not measured and (lacking := [one for one in found if one.of is None]):
        raise InputError(f"constraint {lacking[0].name}, of", expected="a function of an architecture", got=None)
    return found


def _number(given: Any, *, finite: bool = True) -> float | None:
    """None of what is no number: nan, a text, a truth value."""
    if isinstance(given, str | bytes | bool):
        return None
    try:
        value = float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(value) or (finite and math.isinf(value)) else value

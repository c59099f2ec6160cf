"""What has to keep within bounds: known of an architecture before it is trained, or measured with it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Column
from robnas.errors import InputError, RobnasError, Verbatim, reason
from robnas.search._costs import COSTS
from robnas.spaces import Architecture

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TEXT = re.compile(rf"\s*(?P<name>[^<>≤≥]*[^<>≤≥\s])\s*(?P<sign><=|>=|≤|≥)\s*(?P<number>{_NUMBER})\s*(?P<unit>\S*)\s*")
_EXAMPLE = "NAME <= NUMBER or NAME >= NUMBER, such as latency:pixel3 <= 5"


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
    of: Callable[[Architecture], float] | Column | str | None = None
    """The number of an architecture: a function, which is asked often, and has to be fast and always the same. A `Task`
    takes a column of its table, or ``parameters`` or ``macs``, counted as its costs, too; these are what `name` says if
    None. A `Function` measures the number if None, after its goals."""

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
        if not (self.of is None or callable(self.of) or isinstance(self.of, Column) or _is_size(self.of)):
            raise InputError(f"constraint {self.name}, of", expected="a function of an architecture", got=self.of)
        if _is_size(self.of) and self.unit.lower() not in ("", self.of):
            expected = f"none, as {self.of} are counted one by one, such as 40e3"
            raise InputError(f"constraint {self.name}, unit", expected=expected, got=self.unit)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        bounds = {"at least": self.at_least, "at most": self.at_most}
        known = (f"{word} {bound:,.12g}{unit}" for word, bound in bounds.items() if bound is not None)
        return f"{self.name} {' and '.join(known)}"

    def allows(self, arch: Architecture) -> bool:
        """Whether the number of `arch`, by `of`, lies within the bounds, which are allowed themselves.

        Raises:
            InputError: the function raises, or gives something else than a number.
        """
        what = f"constraint {self.name} of {arch}"
        if self.of is None:
            raise InputError(what, expected="a number that is known for free", got=Verbatim("one that is measured"))
        if not callable(self.of):
            raise InputError(what, expected="a function of an architecture", got=Verbatim("a column of a table"))
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

    def keeps_all(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether each number lies within the bounds; nan does not."""
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        found: npt.NDArray[np.bool_] = (numbers >= low) & (numbers <= high)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the function; with the name of the column or size that it is about, if any."""
        plain = {key: getattr(self, key) for key in ("name", "unit", "at_most", "at_least")}
        about = self.of.name if isinstance(self.of, Column) else self.of
        return {**plain, "column": about} if isinstance(about, str) else plain

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """A constraint of ``NAME <= NUMBER [UNIT]`` or ``NAME >= NUMBER [UNIT]``: ``latency:pixel3 <= 5 ms``.

        Raises:
            InputError: the text is of another form.
        """
        found = _TEXT.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise InputError("constraint", expected=_EXAMPLE, got=text)
        value, above = float(found["number"]), found["sign"] in (">=", "≥")
        return cls(found["name"], found["unit"], at_most=None if above else value, at_least=value if above else None)


def check_constraints(given: Any, *, measured: bool = False) -> tuple[Constraint, ...]:
    """One, or several, as a tuple.

    Args:
        given: what is to be one or several; texts as `Constraint.parse` reads them, two ends of one name as one.
        measured: whether there may be some without `Constraint.of`.

    Raises:
        InputError: something else, two of one name, or a measured one where nothing measures it.
    """
    found = _parsed(given if isinstance(given, list | tuple) else (given,))
    if odd := [one for one in found if not isinstance(one, Constraint)]:
        raise InputError("constraints", expected="search.Constraint, one or several", got=odd[0])
    names = [one.name for one in found]
    if again := [name for name in names if names.count(name) > 1]:
        raise InputError("constraints", expected="different names", got=again[0])
    if not measured and (lacking := [one for one in found if one.of is None]):
        raise InputError(f"constraint {lacking[0].name}, of", expected="a function of an architecture", got=None)
    return found


def _parsed(given: Iterable[Any]) -> tuple[Any, ...]:
    """The same with constraints in the place of texts: a lower and an upper bound of one name are one."""
    found = list[Any]()
    for text in given:
        one = Constraint.parse(text) if isinstance(text, str) else text
        same = [place for place, other in enumerate(found) if isinstance(text, str) and _other_end(other, one)]
        for place in same[:1]:
            bounds = {"at_most": one.at_most, "at_least": one.at_least}
            bounds = {end: value for end, value in bounds.items() if value is not None}
            found[place] = replace(found[place], unit=found[place].unit or one.unit, **bounds)
        if not same:
            found.append(one)
    return tuple(found)


def _other_end(first: Any, second: Constraint) -> bool:
    """Whether a constraint bounds the same number, on its other side only."""
    if not isinstance(first, Constraint) or first.of is not None or first.name != second.name:
        return False
    return None in (first.at_most, second.at_most) and None in (first.at_least, second.at_least)


def _is_size(given: object) -> bool:
    return isinstance(given, str) and given in COSTS


def _number(given: Any, *, finite: bool = True) -> float | None:
    """None of what is no number: nan, a text, a truth value."""
    if isinstance(given, str | bytes | bool):
        return None
    try:
        value = float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(value) or (finite and math.isinf(value)) else value

"""Numbers as papers print them: what was written, and how far rounding may have moved it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, final

from robnas.errors import InputError, Verbatim

Unit = Literal["percent", "fraction"]
_NUMBER = r"(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:[eE][+-]?[0-9]{1,2})?"
_CELL = re.compile(
    rf"(?P<number>-?{_NUMBER})\s*(?P<percent>%?)"
    rf"(?P<spread>\s*(?:(?:±|\+/?-|\$?\\pm\$?)\s*{_NUMBER}|\(\s*±?\s*{_NUMBER}\s*\))\s*(?P<after>%?))?"
)
NOT_REPORTED = ("", "-", "–", "—")
"""What stands where a number was not published."""


@final
@dataclass(frozen=True, slots=True)
class Printed:
    """A number as it was printed."""

    text: str
    """With its zeros, which say how it was rounded."""
    value: float
    """Accuracies as fractions in [0, 1]."""
    rounding: float
    """Half a unit of the last digit: how far the number that was rounded may lie from `value`."""
    average: bool = False
    """Whether a spread stands beside it, so that it is a mean of several runs."""


def read_printed(what: str, cells: Mapping[str, str], unit: Unit | None) -> tuple[dict[str, Printed], Unit]:
    """The numbers of one row, and the unit in which it is written; cells of `NOT_REPORTED` are left out.

    Args:
        what: the row, for errors.
        cells: column → text of an accuracy: ``79.6``, ``0.796``, ``79.6 %`` or, a mean of several runs, ``79.6 ± 0.2``.
        unit: of all rows; if omitted, a row with a number above 1 or a percent sign is in percent, others in fractions.

    Raises:
        InputError: no number, one outside of its unit, or a row that may be meant in either unit.
    """
    found = {column: _matched(f"{what}, {column}", text) for column, text in cells.items() if text not in NOT_REPORTED}
    if not found:
        raise InputError(what, expected="at least one number", got=Verbatim("none"))
    signed = {column for column, match in found.items() if match["percent"] or match["after"]}
    numbers = {column: Decimal(match["number"]) for column, match in found.items()}
    meant = unit or _unit_of(what, numbers, signed)
    return {
        column: _printed(f"{what}, {column}", match, "percent" if column in signed else meant)
        for column, match in found.items()
    }, meant


def _matched(what: str, text: str) -> re.Match[str]:
    if match := _CELL.fullmatch(text):
        return match
    raise InputError(what, expected="a number such as 79.6, 0.796 or 79.6 ± 0.2", got=text)


_SAY = "say which with --unit percent or --unit fraction, or with percent signs"


def _unit_of(what: str, numbers: Mapping[str, Decimal], signed: set[str]) -> Unit:
    largest = max(numbers.values())
    if not signed and largest <= 1:
        if largest in (0, 1):
            got = Verbatim(f"{largest.normalize():f} as its largest number, which is an accuracy in both")
            raise InputError(what, expected="numbers in percent or fractions", got=got, remedy=_SAY)
        return "fraction"
    if small := [column for column, number in numbers.items() if 0 < number <= 1 and column not in signed]:
        got = Verbatim(f"{numbers[small[0]]} for {small[0]} beside numbers in percent")
        raise InputError(what, expected="one unit in the row", got=got, remedy=_SAY)
    return "percent"


def _printed(what: str, match: re.Match[str], unit: Unit) -> Printed:
    number, most = Decimal(match["number"]), 100 if unit == "percent" else 1
    if not 0 <= number <= most or match["number"].startswith("-"):
        raise InputError(what, expected=f"a number from 0 to {most} ({unit})", got=match["number"])
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # the pattern knows no infinity
    half = Decimal(5).scaleb(exponent - 1)
    return Printed(match[0], float(number / most), float(half / most), match["spread"] is not None)

"""Constraints on what a table knows for free: its columns, and the sizes of its architectures."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Column, Table, predicted_rows
from robnas.errors import InputError, Verbatim
from robnas.search._columns import columns_called, metrics_of
from robnas.search._constraint import Constraint
from robnas.search._costs import COSTS

Floats = npt.NDArray[np.float64]
Numbered = tuple[Constraint, Floats]
"""A constraint, and the number of each row of a table, shape (rows,)."""


def bound_to(table: Table, given: Sequence[Constraint], seen: Column) -> tuple[Constraint, ...]:
    """The constraints, those without `Constraint.of` on the column of their name, or on the size.

    Args:
        table: that is searched.
        given: their columns are looked for in the data set that is seen; on its split, if there are several.
        seen: what is searched.

    Raises:
        InputError: the table has no such column, several, or one in another unit.
    """
    return tuple(one if callable(one.of) else _bound(table, one, seen) for one in given)


def _bound(table: Table, given: Constraint, seen: Column) -> Constraint:
    if isinstance(given.of, Column):
        column: Column | None = _own(table, given.of, given.name)
    else:
        column = None if given.of is not None else _column(table, given.name, seen)
    if column is None:
        return replace(given, of=given.of or given.name)
    if given.unit not in ("", column.unit):
        unit = column.unit or "no unit: a fraction in [0, 1]"
        raise InputError(f"constraint {given.name}, unit", expected=unit, got=given.unit)
    return replace(given, unit=column.unit, of=column)


def _own(table: Table, given: Column, name: str) -> Column:
    """The table's column that a constraint has, which may be one from which the table was made."""
    for column in table.columns:
        alike = column.name == given.name and np.array_equal(column.values, given.values, equal_nan=True)
        if column is given or alike:
            return column
    expected, got = f"a column of table {table.name}", Verbatim(given.name)
    raise InputError(f"constraint {name}, of", expected=expected, got=got)


def _column(table: Table, name: str, seen: Column) -> Column | None:
    """The column of that name; None for a size."""
    found = columns_called(table, seen.dataset, name)
    for key in ("split", "space", "beta"):
        same = [column for column in found if getattr(column, key) == getattr(seen, key)]
        found = same if len(found) > 1 and same else found
    if len(found) == 1:
        return found[0]
    if not found and name in COSTS:
        return None
    if not found:
        with suppress(InputError):  # a name that the column had once, with a warning
            return table.column(seen.dataset, name, seen.split, seen.space, seen.beta)
    what = f"constraint {name}"
    if found:
        names = " or ".join(column.name for column in found)
        raise InputError(what, expected=f"the name of one column, such as {names}", got=name)
    known = [column.name for column in table.columns if column.is_called(name)]
    there = (*metrics_of(table), *COSTS)
    close = difflib.get_close_matches(name, [*there, *(column.metric for column in table.columns)], n=1)
    expected = f"one of {', '.join(there)}, of {seen.dataset}, or of=a function"
    remedy = f"of other data sets there are {', '.join(known)}" if known else ""
    remedy = remedy or (f"did you mean {close[0]}?" if close else "")
    raise InputError(what, expected=expected, got=name, remedy=remedy)


def numbered(constraints: Sequence[Constraint], size: Callable[[str], Floats]) -> tuple[Numbered, ...]:
    """Those of `bound_to` that are not by a function, with their numbers; `size` gives those of a size."""
    about = [(one, one.of) for one in constraints if isinstance(one.of, Column | str)]
    return tuple((one, of.mean if isinstance(of, Column) else size(str(of))) for one, of in about)


def is_measured(constraint: Constraint) -> bool:
    """Whether a constraint is on an accuracy, which nobody knows before the training."""
    return isinstance(constraint.of, Column) and constraint.of.is_accuracy


def kept_rows(constraint: Constraint, numbers: Floats) -> npt.NDArray[np.bool_]:
    """Whether each row keeps a constraint, shape (rows,); what has no number does not.

    Raises:
        InputError: none does; the text says what there is.
    """
    kept = constraint.keeps_all(numbers)
    if kept.any():
        return kept
    known, what = numbers[~np.isnan(numbers)], f"search under the constraint {constraint}"
    if not len(known):
        raise InputError(what, expected="an architecture with a value", got=Verbatim("none"))
    span = " to ".join(f"{end:,.6g}" for end in (known.min(), known.max()))
    got = Verbatim(f"none of {len(known):,}, which have {span} {constraint.unit}".rstrip())
    raise InputError(what, expected="an architecture that keeps it", got=got, remedy="loosen the constraint")


def lacking_notes(seen: Sequence[Column]) -> list[str]:
    """Which costs and scores are not known of all architectures."""
    lacking = [(column, int(np.isnan(column.mean).sum())) for column in seen if not column.is_accuracy]
    return [
        f"{count:,} of {len(one.mean):,} architectures lack {one.name}: not asked for"
        for one, count in lacking
        if count
    ]


def predicted_notes(columns: Iterable[Column]) -> list[str]:
    """Which columns hold predicted values: what is best by them, and every regret, is an estimate."""
    counts = {one.name: (int(predicted_rows(one).sum()), int((~np.isnan(one.mean)).sum())) for one in columns}
    return [
        f"{count:,} of {known:,} values of {name} are predicted, not measured: regrets and the best are estimates"
        for name, (count, known) in counts.items()
        if count
    ]


def class_notes(table: Table, seen: Sequence[Column], constraints: Sequence[Constraint]) -> list[str]:
    """Whose costs and scores these are where a row answers for a class: isomorphic architectures may differ."""
    of = [*seen, *(one.of for one in constraints if isinstance(one.of, Column))]
    if table.partition is None or all(column.is_accuracy for column in of):
        return []
    return [
        f"costs and scores are those of the one architecture of its {table.partition} class that the table holds, "
        "table.at(table.row(architecture)); others of the class may differ"
    ]


def bound_note(constraint: Constraint, numbers: Floats) -> str:
    """How many architectures a constraint leaves, and how many of the others have no number."""
    kept, lacking = int(constraint.keeps_all(numbers).sum()), int(np.isnan(numbers).sum())
    what = "infeasible, and charged" if is_measured(constraint) else "not asked for"
    text = f"constraint {constraint}: kept by {kept:,} of {len(numbers):,} architectures; the others are {what}"
    return f"{text}, {lacking:,} of which have no value" if lacking else text

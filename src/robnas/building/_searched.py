"""What a search may ask of a plan, and which architecture is trained for what was asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from robnas.benchmarks import Column, Table
from robnas.building._plan import Expansion
from robnas.search import Classes
from robnas.spaces import Architecture


def classes_of(expansion: Expansion) -> tuple[Classes, Callable[[Architecture], Architecture]]:
    """The classes of the plan's ``[space]``, and for each of their architectures the one that a build trains.

    They are those of the table that a build of the plan would make, so that a search of that asks the same.
    """
    selection = expansion.plan.space
    if selection.kind == "all":
        return Classes(selection.of), lambda arch: arch
    selected = selection.architectures()
    split = expansion.plan.measuring.splits[0]
    nothing = Column("plan", split, "clean", np.full((len(selected), 1), np.nan))
    table = Table(expansion.plan.name, selected, [nothing], space=selection.of, partition=selection.classes)
    classes = Classes(table)
    return classes, lambda arch: selected[classes.row_of(arch)]

"""What a search may ask of a plan, and which architecture is trained for what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, final

import numpy as np

from robnas._settings import check_keys
from robnas.benchmarks import Column, Table
from robnas.building._plan import Expansion
from robnas.errors import InputError, Verbatim
from robnas.networks import Counts, count
from robnas.search import COSTS, Classes, Constraint, check_constraints
from robnas.spaces import Architecture, Space
from robnas.types import check_count

_KEPT = 2**17  # counts


@final
@dataclass(frozen=True)
class Searched:
    """What a search may ask for, under what is known without a training."""

    expansion: Expansion
    costs: tuple[str, ...] = ()
    """Further goals, to be minimised: parameters or macs of the architecture that is trained, counted as for tables."""
    max_parameters: int | None = None
    """Larger architectures are not asked for."""
    count: str = "live"
    """Edges that are counted: ``live`` or ``all``."""
    constraints: tuple[Constraint, ...] = ()
    """Further ones: of parameters or macs of the architecture that is trained, counted as the costs, or a function of
    the one that is asked for."""

    def __post_init__(self) -> None:
        check_keys("cost", self.costs, COSTS)
        check_keys("count", [self.count], ("live", "all"))
        if self.max_parameters is not None:
            check_count("max_parameters", self.max_parameters)
        found = check_constraints(self.constraints, measured=True)
        object.__setattr__(self, "constraints", tuple(map(_known_before, found)))

    def to_dict(self) -> dict[str, Any]:
        """What there is of it, as plain values."""
        plain = {
            "costs": list(self.costs),
            "max_parameters": self.max_parameters,
            "count": self.count if self._counted else "live",
            "constraints": [one.to_dict() for one in self.constraints],
        }
        return {name: value for name, value in plain.items() if value not in ([], None, "live")}

    @property
    def _counted(self) -> bool:
        """Whether anything depends on what is counted."""
        of_sizes = self.max_parameters is not None or any(isinstance(one.of, str) for one in self.constraints)
        return of_sizes or bool(self.costs)

    @cached_property
    def _source(self) -> Table | Space:
        """The table that a build of the plan would make, without its values, so that a search of that asks the same."""
        selection = self.expansion.plan.space
        if selection.kind == "all":
            return selection.of
        split = self.expansion.plan.measuring.splits[0]
        nothing = Column("plan", split, "clean", np.full((len(self._selected), 1), np.nan))
        name = self.expansion.plan.name
        return Table(name, self._selected, [nothing], space=selection.of, partition=selection.classes)

    @cached_property
    def _all(self) -> Classes:
        """Without constraints."""
        return Classes(self._source)

    @cached_property
    def _selected(self) -> tuple[Architecture, ...]:
        return self.expansion.plan.space.architectures()

    @cached_property
    def classes(self) -> Classes:
        """What may be asked for.

        Raises:
            InputError: nothing keeps the constraints.
        """
        if self.max_parameters is None and not self.constraints:
            return self._all
        return Classes(self._source, allowed=self._allows)

    def _allows(self, arch: Architecture) -> bool:
        most = self.max_parameters
        if most is not None and self._counts(self.trained_for(arch)).parameters > most:
            return False
        return all(self._keeps(constraint, arch) for constraint in self.constraints)

    def _keeps(self, constraint: Constraint, arch: Architecture) -> bool:
        if not isinstance(constraint.of, str):
            return constraint.allows(arch)
        return constraint.keeps(float(getattr(self._counts(self.trained_for(arch)), constraint.of)))

    def trained_for(self, arch: Architecture) -> Architecture:
        """The architecture that is trained where `arch` is asked for: the representative of its class."""
        return self._selected[self._all.row_of(arch)] if isinstance(self._source, Table) else arch

    def costs_of(self, arch: Architecture) -> tuple[float, ...]:
        """Of the architecture that is trained for `arch`, with a minus, as less is better."""
        if not self.costs:
            return ()
        found = self._counts(self.trained_for(arch))
        return tuple(-float(getattr(found, cost)) for cost in self.costs)

    @cached_property
    def _counts(self) -> Callable[[Architecture], Counts]:
        space, live = self.expansion.plan.space.of, self.count == "live"
        return lru_cache(_KEPT)(lambda arch: count(arch, space=space, live=live))


def _known_before(constraint: Constraint) -> Constraint:
    """One that says what it is of, and is known without a training."""
    if callable(constraint.of) or constraint.of in COSTS:
        return constraint
    if constraint.of is None and constraint.name in COSTS:
        return replace(constraint, of=constraint.name)
    expected = f"{' or '.join(COSTS)}, or of=a function of an architecture"
    raise InputError(f"constraint {constraint.name}", expected=expected, got=Verbatim("something that is measured"))

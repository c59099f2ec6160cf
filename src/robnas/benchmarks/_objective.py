"""What a search may see of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from robnas.benchmarks._column import Column, Seed, Value

if TYPE_CHECKING:
    from robnas.benchmarks._table import Table
    from robnas.spaces import Architecture


@dataclass(eq=False)
class Objective:
    """A metric to be maximised; a call is a query, charged to the table once per distinct architecture."""

    table: Table
    column: Column
    seed: Seed
    rng: np.random.Generator | None = None

    def __call__(self, arch: Architecture | object) -> Value:
        """The accuracy of an architecture."""
        column = self.column
        return self.table.query(
            arch, dataset=column.dataset, metric=column.metric, split=column.split, seed=self.seed, rng=self.rng
        )

    def peek(self, arch: Architecture | object) -> Value:
        """The same, free of charge."""
        column = self.column
        return self.table.peek(
            arch, dataset=column.dataset, metric=column.metric, split=column.split, seed=self.seed, rng=self.rng
        )

    @property
    def charged(self) -> int:
        """`Table.charged`: what one objective asked of a table is charged to all."""
        return self.table.charged

    @property
    def oracle(self) -> float:
        """The highest mean in the table."""
        return float(np.nanmax(self.column.mean))

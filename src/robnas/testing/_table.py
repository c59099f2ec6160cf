"""What tables promise in every space: rows found however they are named, curves, and files that read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import numpy as np

from robnas.benchmarks import Table, read_rows, read_table, write_rows, write_table
from robnas.errors import InputError
from robnas.spaces import Space
from robnas.testing._examiner import (
    DATASET,
    EPOCHS,
    METRICS,
    SEEDS,
    SPLITS,
    Examiner,
    registered,
    some,
    stranger,
    table_of,
)


def check_table(space: Space, folder: Path, *, count: int = 20, seed: int = 0) -> None:
    """Whether a table of made-up accuracies of a space can be asked, sorted, written and read back.

    Args:
        space: registered or not.
        folder: for files of tables.
        count: architectures, drawn at random; fewer where the space has fewer.
        seed: of the drawing.

    Raises:
        AssertionError: it cannot; the line says what has to be mended.
    """
    with registered(space):
        _Check(space, table_of(space, count, seed), seed).all(folder)


@final
class _Check(Examiner):
    def __init__(self, space: Space, table: Table, seed: int) -> None:
        super().__init__(f"tables of space {space.name}")
        self.space, self.table, self.seed = space, table, seed
        self.archs = table.architectures

    def all(self, folder: Path) -> None:
        self._rows()
        self._numbers()
        self._answers()
        self._curves()
        self._refusals()
        self._files(folder)

    def _rows(self) -> None:
        space, table = self.space, self.table
        self.expect(table.space == space, f"a table is of {table.space}")
        self.expect({column.space for column in table.columns} == {space.key}, "columns forget the key of their space")
        for row, arch in enumerate(self.archs):
            for form, given in (("itself", arch), ("its text", arch.text), ("its genes", dict(arch.genes))):
                found = self.attempt(f"the row of {arch} by {form}", table.row, given)
                self.expect(found == row, f"the row of {arch} by {form} is {found}, not {row}")
        self.expect(table.texts == tuple(arch.text for arch in self.archs), "texts are not those of the rows")
        again = Table("again", table.texts, table.columns, space=space.key)
        self.expect(again.architectures == self.archs, "rows given as texts are other architectures")

    def _numbers(self) -> None:
        space, table = self.space, self.table
        if not space.listable:
            self.refused("rows of a table whose space cannot be listed", getattr, table, "rows")
            return
        numbers = [space.index_of(arch) for arch in self.archs]
        self.expect(table.rows.tolist() == numbers, "rows are not the numbers of index_of()")
        row_of = table.row_of()
        self.expect(row_of.shape == (space.size,), f"row_of() has not a place for each of {space.size}")
        self.expect(row_of[table.rows].tolist() == list(range(len(table))), "row_of() does not lead back to the rows")
        again = Table("again", table.rows, table.columns, space=space)
        self.expect(again.architectures == self.archs, "rows given as numbers are other architectures")

    def _answers(self) -> None:
        table, column = self.table, self.table.column(DATASET, METRICS[0], SPLITS[1])
        named: Any = {"dataset": DATASET, "metric": METRICS[0], "split": SPLITS[1]}
        for row, arch in enumerate(self.archs[:5]):
            value = self.attempt(f"query of {arch}", table.query, arch.text, **named, seed="mean")
            self.expect(value == column.mean[row], f"query of {arch} gives {value}, the table holds {column.mean[row]}")
            by_key = table.peek(arch, **named, seed=SEEDS[0], space=self.space.key)
            self.expect(by_key == column.values[row, 0], f"peek at {arch} gives the value of another")
        best = table.best(DATASET, METRICS[0], split=SPLITS[1])[0][0]
        self.expect(best == self.archs[int(np.nanargmax(column.mean))], f"the best is said to be {best}")
        front = self.attempt("the Pareto front", table.pareto, DATASET, *METRICS, split=SPLITS[1])
        self.expect(best in [arch for arch, _ in front], "the best is not on the Pareto front")
        objective = table.objective(DATASET, METRICS[0], split=SPLITS[1])
        self.expect(objective(best) == objective.oracle, "the objective at the best is not its oracle")
        self.expect(table.select(DATASET).architectures == self.archs, "select() changes the architectures")

    def _curves(self) -> None:
        table, curves = self.table, self.table.curve_column(DATASET, METRICS[0], SPLITS[0])
        named: Any = {"dataset": DATASET, "metric": METRICS[0], "split": SPLITS[0]}
        for row, arch in enumerate(self.archs[:5]):
            found = self.attempt(f"the curve of {arch}", table.curve, arch.text, **named, seed=SEEDS[1])
            self.expect(np.array_equal(found, curves.values[row, 1]), f"the curve of {arch} is that of another")
            value = self.attempt(f"query of {arch} after an epoch", table.query, arch, **named, seed="mean", epoch=2)
            self.expect(value == curves.mean[row, EPOCHS.index(2)], f"query of {arch} after an epoch gives {value}")
        self.refused("an epoch that was not measured", table.query, self.archs[0], **named, seed="mean", epoch=3)
        self.expect(len(table.select(DATASET).curves) == len(METRICS), "select() loses learning curves")

    def _refusals(self) -> None:
        space, table, other = self.space, self.table, stranger(self.space)
        line = self.refused(f"the row of {other}, which is of space {other.space}", table.row, other)
        self.expect(
            f"belongs to {other.space}" in line, f"an architecture of {other.space} is refused without its name"
        )
        self.refused(f"a table with {other} in it", Table, "mixed", [*self.archs, other], [], space=space)
        absent = [arch for arch in some(space, len(table) + 1, self.seed + 1) if arch not in self.archs]
        for arch in absent[:1]:
            self.refused(f"the row of {arch}, which the table lacks", table.row, arch)
        wrong = f"{space.name}-of-others"
        self.refused(f"a column of space {wrong}", table.column, DATASET, METRICS[0], SPLITS[1], wrong)

    def _files(self, folder: Path) -> None:
        kinds: dict[str, tuple[Callable[[Table, Path], None], Callable[[Path], Table]]] = {
            "parquet": (write_table, read_table),
            "csv": (write_rows, lambda path: read_rows(path, space=self.space)),
            "json": (write_rows, lambda path: read_rows(path, space=self.space)),
        }
        for suffix, (write, read) in kinds.items():
            path = folder / f"made-up.{suffix}"
            self.attempt(f"writing {suffix}", write, self.table, path)
            found = self.attempt(f"reading {suffix}", read, path)
            self._same(found, f"after {suffix}")
        try:
            alone = read_rows(folder / "made-up.csv")  # says its space itself
        except InputError as error:
            self.fail(f"a csv file does not say its space: {error}", error)
        self.expect(alone.space.name == self.space.name, f"a csv file is taken for one of {alone.space.name}")

    def _same(self, found: Table, when: str) -> None:
        self.expect(found.space == self.space, f"{when} the table is of {found.space}")
        self.expect(set(found.architectures) == set(self.archs), f"{when} the table has other architectures")
        rows = [found.row(arch) for arch in self.archs]
        for column in self.table.columns:
            mine = found.column(column.dataset, column.metric, column.split, self.space)
            same = np.allclose(mine.mean[rows], column.mean, rtol=1e-6, equal_nan=True)
            self.expect(same, f"{when} the values of {column.name} are others, or those of other architectures")
        for curve in self.table.curves:
            drawn = found.curve_column(curve.dataset, curve.metric, curve.split, self.space)
            same = drawn.epochs == curve.epochs and np.allclose(drawn.mean[rows], curve.mean, rtol=1e-6, equal_nan=True)
            self.expect(same, f"{when} the learning curves {curve.name} are others, or those of other architectures")

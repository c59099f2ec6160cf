"""A table completed: what was measured stays as it is, the rest is predicted, with how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks import (
    IDENTICAL,
    Column,
    CurveColumn,
    LocalNoise,
    Noise,
    Table,
    name_of_key,
    table_of_records,
    trained_in,
)
from robnas.errors import InputError, Verbatim, printable
from robnas.records import Record
from robnas.spaces import Architecture, Space
from robnas.surrogates._fit import Fitted, check_level, fit
from robnas.surrogates._information import Information, of_networks
from robnas.surrogates._noise import standard_errors, table_noise
from robnas.surrogates._remembered import Remembered, remembered
from robnas.surrogates._surrogates import SURROGATES
from robnas.surrogates._tables import check_other
from robnas.types import Progress, check_count, silent

Floats = npt.NDArray[np.float64]
_LONGEST = 200  # characters of a fact or a name
_SUFFIX = " (completed)"  # of the name, so that nobody takes it for the table that was measured
_C = TypeVar("_C", Column, CurveColumn)


def complete(
    source: Table | Iterable[Record],
    *,
    columns: Sequence[Column] | None = None,
    architectures: Iterable[object] | None = None,
    model: str = "gaussian-process",
    information: Sequence[Information] | None = None,
    level: float = 0.9,
    seed: int = 0,
    progress: Progress = silent,
) -> Table:
    """The table with a value for every architecture: measured where it was trained, else predicted.

    A measured value stays what it is, and is what an architecture of its class answers with: one row per class of the
    table's partition, or of networks that are identical where it declares none. A surrogate is fitted on the measured
    values of each column alone; what an earlier completion predicted is predicted anew. The noise of a training, from
    repeated trainings of the table, is part of the fit. `Column.facts` say by what a column was completed, and
    ``provenance["completed"]`` from what.

    Args:
        source: what was measured.
        columns: of the table, that are completed; all that can be if omitted.
        architectures: that are to have a row beside those that have one; all of the space if omitted.
        model: a name in `SURROGATES`, or one like these.
        information: what the fit may look at; the structure of architectures if omitted.
        level: of the intervals that the fit is calibrated to.
        seed: of what is random in a fit.
        progress: told about the columns done.

    Raises:
        InputError: a column that was asked for cannot be fitted, or none can; nothing is missing; a space that cannot
            be listed, and no architectures are given.
    """
    table = source if isinstance(source, Table) else table_of_records("records", source)
    check_level("level of intervals", level)
    check_count("seed", seed, 0)
    _ = SURROGATES[model]  # an unknown one is no fault of a column
    for key, why in table.ambiguous.items() if not table.columns else ():
        raise why.error(f"table {table.name}, {name_of_key(key)}")
    chosen = table.columns if columns is None else tuple(columns)
    if foreign := [column.name for column in chosen if not any(column is own for own in table.columns)]:
        raise InputError(f"columns to complete of table {table.name}", expected="its own", got=foreign[0])
    partition = table.partition or (IDENTICAL if IDENTICAL in table.space.partitions else None)
    rows = _rows(table, partition, architectures)
    lacking = [one for one in chosen if len(rows) > int(one.measured.sum())]
    if not lacking:
        got = Verbatim(f"{len(table):,} that have one")
        raise InputError(f"table {table.name}", expected="architectures without a measured value", got=got)
    filling = _Filling(table, rows, model, None if information is None else tuple(information), level, seed)
    done: dict[str, tuple[Column, dict[str, Any]]] = {}
    reasons: dict[str, str] = {}
    for number, column in enumerate(lacking):
        progress(number, len(lacking), name := table.column_name(column))
        try:
            done[name] = filling.of(column)
        except InputError as error:
            if columns is not None or (number == len(lacking) - 1 and not done):
                expected, got = "what a surrogate can be fitted on", Verbatim(str(error))
                raise InputError(f"column {name}", expected=expected, got=got) from None
            reasons[name] = str(error)
    progress(len(lacking), len(lacking), "completed")
    return _grown_table(table, rows, partition, done, reasons)


def _grown_table(
    table: Table, rows: Sequence[Architecture], partition: str | None,
    done: Mapping[str, tuple[Column, dict[str, Any]]], reasons: Mapping[str, str],
) -> Table:  # fmt: skip
    """The table with these rows, and the columns that are `done`, each by its name with how it was predicted."""
    columns: list[Column] = []
    about: dict[str, dict[str, Any]] = {}
    before = table.provenance.get("completed", {}).get("columns", {})
    for column in table.columns:
        name = table.column_name(column)
        grown, how = done.get(name) or (_grown(column, len(rows)), before.get(name))
        columns.append(grown)
        about |= {name: how} if how and grown.predicted is not None else {}
    facts = {"columns": about, **({"not_completed": dict(reasons)} if reasons else {})}
    return Table(
        table.name.removesuffix(_SUFFIX)[: _LONGEST - len(_SUFFIX)] + _SUFFIX, rows, columns, space=table.space,
        partition=partition, published=table.published, provenance={**table.provenance, "completed": facts},
        ambiguous=table.ambiguous, curves=[_grown(curve, len(rows)) for curve in table.curves],
        ambiguous_curves=table.ambiguous_curves,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Filling:
    """How the columns of a table are completed."""

    __repr__ = brief

    table: Table
    rows: tuple[Architecture, ...]
    """Of the completed table."""
    model: str
    information: tuple[Information, ...] | None
    level: float
    seed: int
    _kept: dict[str, tuple[Remembered, ...]] = field(default_factory=dict)
    """Features of all rows, by the key of the space that was trained in: the same for many columns."""

    def of(self, column: Column) -> tuple[Column, dict[str, Any]]:
        """The column at all rows, with what a surrogate says of those that have no run; and how that came about."""
        check_other(self.information or (), self.table, column)
        known = _Known.of(self.table, column)
        space = trained_in(self.table, column)
        fitted = fit(
            [self.table.at(int(row)) for row in known.rows], known.values, noise=known.errors, model=self.model,
            information=self._looked_at(space), space=space, pool=self.rows, level=self.level, seed=self.seed,
        )  # fmt: skip
        found = fitted.predict(self.rows)
        mean = np.clip(found.mean, 0, 1) if column.is_accuracy else found.mean
        sd = known.one_training(mean, found.calibrated_sd)
        facts = {**column.facts, "predicted_by": _told(fitted)}
        return replace(_grown(column, len(self.rows)), predicted=mean, sd=sd, facts=facts), fitted.to_dict()

    def _looked_at(self, space: Space) -> tuple[Remembered, ...]:
        """The information, whose features are computed once; of a space with the settings of the trained networks."""
        if space.key not in self._kept:
            self._kept[space.key] = remembered(of_networks(self.information, space), self.rows)
        return self._kept[space.key]


def _rows(table: Table, partition: str | None, architectures: Iterable[object] | None) -> tuple[Architecture, ...]:
    """Those of the table, and one of each class that has none, in the space's order."""
    space = table.space
    if architectures is None and not space.listable:
        raise InputError(
            f"architectures to predict of space {space.name}",
            expected="a list of them, because it is too large to list", got=Verbatim("none"),
            remedy="--architectures FILE, a line each; architectures=… in Python",
        )  # fmt: skip
    asked: Iterable[Architecture] = (
        space if architectures is None else dict.fromkeys(map(table.architecture, architectures))
    )
    if partition is None or not space.listable:
        held = set(table.architectures)
        return (*table.architectures, *(arch for arch in asked if arch not in held))
    class_of = space.partition(partition).class_of
    held_classes = set(class_of[table.rows].tolist())
    new = []
    for arch in _published_first(table, asked):
        if (number := int(class_of[space.index_of(arch)])) not in held_classes:
            held_classes.add(number)
            new.append(arch)
    return (*table.architectures, *sorted(new))


def _published_first(table: Table, asked: Iterable[Architecture]) -> list[Architecture]:
    """In the order of the published indices, where there are some: the first of a class is the one that is trained."""
    if table.published is None:
        return list(asked)
    published, space = table.published, table.space
    return sorted(asked, key=lambda arch: int(published[space.index_of(arch)]))


@dataclass(frozen=True, eq=False)
class _Known:
    """What was measured of a column: each network once, however many of its rows were trained."""

    __repr__ = brief

    rows: npt.NDArray[np.intp]
    """Of the table, one of each network, shape (networks,)."""
    values: Floats
    trainings: Floats
    """Behind each value that tell something new: the same network with the same seeds does not."""
    noise: Noise | LocalNoise | None

    @classmethod
    def of(cls, table: Table, column: Column) -> _Known:
        """What is known of a column of the table."""
        known = np.flatnonzero(column.measured)
        _, first, number = np.unique(table.networks[known], return_index=True, return_inverse=True)
        counts = column.counts[known].astype(np.float64)
        total: Floats = np.bincount(number, weights=counts).astype(np.float64)
        seen = np.zeros((len(total), column.values.shape[1]))  # seeds that some row of the network was trained with
        np.maximum.at(seen, number, ~np.isnan(column.values[known]))
        means = np.bincount(number, weights=counts * column.measured_mean[known]) / total
        return cls(known[first], means, seen.sum(axis=1) if column.seeds else total, table_noise(table, column))

    @property
    def errors(self) -> Floats | None:
        """Standard error of each value, shape (networks,); None where the noise is not known."""
        return standard_errors(self.noise, self.values, self.trainings)

    def one_training(self, mean: Floats, sd: Floats) -> Floats:
        """Standard deviation around predictions of one training, given that of values like the known ones."""
        if self.noise is None:
            return sd
        more: Floats = self.noise.run_sd_at(mean) ** 2 * (1 - 1 / np.median(self.trainings))
        return np.sqrt(sd**2 + more)


def _told(fitted: Fitted) -> str:
    """How the values came about, in short."""
    text = f"{fitted.model} from {len(fitted.values):,} measured networks ({'; '.join(fitted.information)})"
    return printable(text)[:_LONGEST]


def _grown(column: _C, count: int) -> _C:
    """The column with so many rows, the further ones without a value."""

    def padded(values: Floats) -> Floats:
        return np.concatenate([values, np.full((count - len(values), *values.shape[1:]), np.nan)])

    if isinstance(column, CurveColumn) or column.predicted is None:
        return replace(column, values=padded(column.values))
    sd = None if column.sd is None else padded(column.sd)
    return replace(column, values=padded(column.values), predicted=padded(column.predicted), sd=sd)

"""What a table holds, and what it answers for one architecture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column, RelativeValue, Value
from robnas.benchmarks._columns import Columns
from robnas.benchmarks._curve import AfterEpoch, CurveColumn
from robnas.benchmarks._renamed import old_names
from robnas.benchmarks._rows import Indices, Resolve, Rows, check_indices, chosen_space, other_network
from robnas.benchmarks._runs import Floats, Runs, Seed
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space


class Queried:
    """Rows, columns and the charged queries of a `Table`, whose arguments these are."""

    def __init__(
        self,
        name: str,
        architectures: Sequence[object] | npt.NDArray[np.integer[Any]],
        columns: Iterable[Column],
        *,
        space: Space | str | Mapping[str, Any] | None = None,
        partition: str | None = None,
        published: npt.NDArray[np.integer[Any]] | None = None,
        provenance: Mapping[str, Any] | None = None,
        ambiguous: Mapping[Any, Ambiguity] | None = None,
        curves: Iterable[CurveColumn] = (),
        ambiguous_curves: Mapping[Any, Ambiguity] | None = None,
    ) -> None:
        self.name = name
        given = list(columns)
        self.space = space if isinstance(space, Space) else chosen_space(space, architectures, given)
        self._lookup = Rows(name, self.space, architectures, partition, published)
        self.partition = self._lookup.partition
        self.published = self._lookup.published
        self.provenance = dict(provenance or {})
        self.ambiguous = dict(ambiguous or {})
        self.ambiguous_curves = dict(ambiguous_curves or {})
        self._columns = Columns(f"table {name}", self.space, given, self.ambiguous, old_names(self.provenance))
        if not self._columns:
            raise InputError(f"table {name}", expected="at least one column", got=Verbatim("none"))
        self._curves = Columns(f"the curves of table {name}", self.space, curves, self.ambiguous_curves)
        self._charged: set[int] = set()
        for kind, found in (("column", self.columns), ("curves", self.curves)):
            for one in found:
                if len(one.values) != len(self):
                    got = Verbatim(f"{len(one.values)}")
                    raise InputError(f"{kind} {one.name}", expected=f"{len(self)} rows", got=got)

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self)} architectures, {len(self.columns)} columns)"

    def __len__(self) -> int:
        return len(self._lookup)

    # what there is

    @property
    def columns(self) -> tuple[Column, ...]:
        """Everything that was measured."""
        return self._columns.all

    @property
    def curves(self) -> tuple[CurveColumn, ...]:
        """What was measured after every epoch, if that was done."""
        return self._curves.all

    @property
    def space_key(self) -> str:
        """Key of the space, with the settings in which all columns were trained; its name where these differ."""
        keys = {column.space or self.space.name for column in self.columns}
        return keys.pop() if len(keys) == 1 else self.space.name

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return self._columns.datasets

    @property
    def betas(self) -> tuple[float, ...]:
        """Weights of the robust loss that columns were trained with, ascending, as far as they are known."""
        return tuple(sorted({column.beta for column in self.columns if column.beta is not None}))

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """The architecture of each row."""
        return self._lookup.architectures

    @property
    def texts(self) -> tuple[str, ...]:
        """Text of each row's architecture."""
        return self._lookup.texts

    @property
    def rows(self) -> Indices:
        """Number of each row's architecture in the space's own order, shape (rows,).

        Raises:
            InputError: the space is too large to number.
        """
        return self._lookup.rows

    @property
    def networks(self) -> npt.NDArray[np.integer[Any]]:
        """Which rows are the same network: a number for each, shape (rows,).

        The class under the partition ``identical``; all numbers differ where the space has no such partition.
        """
        return self._lookup.networks

    def column(
        self,
        dataset: str | None,
        metric: str | None,
        split: str | None,
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> Column:
        """A column by name.

        Args:
            dataset: name of a data set.
            metric: key of a metric, with its source where several tables were joined that have it.
            split: ``validation`` or ``test``.
            space: key of the space that was trained in; needed where the table has this metric of several.
            beta: weight of the robust loss that was trained with; needed where the table has this metric of several.

        Raises:
            InputError: a part is missing or unknown, or was measured in several ways; the text lists what exists.
        """
        return self._columns.find(dataset, metric, split, space, beta)

    def splits(self, dataset: str | None, metric: str | None = None) -> tuple[str, ...]:
        """Splits on which a data set has a metric, in whatever spelling, or any where None; none if there are none."""
        return self._columns.splits(dataset, metric)

    def column_name(self, column: Column | CurveColumn) -> str:
        """``cifar10 test clean``, and the key of its space and its beta where several columns are called so."""
        if isinstance(column, CurveColumn):
            return self._curves.full_name(column)
        return self._columns.full_name(column)

    def provenance_of(self, column: Column | CurveColumn) -> Mapping[str, Any]:
        """Where the numbers of one column come from: in a joined table the provenance of the table it was joined from.

        With ``licence``, ``citation`` and ``notes`` where these are known.
        """
        found = self.provenance.get(column.source, {}) if column.source else self.provenance
        return found if isinstance(found, Mapping) else {}

    def curve_column(
        self,
        dataset: str | None,
        metric: str | None,
        split: str | None,
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> CurveColumn:
        """Learning curves by name; arguments as for `column`.

        Raises:
            InputError: the table has no curves, or none of this name; the text lists what exists.
        """
        if not self._curves:
            got = Verbatim("none: it holds last epochs only")
            raise InputError(f"curves of table {self.name}", expected="learning curves", got=got)
        return self._curves.find(dataset, metric, split, space, beta)

    # rows

    def row(self, arch: object, resolve: Resolve = "declared") -> int:
        """The row of an architecture, see `Rows.row`."""
        return self._lookup.row(arch, resolve)

    def row_of(self, resolve: Resolve = "declared") -> Indices:
        """Row of every architecture, see `Rows.row_of`."""
        return self._lookup.row_of(resolve)

    def at(self, row: int) -> Architecture:
        """The architecture of one row; of all rows `architectures`, which takes longer the first time."""
        return self._lookup.at(row)

    def architecture(self, arch: object) -> Architecture:
        """The architecture that an encoding or published index names, whether the table holds it or not."""
        return self._lookup.architecture(arch)

    def published_id(self, arch: object) -> int:
        """Published index of the architecture that was trained for `arch`, itself or an isomorphic one."""
        row = self.row(arch)
        if self.published is None:
            raise InputError(f"table {self.name}", expected="published indices", got=Verbatim("none"))
        return int(self.published[self.rows[row]])

    # values

    def peek(
        self,
        arch: object,
        *,
        dataset: str | None = None,
        metric: str | None = None,
        split: str | None = None,
        seed: Seed | None = None,
        resolve: Resolve = "declared",
        rng: np.random.Generator | None = None,
        space: str | Space | None = None,
        epoch: int | None = None,
        beta: float | None = None,
    ) -> Value:
        """One accuracy, free of charge: for analysis. Arguments as for `query`."""
        return self._look_up(arch, dataset, metric, split, seed, resolve, rng, space, epoch, beta)[1]

    def query(
        self,
        arch: object,
        *,
        dataset: str | None = None,
        metric: str | None = None,
        split: str | None = None,
        seed: Seed | None = None,
        resolve: Resolve = "declared",
        rng: np.random.Generator | None = None,
        space: str | Space | None = None,
        epoch: int | None = None,
        beta: float | None = None,
    ) -> Value:
        """One accuracy; the architecture is charged once, see `charge`.

        Args:
            arch: any encoding, or a published index if the table brings them.
            dataset: name of a data set, such as ``cifar10``.
            metric: key such as ``clean`` or ``pgd@8/255``; in joined tables with the source, ``jung-2023:clean``, where
                several have it.
            split: ``validation`` or ``test``.
            seed: ``mean``, the number of a run, or ``random``: a run drawn with `rng`.
            resolve: see `row`.
            rng: source of randomness for ``random``.
            space: see `column`.
            epoch: after this one, from the learning curves, which may rest on fewer images; on split ``train`` there
                are ``loss``, ``robust`` and ``seconds``. If omitted, after the training, from the columns.
            beta: see `column`.

        Returns:
            The accuracy, a fraction in [0, 1], or the value in the unit of its column; its `runs` says how many
            trainings it rests on, and its `identical` whether the network behind it is the one asked for or a relative
            that is another network. Where nothing was measured but a surrogate has said something, the mean is a
            `PredictedValue`, of 0 runs.

        Raises:
            InputError: something is missing or unknown; nothing is guessed, and the text lists what exists.
        """
        row, value = self._look_up(arch, dataset, metric, split, seed, resolve, rng, space, epoch, beta)
        self._charged.add(row)
        return value

    def curve(
        self,
        architecture: object,
        *,
        dataset: str | None = None,
        metric: str | None = None,
        split: str | None = None,
        seed: int | Literal["mean"] | None = None,
        resolve: Resolve = "declared",
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> Floats:
        """The learning curve of an architecture, free of charge.

        Args:
            architecture: any encoding, or a published index if the table brings them.
            dataset: name of a data set.
            metric: key such as ``clean``; on split ``train`` one of ``loss``, ``robust`` and ``seconds``.
            split: ``train``, ``validation`` or ``test``.
            seed: ``mean``, at each epoch over the runs that reached it, or the number of a run.
            resolve: see `row`.
            space: see `column`.
            beta: see `column`.

        Returns:
            Shape (epochs,), after each of the `CurveColumn.epochs` of ``curve_column(dataset, metric, split)``; nan
            for those that the training did not reach.

        Raises:
            InputError: there is no such curve; the text lists those that there are.
        """
        column = self.curve_column(dataset, metric, split, space, beta)
        found = column.of_row(self._lookup.row(architecture, resolve), seed)
        if np.isnan(found).all():
            raise self._missing(f"the curve {column.name}", architecture)
        return found

    def is_measured(
        self,
        architecture: object,
        *,
        dataset: str | None = None,
        metric: str | None = None,
        split: str | None = None,
        seed: int | None = None,
        resolve: Resolve = "declared",
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> bool:
        """Whether a value comes from trainings; of those that do not, some are predicted, and the others missing.

        Args:
            architecture: any encoding, or a published index if the table brings them.
            dataset: name of a data set.
            metric: key of a metric.
            split: ``validation`` or ``test``.
            seed: number of a run; any of them if omitted.
            resolve: see `row`.
            space: see `column`.
            beta: see `column`.

        Raises:
            InputError: there is no such architecture, column or run.
        """
        column = self.column(dataset, metric, split, space, beta)
        row = self._lookup.row(architecture, resolve)
        return bool(column.measured[row] if seed is None else not np.isnan(column.seed_column(seed)[row]))

    def charge(self, rows: Iterable[int]) -> None:
        """Charge these rows, each once: what `query`, a call of an objective and `robnas.search.run` do.

        Raises:
            InputError: not numbers of rows of this table, the first of which is 0.
        """
        given = check_indices(f"rows charged to table {self.name}", list(rows), len(self))
        self._charged.update(given.tolist())

    @property
    def charged(self) -> int:
        """How many distinct architectures of this table were queried: the only count there is."""
        return len(self._charged)

    def _look_up(
        self,
        arch: object,
        dataset: str | None,
        metric: str | None,
        split: str | None,
        seed: Seed | None,
        resolve: Resolve,
        rng: np.random.Generator | None,
        space: str | Space | None,
        epoch: int | None,
        beta: float | None,
    ) -> tuple[int, Value]:
        """Row and accuracy of an architecture."""
        column: Column | AfterEpoch
        if epoch is not None:
            column = self.curve_column(dataset, metric, split, space, beta).after(epoch)
        else:
            try:
                column = self._columns.quick[dataset, split, metric, space, beta]
            except (KeyError, TypeError):  # TypeError: a list where a name belongs
                column = self.column(dataset, metric, split, space, beta)
        row, kind = self._lookup.find(arch, resolve), Value
        if row < 0:
            row, kind = other_network(row), RelativeValue
        if isinstance(seed, str) and seed == "mean":
            runs = int(column.counts[row])
            found = self._known(kind, column.fast_mean[row], runs, column, arch)
            if not runs and isinstance(column, Column):
                return row, column.mean_at(row, kind is Value)
            return row, found
        return row, self._known(kind, column.of_seed(row, seed, rng), 1, column, arch)

    def _known(self, kind: type[Value], value: float, runs: int, column: Runs, arch: object) -> Value:
        if value != value:
            raise self._missing(column.name, arch)
        return kind(value, runs)

    @staticmethod
    def _missing(what: str, arch: object) -> InputError:
        return InputError(f"{what} of {arch}", expected="a measured value", got=Verbatim("a missing one"))

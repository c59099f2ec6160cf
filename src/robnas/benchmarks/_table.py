"""A benchmark in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column, Floats, RelativeValue, Seed, Value
from robnas.benchmarks._columns import Columns
from robnas.benchmarks._forms import check_comparable, frame, joined
from robnas.benchmarks._noise import LocalNoise, Noise, Source, measure_local_noise, measure_noise
from robnas.benchmarks._pareto import pareto_front
from robnas.benchmarks._rows import Indices, Resolve, Rows, check_indices, chosen_space, other_network
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space, parse_key, space_of
from robnas.types import check_count

if TYPE_CHECKING:
    import pandas as pd


@final
class Table:
    """Accuracies of architectures on data sets, splits, metrics and seeds.

    Args:
        name: what people call it.
        architectures: each row's architecture, without repetition: values, texts, or numbers of the space's own order.
        columns: what was measured; several of one data set, split and metric differ in the settings of their space.
        space: of the architectures: a space, its name or its facts; if omitted, that of the first architecture or, for
            numbers, of the columns, with their settings where these agree.
        partition: the classes within which the table's authors measured one architecture only; an architecture that
            has no row is looked up as the member of its class that has one. None if every row stands for itself.
        published: published index of every architecture in the space's own order, shape (space.size,), if known.
        provenance: where the numbers come from: source, licence, recipe, checksum …
        ambiguous: (data set, split, metric), with a fourth entry where columns of several spaces share these, of what
            was measured in several ways, so that asking for it is an error.

    Raises:
        InputError: rows or columns that do not fit together, or an architecture or column of another space.
    """

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
    ) -> None:
        self.name = name
        given = list(columns)
        self.space = space if isinstance(space, Space) else chosen_space(space, architectures, given)
        self._lookup = Rows(name, self.space, architectures, partition, published)
        self.partition = self._lookup.partition
        self.published = self._lookup.published
        self.provenance = dict(provenance or {})
        self.ambiguous = dict(ambiguous or {})
        self._columns = Columns(name, self.space, given, self.ambiguous)
        self._charged: set[int] = set()
        for column in self.columns:
            if len(column.values) != len(self):
                raise InputError(
                    f"column {column.name}", expected=f"{len(self)} rows", got=Verbatim(f"{len(column.values)}")
                )

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
    def space_key(self) -> str:
        """Key of the space, with the settings in which all columns were trained; its name where these differ."""
        keys = {column.space or self.space.name for column in self.columns}
        return keys.pop() if len(keys) == 1 else self.space.name

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return self._columns.datasets

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
        self, dataset: str | None, metric: str | None, split: str | None, space: str | Space | None = None
    ) -> Column:
        """A column by name.

        Args:
            dataset: name of a data set.
            metric: key of a metric.
            split: ``validation`` or ``test``.
            space: key of the space that was trained in; needed where the table has this metric of several.

        Raises:
            InputError: a part is missing or unknown, or was measured in several ways; the text lists what exists.
        """
        return self._columns.find(dataset, metric, split, space)

    def column_name(self, column: Column) -> str:
        """``cifar10 test clean``, and the key of its space where several columns are called so."""
        return self._columns.full_name(column)

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
    ) -> Value:
        """One accuracy, free of charge: for analysis. Arguments as for `query`."""
        return self._look_up(arch, dataset, metric, split, seed, resolve, rng, space)[1]

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
    ) -> Value:
        """One accuracy; the architecture is charged once, see `charge`.

        Args:
            arch: any encoding, or a published index if the table brings them.
            dataset: name of a data set, such as ``cifar10``.
            metric: key such as ``clean`` or ``pgd@8/255``.
            split: ``validation`` or ``test``.
            seed: ``mean``, the number of a run, or ``random``: a run drawn with `rng`.
            resolve: see `row`.
            rng: source of randomness for ``random``.
            space: see `column`.

        Returns:
            The accuracy, a fraction in [0, 1]; its `runs` says how many trainings it rests on, and its `identical`
            whether the network behind it is the one asked for or a relative that is another network.

        Raises:
            InputError: something is missing or unknown; nothing is guessed, and the text lists what exists.
        """
        row, value = self._look_up(arch, dataset, metric, split, seed, resolve, rng, space)
        self._charged.add(row)
        return value

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
    ) -> tuple[int, Value]:
        """Row and accuracy of an architecture."""
        try:
            column = self._columns.quick[dataset, split, metric, space]
        except (KeyError, TypeError):  # TypeError: a list where a name belongs
            column = self.column(dataset, metric, split, space)
        row, kind = self._lookup.find(arch, resolve), Value
        if row < 0:
            row, kind = other_network(row), RelativeValue
        if isinstance(seed, str) and seed == "mean":
            return row, self._known(kind, column.fast_mean[row], int(column.counts[row]), column, arch)
        return row, self._known(kind, column.of_seed(row, seed, rng), 1, column, arch)

    def _known(self, kind: type[Value], value: float, runs: int, column: Column, arch: object) -> Value:
        if value != value:
            raise InputError(f"{column.name} of {arch}", expected="a measured value", got=Verbatim("a missing one"))
        return kind(value, runs)

    def values(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        seed: int | Literal["mean"] = "mean",
        index: npt.ArrayLike | None = None,
        published_index: npt.ArrayLike | None = None,
        resolve: Resolve = "declared",
        space: str | Space | None = None,
    ) -> Floats:
        """Many accuracies at once, free of charge.

        Args:
            dataset: name of a data set.
            metric: key of a metric.
            split: ``validation`` or ``test``.
            seed: ``mean`` or the number of a run.
            index: numbers of architectures in the space's own order, any shape.
            published_index: the published indices instead, if the table brings them; any shape.
            resolve: see `row`.
            space: see `column`.

        Returns:
            Shape of the indices, nan where the table has no value; shape (rows,), in the order of the rows, without.
        """
        values = self.column(dataset, metric, split, space).at_seed(seed)
        if index is None and published_index is None:
            return values.copy()
        if index is not None and published_index is not None:
            raise InputError("index", expected="index or published_index", got=Verbatim("both"))
        rows = self._lookup.row_of(resolve)
        own = (
            check_indices("index", index, len(rows)) if index is not None else self._lookup.own_indices(published_index)  # type: ignore[arg-type]
        )
        padded = np.append(values, np.nan)  # row -1 is missing
        found: Floats = padded[rows][own]
        return found

    def best(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        count: int = 1,
        space: str | Space | None = None,
    ) -> list[tuple[Architecture, Value]]:
        """The architectures with the highest mean, best first."""
        column = self.column(dataset, metric, split, space)
        order = np.argsort(-column.mean, kind="stable")[: check_count("count", count)]
        return [
            (self._lookup.at(int(row)), Value(column.mean[row], int(column.counts[row])))
            for row in order
            if not np.isnan(column.mean[row])
        ]

    def pareto(
        self,
        dataset: str | None = None,
        *metrics: str,
        split: str | None = None,
        space: str | Space | None = None,
    ) -> list[tuple[Architecture, tuple[float, ...]]]:
        """The architectures that no other one beats or equals in all metrics and beats in one, by the first metric."""
        if len(metrics) < 2:
            raise InputError("metrics", expected="at least 2", got=metrics)
        columns = [self.column(dataset, metric, split, space) for metric in metrics]
        check_comparable(columns, self.name)
        points = np.stack([column.mean for column in columns], axis=1)
        front = pareto_front(points)
        front = front[np.argsort(-points[front, 0], kind="stable")]
        return [(self._lookup.at(int(row)), tuple(points[row].tolist())) for row in front]

    def objective(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        seed: Seed = "mean",
        rng: np.random.Generator | None = None,
        space: str | Space | None = None,
    ) -> Objective:
        """What a search maximises; a call of it is a query, charged to this table once per distinct architecture."""
        return Objective(self, self.column(dataset, metric, split, space), seed, rng)

    # other forms

    def join(self, other: Table, suffix: str = "*") -> Table:
        """The columns of both tables, of one space, for the architectures that both hold, by `other`'s partition.

        Where values of `other` are those of another network of the class, the facts of its columns say for how many
        rows: ``relatives``.

        Args:
            other: another table.
            suffix: added to the metrics of `other` that this table has too.

        Raises:
            InputError: the tables are of different spaces, or have no architecture in common.
        """
        if not isinstance(other, Table) or not isinstance(suffix, str):
            raise InputError("join", expected="a table and a text", got=(other, suffix))
        return Table(**joined(self, other, suffix, (self._lookup, other._lookup)))

    def select(self, dataset: str | None = None, *, space: str | Space | None = None) -> Table:
        """The columns of one data set, of one space, or of both.

        Args:
            dataset: name of a data set; all if omitted.
            space: that of the table, by its name; or with settings, in which the networks of the columns were trained.

        Raises:
            InputError: there are none; the text lists what there is.
        """
        if dataset is not None:
            self._columns.check_known("dataset", dataset, self.datasets)
        key = None if space is None else self._columns.key_of(space)

        def meant(of: str, trained_in: str | None) -> bool:
            return dataset in (None, of) and key in (None, trained_in)

        return Table(
            self.name,
            self._lookup.given,
            [column for column in self.columns if meant(column.dataset, column.space)],
            space=self.space if key is None else space_of(parse_key(key)),
            partition=self.partition,
            published=self.published,
            provenance=self.provenance,
            ambiguous={name: why for name, why in self.ambiguous.items() if meant(name[0], (*name, key)[3])},
        )

    def noise(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        source: Source | None = None,
        space: str | Space | None = None,
    ) -> Noise:
        """Standard deviation of one run, the same for all architectures, with its interval.

        From the seeds of each row where the column names them, else from rows that are the same network.

        Args:
            dataset: name of a data set.
            metric: key of a metric.
            split: ``validation`` or ``test``.
            source: ``duplicates`` for rows that are the same network, seed by seed, where seeds are named, too.
            space: see `column`.

        Raises:
            InputError: the column holds no repeated trainings of this source.
        """
        return measure_noise(self, self.column(dataset, metric, split, space), source)

    def local_noise(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        window: int = 200,
        source: Source | None = None,
        space: str | Space | None = None,
    ) -> LocalNoise:
        """Standard deviation of one run among architectures of similar value; `window` groups are pooled."""
        return measure_local_noise(self, self.column(dataset, metric, split, space), window, source)

    def to_pandas(
        self, dataset: str | None = None, *, split: str | None = None, seed: int | Literal["mean"] = "mean"
    ) -> pd.DataFrame:
        """Rows as a data frame indexed by the texts of the architectures, a column per metric.

        In a CSV file texts that are digits are read back as numbers, without their zeros, unless pandas is told
        ``dtype={"architecture": str}``; the column ``genotype`` beside them, and what ``robnas export`` writes, are
        safe.

        Args:
            dataset: one data set; all, with column names such as ``cifar10 test clean``, if omitted.
            split: one split; all if omitted.
            seed: ``mean`` or the number of a run.
        """
        chosen = self._columns.chosen(dataset, split)
        short = dataset is not None and len({column.split for column in chosen}) == 1
        return frame(self, chosen, short=short, seed=seed)


@final
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
            arch, dataset=column.dataset, metric=column.metric, split=column.split, seed=self.seed, rng=self.rng,
            space=column.space,
        )  # fmt: skip

    def peek(self, arch: Architecture | object) -> Value:
        """The same, free of charge."""
        column = self.column
        return self.table.peek(
            arch, dataset=column.dataset, metric=column.metric, split=column.split, seed=self.seed, rng=self.rng,
            space=column.space,
        )  # fmt: skip

    @property
    def charged(self) -> int:
        """`Table.charged`: what one objective asked of a table is charged to all."""
        return self.table.charged

    @property
    def oracle(self) -> float:
        """The highest mean in the table."""
        return float(np.nanmax(self.column.mean))

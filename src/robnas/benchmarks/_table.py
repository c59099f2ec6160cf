"""A benchmark in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import Column, Value
from robnas.benchmarks._curve import CurveColumn
from robnas.benchmarks._forms import best_rows, frame, joined, pareto_rows, selected, values_at
from robnas.benchmarks._noise import LocalNoise, Noise, Source, measure_local_noise, measure_noise
from robnas.benchmarks._queried import Queried
from robnas.benchmarks._rows import Resolve
from robnas.benchmarks._runs import Floats, Runs, Seed
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space
from robnas.types import check_count

if TYPE_CHECKING:
    import pandas as pd


@final
class Table(Queried):
    """Accuracies of architectures on data sets, splits, metrics and seeds.

    Args:
        name: what people call it.
        architectures: each row's architecture, without repetition: values, texts, or numbers of the space's own order.
        columns: what was measured; several of one data set, split and metric differ in the settings of their space or
            in their beta.
        space: of the architectures: a space, its name or its facts; if omitted, that of the first architecture or, for
            numbers, of the columns, with their settings where these agree.
        partition: the classes within which the table's authors measured one architecture only; an architecture that
            has no row is looked up as the member of its class that has one. None if every row stands for itself.
        published: published index of every architecture in the space's own order, shape (space.size,), if known.
        provenance: where the numbers come from: source, licence, recipe, checksum …
        ambiguous: (data set, split, metric), with the space as fourth entry where columns of several spaces share
            these, the source as fifth in joined tables and the beta as sixth, of what was measured in several ways, so
            that asking for it is an error.
        curves: what was measured after every epoch, see `CurveColumn`.
        ambiguous_curves: of curves, as `ambiguous` of columns.

    Raises:
        InputError: rows or columns that do not fit together, or an architecture or column of another space.
    """

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
        epoch: int | None = None,
        beta: float | None = None,
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
            epoch: see `query`.
            beta: see `column`.

        Returns:
            Shape of the indices, nan where the table has no value; shape (rows,), in the order of the rows, without.
        """
        column: Runs = (
            self.column(dataset, metric, split, space, beta)
            if epoch is None
            else self.curve_column(dataset, metric, split, space, beta).after(epoch)
        )
        return values_at(column.at_seed(seed), self._lookup, index, published_index, resolve)

    def best(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        count: int = 1,
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> list[tuple[Architecture, Value]]:
        """The architectures with the best mean, which is the lowest of a column to be minimised, best first."""
        column = self.column(dataset, metric, split, space, beta)
        rows = best_rows(column, check_count("count", count))
        return [(self._lookup.at(row), column.mean_at(row)) for row in rows]

    def pareto(
        self,
        dataset: str | None = None,
        *metrics: str,
        split: str | None = None,
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> list[tuple[Architecture, tuple[Value, ...]]]:
        """The architectures that no other one beats or equals in all metrics and beats in one, by the first metric.

        Of a column that is to be minimised the lower value beats. Predicted values count like measured ones; each value
        knows what it rests on.
        """
        if len(metrics) < 2:
            raise InputError("metrics", expected="at least 2", got=metrics)
        columns = [self.column(dataset, metric, split, space, beta) for metric in metrics]
        return [(self._lookup.at(row), values) for row, values in pareto_rows(columns, self.name)]

    def objective(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        seed: Seed = "mean",
        rng: np.random.Generator | None = None,
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> Objective:
        """What a search optimises; a call of it is a query, charged to this table once per distinct architecture."""
        return Objective(self, self.column(dataset, metric, split, space, beta), seed, rng)

    # other forms

    def join(self, other: Table, suffix: str | None = None) -> Table:
        """The columns of both tables, of one space, for the architectures that both hold, by `other`'s partition.

        Each column says the table that it is from: its `Column.source`, under which `provenance` has where that table's
        numbers come from, and under which licence. A metric is called with its source, ``jung-2023:pgd@8/255``; without
        where one source has it only. Tables of one name are numbered, ``digits (2)``. Where values of `other` are those
        of another network of the class, the facts of its columns say for how many rows: ``relatives``; and ``copies``,
        how many rows repeat the value of another row, where `other` has fewer: then these are no repeated trainings,
        and tell nothing of the noise.

        Args:
            other: another table, which may be a joined one.
            suffix: added to the metrics of `other` that this table has too, if they are to have names of their own.

        Raises:
            InputError: the tables are of different spaces, or have no architecture in common.
        """
        if not isinstance(other, Table) or not (suffix is None or isinstance(suffix, str)):
            raise InputError("join", expected="a table and a text", got=(other, suffix))
        return Table(**joined(self, other, suffix, (self._lookup, other._lookup)))

    def select(
        self,
        dataset: str | None = None,
        *,
        space: str | Space | None = None,
        source: str | None = None,
        beta: float | None = None,
    ) -> Table:
        """The columns of one data set, of one space, of one source, of one beta, or of several of these.

        Args:
            dataset: name of a data set; all if omitted.
            space: that of the table, by its name; or with settings, in which the networks of the columns were trained.
            source: of a joined table, the name of one that it was joined from.
            beta: weight of the robust loss that was trained with; what does not depend on it, such as a latency, stays.

        Raises:
            InputError: there are none; the text lists what there is.
        """
        return Table(**selected(self, self._columns, self._lookup, dataset, space, source, beta))

    def noise(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        source: Source | None = None,
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> Noise:
        """Standard deviation of one run, the same for all architectures, with its interval.

        From the seeds of each row where the column names them, else from rows that are the same network.

        Args:
            dataset: name of a data set.
            metric: key of a metric.
            split: ``validation`` or ``test``.
            source: ``duplicates`` for rows that are the same network, seed by seed, where seeds are named, too.
            space: see `column`.
            beta: see `column`.

        Raises:
            InputError: the column holds no repeated trainings of this source.
        """
        return measure_noise(self, self.column(dataset, metric, split, space, beta), source)

    def local_noise(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        window: int = 200,
        source: Source | None = None,
        space: str | Space | None = None,
        beta: float | None = None,
    ) -> LocalNoise:
        """Standard deviation of one run among architectures of similar value; `window` groups are pooled."""
        return measure_local_noise(self, self.column(dataset, metric, split, space, beta), window, source)

    def to_pandas(
        self,
        dataset: str | None = None,
        *,
        split: str | None = None,
        seed: int | Literal["mean"] = "mean",
        epochs: bool = False,
    ) -> pd.DataFrame:
        """Rows as a data frame indexed by the texts of the architectures, a column per metric.

        In a CSV file texts that are digits are read back as numbers, without their zeros, unless pandas is told
        ``dtype={"architecture": str}``; the column ``genotype`` beside them, and what ``robnas export`` writes, are
        safe.

        Args:
            dataset: one data set; all, with column names such as ``cifar10 test clean``, if omitted.
            split: one split; all if omitted.
            seed: ``mean`` or the number of a run.
            epochs: whether the learning curves have columns too, one per epoch: ``clean epoch 1``.

        Raises:
            InputError: there is no such data set or split, a column has no such run, or there are no learning curves.
        """
        chosen = self._columns.chosen(dataset, split)
        curves = self._curves_of(dataset, split) if epochs else []
        short = dataset is not None and len({column.split for column in (*chosen, *curves)}) == 1
        return frame(self, chosen, curves, short=short, seed=seed)

    def _curves_of(self, dataset: str | None, split: str | None) -> list[CurveColumn]:
        """The curves of one data set and split, of all where None; at least one."""
        found = [one for one in self.curves if dataset in (None, one.dataset) and split in (None, one.split)]
        if not found:
            known = sorted({f"{one.dataset} {one.split}" for one in self.curves})
            got = Verbatim(f"none of {dataset or 'any data set'} {split or ''}".rstrip())
            expected = f"learning curves, of which there are {', '.join(known) or 'none'}"
            raise InputError(f"curves of table {self.name}", expected=expected, got=got)
        return found


@final
@dataclass(eq=False)
class Objective:
    """A metric that a search optimises; a call is a query, charged to the table once per distinct architecture."""

    table: Table
    column: Column
    seed: Seed
    rng: np.random.Generator | None = None

    def __call__(self, arch: Architecture | object) -> Value:
        """The accuracy of an architecture."""
        column = self.column
        return self.table.query(
            arch, dataset=column.dataset, metric=column.address, split=column.split, seed=self.seed, rng=self.rng,
            space=column.space, beta=column.beta,
        )  # fmt: skip

    def peek(self, arch: Architecture | object) -> Value:
        """The same, free of charge."""
        column = self.column
        return self.table.peek(
            arch, dataset=column.dataset, metric=column.address, split=column.split, seed=self.seed, rng=self.rng,
            space=column.space, beta=column.beta,
        )  # fmt: skip

    @property
    def charged(self) -> int:
        """`Table.charged`: what one objective asked of a table is charged to all."""
        return self.table.charged

    @property
    def oracle(self) -> float:
        """The best mean in the table: the lowest of a column to be minimised."""
        sign = self.column.sign
        return sign * float(np.nanmax(sign * self.column.mean))

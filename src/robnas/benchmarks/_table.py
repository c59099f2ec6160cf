"""A benchmark in memory."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys
from robnas.benchmarks._column import Column, Floats, Seed, Value
from robnas.benchmarks._noise import Noise, duplicate_noise, seed_noise
from robnas.benchmarks._objective import Objective
from robnas.benchmarks._pareto import pareto_front
from robnas.benchmarks._rows import Indices, Resolve, Rows
from robnas.errors import InputError, Verbatim
from robnas.spaces import SIZE, Architecture

if TYPE_CHECKING:
    import pandas as pd


class Table:
    """Accuracies of architectures on data sets, splits, metrics and seeds.

    Args:
        name: what people call it.
        architectures: the project's own index of each row's architecture, shape (rows,), without repetition.
        columns: what was measured.
        partition: the classes within which the table's authors measured one architecture only; an architecture that
            has no row is looked up as the member of its class that has one. None if every row stands for itself.
        published: published index of every architecture in the project's own order, shape (15625,), if known.
        provenance: where the numbers come from: source, licence, recipe, checksum …

    Raises:
        InputError: rows or columns that do not fit together.
    """

    def __init__(
        self,
        name: str,
        architectures: Sequence[int] | npt.NDArray[np.integer[Any]],
        columns: Iterable[Column],
        *,
        partition: str | None = None,
        published: npt.NDArray[np.integer[Any]] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.rows: Indices = np.asarray(architectures, dtype=np.int64)
        self.partition = partition
        self.published = published
        self.provenance = dict(provenance or {})
        self._columns: dict[tuple[str, str, str], Column] = {}
        for column in columns:
            if self._columns.setdefault((column.dataset, column.split, column.metric), column) is not column:
                raise InputError(f"table {name}", expected="each column once", got=Verbatim(f"{column.name} again"))
        self._lookup = Rows(name, self.rows, partition, published)
        self._charged: set[int] = set()
        self._check()

    def _check(self) -> None:
        if not self._columns:
            raise InputError(f"table {self.name}", expected="at least one column", got=Verbatim("none"))
        for column in self._columns.values():
            if len(column.values) != len(self.rows):
                raise InputError(
                    f"column {column.name}", expected=f"{len(self.rows)} rows", got=Verbatim(f"{len(column.values)}")
                )

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self)} architectures, {len(self._columns)} columns)"

    def __len__(self) -> int:
        return len(self.rows)

    # what there is

    @property
    def columns(self) -> tuple[Column, ...]:
        """Everything that was measured."""
        return tuple(self._columns.values())

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return tuple(dict.fromkeys(column.dataset for column in self.columns))

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        """The architecture of each row."""
        return tuple(Architecture.from_index(int(index)) for index in self.rows)

    def column(self, dataset: str | None, metric: str | None, split: str | None) -> Column:
        """A column by name.

        Raises:
            InputError: a part is missing or unknown; the text lists what exists.
        """
        column = self._columns.get((dataset, split, metric))  # type: ignore[arg-type]
        if column is None:
            self._explain(dataset, metric, split)
        return column  # type: ignore[return-value]

    def _explain(self, dataset: str | None, metric: str | None, split: str | None) -> None:
        """Raise the error that says which part is wrong."""
        found = list(self.columns)
        wanted = (("dataset", dataset), ("split", split), ("metric", metric))
        for part, value in wanted:
            known = list(dict.fromkeys(getattr(column, part) for column in found))
            if value not in known:
                raise InputError(
                    f"{part} of table {self.name}",
                    expected=f"one of {', '.join(known)}",
                    got=Verbatim("none") if value is None else value,
                    remedy=_close(str(value), known) if value is not None else f"name the {part}: it is never guessed",
                )
            found = [column for column in found if getattr(column, part) == value]

    # rows

    def row(self, arch: object, resolve: Resolve = "declared") -> int:
        """The row of an architecture, see `Rows.row`."""
        return self._lookup.row(arch, resolve)

    def row_of(self, resolve: Resolve = "declared") -> Indices:
        """Row of every architecture, see `Rows.row_of`."""
        return self._lookup.row_of(resolve)

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
    ) -> Value:
        """One accuracy, free of charge: for analysis. Arguments as for `query`."""
        column = self._columns.get((dataset, split, metric))  # type: ignore[arg-type]
        if column is None:
            column = self.column(dataset, metric, split)
        row = self.row(arch, resolve)
        if seed == "mean":
            return self._known(column.fast_mean[row], int(column.counts[row]), column, arch)
        return self._known(column.of_seed(row, seed, rng), 1, column, arch)

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
    ) -> Value:
        """One accuracy; the architecture is charged once, see `charged`.

        Args:
            arch: any encoding, or a published index if the table brings them.
            dataset: name of a data set, such as ``cifar10``.
            metric: key such as ``clean`` or ``pgd@8/255``.
            split: ``validation`` or ``test``.
            seed: ``mean``, the number of a run, or ``random``: a run drawn with `rng`.
            resolve: see `row`.
            rng: source of randomness for ``random``.

        Returns:
            The accuracy, a fraction in [0, 1]; its `runs` says how many trainings it rests on.

        Raises:
            InputError: something is missing or unknown; nothing is guessed, and the text lists what exists.
        """
        value = self.peek(arch, dataset=dataset, metric=metric, split=split, seed=seed, resolve=resolve, rng=rng)
        self._charged.add(self.row(arch, resolve))
        return value

    @property
    def charged(self) -> int:
        """How many distinct architectures were queried."""
        return len(self._charged)

    def _known(self, value: float, runs: int, column: Column, arch: object) -> Value:
        if value != value:
            raise InputError(f"{column.name} of {arch}", expected="a measured value", got=Verbatim("a missing one"))
        return Value(value, runs)

    def values(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        seed: int | Literal["mean"] = "mean",
        at: npt.ArrayLike | None = None,
        resolve: Resolve = "declared",
    ) -> Floats:
        """Many accuracies at once, free of charge.

        Args:
            dataset: name of a data set.
            metric: key of a metric.
            split: ``validation`` or ``test``.
            seed: ``mean`` or the number of a run.
            at: own indices of architectures, any shape; all rows of the table if omitted.
            resolve: see `row`.

        Returns:
            Shape of `at`, or (rows,); nan where the table has no value.
        """
        column = self.column(dataset, metric, split)
        values = column.mean if seed == "mean" else column.seed_column(seed)
        if at is None:
            return values.copy()
        index = np.asarray(at) if np.size(at) else np.empty(np.shape(at), dtype=np.int64)
        if index.dtype.kind not in "iu" or (index.size and not 0 <= index.min() <= index.max() < SIZE):
            raise InputError("at", expected=f"integers from 0 to {SIZE - 1}, the project's own indices", got=index)
        padded = np.append(values, np.nan)  # row -1 is missing
        found: Floats = padded[self.row_of(resolve)][index]
        return found

    def best(
        self, dataset: str | None = None, metric: str | None = None, *, split: str | None = None, count: int = 1
    ) -> list[tuple[Architecture, Value]]:
        """The architectures with the highest mean, best first."""
        column = self.column(dataset, metric, split)
        order = np.argsort(-column.mean, kind="stable")[:count]
        return [
            (Architecture.from_index(int(self.rows[row])), Value(column.mean[row], int(column.counts[row])))
            for row in order
            if not np.isnan(column.mean[row])
        ]

    def pareto(
        self, dataset: str | None = None, *metrics: str, split: str | None = None
    ) -> list[tuple[Architecture, tuple[float, ...]]]:
        """The architectures that no other one beats or equals in all metrics and beats in one, by the first metric."""
        if len(metrics) < 2:
            raise InputError("metrics", expected="at least 2", got=metrics)
        points = np.stack([self.column(dataset, metric, split).mean for metric in metrics], axis=1)
        front = pareto_front(points)
        front = front[np.argsort(-points[front, 0], kind="stable")]
        return [(Architecture.from_index(int(self.rows[row])), tuple(points[row].tolist())) for row in front]

    def objective(
        self,
        dataset: str | None = None,
        metric: str | None = None,
        *,
        split: str | None = None,
        seed: Seed = "mean",
        rng: np.random.Generator | None = None,
    ) -> Objective:
        """What a search maximises: call it with an architecture; each distinct one is charged once."""
        return Objective(self, self.column(dataset, metric, split), seed, rng)

    # other forms

    def join(self, other: Table, suffix: str = "*") -> Table:
        """The columns of both tables for the architectures that both hold, found under `other`'s partition.

        Args:
            other: another table.
            suffix: added to the metrics of `other` that this table has too.
        """
        rows = other.row_of()[self.rows]
        both = rows >= 0
        if not both.any():
            raise InputError("join", expected="tables with an architecture in common", got=Verbatim("none"))
        ours = [replace(column, values=column.values[both]) for column in self.columns]
        theirs = []
        for column in other.columns:
            taken = (column.dataset, column.split, column.metric) in self._columns
            metric = column.metric + suffix * taken
            theirs.append(replace(column, metric=metric, values=column.values[rows[both]]))
        return Table(
            f"{self.name}+{other.name}",
            self.rows[both],
            [*ours, *theirs],
            partition=self.partition,
            published=self.published,
            provenance={self.name: self.provenance, other.name: other.provenance},
        )

    def select(self, dataset: str) -> Table:
        """The columns of one data set."""
        chosen = [column for column in self.columns if column.dataset == dataset]
        if not chosen:
            self._explain(dataset, None, None)
        return Table(
            self.name, self.rows, chosen, partition=self.partition, published=self.published, provenance=self.provenance
        )

    def noise(self, dataset: str | None = None, metric: str | None = None, *, split: str | None = None) -> Noise:
        """Standard deviation of one run: from seeds where they are known, else from identical networks in the table."""
        column = self.column(dataset, metric, split)
        if len(column.seeds) > 1:
            return seed_noise(column)
        return duplicate_noise(self.rows, column)

    def to_pandas(
        self, dataset: str | None = None, *, split: str | None = None, seed: int | Literal["mean"] = "mean"
    ) -> pd.DataFrame:
        """Rows as a data frame indexed by digit code, a column per metric.

        Args:
            dataset: one data set; all, with column names such as ``cifar10 test clean``, if omitted.
            split: one split; all if omitted.
            seed: ``mean`` or the number of a run.
        """
        import pandas as pd

        if dataset is not None and dataset not in self.datasets:
            self._explain(dataset, None, None)
        splits = dict.fromkeys(column.split for column in self.columns if dataset in (None, column.dataset))
        if split is not None:
            check_keys(f"split of table {self.name}", [split], splits)
        chosen = [c for c in self.columns if dataset in (None, c.dataset) and split in (None, c.split)]
        short = dataset is not None and len({column.split for column in chosen}) == 1
        data: dict[str, Any] = {"genotype": [arch.genotype for arch in self.architectures]}
        if self.published is not None:
            data["published_index"] = self.published[self.rows]
        for column in chosen:
            name = column.metric if short else column.name
            data[name] = column.mean if seed == "mean" else column.seed_column(seed)
        return pd.DataFrame(data, index=pd.Index([arch.code for arch in self.architectures], name="architecture"))


def _close(value: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
    return f"did you mean {match[0]}?" if match else ""

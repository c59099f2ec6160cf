"""A benchmark in memory."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys
from robnas.benchmarks._column import Column, Floats, Value
from robnas.benchmarks._noise import Noise, duplicate_noise, seed_noise
from robnas.benchmarks._objective import Objective
from robnas.errors import InputError, Verbatim
from robnas.spaces import SIZE, Architecture
from robnas.spaces import partition as named_partition

if TYPE_CHECKING:
    import pandas as pd

Indices = npt.NDArray[np.int64]
Resolve = Literal["declared", "exact", "official", "effective", "identical"]
Seed = int | Literal["mean", "random"]


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
        self._row_lists: dict[str, list[int]] = {}
        self._charged: set[int] = set()
        self._check()

    def _check(self) -> None:
        if self.rows.ndim != 1 or not len(self.rows) or self.rows.min() < 0 or self.rows.max() >= SIZE:
            raise InputError(f"table {self.name}, rows", expected=f"indices from 0 to {SIZE - 1}", got=self.rows)
        if np.bincount(self.rows).max() > 1:
            raise InputError(f"table {self.name}, rows", expected="each architecture once", got=Verbatim("repetitions"))
        if not self._columns:
            raise InputError(f"table {self.name}", expected="at least one column", got=Verbatim("none"))
        for column in self._columns.values():
            if len(column.values) != len(self.rows):
                raise InputError(
                    f"column {column.name}", expected=f"{len(self.rows)} rows", got=Verbatim(f"{len(column.values)}")
                )
        if self.published is not None and sorted(self.published.tolist()) != list(range(SIZE)):
            raise InputError(
                f"table {self.name}, published indices",
                expected=f"each of 0 to {SIZE - 1} once",
                got=Verbatim("others"),
            )
        if self.partition is not None:
            named_partition(self.partition)

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
        """The row of an architecture.

        Args:
            arch: any encoding, or a published index if the table brings them.
            resolve: ``declared``: an isomorphic architecture stands in under the table's own partition; ``exact``: none
                does; or the partition to use.

        Raises:
            InputError: the table does not hold it; the text names close architectures that it holds.
        """
        index = arch.index if type(arch) is Architecture else self._index(arch)
        row = self._row_list(resolve)[index]
        if row < 0:
            self._explain_row(Architecture.from_index(index), resolve)
        return row

    def _index(self, arch: object) -> int:
        if isinstance(arch, int | np.integer):
            number = self._check_published(int(arch))
            return self._own_index[number]
        return Architecture(arch).index

    def _check_published(self, number: int) -> int:
        if self.published is None:
            raise InputError(
                "architecture",
                expected=f"an encoding, because table {self.name} brings no published indices",
                got=number,
            )
        if not 0 <= number < SIZE:
            raise InputError("published index", expected=f"0 to {SIZE - 1}", got=number)
        return number

    @cached_property
    def _own_index(self) -> list[int]:
        assert self.published is not None
        return [int(index) for index in np.argsort(self.published)]

    def _row_list(self, resolve: Resolve) -> list[int]:
        rows = self._row_lists.get(resolve)
        if rows is None:
            rows = self._row_lists[resolve] = self.row_of(resolve).tolist()
        return rows

    def row_of(self, resolve: Resolve = "declared") -> Indices:
        """Row of every architecture in the project's own order, shape (15625,); -1 where there is none."""
        check_keys("resolve", [str(resolve)], get_args(Resolve))
        name = {"declared": self.partition, "exact": None}.get(resolve, resolve)
        rows = np.full(SIZE, -1, dtype=np.int64)
        if name is not None:
            classes = named_partition(name)
            of_class = np.full(classes.count, -1, dtype=np.int64)
            of_class[classes.class_of[self.rows[::-1]]] = np.arange(len(self.rows))[::-1]  # the first row of a class
            rows = of_class[classes.class_of]
        rows[self.rows] = np.arange(len(self.rows))
        return rows

    def _explain_row(self, arch: Architecture, resolve: Resolve) -> None:
        exact = self._row_list("exact")
        near = [other.code for other in arch.neighbours() if exact[other.index] >= 0]
        elsewhere = next(
            (name for name in ("official", "identical", "effective") if self._row_list(name)[arch.index] >= 0),
            None,
        )
        remedy = f"resolve={elsewhere!r} finds an isomorphic one" if elsewhere and elsewhere != resolve else ""
        raise InputError(
            f"architecture {arch.code}",
            expected=f"one of the {len(self):,} that table {self.name} holds",
            got=Verbatim(f"none; one operation away: {', '.join(near[:5]) or 'none'}"),
            remedy=remedy,
        )

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
        return self._known(*self._of_seed(column, row, seed, rng), column, arch)

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

    def _of_seed(
        self, column: Column, row: int, seed: Seed | None, rng: np.random.Generator | None
    ) -> tuple[float, int]:
        if seed == "random":
            if rng is None:
                raise InputError("rng", expected="a numpy generator for seed='random'", got=None)
            return _draw(column, row, rng), 1
        if not isinstance(seed, int | np.integer):
            raise InputError(
                "seed",
                expected="'mean', 'random' or the number of a run",
                got=Verbatim("none") if seed is None else seed,
                remedy="name it: it is never guessed" if seed is None else "",
            )
        return float(column.seed_column(int(seed))[row]), 1

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


def pareto_front(points: Floats) -> Indices:
    """Rows that no other row dominates (all coordinates at least as high, one higher); rows with nan are left out.

    Args:
        points: shape (rows, metrics), higher is better.
    """
    order = np.lexsort(-points.T[::-1])
    order = order[~np.isnan(points[order]).any(axis=1)]
    front: list[int] = []
    for row in order:
        best = points[front]
        beaten = (best >= points[row]).all(axis=1) & (best > points[row]).any(axis=1)
        if not beaten.any():
            front.append(int(row))
    return np.array(front, dtype=np.int64)


def _draw(column: Column, row: int, rng: np.random.Generator) -> float:
    """The value of one run, uniformly among those that are there."""
    runs = column.values[row][~np.isnan(column.values[row])]
    if not column.seeds and column.runs > 1:
        raise InputError(
            f"seed of {column.name}",
            expected=f"'mean', because only the mean of {column.runs} runs was published",
            got="random",
        )
    return float(runs[rng.integers(len(runs))]) if len(runs) else float("nan")


def _close(value: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
    return f"did you mean {match[0]}?" if match else ""

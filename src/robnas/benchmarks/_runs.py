"""Values of several runs: their mean, and that of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from robnas._betas import as_beta
from robnas.errors import InputError, Verbatim
from robnas.types import Split, canonical_metric

Floats = npt.NDArray[np.float64]
Seed = int | Literal["mean", "random"]
MOST_RUNS = 1_000_000


def is_number(value: object) -> bool:
    """Whether `value` is a whole number: Python's or NumPy's, but no truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


class Runs:
    """What columns of accuracies and curves share; they have the fields."""

    dataset: str
    split: Split
    metric: str
    values: Floats
    seeds: tuple[int, ...]
    runs: int
    facts: Mapping[str, Any]
    space: str | None
    source: str
    beta: float | None

    @property
    def name(self) -> str:
        """``cifar10 test pgd@8/255`` or, of a joined table, ``jung-2023:cifar10 test pgd@8/255``."""
        return f"{self.source}:{self._own_name}" if self.source else self._own_name

    @property
    def _own_name(self) -> str:
        return f"{self.dataset} {self.split} {self.metric}"

    @property
    def qualified(self) -> str:
        """The metric with the table that it was joined from, if it was: ``jung-2023:pgd@8/255``."""
        return qualified(self.metric, self.source)

    @property
    def address(self) -> str:
        """`qualified` with two colons, ``jung-2023::pgd@8/255``, where no label can be meant."""
        return address_of(self.metric, self.source)

    def is_called(self, metric: str) -> bool:
        """Whether this means its metric, in whatever spelling, with its source or without."""
        return is_called(self.metric, self.source, metric)

    def _check(self, what: str, dimensions: int) -> None:
        """Refuse values, seeds and numbers of runs that do not fit together, and make them arrays and numbers.

        A metric is spelled in one way.
        """
        source: object = self.source
        if not isinstance(source, str) or not source.isprintable() or " ".join(source.split()) != source:
            raise InputError(f"{what}, source", expected="the name of a table, or nothing", got=source)
        object.__setattr__(self, "metric", canonical_metric(self.metric))
        if self.space is not None and not (isinstance(self.space, str) and self.space):
            raise InputError(what, expected="the key of a space, or None", got=self.space)
        if not all(map(is_number, (self.runs, *self.seeds))):
            raise InputError(what, expected="seeds and runs as whole numbers", got=self.seeds)
        object.__setattr__(self, "beta", None if self.beta is None else as_beta(f"{what}, beta", self.beta))
        object.__setattr__(self, "values", floats(what, self.values))
        object.__setattr__(self, "seeds", tuple(map(int, self.seeds)))
        object.__setattr__(self, "runs", int(self.runs))
        width = len(self.seeds) or 1
        if self.values.ndim != dimensions or self.values.shape[1] != width:
            shape = ", ".join(("rows", str(width), "epochs")[:dimensions])
            raise InputError(what, expected=f"shape ({shape})", got=Verbatim(f"shape {self.values.shape}"))
        if not 1 <= self.runs <= MOST_RUNS or len(set(self.seeds)) != width * bool(self.seeds):
            raise InputError(
                what,
                expected=f"1 to {MOST_RUNS:,} runs and each seed once",
                got=Verbatim(f"{self.runs} runs, {len(self.seeds)} seeds of which {len(set(self.seeds))} differ"),
            )

    def _check_fractions(self, what: str, values: Floats) -> None:
        known = values[~np.isnan(values)]
        if len(known) and not (known.min() >= 0 and known.max() <= 1):
            wrong = known.min() if known.min() < 0 else known.max()
            raise InputError(what, expected="accuracies in [0, 1]", got=Verbatim(f"{wrong:g}"))

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Runs behind each row's mean, shape (rows,); 0 where it is predicted, or missing."""
        found: npt.NDArray[np.int64] = (~np.isnan(self.values)).sum(axis=1)
        return found if self.seeds else found * self.runs

    @cached_property
    def measured_mean(self) -> Floats:
        """Mean over the runs that are there, shape (rows,); nan where there are none."""
        known = ~np.isnan(self.values)
        total = np.where(known, self.values, 0.0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean: Floats = total / known.sum(axis=1)
        return mean

    @cached_property
    def mean(self) -> Floats:
        """`measured_mean` and, of a column that has some, predictions where there are no runs; shape (rows,)."""
        return self.measured_mean

    @cached_property
    def fast_mean(self) -> list[float]:
        """`mean` as a list: looking up one number is several times faster than in an array."""
        return [float(value) for value in self.mean]

    def at_seed(self, seed: int | Literal["mean"]) -> Floats:
        """`mean`, or the values of one seed; shape (rows,)."""
        return self.mean if isinstance(seed, str) and seed == "mean" else self.seed_column(seed)

    def seed_column(self, seed: int) -> Floats:
        """Values of one seed, shape (rows,).

        Raises:
            InputError: the seed was not published; the text lists those that were.
        """
        if is_number(seed) and seed in self.seeds:
            column: Floats = self.values[:, self.seeds.index(seed)]
            return column
        known = ", ".join(map(str, self.seeds)) if self.seeds else "no single seed: a mean only"
        raise InputError(f"seed of {self.name}", expected=f"'mean' or one of: {known}", got=seed)

    def of_seed(self, row: int, seed: Seed | None, rng: np.random.Generator | None) -> float:
        """The value of one run, nan if it is missing.

        Args:
            row: which architecture.
            seed: number of the run, or ``random``.
            rng: source of randomness for ``random``.

        Raises:
            InputError: no seed is named, or the column has no such run.
        """
        if isinstance(seed, str) and seed == "random":
            return self._draw(row, rng)
        if not is_number(seed):
            raise InputError(
                "seed",
                expected="'mean', 'random' or the number of a run",
                got=Verbatim("none") if seed is None else seed,
                remedy="name it: it is never guessed" if seed is None else "",
            )
        return float(self.seed_column(int(seed))[row])  # type: ignore[arg-type]

    def _draw(self, row: int, rng: np.random.Generator | None) -> float:
        """The value of one run, uniformly among those that are there."""
        if not isinstance(rng, np.random.Generator):
            raise InputError("rng", expected="a numpy generator for seed='random'", got=rng)
        if not self.seeds and self.runs > 1:
            raise InputError(
                f"seed of {self.name}",
                expected=f"'mean', because only the mean of {self.runs} runs was published",
                got="random",
            )
        runs = self.values[row][~np.isnan(self.values[row])]
        return float(runs[rng.integers(len(runs))]) if len(runs) else float("nan")


def floats(what: str, values: npt.ArrayLike) -> Floats:
    """An array of decimal numbers, or the error that says so."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(what, expected="rows of numbers", got=values) from None


def qualified(metric: str, source: str) -> str:
    """A metric with its source, if it has one, see `Runs.qualified`."""
    return f"{source}:{metric}" if source else metric


def address_of(metric: str, source: str) -> str:
    """The same in a form that no label has, see `Runs.address`."""
    return f"{source}::{metric}" if source else metric


def is_called(metric: str, source: str, written: str) -> bool:
    """Whether a text means a metric of this source, see `Runs.is_called`."""
    own = written.removeprefix(f"{source}:").removeprefix(":") if source and written.startswith(f"{source}:") else ""
    return metric in (canonical_metric(written), canonical_metric(own))

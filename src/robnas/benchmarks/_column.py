"""One measured quantity of a table: a value per architecture and run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.errors import InputError, Verbatim
from robnas.types import Split, check_split

Floats = npt.NDArray[np.float64]
Seed = int | Literal["mean", "random"]
MOST_RUNS = 1_000_000
MOST_CLASSES = 1_000_000
_CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet16-120": 120, "digits": 10}


def is_number(value: object) -> bool:
    """Whether `value` is a whole number: Python's or NumPy's, but no truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _floats(name: str, values: npt.ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"column {name}", expected="rows of numbers", got=values) from None


class Value(float):
    """An accuracy that knows how many trainings it rests on."""

    __slots__ = ("runs",)
    runs: int
    identical: ClassVar[bool] = True
    """Whether the network that was trained is the one that was asked for."""

    def __new__(cls, value: float, runs: int) -> Value:
        self = super().__new__(cls, value)
        self.runs = runs
        return self

    def __getnewargs__(self) -> tuple[float, int]:  # type: ignore[override]
        return float(self), self.runs


@final
class RelativeValue(Value):
    """The accuracy of a relative: its cell is of the class that the table declares, but another network."""

    __slots__ = ()
    identical = False


@final
@dataclass(frozen=True, eq=False)
class Column:
    """Accuracies of one metric on one split of one data set."""

    __repr__ = brief

    dataset: str
    split: Split
    metric: str
    values: Floats
    """Shape (rows, seeds) if `seeds` are known, else (rows, 1) with the mean; nan where a run is missing.

    Anything that makes such an array of numbers will do.
    """
    seeds: tuple[int, ...] = ()
    """Seeds of the runs; empty if only their mean was published."""
    runs: int = 1
    """Runs behind the mean where the seeds are not known."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """How it was measured, where that is known: recipe, number of images, attack, version of the data set …"""
    space: str | None = None
    """Name and settings of the space that was trained in, as `robnas.spaces.Space.key` writes them; None where they are
    not known."""

    def __post_init__(self) -> None:
        check_split(self.split)
        if self.space is not None and not (isinstance(self.space, str) and self.space):
            raise InputError(f"column {self.name}", expected="the key of a space, or None", got=self.space)
        if not all(map(is_number, (self.runs, *self.seeds))):
            raise InputError(f"column {self.name}", expected="seeds and runs as whole numbers", got=self.seeds)
        object.__setattr__(self, "values", _floats(self.name, self.values))
        object.__setattr__(self, "seeds", tuple(map(int, self.seeds)))
        object.__setattr__(self, "runs", int(self.runs))
        width = len(self.seeds) or 1
        if self.values.ndim != 2 or self.values.shape[1] != width:
            raise InputError(
                f"column {self.name}", expected=f"shape (rows, {width})", got=Verbatim(f"shape {self.values.shape}")
            )
        if not 1 <= self.runs <= MOST_RUNS or len(set(self.seeds)) != width * bool(self.seeds):
            raise InputError(
                f"column {self.name}",
                expected=f"1 to {MOST_RUNS:,} runs and each seed once",
                got=Verbatim(f"{self.runs} runs, {len(self.seeds)} seeds of which {len(set(self.seeds))} differ"),
            )
        known = self.values[~np.isnan(self.values)]
        if len(known) and not (known.min() >= 0 and known.max() <= 1):
            wrong = known.min() if known.min() < 0 else known.max()
            raise InputError(f"column {self.name}", expected="accuracies in [0, 1]", got=Verbatim(f"{wrong:g}"))

    @property
    def name(self) -> str:
        """``cifar10 test pgd@8/255``."""
        return f"{self.dataset} {self.split} {self.metric}"

    @property
    def num_classes(self) -> int | None:
        """Classes of the data set, where that was recorded or the data set is one that everybody knows; else None."""
        recorded = self.facts.get("num_classes", _CLASSES.get(self.dataset))
        return int(recorded) if is_number(recorded) and 1 < recorded <= MOST_CLASSES else None

    @property
    def constant_accuracy(self) -> float | None:
        """The most that one answer for all images reaches; None where the number of classes is not known.

        The share of the most frequent class, if that was recorded, else that of equally large classes.
        """
        classes, majority = self.num_classes, self.facts.get("majority")
        if classes is None:
            return None
        share = float(majority) if isinstance(majority, int | float) and 0 < majority <= 1 else 0.0
        return max(share, 1 / classes)

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Runs behind each row's mean, shape (rows,)."""
        found: npt.NDArray[np.int64] = (~np.isnan(self.values)).sum(axis=1)
        return found if self.seeds else found * self.runs

    @cached_property
    def mean(self) -> Floats:
        """Mean over the runs that are there, shape (rows,); nan where there are none."""
        known = ~np.isnan(self.values)
        total = np.where(known, self.values, 0.0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean: Floats = total / known.sum(axis=1)
        return mean

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

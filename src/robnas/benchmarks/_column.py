"""One measured quantity of a table: a value per architecture and run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, cast, final, get_args

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks._runs import Floats, Runs, floats, is_number
from robnas.errors import InputError, Verbatim
from robnas.types import Split, check_split, is_metric

Direction = Literal["maximise", "minimise"]
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_.-]*(:[a-z0-9_.-]+)?")
_UNIT = re.compile(r"[^\s,\[\]]{0,20}")

MOST_CLASSES = 1_000_000
_CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet16-120": 120, "digits": 10}


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
class PredictedValue(Value):
    """What was not measured but predicted, from other architectures: it rests on no training, its `runs` are 0."""

    __slots__ = ("identical", "sd")
    sd: float
    """Standard deviation of what one training would measure around it; nan where it is not known."""
    identical: bool  # type: ignore[misc]
    """Whether it is predicted of the network that was asked for, see `Value.identical`."""

    def __new__(cls, value: float, runs: int = 0, sd: float = float("nan"), identical: bool = True) -> PredictedValue:
        self = cast(PredictedValue, super().__new__(cls, value, runs))
        self.sd, self.identical = sd, identical
        return self

    def __getnewargs__(self) -> tuple[float, int, float, bool]:  # type: ignore[override]
        return float(self), self.runs, self.sd, self.identical


@final
@dataclass(frozen=True, eq=False)
class Column(Runs):
    """What one metric is on one split of one data set: accuracies or, where there is a unit, a cost or a score.

    Accuracies are fractions in [0, 1], and higher is better. What is none has a name without ``@``, such as
    ``latency:pixel3``, and a unit, or is to be minimised.
    """

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
    unit: str = ""
    """Of the values, such as ``ms``; empty for accuracies."""
    direction: Direction = "maximise"
    """Whether higher or lower values are better."""
    source: str = ""
    """Name of the table that it was joined from; empty for the table's own."""
    beta: float | None = None
    """Weight of the robust loss in the objective of training, (1 - beta)·clean + beta·robust; None where it is not
    known. Columns may differ in nothing else."""
    predicted: Floats | None = None
    """Shape (rows,): what a surrogate says of rows that have no run, nan for others; None if nothing is predicted.

    Those of rows that have runs are not kept: these are measured.
    """
    sd: Floats | None = None
    """Shape (rows,): standard deviation of what one training would measure around `predicted`; nan where it is not
    known, and for rows that are measured."""

    def __post_init__(self) -> None:
        check_split(self.split)
        self._check(what := f"column {self.name}", 2)
        if self.direction not in get_args(Direction):
            raise InputError(f"{what}, direction", expected="maximise or minimise", got=self.direction)
        if not isinstance(self.unit, str) or not self.unit.isprintable() or not _UNIT.fullmatch(self.unit):
            raise InputError(f"{what}, unit", expected="a short text such as ms, or nothing", got=self.unit)
        self._check_predicted(what)
        if self.is_accuracy:
            for values in (self.values, *(() if self.predicted is None else (self.predicted,))):
                self._check_fractions(what, values)
        else:
            self._check_other(what)

    def _check_predicted(self, what: str) -> None:
        """Refuse predictions of another shape, and leave out what was measured."""
        if self.predicted is None:
            if self.sd is not None:
                raise InputError(f"{what}, sd", expected="none without predicted values", got=Verbatim("some"))
            return
        for part in ("predicted", "sd"):
            if (given := getattr(self, part)) is not None:
                found = floats(f"{what}, {part}", given)
                if found.shape != self.values.shape[:1]:
                    expected, got = f"shape ({len(self.values)},)", Verbatim(f"shape {found.shape}")
                    raise InputError(f"{what}, {part}", expected=expected, got=got)
                if np.isinf(found).any() or (part == "sd" and bool((found < 0).any())):
                    expected = "finite numbers" if part == "predicted" else "finite numbers from 0 on"
                    raise InputError(f"{what}, {part}", expected=expected, got=Verbatim("others"))
                object.__setattr__(self, part, np.where(self.measured, np.nan, found))
        if self.sd is not None and np.isnan(self.sd).all():
            object.__setattr__(self, "sd", None)
        if np.isnan(self.predicted).all():  # a table with nothing to complete is one that was measured
            object.__setattr__(self, "predicted", None)
            object.__setattr__(self, "sd", None)

    def _check_other(self, what: str) -> None:
        """Refuse what is an accuracy by its name, and infinities."""
        if is_metric(self.metric):
            got = Verbatim(f"{self.unit or 'no unit'}, to {self.direction}")
            raise InputError(what, expected=f"no unit and maximise: {self.metric} is an accuracy", got=got)
        if not _PLAIN_NAME.fullmatch(self.metric):
            raise InputError(
                what, expected="a plain name such as latency:pixel3, for it is no accuracy", got=self.metric
            )
        if np.isinf(self.values).any():
            raise InputError(what, expected="finite numbers", got=Verbatim("infinite ones"))

    @cached_property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Which rows have a run, shape (rows,); the others are predicted, or missing."""
        found: npt.NDArray[np.bool_] = np.logical_not(np.isnan(self.values).all(axis=1))
        return found

    @cached_property
    def mean(self) -> Floats:
        """Mean over the runs that are there, else what is predicted, shape (rows,); nan where there is neither."""
        if self.predicted is None:
            return self.measured_mean
        return np.where(self.measured, self.measured_mean, self.predicted)

    def mean_at(self, row: int, identical: bool = True) -> Value:
        """The mean of one row, which knows what it rests on; nan where there is none.

        Args:
            row: number of it.
            identical: whether the architecture of the row is the network that is asked for.
        """
        value, runs = self.fast_mean[row], int(self.counts[row])
        if self.predicted is None or runs:
            return (Value if identical else RelativeValue)(value, runs)
        return PredictedValue(value, 0, float("nan" if self.sd is None else self.sd[row]), identical)

    def take(self, rows: npt.NDArray[Any]) -> Column:
        """Some of the rows, by numbers or as a mask."""
        predicted, sd = (None if one is None else one[rows] for one in (self.predicted, self.sd))
        return replace(self, values=self.values[rows], predicted=predicted, sd=sd)

    @property
    def is_accuracy(self) -> bool:
        """Whether the values are fractions in [0, 1] of which more is better."""
        return self.unit == "" and self.direction == "maximise"

    @property
    def sign(self) -> int:
        """1 where higher values are better, -1 where lower ones are."""
        return 1 if self.direction == "maximise" else -1

    def check_accuracy(self, what: str) -> None:
        """Raise `InputError` unless these are accuracies, of which `what` is asked."""
        if not self.is_accuracy:
            got = Verbatim(f"{self.name}, {self.unit or 'no unit'}, to {self.direction}")
            raise InputError(what, expected="a column of accuracies", got=got)

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

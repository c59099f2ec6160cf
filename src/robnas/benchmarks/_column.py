"""One measured quantity of a table: a value per architecture and run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, final, get_args

import numpy as np

from robnas._brief import brief
from robnas.benchmarks._runs import Floats, Runs, is_number
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

    def __post_init__(self) -> None:
        check_split(self.split)
        self._check(what := f"column {self.name}", 2)
        if self.direction not in get_args(Direction):
            raise InputError(f"{what}, direction", expected="maximise or minimise", got=self.direction)
        if not isinstance(self.unit, str) or not self.unit.isprintable() or not _UNIT.fullmatch(self.unit):
            raise InputError(f"{what}, unit", expected="a short text such as ms, or nothing", got=self.unit)
        if self.is_accuracy:
            self._check_fractions(what)
        else:
            self._check_other(what)

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

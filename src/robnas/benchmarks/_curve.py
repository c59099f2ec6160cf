"""What a metric was after each epoch of the trainings of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks._runs import Floats, Runs, is_number
from robnas.errors import InputError, Verbatim
from robnas.types import Split, check_split

_NO_ACCURACIES = ("loss", "seconds")
"""Figures of a training that need not lie in [0, 1]; the third, ``robust``, does."""


@final
@dataclass(frozen=True, eq=False)
class CurveColumn(Runs):
    """Learning curves: one metric on one split of one data set, after each of several epochs.

    On split ``train`` the metrics are the figures of the training itself: ``loss``, ``robust`` (accuracy on its own
    attacked batches) and ``seconds`` (of each epoch).
    """

    __repr__ = brief

    dataset: str
    split: Split
    metric: str
    epochs: tuple[int, ...]
    """That were measured, ascending, the first of a training being 1."""
    values: Floats
    """Shape (rows, seeds, epochs) if `seeds` are known, else (rows, 1, epochs) with the mean; nan where one is missing.

    Anything that makes such an array of numbers will do.
    """
    seeds: tuple[int, ...] = ()
    """Seeds of the runs; empty if only their mean is known."""
    runs: int = 1
    """Runs behind the mean where the seeds are not known."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """How it was measured, see `Column`."""
    space: str | None = None
    """Key of the space that was trained in, see `Column`."""
    source: str = ""
    """Name of the table that they were joined from, see `Column`."""
    beta: float | None = None
    """Weight of the robust loss, see `Column`."""

    def __post_init__(self) -> None:
        what = f"curves {self.name}"
        check_split(self.split)
        epochs = tuple(self.epochs) if np.iterable(self.epochs) else ()
        if not epochs or not all(map(is_number, epochs)) or list(epochs) != sorted({*epochs}) or epochs[0] < 1:
            raise InputError(what, expected="epochs from 1 on, ascending", got=self.epochs)
        object.__setattr__(self, "epochs", tuple(map(int, epochs)))
        self._check(what, 3)
        object.__setattr__(self, "values", self.values + 0.0)  # no -0, which a file does not keep
        if self.values.shape[2] != len(epochs):
            got = Verbatim(f"{self.values.shape[2]} values")
            raise InputError(what, expected=f"a value for each of {len(epochs)} epochs", got=got)
        if self.is_accuracy:
            self._check_fractions(what, self.values)
        elif np.isinf(self.values).any():
            raise InputError(what, expected="finite numbers", got=Verbatim("infinite ones"))

    def take(self, rows: npt.NDArray[Any]) -> CurveColumn:
        """Some of the rows, by numbers or as a mask."""
        return replace(self, values=self.values[rows])

    @property
    def is_accuracy(self) -> bool:
        """Whether the values are fractions in [0, 1], and no loss or duration."""
        return self.split != "train" or not self.metric.startswith(_NO_ACCURACIES)  # a join may add to the name

    @property
    def images(self) -> int | None:
        """How many images of the split were asked; None where that is not known, and for figures of the training."""
        found = self.facts.get("images", 0)
        return int(found) if is_number(found) and found > 0 else None

    @cached_property
    def _after(self) -> dict[int, AfterEpoch]:
        """Those that were asked for."""
        return {}

    def after(self, epoch: int) -> AfterEpoch:
        """The values after one epoch.

        Raises:
            InputError: it was not measured; the text lists those that were.
        """
        if not is_number(epoch) or epoch not in self.epochs:
            raise InputError(f"epoch of {self.name}", expected=f"one of {_listed(self.epochs)}", got=epoch)
        if (found := self._after.get(epoch)) is None:
            values = np.ascontiguousarray(self.values[:, :, self.epochs.index(epoch)])
            found = self._after[epoch] = AfterEpoch(self, int(epoch), values)
        return found

    def of_row(self, row: int, seed: int | Literal["mean"] | None) -> Floats:
        """The curve of one row: the mean over the runs that reached each epoch or one run, shape (epochs,)."""
        if not (is_number(seed) or (isinstance(seed, str) and seed == "mean")):
            got, remedy = (seed, "") if seed is not None else (Verbatim("none"), "name it: it is never guessed")
            raise InputError("seed", expected="'mean' or the number of a run", got=got, remedy=remedy)
        found: Floats = self.at_seed(seed)[row].copy()  # type: ignore[arg-type]
        return found


@final
class AfterEpoch(Runs):
    """The part of curves that belongs to one epoch, with values of shape (rows, seeds)."""

    def __init__(self, curve: CurveColumn, epoch: int, values: Floats) -> None:
        self.dataset, self.split, self.metric = curve.dataset, curve.split, curve.metric
        self.seeds, self.runs, self.facts, self.space = curve.seeds, curve.runs, curve.facts, curve.space
        self.source, self.beta, self.values, self.epoch = curve.source, curve.beta, values, epoch

    @property
    def name(self) -> str:
        """``digits validation pgd@32/255 after epoch 3``."""
        return f"{super().name} after epoch {self.epoch}"


_MOST_SHOWN = 10


def _listed(epochs: tuple[int, ...]) -> str:
    """``1, 2, 3`` or, for many, ``1, 2, 3 … 199, 200 (200 in all)``."""
    if len(epochs) <= _MOST_SHOWN:
        return ", ".join(map(str, epochs))
    first, last = (", ".join(map(str, part)) for part in (epochs[:3], epochs[-2:]))
    return f"{first} … {last} ({len(epochs)} in all)"

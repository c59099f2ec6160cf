"""How good a surrogate is, measured on a table that knows every value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from robnas._brief import brief
from robnas.benchmarks import Column, Table, trained_in
from robnas.errors import InputError, Verbatim
from robnas.surrogates._accuracy import accuracy_of, over_splits
from robnas.surrogates._campaign import FIRST, Campaign
from robnas.surrogates._designs import Focus, is_sequential
from robnas.surrogates._information import Information, of_networks
from robnas.surrogates._jobs import in_processes
from robnas.surrogates._noise import standard_errors, table_noise
from robnas.surrogates._prediction import Prediction, Vector
from robnas.surrogates._tables import ColumnValues, check_other
from robnas.types import Progress, check_count, silent

LEVEL = 0.9
"""Of the intervals that are assessed."""
_BATCH = 5  # trainings at least that are chosen at once; a fifth of what is known where that is more


@final
@dataclass(frozen=True, eq=False)
class Assessment:
    """What a surrogate reached on a table, split by split."""

    __repr__ = brief

    table: str
    dataset: str
    metric: str
    split: str
    beta: float | None
    unit: str
    """Of the values; empty for accuracies, which are fractions."""
    is_accuracy: bool
    train: int
    """Values that each fit knew."""
    design: str
    focus: str
    """Where a design that looks at a prediction lowers the uncertainty."""
    model: str
    information: tuple[str, ...]
    noise: str
    """Where the fit knows the noise of a training from: ``seeds``, ``duplicates``, or ``fit`` where the table has no
    repeated trainings."""
    seed: int
    """Of the first split."""
    held: tuple[int, ...]
    """Architectures on which each split was judged: those of no class that had a part in its fit."""
    splits: tuple[Mapping[str, float], ...] = field(repr=False)
    """The numbers of each split, see `accuracy_of`."""
    measured: Vector = field(repr=False)
    """Values on which the first split was judged, shape (held,)."""
    predicted: Prediction = field(repr=False)
    """What it predicted for these."""

    @property
    def summary(self) -> dict[str, Any]:
        """Means over splits, with standard deviations; see `over_splits`."""
        return over_splits([dict(one) for one in self.splits])

    def to_dict(self) -> dict[str, Any]:
        """`summary` and what it is of, as plain values."""
        return {
            **self.summary,
            "table": self.table, "dataset": self.dataset, "metric": self.metric, "split": self.split, "beta": self.beta,
            **({} if self.is_accuracy else {"unit": self.unit}),
            "train": self.train, "splits": len(self.splits), "held": float(np.mean(self.held)), "design": self.design,
            **({"focus": self.focus} if is_sequential(self.design) else {}),
            "model": self.model, "information": list(self.information), "noise": self.noise, "seed": self.seed,
        }  # fmt: skip


def assess(
    table: Table,
    *,
    dataset: str | None = None,
    metric: str | None = None,
    split: str | None = None,
    train: int,
    splits: int = 20,
    design: str = "spread",
    focus: Focus = "everywhere",
    information: Sequence[Information] | None = None,
    model: str = "gaussian-process",
    seed: int = 0,
    jobs: int = 1,
    same_dataset: bool = False,
    space: str | None = None,
    beta: float | None = None,
    progress: Progress = silent,
) -> Assessment:
    """Measure a surrogate on a table: fit on a few of its values, predict the others, and again with other ones.

    A fit knows one value of each class, see `classes_of`, that the design chooses, and is judged on all
    architectures of other classes. The noise of a training is that of the table's repeated trainings.

    Args:
        table: with the values of all architectures that are to be predicted.
        dataset: of the column that is predicted.
        metric: of the column.
        split: of the column.
        train: how many values a fit knows.
        splits: how many fits.
        design: a name in `robnas.surrogates.DESIGNS`; all but ``random`` and ``spread`` choose in batches, each by a
            fit to those before.
        focus: of such a design, ``everywhere`` or ``top``.
        information: what the surrogate may look at, see `robnas.surrogates.information_of`; `Structure` if omitted.
        model: a name in `robnas.surrogates.SURROGATES`.
        seed: of the first split; the others have those after it.
        jobs: processes; more than one need a script that starts under ``if __name__ == "__main__"``. The numbers do not
            depend on it.
        same_dataset: accept other columns of the table's own data set as information, such as the accuracy under
            another attack, which is nearly the answer.
        space: of the column where the table has it of several settings.
        beta: of the column where the table has it of several.
        progress: told about finished splits.

    Raises:
        InputError: no such column, too few values, information that holds the answer, or as `robnas.surrogates.fit`.
    """
    column = table.column(dataset, metric, split, space, beta)
    kinds = of_networks(information, trained_in(table, column))
    _check_honest(table, column, kinds, same_dataset=same_dataset)
    check_count("splits", splits), check_count("jobs", jobs), check_count("seed", seed, 0)
    rows = np.flatnonzero(column.measured)
    archs = table.architectures
    campaign = Campaign(
        [archs[row] for row in rows.tolist()], information=kinds, model=model, level=LEVEL,
        direction=column.direction, space=table.space,
    )  # fmt: skip
    most = len(np.unique(campaign.classes)) - 1
    if check_count("train", train) > most:
        expected = f"at most {most:,}, for there are {most + 1:,} classes with a value in {column.name}"
        raise InputError("train", expected=expected, got=Verbatim(f"{train:,}"))
    noise = table_noise(table, column)
    values = column.measured_mean[rows]
    errors = standard_errors(noise, values, column.counts[rows])
    trial = Trial(campaign, values, errors, column.sign, train, design, focus)
    found = []
    progress(0, splits, f"{column.name}, {train} values")
    for done, one in enumerate(in_processes(trial.run, range(seed, seed + splits), jobs), start=1):
        progress(done, splits, f"{column.name}, {train} values")
        found.append(one)
    return Assessment(
        table.name, column.dataset, column.qualified, column.split, column.beta, column.unit, column.is_accuracy, train,
        design, focus, model, tuple(one.text for one in kinds), "fit" if noise is None else noise.source, seed,
        tuple(len(one.measured) for one in found), tuple(one.numbers for one in found), found[0].measured,
        found[0].predicted,
    )  # fmt: skip


def _check_honest(table: Table, column: Column, information: Sequence[Information], *, same_dataset: bool) -> None:
    """Refuse columns that are, or nearly are, what is to be predicted."""
    check_other(information, table, column)
    for one in information:
        if not same_dataset and isinstance(one, ColumnValues) and one.is_of(table, column):
            expected = f"columns of another data set than {column.dataset}, or of another table"
            remedy = "what the same networks do there is nearly the answer; --same-dataset accepts it"
            raise InputError("information", expected=expected, got=one.text, remedy=remedy)


@dataclass(frozen=True, eq=False)
class Judged:
    """One split."""

    numbers: dict[str, float]
    measured: Vector
    predicted: Prediction


@dataclass(frozen=True, eq=False)
class Trial:
    """What all splits share."""

    campaign: Campaign
    values: Vector
    errors: Vector | None
    sign: int
    train: int
    design: str
    focus: Focus

    def run(self, seed: int) -> Judged:
        """Choose, fit, predict and judge."""
        known = self.chosen(seed)
        held = np.flatnonzero(~np.isin(self.campaign.classes, self.campaign.classes[known]))
        predicted = self.campaign.fit(self._only(known), self.errors, seed).predict(
            [self.campaign.architectures[place] for place in held.tolist()]
        )
        rng = np.random.default_rng(seed)
        measured = self.values[held]
        return Judged(accuracy_of(measured, predicted, sign=self.sign, rng=rng), measured, predicted)

    def chosen(self, seed: int) -> list[int]:
        """Places of the values that the fit knows."""
        known: list[int] = []
        for count in self._batches():
            known += self.campaign.propose(
                self._only(known), count, design=self.design, noise=self.errors, focus=self.focus, seed=seed
            )
        return known

    def _batches(self) -> Iterator[int]:
        if not is_sequential(self.design):
            yield self.train
            return
        done = 0
        while done < self.train:
            count = min(max(_BATCH, done // 5) if done else FIRST, self.train - done)
            yield count
            done += count

    def _only(self, known: list[int]) -> Vector:
        """The values of these places, nan elsewhere."""
        found = np.full(len(self.values), np.nan)
        found[known] = self.values[known]
        return found

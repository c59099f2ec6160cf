"""The architectures of a table in order, with what is uncertain about each accuracy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from robnas._binomial import binomial_error
from robnas.benchmarks import Column, LocalNoise, Noise, Table, column_ranks, predicted_rows, sharing
from robnas.errors import InputError
from robnas.spaces import Architecture, Space
from robnas.statistics._constant import constant_in, unchanged_rows
from robnas.statistics._noise import constant_sd, shown_noise
from robnas.statistics._parts import part_with
from robnas.types import CORRUPTIONS, NORMS, WEAKER_FIRST, Metric, is_attacked, label_order

Floats = npt.NDArray[np.float64]
ErrorSource = Literal["similar", "trainings", "images", "unknown"]


@final
@dataclass(frozen=True)
class Accuracy:
    """One accuracy."""

    value: float
    """Mean over the runs; nan if it is missing."""
    error: float
    """Its standard error, see `standard_errors`; nan if it is not known. That of trainings is 0 at the ends of the
    scale, where they cannot differ and have that mean; that of images never is."""
    runs: int
    """Trainings behind it."""
    images: int | None
    """How many were asked, if that is known."""
    measured: bool = True
    """False where it is predicted; then `error` is the standard deviation of what one training would measure."""

    @property
    def below(self) -> float:
        """How far one standard error of an accuracy reaches down: not below 0."""
        return min(self.error, self.value)

    @property
    def above(self) -> float:
        """How far one standard error of an accuracy reaches up: not above 1."""
        return min(self.error, 1 - self.value)


@final
@dataclass(frozen=True)
class Row:
    """The accuracies of one architecture on one split."""

    architecture: Architecture
    rank: int | None
    """1 is the best; None without a value of the metric that ranks. See `column_ranks`."""
    entries: dict[str, Accuracy]
    """By metric key."""
    sharing: int = 1
    """How many have this rank, itself counted."""
    constant: bool | None = None
    """Whether it gives one answer whatever the image shows, or learned nothing; None where that cannot be told. See
    `constant_rows`."""

    def value(self, metric: str) -> float:
        """The accuracy of a metric, or nan."""
        return self.entries[metric].value

    def standard_error(self, metric: str) -> float:
        """Its standard error, or nan."""
        return self.entries[metric].error


def leaderboard(
    table: Table, dataset: str, split: str, by: str, space: str | Space | None = None, beta: float | None = None
) -> list[Row]:
    """Rows sorted by the mean of a metric, best first; rows without it come last, equal ones in the space's order.

    Args:
        table: the benchmark.
        dataset: name of the data set.
        split: ``validation`` or ``test``.
        by: key of the metric, which may be that of a cost or score; the others are accuracies of the same trainings.
        space: key of the space that was trained in; needed where the table has this metric of several.
        beta: weight of the robust loss that was trained with; needed where the table has this metric of several.

    Raises:
        InputError: the table has no such data set, split or metric, or has it of several spaces or betas.
    """
    column = table.column(dataset, by, split, space, beta)
    part = part_with(table, column)
    columns = {**part.columns, column.metric: column}
    errors = {metric: standard_errors(table, column)[0] for metric, column in columns.items()}
    predicted = {metric: predicted_rows(column).tolist() for metric, column in columns.items()}
    ranks = column_ranks(column)
    shared, constant = sharing(ranks), constant_in(part)
    places, architectures = np.nan_to_num(ranks, nan=np.inf).tolist(), table.architectures
    order = sorted(range(len(table)), key=lambda row: (places[row], architectures[row]))
    each = [(metric, columns[metric], errors[metric], predicted[metric]) for metric in metrics_of(columns)]
    return [
        Row(
            architectures[row],
            None if math.isnan(ranks[row]) else int(ranks[row]),
            {
                metric: Accuracy(
                    float(found.mean[row]),
                    float(error[row]),
                    int(found.counts[row]),
                    found.facts.get("images"),
                    not guess[row],
                )
                for metric, found, error, guess in each
            },
            int(shared[row]),
            None if constant is None or predicted["clean"][row] else bool(constant[row]),
        )
        for row in order
    ]


def standard_errors(
    table: Table, column: Column, noise: Noise | LocalNoise | None = None
) -> tuple[Floats, ErrorSource]:
    """Standard error of each row's mean, shape (rows,), and what it is made of; of predicted values `Column.sd`.

    Args:
        table: the benchmark.
        column: what was measured.
        noise: of trainings; `shown_noise` if omitted.

    The noise of repeated trainings where the table has some: of networks of ``similar`` accuracy if there are many,
    else of all ``trainings``, but never more than accuracies of that mean can differ. Networks that no attack changes
    have that of other such ones, or nan where none was trained again. Without repeated trainings the binomial error of
    the finite number of ``images``, which another training seed adds to, and which is not 0 at the ends of the scale
    either (`binomial_error`); else nan, as for what is no accuracy.
    """
    errors, source = _measured_errors(table, column, noise)
    if column.predicted is not None:
        errors = np.where(predicted_rows(column), np.nan if column.sd is None else column.sd, errors)
    return errors, source


def _measured_errors(table: Table, column: Column, noise: Noise | LocalNoise | None) -> tuple[Floats, ErrorSource]:
    """`standard_errors` of measured values."""
    if not column.is_accuracy:
        return np.full(len(table), np.nan), "unknown"
    noise = shown_noise(table, column) if noise is None else noise
    if noise is not None:
        sd = noise.run_sd_at(column.mean)
        constant = unchanged_rows(part_with(table, column))
        if constant is not None and constant.any():
            sd[constant] = constant_sd(table, column, constant)
        with np.errstate(invalid="ignore"):
            sd = np.minimum(sd, np.sqrt(column.mean * (1 - column.mean)))
        errors: Floats = np.where(column.counts > 0, sd / np.sqrt(np.maximum(column.counts, 1)), np.nan)
        return errors, "similar" if noise.kind == "local" else "trainings"
    images = column.facts.get("images")
    if isinstance(images, int) and images > 0:
        return binomial_error(column.mean, images), "images"
    return np.full(len(table), np.nan), "unknown"


def metrics_of(keys: Iterable[str]) -> list[str]:
    """Metric keys in order: clean, then by attack, weaker first, norm, epsilon, label; then corruptions.

    Their mean comes first, then each by severity and label. What is no key comes last.
    """

    def place(key: str) -> tuple[int, str, int, float, tuple[str | int, ...]]:
        try:
            metric = Metric.parse(key)
        except InputError:  # such as an average over epsilons
            return len(WEAKER_FIRST) + 3, key, 0, 0.0, ()
        if metric.threat is None:
            if metric.kind == "clean":
                return 0, key, 0, 0.0, ()
            number = CORRUPTIONS.index(metric.attack) + 1 if metric.severity else 0
            return len(WEAKER_FIRST) + 2, "", number, float(metric.severity or 0), label_order(metric.label)
        known = WEAKER_FIRST.index(metric.attack) if metric.attack in WEAKER_FIRST else len(WEAKER_FIRST)
        norm, label = list(NORMS).index(metric.threat.norm), label_order(metric.label)
        return 1 + known, metric.attack, norm, metric.threat.epsilon, label

    return sorted(set(keys), key=place)


def strongest(metrics: Sequence[str], attack: str = "pgd") -> str:
    """The metric of `attack` with the largest epsilon, in L∞ if it is there, and of those with the last label.

    Without one the last that is under attack, or the first.
    """
    under_attack = [key for key in metrics_of(metrics) if is_attacked(key)]
    found = [key for key in under_attack if _attack(key) == attack]
    return (_of_first_norm(found) or under_attack or metrics_of(metrics))[-1]


def _attack(key: str) -> str:
    """Name of the attack of a key, or of an average over epsilons."""
    return key.partition("@")[0].partition("-")[0].partition(":")[0]


def _of_first_norm(keys: list[str]) -> list[str]:
    """Radii of different norms cannot be compared."""
    norms = [key.partition("@")[0].partition("-")[2] for key in keys]
    return [key for key, norm in zip(keys, norms, strict=True) if norm == norms[0]]


def most_images(rows: Iterable[Row]) -> int | None:
    """The largest number of images behind an accuracy, None if none is known."""
    return max((e.images for row in rows for e in row.entries.values() if e.images is not None), default=None)

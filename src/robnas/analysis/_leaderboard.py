"""The architectures of a table in order, with what is uncertain about each accuracy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from robnas.analysis._constant import constant_rows
from robnas.benchmarks import Column, Noise, Table, competition_ranks, sharing
from robnas.errors import InputError
from robnas.spaces import Architecture
from robnas.types import NORMS, WEAKER_FIRST, Metric

Floats = npt.NDArray[np.float64]
ErrorSource = Literal["trainings", "images", "unknown"]
_DEGREES = 5  # an estimate of the noise from fewer repetitions is worth nothing


@dataclass(frozen=True)
class Entry:
    """One accuracy."""

    value: float
    """Mean over the runs; nan if it is missing."""
    error: float
    """Its standard error; nan if it is not known."""
    runs: int
    """Trainings behind it."""
    images: int | None
    """How many were asked, if that is known."""


@dataclass(frozen=True)
class Row:
    """The accuracies of one architecture on one split."""

    architecture: Architecture
    rank: int | None
    """1 is the best; None without a value of the metric that ranks. See `competition_ranks`."""
    entries: dict[str, Entry]
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


def leaderboard(table: Table, dataset: str, split: str, by: str) -> list[Row]:
    """Rows sorted by the mean of a metric, highest first; rows without it come last.

    Raises:
        InputError: the table has no such data set, split or metric.
    """
    ranked = table.column(dataset, by, split).mean
    columns = {c.metric: c for c in table.columns if (c.dataset, c.split) == (dataset, split)}
    errors = {metric: standard_errors(table, column)[0] for metric, column in columns.items()}
    ranks = competition_ranks(ranked)
    shared, constant = sharing(ranks), constant_rows(table, dataset, split)
    order = np.lexsort((table.rows, np.nan_to_num(ranks, nan=np.inf)))
    return [
        Row(
            Architecture.from_index(int(table.rows[row])),
            None if math.isnan(ranks[row]) else int(ranks[row]),
            {
                metric: Entry(
                    float(columns[metric].mean[row]),
                    float(errors[metric][row]),
                    int(columns[metric].counts[row]),
                    columns[metric].facts.get("images"),
                )
                for metric in metrics_of(columns)
            },
            int(shared[row]),
            None if constant is None else bool(constant[row]),
        )
        for row in order
    ]


def standard_errors(table: Table, column: Column) -> tuple[Floats, ErrorSource]:
    """Standard error of each row's mean, shape (rows,), and what it is made of.

    The noise of repeated trainings where the table has some; else the binomial error of the finite number of images,
    which another training seed adds to; else nan.
    """
    noise = known_noise(table, column)
    if noise is not None:
        errors: Floats = np.where(column.counts > 0, noise.run_sd / np.sqrt(np.maximum(column.counts, 1)), np.nan)
        return errors, "trainings"
    images = column.facts.get("images")
    if isinstance(images, int) and images > 0:
        return np.sqrt(column.mean * (1 - column.mean) / images), "images"
    return np.full(len(table), np.nan), "unknown"


def known_noise(table: Table, column: Column) -> Noise | None:
    """`Table.noise`; None if too few trainings were repeated to know it."""
    try:
        noise = table.noise(column.dataset, column.metric, split=column.split)
    except InputError:
        return None
    return noise if noise.degrees >= _DEGREES and noise.run_sd > 0 else None


def metrics_of(keys: Iterable[str]) -> list[str]:
    """Metric keys in order: clean, then by attack, weaker ones first, norm and epsilon; what is no key comes last."""

    def place(key: str) -> tuple[int, str, int, float, str]:
        try:
            metric = Metric.parse(key)
        except InputError:  # such as an average over epsilons
            return len(WEAKER_FIRST) + 2, key, 0, 0.0, ""
        if metric.threat is None:
            return 0, key, 0, 0.0, ""
        known = WEAKER_FIRST.index(metric.attack) if metric.attack in WEAKER_FIRST else len(WEAKER_FIRST)
        return 1 + known, metric.attack, NORMS.index(metric.threat.norm), metric.threat.epsilon, metric.label

    return sorted(set(keys), key=place)


def strongest(metrics: Sequence[str], attack: str = "pgd") -> str:
    """The metric of `attack` with the largest epsilon, in L∞ if it is there.

    Without one the last that is under attack, or the first.
    """
    under_attack = [key for key in metrics_of(metrics) if "@" in key]
    found = [key for key in under_attack if _attack(key) == attack]
    return (_of_first_norm(found) or under_attack or metrics_of(metrics))[-1]


def _attack(key: str) -> str:
    """Name of the attack of a key, or of an average over epsilons."""
    return key.partition("@")[0].partition("-")[0].partition(":")[0]


def _of_first_norm(keys: list[str]) -> list[str]:
    """Radii of different norms cannot be compared."""
    norms = [key.partition("@")[0].partition("-")[2] for key in keys]
    return [key for key, norm in zip(keys, norms, strict=True) if norm == norms[0]]


def cell_text(entry: Entry, most: int | None = None) -> str:
    """``48.1 ±1.2`` in percent, with a star if it rests on fewer than `most` images."""
    if math.isnan(entry.value):
        return "–"
    error = "" if math.isnan(entry.error) else f" ±{100 * entry.error:.1f}"
    star = "*" if most is not None and entry.images is not None and entry.images < most else ""
    return f"{100 * entry.value:.1f}{error}{star}"


def code_text(row: Row) -> str:
    """The digit code, marked where the network is constant."""
    return f"{row.architecture.code} †" if row.constant else row.architecture.code


def rank_text(row: Row) -> str:
    """``4``, or ``4=`` where others share the rank."""
    return "–" if row.rank is None else f"{row.rank:,}{'=' * (row.sharing > 1)}"


def most_images(rows: Iterable[Row]) -> int | None:
    """The largest number of images behind an accuracy, None if none is known."""
    return max((e.images for row in rows for e in row.entries.values() if e.images is not None), default=None)

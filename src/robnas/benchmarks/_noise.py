"""How much an accuracy changes when the same network is trained again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import Column, Floats
from robnas.errors import InputError, Verbatim
from robnas.spaces import partition


@dataclass(frozen=True)
class Noise:
    """Spread of trainings of one network, pooled over the networks that were trained several times."""

    sd: float
    """Pooled standard deviation of one table value, a fraction of 1."""
    run_sd: float
    """The same of one training: larger where a table value is a mean of several."""
    groups: int
    """Networks that were trained several times."""
    members: int
    """Their trainings in all."""
    source: Literal["seeds", "duplicates"]
    """Seeds of one row, or rows that are the same network."""


def pooled_sd(values: Floats, group: npt.NDArray[np.integer[Any]]) -> tuple[float, int, int]:
    """Root of the pooled within-group variance, Σ(x − group mean)² / (members − groups).

    Args:
        values: shape (n,); nan is left out.
        group: group of each value, shape (n,); groups of one value do not count.

    Returns:
        Standard deviation (nan if no group has two values), groups and members that count.
    """
    known = ~np.isnan(values)
    values, group = values[known], group[known]
    _, number, size = np.unique(group, return_inverse=True, return_counts=True)
    mean = np.bincount(number, weights=values) / size
    several = size[number] > 1
    groups, members = int((size > 1).sum()), int(several.sum())
    if not groups:
        return math.nan, 0, 0
    squares = ((values - mean[number])[several] ** 2).sum()
    return math.sqrt(squares / (members - groups)), groups, members


def duplicate_groups(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Class of each row under the partition ``identical``: rows of one class are the same network exactly."""
    groups: npt.NDArray[np.int32] = partition("identical").class_of[rows]
    return groups


@dataclass(frozen=True, eq=False)
class Residuals:
    """Deviations of identical networks from their group's mean: the noise as it is, heavy tails included."""

    level: npt.NDArray[np.float64]
    """Mean of the group, shape (members,), increasing."""
    deviation: npt.NDArray[np.float64]
    """Distance from it, times √(n / (n − 1)) for the mean of n that was taken off, shape (members,)."""


def duplicate_residuals(rows: npt.NDArray[np.int64], values: Floats) -> Residuals:
    """Residuals of all rows that are the same network as another one; `values` of shape (rows,)."""
    known = ~np.isnan(values)
    values = values[known]
    _, number, size = np.unique(duplicate_groups(rows[known]), return_inverse=True, return_counts=True)
    mean = (np.bincount(number, weights=values) / size)[number]
    several = size[number] > 1
    factor = np.sqrt(size[number] / np.maximum(size[number] - 1, 1))
    order = np.argsort(mean[several], kind="stable")
    return Residuals(mean[several][order], ((values - mean) * factor)[several][order])


def duplicate_noise(rows: npt.NDArray[np.int64], column: Column) -> Noise:
    """Noise from rows that are the same network, trained several times by accident.

    Raises:
        InputError: the table holds no network twice.
    """
    sd, groups, members = pooled_sd(column.mean, duplicate_groups(rows))
    _check_found(groups, column, "two rows that are the same network, or several seeds")
    runs = float(np.median(column.counts[column.counts > 0]))
    return Noise(sd, sd * math.sqrt(runs), groups, members, "duplicates")


def seed_noise(column: Column) -> Noise:
    """Noise from several seeds of one row.

    Raises:
        InputError: no row has two seeds.
    """
    count, width = column.values.shape
    run_sd, groups, members = pooled_sd(column.values.ravel(), np.repeat(np.arange(count), width))
    _check_found(groups, column, "rows with two seeds")
    return Noise(run_sd / math.sqrt(members / groups), run_sd, groups, members, "seeds")


def _check_found(groups: int, column: Column, expected: str) -> None:
    if not groups:
        raise InputError(f"noise of {column.name}", expected=expected, got=Verbatim("none"))

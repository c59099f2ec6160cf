"""How much an accuracy changes when the same network is trained again.

Trainings tell of noise if their seeds differ. Where a column names its seeds, rows that are the same network were
trained with the same ones, from the same initial weights on the same batches: they are more alike than trainings of
several seeds, and are not compared. Where it does not, as in published means, they are all there is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas._settings import check_keys
from robnas.benchmarks._column import Column
from robnas.benchmarks._ranks import RESOLUTION
from robnas.benchmarks._repeats import Repeats
from robnas.benchmarks._rows import IDENTICAL
from robnas.benchmarks._runs import Floats
from robnas.errors import InputError, Verbatim
from robnas.spaces import space_of
from robnas.types import check_count

Source = Literal["seeds", "duplicates"]
NoiseKind = Literal["pooled", "local"]
FEWEST_DEGREES = 5
"""Degrees of freedom: an estimate of the noise from fewer repetitions is worth nothing."""


@final
@dataclass(frozen=True)
class Noise:
    """Spread of trainings of one network, pooled over the networks that were trained several times."""

    kind: ClassVar[NoiseKind] = "pooled"
    sd: float
    """Standard deviation of a table value, a fraction of 1: the root of the mean variance of the rows that have one."""
    run_sd: float
    """Pooled standard deviation of one training: larger where a table value is a mean of several."""
    groups: int
    """Networks that were trained several times."""
    members: int
    """Their trainings in all."""
    source: Source
    """Seeds of one row, or rows that are the same network where the seeds are not named."""
    repeats: Repeats | None = field(default=None, repr=False, compare=False)
    """What `run_sd` is pooled from; None if it is not known."""

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the estimate, if the noise is the same for all networks."""
        return self.members - self.groups

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of `run_sd`, see `Repeats.interval`; that of `sd` is as much smaller as `sd` is."""
        return (math.nan, math.nan) if self.repeats is None else self.repeats.interval()

    def run_sd_at(self, values: npt.ArrayLike) -> Floats:
        """Standard deviation of one training at these values: the same everywhere."""
        return np.full(np.shape(values), self.run_sd)

    def interval_at(self, value: float) -> tuple[float, float]:
        """95 % confidence interval of the standard deviation of one training at a value: `interval`."""
        return self.interval


@final
@dataclass(frozen=True, eq=False)
class LocalNoise:
    """Spread of trainings as a function of the accuracy.

    Networks that were trained several times are sorted by their mean. At a value v the variance is pooled over the
    `window` of them whose means are nearest in this order, half of them below v and half above; at the ends of the
    scale, over the `window` lowest or highest: Σ squares / Σ (members − 1).

    This assumes that the noise depends on the architecture through its accuracy only, and changes little within a
    window; a value that is high by luck is given the noise of its luck.
    """

    __repr__ = brief

    kind: ClassVar[NoiseKind] = "local"
    level: Floats
    """Mean of each network's trainings, increasing, shape (groups,)."""
    run_variance: Floats
    """Variance of one training in the window around each level, shape (groups,)."""
    window: int
    """Networks that are pooled."""
    degrees: int
    """Degrees of freedom of the estimate, in the window that has fewest."""
    groups: int
    """Networks that were trained several times."""
    members: int
    """Their trainings in all."""
    source: Source
    """Seeds of one row, or rows that are the same network where the seeds are not named."""
    repeats: Repeats | None = field(default=None, repr=False)
    """What the variances are pooled from, in the order of `level`; None if it is not known."""

    def run_sd_at(self, values: npt.ArrayLike) -> Floats:
        """Standard deviation of one training at these values, same shape; nan where a value is."""
        given = np.asarray(values, dtype=np.float64)
        sd: Floats = np.where(np.isnan(given), np.nan, np.sqrt(self.run_variance[self._nearest(given)]))
        return sd

    def interval_at(self, value: float) -> tuple[float, float]:
        """95 % confidence interval of the standard deviation of one training at a value, see `Repeats.interval`.

        It is that of the networks in the window, and takes the noise to be equal within it on average.
        """
        if self.repeats is None or math.isnan(value):
            return math.nan, math.nan
        start = _start(int(self._nearest(np.asarray(value))), self.groups, self.window)
        return self.repeats.part(slice(start, start + self.window)).interval()

    def _nearest(self, given: Floats) -> npt.NDArray[np.intp]:
        """The network in whose window each value is."""
        nearest: npt.NDArray[np.intp] = np.clip(np.searchsorted(self.level, given), 0, self.groups - 1)
        return nearest


def pooled_sd(values: Floats, group: npt.NDArray[np.integer[Any]]) -> tuple[float, int, int]:
    """Root of the pooled within-group variance, Σ(x − group mean)² / (members − groups).

    Args:
        values: shape (n,); nan is left out.
        group: group of each value, shape (n,); groups of one value do not count.

    Returns:
        Standard deviation (nan if no group has two values), groups and members that count.
    """
    values, number, size, mean = _grouped(values, group)
    several = size[number] > 1
    groups, members = int((size > 1).sum()), int(several.sum())
    if not groups:
        return math.nan, 0, 0
    squares = ((values - mean[number])[several] ** 2).sum()
    return math.sqrt(squares / (members - groups)), groups, members


class HasNetworks(Protocol):
    """A table: it says which of its rows are the same network."""

    @property
    def networks(self) -> npt.NDArray[np.integer[Any]]: ...


Rows: TypeAlias = npt.NDArray[np.int64] | HasNetworks
"""A table, or the number of each row's architecture in the order of the space that is meant where none is named."""


def duplicate_groups(rows: Rows) -> npt.NDArray[np.integer[Any]]:
    """Class of each row under the partition ``identical``: rows of one class are the same network exactly.

    Args:
        rows: a table; in spaces without such a partition every row is a class of its own. Or numbers of architectures
            of the space that is meant where none is named, shape (rows,).
    """
    if isinstance(rows, np.ndarray):
        groups: npt.NDArray[np.integer[Any]] = space_of(None).partition(IDENTICAL).class_of[rows]
        return groups
    return rows.networks


@final
@dataclass(frozen=True, eq=False)
class Residuals:
    """Deviations of trainings of one network from their mean: the noise as it is, heavy tails included."""

    __repr__ = brief

    level: npt.NDArray[np.float64]
    """Mean of the group, shape (members,), increasing."""
    deviation: npt.NDArray[np.float64]
    """Distance from it, times √(n / (n − 1)) for the mean of n that was taken off, shape (members,)."""
    group: npt.NDArray[np.integer[Any]] | None = None
    """A number for each network, shape (members,); None where it is not known which belong together."""


def duplicate_residuals(rows: Rows, values: Floats) -> Residuals:
    """Residuals of all rows that are the same network as another one; `values` of shape (rows,)."""
    return _residuals(values, duplicate_groups(rows))


def run_residuals(rows: Rows, column: Column) -> Residuals:
    """Residuals of single trainings, from where `measure_noise` takes its own.

    Args:
        rows: see `duplicate_groups`.
        column: what was measured.

    Raises:
        InputError: the column holds no repeated trainings.
    """
    source, values, group, _ = _repeated(rows, column)
    found = _residuals(values, group)
    _check_found(len(found.level), column, source)
    return Residuals(found.level, found.deviation * math.sqrt(_runs(column)), found.group)


def _residuals(values: Floats, group: npt.NDArray[np.integer[Any]]) -> Residuals:
    """Residuals within groups of more than one value; nan is left out."""
    values, number, size, means = _grouped(values, group)
    mean, count = means[number], size[number]
    several = count > 1
    factor = np.sqrt(count / np.maximum(count - 1, 1))
    order = np.argsort(mean[several], kind="stable")
    return Residuals(mean[several][order], ((values - mean) * factor)[several][order], number[several][order])


def _grouped(
    values: Floats, group: npt.NDArray[np.integer[Any]]
) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """The values but nan, the group of each by number, and size and mean of each group."""
    known = ~np.isnan(values)
    _, number, size = np.unique(group[known], return_inverse=True, return_counts=True)
    return values[known], number, size, np.bincount(number, weights=values[known]) / size


def measure_noise(rows: Rows, column: Column, source: Source | None = None) -> Noise:
    """Noise from several seeds of one row or, where the seeds are not named, from rows that are the same network.

    Args:
        rows: see `duplicate_groups`.
        column: what was measured.
        source: ``duplicates`` compares rows that are the same network where seeds are named, too, each seed with
            itself; ``seeds`` is refused where none are named.

    Raises:
        InputError: the column holds no repeated trainings of this source.
    """
    found, values, group, network = _repeated(rows, column, source)
    _, repeats = _repeats(values, group, network, _runs(column))
    groups, members = len(repeats.degrees), len(repeats.degrees) + int(repeats.degrees.sum())
    _check_found(groups, column, found)
    run_sd = math.sqrt(repeats.variance)
    share = float((1 / column.counts[column.counts > 0]).mean())
    return Noise(run_sd * math.sqrt(share), run_sd, groups, members, found, repeats)


def measure_local_noise(rows: Rows, column: Column, window: int = 200, source: Source | None = None) -> LocalNoise:
    """Noise as a function of the accuracy, see `LocalNoise`; source and errors as for `measure_noise`.

    Args:
        rows: see `duplicate_groups`.
        column: what was measured.
        window: how many networks are pooled; all if there are fewer.
        source: as for `measure_noise`.
    """
    check_count("window", window, 2)
    found, values, group, network = _repeated(rows, column, source)
    level, repeats = _repeats(values, group, network)
    groups = len(level)
    _check_found(groups, column, found)
    width = min(window, groups)
    start = _start(np.arange(groups), groups, width)
    totals, degrees = (np.append(0.0, np.cumsum(part)) for part in (repeats.squares, repeats.degrees))
    freedom = degrees[start + width] - degrees[start]
    variance = np.maximum(totals[start + width] - totals[start], 0) / freedom
    members, runs = groups + int(repeats.degrees.sum()), _runs(column)
    each = replace(repeats, squares=repeats.squares * runs)
    return LocalNoise(level, variance * runs, width, int(freedom.min()), groups, members, found, each)


def _start(place: Any, groups: int, width: int) -> Any:
    """The first of the `width` networks around the one at a place in the order."""
    return np.clip(place - width // 2, 0, groups - width)


def _repeats(
    values: Floats, group: npt.NDArray[np.integer[Any]], network: npt.NDArray[np.integer[Any]], runs: int = 1
) -> tuple[Floats, Repeats]:
    """Mean of each group that has several values, increasing, and their spread, times the `runs` behind a value.

    Values that rounding alone tells apart are equal.
    """
    network = network[~np.isnan(values)]
    values, number, size, mean = _grouped(values, group)
    away = np.abs(values - mean[number])
    squares: Floats = np.bincount(number, weights=np.where(away < RESOLUTION, 0, away) ** 2).astype(np.float64) * runs
    several = np.flatnonzero(size > 1)
    order = several[np.argsort(mean[several], kind="stable")]
    of_group = np.zeros(len(size), dtype=network.dtype)
    of_group[number] = network
    return mean[order], Repeats(squares[order], (size[order] - 1).astype(np.float64), of_group[order])


def _repeated(
    rows: Rows, column: Column, source: Source | None = None
) -> tuple[Source, Floats, npt.NDArray[np.integer[Any]], npt.NDArray[np.integer[Any]]]:
    """Values, of which training of which network each is one (those of one group are compared), and the network."""
    column.check_accuracy(f"noise of {column.name}")
    if copies := column.facts.get("copies"):
        got = Verbatim(f"{copies:,} rows with the measurement of another one")
        remedy = "ask the table that it was joined from, or join it first"
        raise InputError(f"noise of {column.name}", expected="a measurement for each row", got=got, remedy=remedy)
    if source is not None:
        check_keys("source of noise", [source], _NEEDED)
    network = duplicate_groups(rows)
    if not column.seeds:
        if source == "seeds":
            raise InputError(f"noise of {column.name}", expected="several named seeds", got=Verbatim("a mean only"))
        return "duplicates", column.measured_mean, network, network
    count, width = column.values.shape
    values, each = column.values.ravel(), np.repeat(network, width)
    if source == "duplicates":
        return "duplicates", values, each.astype(np.int64) * width + np.tile(np.arange(width), count), each
    return "seeds", values, np.repeat(np.arange(count), width), each


def _runs(column: Column) -> int:
    """Trainings behind each value that `_repeated` compares."""
    return 1 if column.seeds else column.runs


_NEEDED = {"seeds": "rows with two seeds", "duplicates": "two rows that are the same network, or several seeds"}
_TWINS = "identical networks that share a seed are more alike than two trainings, and are not compared"


def _check_found(groups: int, column: Column, source: Source) -> None:
    if not groups:
        remedy = _TWINS if source == "seeds" else ""
        raise InputError(f"noise of {column.name}", expected=_NEEDED[source], got=Verbatim("none"), remedy=remedy)

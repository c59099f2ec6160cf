"""Which ranks are certain: confidence sets from the noise of single trainings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Column, Noise, Table
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture
from robnas.types import check_range

Floats = npt.NDArray[np.float64]
_SIMULATIONS = 4000


@dataclass(frozen=True)
class RankSet:
    """The rank of an architecture, and the ranks that its noise leaves possible."""

    architecture: Architecture
    value: float
    rank: int
    """1 is the best."""
    low: int
    """Best possible rank."""
    high: int
    """Worst possible rank."""
    level: float
    """Confidence level, simultaneous over all comparisons made."""


def rank_set(
    table: Table,
    arch: object,
    *,
    dataset: str,
    metric: str,
    split: str,
    rng: np.random.Generator,
    level: float = 0.95,
    noise: Noise | None = None,
) -> RankSet:
    """Confidence set for the rank of one architecture (Mogstad et al. 2024, with a common known noise).

    Every other architecture is compared with it. One counts as better, or worse, if the difference exceeds the
    critical value of the largest of all these differences under equal means; the rest may stand on either side.

    Args:
        table: the benchmark.
        arch: any encoding.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        rng: source of randomness for the critical value.
        level: confidence level.
        noise: of one table value; measured from the table if omitted.
    """
    column = table.column(dataset, metric, split)
    values, row = column.mean, table.row(arch)
    sd = _sd(table, column, noise)
    margin = sd * _critical(int((~np.isnan(values)).sum()), level, rng, two_sided=True)
    better = int((values > values[row] + margin).sum())
    worse = int((values < values[row] - margin).sum())
    known = int((~np.isnan(values)).sum())
    rank = 1 + int((values > values[row]).sum())
    stands_for = Architecture.from_index(int(table.rows[row]))
    return RankSet(stands_for, float(values[row]), rank, 1 + better, known - worse, level)


def tied_with_best(
    table: Table,
    *,
    dataset: str,
    metric: str,
    split: str,
    rng: np.random.Generator,
    level: float = 0.95,
    noise: Noise | None = None,
) -> list[tuple[Architecture, float]]:
    """The architectures that may be the best: a set that holds the truly best one with probability `level`.

    Multiple comparisons with the best (Hsu 1984) with a common known noise: all within a margin of the highest value.

    Args:
        table: the benchmark.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        rng: source of randomness for the critical value.
        level: confidence level.
        noise: of one table value; measured from the table if omitted.

    Returns:
        Architectures and values, highest first.
    """
    column = table.column(dataset, metric, split)
    values = column.mean
    known = int((~np.isnan(values)).sum())
    margin = _sd(table, column, noise) * _critical(known, level, rng, two_sided=False)
    tied = np.flatnonzero(values >= np.nanmax(values) - margin)
    tied = tied[np.argsort(-values[tied], kind="stable")]
    return [(Architecture.from_index(int(table.rows[row])), float(values[row])) for row in tied]


def _sd(table: Table, column: Column, noise: Noise | None) -> float:
    found = noise or table.noise(column.dataset, column.metric, split=column.split)
    return found.sd


def _critical(count: int, level: float, rng: np.random.Generator, *, two_sided: bool) -> float:
    """Quantile of max over j of Z_j − Z_0 (or its absolute value), Z independent standard normal, in units of the sd.

    This is Dunnett's (1955) critical value times √2, by simulation.
    """
    check_range("confidence level", level, 0.5, 0.9999)
    if count < 2:
        raise InputError("ranking", expected="at least 2 architectures", got=Verbatim(f"{count}"))
    # The largest of n normals has the distribution function Φⁿ, so it is drawn at once.
    from scipy.stats import norm

    centre = rng.standard_normal(_SIMULATIONS)
    others = count - 1
    highest = norm.ppf(rng.random(_SIMULATIONS) ** (1 / others))
    if not two_sided:
        return float(np.quantile(highest - centre, level))
    # Highest and lowest of many are nearly independent; with few the product overstates the margin a little.
    lowest = -norm.ppf(rng.random(_SIMULATIONS) ** (1 / others))
    return float(np.quantile(np.maximum(highest - centre, centre - lowest), level))

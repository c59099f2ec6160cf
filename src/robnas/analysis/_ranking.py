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
    level: float = 0.95,
    noise: Noise | None = None,
) -> RankSet:
    """Confidence set for the rank of one architecture (after Mogstad et al. 2024).

    Every other architecture is compared with it. One counts as better, or worse, if the difference exceeds the
    critical value of the largest of all these differences under equal means; the rest may stand on either side.

    The level holds if the noise of trainings is independent and normal with one standard deviation per training for
    all architectures. In the published tables it is heavier-tailed and smaller for the best architectures than on
    average, which makes these sets wider than need be. The finite test set is not part of the noise.

    Args:
        table: the benchmark.
        arch: any encoding.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        level: confidence level.
        noise: of single trainings; measured from the table if omitted.

    Raises:
        InputError: the architecture has no value, or the table no repeated trainings and none is given.
    """
    column = table.column(dataset, metric, split)
    values, row = column.mean, table.row(arch)
    stands_for = Architecture.from_index(int(table.rows[row]))
    if np.isnan(values[row]):
        raise InputError(f"{column.name} of {stands_for}", expected="a measured value", got=Verbatim("a missing one"))
    known = int((~np.isnan(values)).sum())
    variance = _variance(table, column, noise)
    margin = _critical(known, level, two_sided=True) * np.sqrt((variance + variance[row]) / 2)
    better = int((values > values[row] + margin).sum())
    worse = int((values < values[row] - margin).sum())
    rank = 1 + int((values > values[row]).sum())
    return RankSet(stands_for, float(values[row]), rank, 1 + better, known - worse, level)


def tied_with_best(
    table: Table,
    *,
    dataset: str,
    metric: str,
    split: str,
    level: float = 0.95,
    noise: Noise | None = None,
) -> list[tuple[Architecture, float]]:
    """The architectures that may be the best: a set that holds the truly best one with probability `level`.

    Multiple comparisons with the best (Hsu 1984): all that no other one exceeds by more than the critical margin.
    The probability rests on the assumptions that `rank_set` names.

    Args:
        table: the benchmark.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        level: confidence level.
        noise: of single trainings; measured from the table if omitted.

    Returns:
        Architectures and values, highest first.
    """
    column = table.column(dataset, metric, split)
    values, variance = column.mean, _variance(table, column, noise)
    critical = _critical(int((~np.isnan(values)).sum()), level, two_sided=False)
    tied = [
        row
        for row in np.argsort(-values, kind="stable")
        if not np.isnan(values[row])
        and not (values > values[row] + critical * np.sqrt((variance + variance[row]) / 2)).any()
    ]
    return [(Architecture.from_index(int(table.rows[row])), float(values[row])) for row in tied]


def _variance(table: Table, column: Column, noise: Noise | None) -> Floats:
    """Of each row's mean, shape (rows,): the variance of one training by the number of trainings."""
    found = noise or table.noise(column.dataset, column.metric, split=column.split)
    variance: Floats = found.run_sd**2 / np.maximum(column.counts, 1)
    return variance


def _critical(count: int, level: float, *, two_sided: bool) -> float:
    """Quantile of max over j of Z_j − Z_0, or of its absolute value, for `count` independent standard normals.

    Dunnett's (1955) critical value times √2; P(max ≤ c) = ∫ Φ(z + c)ⁿ⁻¹ φ(z) dz, by quadrature.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    check_range("confidence level", level, 0.5, 0.9999)
    if count < 2:
        raise InputError("ranking", expected="at least 2 architectures", got=Verbatim(f"{count}"))
    z = np.linspace(-9, 9, 4001)

    def excess(c: float) -> float:
        inside = norm.cdf(z + c) - (norm.cdf(z - c) if two_sided else 0.0)
        return float(np.trapezoid(inside ** (count - 1) * norm.pdf(z), z)) - level

    return float(brentq(excess, 0.0, 20.0))

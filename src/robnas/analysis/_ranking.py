"""Which ranks are certain: confidence sets from the noise of single trainings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from robnas.analysis._noise import shown_noise
from robnas.benchmarks import RESOLUTION, Column, LocalNoise, Noise, Table, competition_ranks
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture
from robnas.types import check_range

Floats = npt.NDArray[np.float64]
_STEP = 1.05  # ratio of variances that are told apart
_MANY_DEGREES = 200  # from here on an estimated variance counts as known


@dataclass(frozen=True)
class RankSet:
    """The rank of an architecture, and the ranks that its noise leaves possible."""

    architecture: Architecture
    value: float
    rank: int
    """1 is the best; see `competition_ranks`."""
    low: int
    """Best possible rank."""
    high: int
    """Worst possible rank."""
    level: float
    """Confidence level, simultaneous over all comparisons made."""
    count: int
    """How many architectures were ranked."""
    sharing: int = 1
    """How many have this rank, itself counted."""


def rank_set(
    table: Table,
    arch: object,
    *,
    dataset: str,
    metric: str,
    split: str,
    level: float = 0.95,
    noise: Noise | LocalNoise | None = None,
) -> RankSet:
    """Confidence set for the rank of one architecture (after Mogstad et al. 2024).

    Every other architecture is compared with it. One counts as better, or worse, if the difference exceeds the
    critical value of the largest of all these differences under equal means; the rest may stand on either side.

    The level holds if the noise of trainings is independent and normal, with one standard deviation for all with a
    `Noise`, which is the default, or one that changes with the accuracy with a `LocalNoise`. That it is an estimate is
    allowed for by its degrees of freedom. In the published
    tables the noise is smaller for the best architectures than on average, and has heavier tails than normal noise.
    With one standard deviation for all, the two errors nearly cancel for a single comparison; with a local one the sets
    are narrower at the top and the heavy tails remain: in the upper half of CIFAR-10, 7 to 8 % of the pairs of
    identical networks differ by more than their 95 % margin, against 4 to 7 % with one for all. Far out neither is
    normal: about one pair in a hundred differs by more than 4.1 of either. The finite test set is not part of the
    noise.

    Args:
        table: the benchmark.
        arch: any encoding.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        level: confidence level.
        noise: of single trainings; `Table.noise` if omitted, `Table.local_noise` for one that changes with the value.

    Raises:
        InputError: the architecture has no value, or the table no repeated trainings and none is given.
    """
    column = table.column(dataset, metric, split)
    values, row = column.mean, table.row(arch)
    stands_for = Architecture.from_index(int(table.rows[row]))
    if np.isnan(values[row]):
        raise InputError(f"{column.name} of {stands_for}", expected="a measured value", got=Verbatim("a missing one"))
    known = np.flatnonzero(~np.isnan(values))
    found = _noise(table, column, noise)
    variance = _variance(column, found)
    critical = _critical(variance[row], variance[known], found.degrees, level, two_sided=True)
    margin = np.maximum(critical * np.sqrt(variance + variance[row]), RESOLUTION)
    better = int((values > values[row] + margin).sum())
    worse = int((values < values[row] - margin).sum())
    ranks = competition_ranks(values)
    sharing = int((ranks == ranks[row]).sum())
    low, high = 1 + better, len(known) - worse
    return RankSet(stands_for, float(values[row]), int(ranks[row]), low, high, level, len(known), sharing)


def critical_values(
    table: Table, *, dataset: str, metric: str, split: str, level: float = 0.95, noise: Noise | None = None
) -> dict[int, float]:
    """Critical value of `rank_set` by the number of trainings behind an architecture's mean.

    With one standard deviation s of a training for all, two means of m and n trainings can be told apart if they differ
    by more than c(m)·s·√(1/m + 1/n), for the architecture with m that is ranked: all that is needed to rank any.

    Args:
        table: the benchmark.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        level: confidence level.
        noise: of single trainings; `Table.noise` if omitted.

    Raises:
        InputError: fewer than 2 architectures have a value, or the table no repeated trainings and none is given.
    """
    column = table.column(dataset, metric, split)
    found = noise or table.noise(dataset, metric, split=split)
    known = ~np.isnan(column.mean)
    variance, runs = _variance(column, found)[known], column.counts[known]
    return {
        int(count): _critical(float(found.run_sd**2 / count), variance, found.degrees, level, two_sided=True)
        for count in np.unique(runs)
    }


def tied_with_best(
    table: Table,
    *,
    dataset: str,
    metric: str,
    split: str,
    level: float = 0.95,
    noise: Noise | LocalNoise | None = None,
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
        noise: as for `rank_set`.

    Returns:
        Architectures and values, highest first.
    """
    column = table.column(dataset, metric, split)
    found = _noise(table, column, noise)
    values, variance = column.mean, _variance(column, found)
    known = [row for row in np.argsort(-values, kind="stable") if not np.isnan(values[row])]
    ranked, spread = values[known], variance[known]
    distinct = np.unique(spread)  # few where one noise is that of all
    critical = dict(
        zip(distinct, (_critical(v, spread, found.degrees, level, two_sided=False) for v in distinct), strict=True)
    )
    tied = []
    for row in known:
        margin = np.maximum(critical[variance[row]] * np.sqrt(spread + variance[row]), RESOLUTION)
        if not (ranked > values[row] + margin).any():
            tied.append(row)
    return [(Architecture.from_index(int(table.rows[row])), float(values[row])) for row in tied]


def _noise(table: Table, column: Column, noise: Noise | LocalNoise | None) -> Noise | LocalNoise:
    """The noise that was given, or that is shown everywhere; where that is too little to show, what there is."""
    return noise or shown_noise(table, column) or table.noise(column.dataset, column.metric, split=column.split)


def _variance(column: Column, noise: Noise | LocalNoise) -> Floats:
    """Of each row's mean, shape (rows,): the variance of one training by the number of trainings."""
    variance: Floats = noise.run_sd_at(column.mean) ** 2 / np.maximum(column.counts, 1)
    return variance


def _critical(own: float, others: Floats, degrees: int, level: float, *, two_sided: bool) -> float:
    """Quantile of the largest standardised difference between one architecture and the others, all means equal.

    The differences (X_j − X_0) / √(v_j + v_0) share X_0 (Dunnett 1955). With normal X of variances v, and X_0 at z of
    its standard deviations, P(max ≤ c) = ∫ Π_j Φ((c·√(v_j + v_0) + z·√v_0) / √v_j) φ(z) dz, by quadrature. If the
    variances are estimates with few degrees of freedom ν, c is multiplied by s with νs² ~ χ²_ν and integrated over it.

    Args:
        own: v_0.
        others: v_j of all that are ranked, the one itself among them; shape (n,).
        degrees: ν.
        level: the quantile.
        two_sided: of the absolute differences.

    Returns:
        c; 0 if nothing is uncertain.

    Raises:
        InputError: fewer than 2 architectures.
    """
    check_range("confidence level", level, 0.5, 0.9999)
    if len(others) < 2:
        raise InputError("ranking", expected="at least 2 architectures", got=Verbatim(f"{len(others)}"))
    largest = max(own, float(others.max()))
    if not largest > 0:
        return 0.0
    steps = _steps(np.append(others, own) / largest)
    found, size = np.unique(steps[:-1], return_counts=True)
    size[found == steps[-1]] -= 1  # not compared with itself
    estimated = degrees if degrees < _MANY_DEGREES else 0
    return _quantile(float(steps[-1]), tuple(found.tolist()), tuple(size.tolist()), estimated, level, two_sided)


def _steps(variance: Floats) -> Floats:
    """Variances relative to the largest, rounded to steps of 5 %, so that few differ; at least 1e-8."""
    steps: Floats = np.round(np.log(np.maximum(variance, 1e-8)) / np.log(_STEP))
    return steps


@lru_cache(maxsize=1024)
def _quantile(
    own: float, others: tuple[float, ...], sizes: tuple[int, ...], degrees: int, level: float, two_sided: bool
) -> float:
    """`_critical` for variances `_STEP` ** step, `sizes` of each; 0 degrees mean that they are known."""
    from scipy.optimize import brentq
    from scipy.special import gammaincinv, ndtr

    v0, v, size = _STEP**own, _STEP ** np.array(others)[:, None], np.array(sizes)[:, None]
    z = np.linspace(-9, 9, 401 if degrees else 1201)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    def inside(c: float) -> float:
        margin, shift = c * np.sqrt((v + v0) / v), z * np.sqrt(v0 / v)
        each = ndtr(shift + margin) - (ndtr(shift - margin) if two_sided else 0.0)
        return float(np.trapezoid(np.prod(each**size, axis=0) * density, z))

    if not degrees:
        return float(brentq(lambda c: inside(c) - level, 0.0, 20.0, xtol=1e-4))
    from scipy.interpolate import PchipInterpolator  # a second to import, and seldom needed

    points = np.linspace(0, 10, 81)
    with np.errstate(over="ignore"):  # of slopes where the probability is 1 and stays so
        known = PchipInterpolator(points, [inside(c) for c in points])
    scales = np.sqrt(2 * gammaincinv(degrees / 2, (np.arange(1000) + 0.5) / 1000) / degrees)  # of χ²

    def excess(c: float) -> float:
        return float(known(np.minimum(c * scales, 10)).mean()) - level

    high = 10.0
    while excess(high) < 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-4))

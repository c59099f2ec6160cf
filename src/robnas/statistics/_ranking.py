"""Which ranks are certain: confidence sets from the noise of single trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final, get_args

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import (
    RESOLUTION,
    Column,
    Table,
    check_measured,
    competition_ranks,
    counted,
    measure_noise,
)
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space
from robnas.statistics._noise import shown_noise
from robnas.statistics._rank_critical import bonferroni, check_level, each_against_all, one_against_all, stepdown_all
from robnas.statistics._rank_posterior import Spread, posterior
from robnas.types import Progress, silent

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
RankMethod = Literal["marginal", "stepwise", "simultaneous", "bayes"]
"""How a set is made; see `rank_set`."""
_CHUNK = 500  # architectures between two calls of `progress`


@final
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
    """Confidence level; what it is promised for says `guarantee`."""
    count: int
    """How many architectures were ranked."""
    sharing: int = 1
    """How many have this rank, itself counted."""
    method: RankMethod = "marginal"

    @property
    def guarantee(self) -> str:
        """What the level is promised for, in words."""
        level = f"{100 * self.level:g} %"
        if self.method == "bayes":
            return f"about {level}, on average over architectures"
        return f"at least {level}, for {'all at once' if self.method == 'simultaneous' else 'one architecture'}"


def rank_set(
    table: Table,
    arch: object,
    *,
    dataset: str,
    metric: str,
    split: str,
    level: float = 0.95,
    noise: Spread | None = None,
    method: RankMethod = "marginal",
    space: str | Space | None = None,
    beta: float | None = None,
) -> RankSet:
    """The ranks that the noise of trainings leaves possible for one architecture.

    ``marginal``: a confidence set (after Mogstad, Romano, Shaikh and Wilhelm 2024). Every other architecture is
    compared with it. One counts as better, or worse, if the difference exceeds the critical value of the largest of all
    these differences under equal means; the rest may stand on either side. The set holds the true rank, and all that
    true ties leave open, with a probability of at least `level`: for one architecture that was chosen before its value
    was seen. Where neighbours are close, it does so far more often. ``stepwise`` goes on after that: what is decided is
    no longer tested, which makes the critical value of the rest a little smaller. The promise is the same.

    ``simultaneous``: stepwise sets that all hold their true ranks at once, with a probability of at least `level`, and
    with them that of the architecture that came out best.

    ``bayes`` is narrower. It estimates how the true means are spread (see `Posterior`) and gives the equal-tailed
    interval of the posterior of the rank, with the rank as measured if that lies outside. That holds the true rank in
    about `level` of the architectures: on average over the table, not for each. True ties do not exist for it: equal
    architectures are spread over their ranks.

    All of them assume that the noise of trainings is independent and normal, with a standard deviation that `noise`
    knows. That it is an estimate is allowed for by its degrees of freedom, but for ``bayes``. Heavier tails are not
    allowed for. The finite test set is not part of the noise. docs/statistics.md has the coverage of all in simulation.

    Args:
        table: the benchmark.
        arch: any encoding.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        level: confidence level.
        noise: of single trainings; `shown_noise` if omitted, which is local where many were repeated. `Table.noise` is
            pooled, `Table.local_noise` has a window of your own.
        method: ``marginal``, ``stepwise``, ``simultaneous`` or ``bayes``.
        space: key of the space that was trained in; needed where the table has the metric of several.
        beta: weight of the robust loss that was trained with; needed where the table has the metric of several.

    Raises:
        InputError: the architecture has no value, or the table no repeated trainings and none is given.
    """
    return rank_sets(
        table,
        [arch],
        dataset=dataset,
        metric=metric,
        split=split,
        level=level,
        noise=noise,
        method=method,
        space=space,
        beta=beta,
    )[0]


def rank_sets(
    table: Table,
    architectures: Iterable[object] | None = None,
    *,
    dataset: str,
    metric: str,
    split: str,
    level: float = 0.95,
    noise: Spread | None = None,
    method: RankMethod = "marginal",
    progress: Progress = silent,
    space: str | Space | None = None,
    beta: float | None = None,
) -> list[RankSet]:
    """`rank_set` of several architectures, which is faster than one by one.

    Args:
        table: the benchmark.
        architectures: any encodings; all that have a value if omitted.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        level: as for `rank_set`, like all that follow.
        noise: of single trainings.
        method: ``marginal``, ``stepwise``, ``simultaneous`` or ``bayes``.
        progress: told about the architectures done.
        space: as for `rank_set`.
        beta: as for `rank_set`.

    Raises:
        InputError: as for `rank_set`.
    """
    _check_method(method, get_args(RankMethod))
    found = _measured(table, table.column(dataset, metric, split, space, beta), noise, level)
    places = range(len(found.rows)) if architectures is None else [found.place(table, arch) for arch in architectures]
    ranks = competition_ranks(found.values).astype(int)
    size = dict(zip(*np.unique(ranks, return_counts=True), strict=True))
    bounds = _bounds(found, places, level, method, progress)
    return [
        RankSet(
            *found.measured(table, place), int(ranks[place]),
            min(low, int(ranks[place])), max(high, int(ranks[place])), level, len(ranks), int(size[ranks[place]]),
            method,
        )
        for place, (low, high) in zip(places, bounds, strict=True)
    ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Measured:
    """The rows that have a value, in the order of the table."""

    column: Column
    rows: npt.NDArray[np.intp]
    values: Floats
    """As whole counts where they are such, so that what rounding has parted is compared as equal."""
    runs: npt.NDArray[np.integer[Any]]
    variance: Floats
    """Of each value: the variance of one training by the number of trainings."""
    noise: Spread

    def place(self, table: Table, arch: object) -> int:
        """Where an architecture is among them."""
        row = table.row(arch)
        if np.isnan(self.column.mean[row]):
            name = f"{self.column.name} of {table.at(row)}"
            raise InputError(name, expected="a measured value", got=Verbatim("a missing one"))
        return int(np.searchsorted(self.rows, row))

    def measured(self, table: Table, place: int) -> tuple[Architecture, float]:
        """The architecture at a place, and its value as the table has it."""
        row = self.rows[place]
        return table.at(row), float(self.column.mean[row])


def _measured(table: Table, column: Column, noise: Spread | None, level: float) -> _Measured:
    column.check_accuracy(f"ranks by {column.name}")
    check_measured(column, f"ranks by {column.name} that the noise leaves possible")
    rows = np.flatnonzero(~np.isnan(column.mean))
    check_level(level, len(rows))
    found = _checked(noise) if noise is not None else _usual(table, column)
    values, runs = counted(column)[rows], np.maximum(column.counts[rows], 1)
    sd = found.run_sd_at(column.mean[rows])
    if not (np.isfinite(sd) & (sd >= 0)).all():
        wrong = sd[~(np.isfinite(sd) & (sd >= 0))][0]
        raise InputError("standard deviation of the noise", expected="a finite number of at least 0", got=float(wrong))
    return _Measured(column, rows, values, runs, sd**2 / runs, found)


def _usual(table: Table, column: Column) -> Spread:
    """The noise that is shown everywhere; where that is too little to show, what there is."""
    return shown_noise(table, column) or measure_noise(table, column)


def _check_method(method: object, known: Sequence[str]) -> None:
    if method not in known:
        raise InputError("method", expected=f"one of {', '.join(known)}", got=method)


def _checked(noise: Spread) -> Spread:
    if not (callable(getattr(noise, "run_sd_at", None)) and hasattr(noise, "degrees")):
        raise InputError("noise", expected="Table.noise, Table.local_noise or one like them", got=noise)
    if not noise.degrees >= 1:
        raise InputError("degrees of freedom of the noise", expected="at least 1", got=noise.degrees)
    return noise


def _bounds(
    found: _Measured, places: Sequence[int], level: float, method: RankMethod, progress: Progress
) -> list[tuple[int, int]]:
    """Lowest and highest rank at each place."""
    progress(0, len(places), "noise")
    values = found.values
    if method == "bayes" and found.variance.any():
        low, high = posterior(values, found.runs, found.noise).ranks(np.array(places, dtype=np.intp), level)
        return list(zip(low.tolist(), high.tolist(), strict=True))
    decide, bounds = _decider(values, found.variance, places, found.noise.degrees, level, method), []
    for done, place in enumerate(places):
        if done % _CHUNK == 0:
            progress(done, len(places), "ranks")
        better, worse = decide(place)
        bounds.append((1 + int(better.sum()), len(values) - int(worse.sum())))
    return bounds


def _decider(
    values: Floats, variance: Floats, places: Sequence[int], degrees: int, level: float, method: RankMethod
) -> Callable[[int], tuple[Bools, Bools]]:
    """A function that says which architectures are better than the one at one of the places, and which are worse."""
    if method == "stepwise":
        return lambda place: _stepwise(values, variance, place, degrees, level)
    if method == "simultaneous":
        common = stepdown_all(values, variance, degrees, level)
        return lambda place: _decided(values, variance, place, common)
    critical = dict(zip(places, each_against_all(variance[list(places)], variance, degrees, level), strict=True))
    return lambda place: _decided(values, variance, place, critical[place])


def _stepwise(values: Floats, variance: Floats, place: int, degrees: int, level: float) -> tuple[Bools, Bools]:
    """Which are better, and which worse, than the one at `place`, by stepdown."""
    critical, known = np.inf, -1
    better = worse = np.zeros(len(values), dtype=bool)
    while better.sum() + worse.sum() > known:
        known = better.sum() + worse.sum()
        critical = min(one_against_all(variance[place], variance, degrees, level, better, worse), critical)
        better, worse = _decided(values, variance, place, critical)
    return better, worse


def _decided(values: Floats, variance: Floats, place: int, critical: float) -> tuple[Bools, Bools]:
    """Which exceed the one at `place`, and fall below it, by more than the margin."""
    margin = np.maximum(critical * np.sqrt(variance + variance[place]), RESOLUTION)
    return values > values[place] + margin, values < values[place] - margin


def critical_values(
    table: Table,
    *,
    dataset: str,
    metric: str,
    split: str,
    level: float = 0.95,
    noise: Spread | None = None,
    space: str | Space | None = None,
    beta: float | None = None,
) -> tuple[Floats, Floats]:
    """What the marginal `rank_set` of any row is made of: the variance of its value, and its critical value.

    With variances v and w two values can be told apart if they differ by more than c·√(v + w), for the architecture
    with c that is ranked.

    Args:
        table: the benchmark.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        level: confidence level.
        noise: as for `rank_set`.
        space: as for `rank_set`.
        beta: as for `rank_set`.

    Returns:
        Variances and critical values, shape (rows,); nan without a value.

    Raises:
        InputError: fewer than 2 architectures have a value, or the table no repeated trainings and none is given.
    """
    found = _measured(table, table.column(dataset, metric, split, space, beta), noise, level)
    variance, critical = np.full((2, len(table)), np.nan)
    variance[found.rows] = found.variance
    critical[found.rows] = each_against_all(found.variance, found.variance, found.noise.degrees, level)
    return variance, critical


def may_be_best(
    table: Table,
    *,
    dataset: str,
    metric: str,
    split: str,
    level: float = 0.95,
    noise: Spread | None = None,
    space: str | Space | None = None,
    beta: float | None = None,
) -> Bools:
    """Whether a row is among those of the marginal `tied_with_best`, shape (rows,); see there for the arguments."""
    found = _measured(table, table.column(dataset, metric, split, space, beta), noise, level)
    may = np.zeros(len(table), dtype=bool)
    may[found.rows[_unbeaten(found.values, found.variance, found.noise.degrees, level)]] = True
    return may


def tied_with_best(
    table: Table,
    *,
    dataset: str,
    metric: str,
    split: str,
    level: float = 0.95,
    noise: Spread | None = None,
    method: Literal["marginal", "bayes"] = "marginal",
    space: str | Space | None = None,
    beta: float | None = None,
) -> list[tuple[Architecture, float]]:
    """The architectures that may be the best: a set that holds the truly best one with probability `level`.

    ``marginal``: multiple comparisons with the best (Hsu 1984), all that no other one exceeds by more than the
    critical margin; with a probability of at least `level` (a stepwise procedure would find the same set). ``bayes``:
    the fewest that hold `level` of the posterior probability of being the best. Both rest on the assumptions that
    `rank_set` names.

    Args:
        table: the benchmark.
        dataset: name of the data set.
        metric: key of the metric.
        split: ``validation`` or ``test``.
        level: confidence level.
        noise: as for `rank_set`.
        method: ``marginal`` or ``bayes``.
        space: as for `rank_set`.
        beta: as for `rank_set`.

    Returns:
        Architectures and values, highest first.

    Raises:
        InputError: fewer than 2 architectures have a value, or the table no repeated trainings and none is given.
    """
    _check_method(method, ("marginal", "bayes"))
    found = _measured(table, table.column(dataset, metric, split, space, beta), noise, level)
    if method == "bayes" and found.variance.any():
        may = _most_likely(posterior(found.values, found.runs, found.noise).best(), level)
    else:
        may = _unbeaten(found.values, found.variance, found.noise.degrees, level)
    may = may[np.argsort(-found.column.mean[found.rows[may]], kind="stable")]
    return [found.measured(table, place) for place in may]


def _unbeaten(values: Floats, variance: Floats, degrees: int, level: float) -> npt.NDArray[np.intp]:
    """Places that none exceeds by more than the margin of one-sided comparisons."""
    top = int(np.argmax(values))
    near = np.flatnonzero(~_decided(values, variance, top, bonferroni(len(values), degrees, level))[1])
    distinct, group = np.unique(variance, return_inverse=True)
    highest = np.full(len(distinct), -np.inf)  # of those with one variance, no other can exceed by more
    np.maximum.at(highest, group, values)
    needed = np.full(len(distinct), np.inf)
    own = np.unique(group[near])
    for place, c in zip(own, each_against_all(distinct[own], variance, degrees, level, worse=True), strict=True):
        needed[place] = (highest - np.maximum(c * np.sqrt(distinct + distinct[place]), RESOLUTION)).max()
    return near[values[near] >= needed[group[near]]]


def _most_likely(probability: Floats, level: float) -> npt.NDArray[np.intp]:
    """The fewest places whose probabilities sum to `level`, and those that are as likely as the last of them."""
    likely = np.sort(probability)[::-1]
    last = likely[min(int(np.searchsorted(np.cumsum(likely), level)), len(likely) - 1)]
    return np.flatnonzero(probability >= last * (1 - 1e-9))

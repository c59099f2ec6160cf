"""Which search algorithm is better, and by how much: differences, what they may be, and paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.search import Result
from robnas.statistics._search_exact import signed_rank_p
from robnas.statistics._search_intervals import between_means, correlation, mean_interval, signed_rank_posterior
from robnas.types import check_range

Floats = npt.NDArray[np.float64]
Verdict = Literal["first", "second", "equivalent", "undecided"]
ROPE = 0.001
"""Differences of mean regret up to it do not matter: 0.1 percentage points of accuracy, less than half the standard
deviation of one training by PGD 8/255 on the published table, or 0.1 % of the hypervolume; of what is no accuracy,
0.1 % of the range of the table's values."""
IN_PERCENT = ACCURACY, HYPERVOLUME = "fraction of accuracy", "share of hypervolume"
"""Units of regrets that are shown in percent."""
HOLM_FAMILY = (
    "Holm's correction covers all pairs of algorithms of one task at one budget; other tasks and budgets are families "
    "of their own, so that a report of several holds more than one chance of an error"
)


@final
@dataclass(frozen=True)
class PairedTest:
    """Two algorithms on one task, run by run. Regrets and all that is made of them are in `unit`, not in percent."""

    task: str
    budget: int
    first: str
    second: str
    unit: str
    """``fraction of accuracy``, or with several objectives ``share of hypervolume``, else that of what is reported."""
    runs: int
    """Pairs with equal seeds."""
    equal: int
    """Pairs whose regrets are equal."""
    difference: float | None
    """Mean regret of the first minus that of the second: below 0 the first is better; None without a pair."""
    low: float | None
    """Lower end of the 95 % interval of `difference`, for this pair alone; None of fewer than 2 pairs."""
    high: float | None
    """Upper end."""
    rope: float
    """Region of practical equivalence, in `unit`: differences from -rope to +rope do not matter."""
    verdict: Verdict
    """``first`` or ``second`` is better where the interval lies beyond the region, ``equivalent`` where it lies within,
    else ``undecided``."""
    first_better: float | None
    """Probability that the first is better by more than `rope` (Bayesian signed-rank test); None without a pair."""
    equivalent: float | None
    """Probability that they differ by at most `rope`."""
    second_better: float | None
    """Probability that the second is better by more than `rope`."""
    unpaired: float | None
    """The difference of the means of all finished runs of both, whatever their seeds."""
    unpaired_low: float | None
    """Lower end of its 95 % interval, of independent runs."""
    unpaired_high: float | None
    """Upper end."""
    correlation: float | None
    """Of the regrets of the pairs (Pearson): near 0, pairing gains nothing. None of fewer than 3, or if one is
    constant."""
    p: float
    """Of the two-sided Wilcoxon signed-rank test (Wilcoxon 1945; zeros as in Pratt 1959), exact; 1 if all pairs are
    equal."""
    adjusted: float
    """After Holm's correction for all pairs of this task and budget."""
    family: int
    """How many tests that correction covers: all pairs of this task and budget."""


def holm(p: npt.ArrayLike) -> Floats:
    """P-values adjusted for the number of tests (Holm 1979), in the order given; shape (tests,).

    A nan stays nan and counts as a test.

    Raises:
        InputError: a p-value outside [0, 1], or no list of numbers.
    """
    try:
        given = np.asarray(p, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("p-values", expected="numbers in [0, 1]", got=p) from None
    if given.ndim != 1:
        raise InputError("p-values", expected="shape (tests,)", got=Verbatim(given.shape))
    if ((given < 0) | (given > 1)).any():
        raise InputError("p-values", expected="numbers in [0, 1]", got=Verbatim(given.tolist()))
    order = np.argsort(given, kind="stable")
    steps = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)) if len(given) else given
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def paired_tests(results: Sequence[Result], budget: int, *, rope: float = ROPE) -> list[PairedTest]:
    """Every pair of algorithms on each task; runs are paired by seed, which gives both the same noise.

    Args:
        results: of `search.repeat` or an experiment.
        budget: one of their checkpoints.
        rope: half the width of the region of practical equivalence, as a fraction of accuracy or of hypervolume; of
            what is no accuracy, of the range of the table's values.

    Raises:
        InputError: `budget` is no checkpoint, a regret is no finite number, an algorithm is there twice on a task, or
            `rope` is outside [0, 1].
    """
    check_range("rope", rope, 0.0, 1.0)
    tests = []
    for found in by_task(results).values():
        pairs = list(combinations(found, 2))
        raw = [signed_rank_p(_gaps(first, second, budget)) for first, second in pairs]
        tests += [
            _test(first, second, budget, rope * first.span, p, float(adjusted), len(pairs))
            for (first, second), p, adjusted in zip(pairs, raw, holm(raw), strict=True)
        ]
    return tests


def _test(
    first: Result, second: Result, budget: int, rope: float, p: float, adjusted: float, family: int
) -> PairedTest:
    seeds = _shared(first, second)
    gaps = _gaps(first, second, budget)
    one, other = (regrets_at(result, budget, result.seeds).round(12) for result in (first, second))
    scale = scale_of((first, second), budget)
    low, high = mean_interval(gaps, scale) or (None, None)
    unpaired_low, unpaired_high = between_means(one, other, scale) or (None, None)
    first_better, equivalent, second_better = signed_rank_posterior(gaps, rope) or (None, None, None)
    return PairedTest(
        task=first.task["name"],
        budget=budget,
        first=first.algorithm,
        second=second.algorithm,
        unit=regret_unit(first),
        runs=len(seeds),
        equal=int((gaps == 0).sum()),
        difference=float(gaps.mean()) if len(gaps) else None,
        low=low,
        high=high,
        rope=rope,
        verdict=_verdict(low, high, rope),
        first_better=first_better,
        equivalent=equivalent,
        second_better=second_better,
        unpaired=float(one.mean() - other.mean()) if len(one) and len(other) else None,
        unpaired_low=unpaired_low,
        unpaired_high=unpaired_high,
        correlation=correlation(*(regrets_at(result, budget, seeds).round(12) for result in (first, second))),
        p=p,
        adjusted=adjusted,
        family=family,
    )


def scale_of(results: Sequence[Result], budget: int) -> float:
    """How far a run might be from the others where all are equal: the range of the regrets of all results.

    Where that is 0, as when every run has found the best, it is what separated the last runs from the others before: n
    times the last mean regret that was another one. 0 if there was none.
    """
    regrets = np.concatenate([np.empty(0), *(result.at(budget).round(12) for result in results)])
    if len(regrets) and np.ptp(regrets) > 0:
        return float(np.ptp(regrets))
    return max((_before(result, budget) for result in results if result.seeds), default=0.0)


def _before(result: Result, budget: int) -> float:
    apart = np.abs(result.mean[:budget] - result.mean[budget - 1])
    apart = apart[apart > 1e-11]  # below is rounding error
    return len(result.seeds) * float(apart[-1]) if len(apart) else 0.0


def _verdict(low: float | None, high: float | None, rope: float) -> Verdict:
    if low is None or high is None:
        return "undecided"
    if high < -rope:
        return "first"
    if low > rope:
        return "second"
    return "equivalent" if -rope <= low and high <= rope else "undecided"


def regret_unit(result: Result) -> str:
    """What a regret of 1 would be."""
    if result.several:
        return HYPERVOLUME
    return ACCURACY if result.goal.is_accuracy else result.goal.unit or result.goal.name


def _shared(first: Result, second: Result) -> list[int]:
    return sorted(set(first.seeds) & set(second.seeds))


def _gaps(first: Result, second: Result, budget: int) -> Floats:
    """Differences of the regrets of equal seeds, shape (pairs,)."""
    seeds = _shared(first, second)
    gaps: Floats = (regrets_at(first, budget, seeds) - regrets_at(second, budget, seeds)).round(12)
    return gaps  # unrounded, rounding errors would break ties


def regrets_at(result: Result, budget: int, seeds: Sequence[int]) -> Floats:
    """Regret of the runs with these seeds, in their order, shape (seeds,).

    Raises:
        InputError: `budget` is no checkpoint, or a regret is no finite number.
    """
    regret = result.at(budget)
    if not np.isfinite(regret).all():
        wrong = int(np.flatnonzero(~np.isfinite(regret))[0])
        raise InputError(
            f"regret of {result.algorithm} on {result.task['name']}, seed {result.seeds[wrong]}",
            expected="a finite number",
            got=Verbatim(regret[wrong]),
            remedy="leave the run out",
        )
    place = {seed: row for row, seed in enumerate(result.seeds)}
    values: Floats = regret[[place[seed] for seed in seeds]]
    return values


def by_task(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Results grouped by the name of their task, in order.

    Raises:
        InputError: an algorithm is there twice on one task.
    """
    groups: dict[str, list[Result]] = {}
    for result in results:
        group = groups.setdefault(result.task["name"], [])
        if any(result.algorithm == other.algorithm for other in group):
            raise InputError(
                "results",
                expected="one per algorithm and task",
                got=Verbatim(f"two of {result.algorithm} on {result.task['name']}"),
                remedy="give one of them another label",
            )
        group.append(result)
    return groups

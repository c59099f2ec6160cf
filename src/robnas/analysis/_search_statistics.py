"""Which search algorithm is better: paired tests and average ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.search import Result
from robnas.types import check_range

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedTest:
    """Two algorithms on one task, run by run."""

    task: str
    budget: int
    first: str
    second: str
    difference: float
    """Mean regret of the first minus that of the second: below 0 the first is better."""
    runs: int
    """Pairs with equal seeds."""
    p: float
    """Of the two-sided Wilcoxon signed-rank test (Wilcoxon 1945; zeros as in Pratt 1959); 1 if all pairs are equal."""
    adjusted: float
    """After Holm's correction for all pairs of this task and budget."""


def holm(p: npt.ArrayLike) -> Floats:
    """P-values adjusted for the number of tests (Holm 1979), in the order given; shape (tests,). A nan stays nan.

    Raises:
        InputError: a p-value outside [0, 1].
    """
    given = np.asarray(p, dtype=np.float64)
    if ((given < 0) | (given > 1)).any():
        raise InputError("p-values", expected="numbers in [0, 1]", got=Verbatim(given.tolist()))
    order = np.argsort(given, kind="stable")
    steps = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)) if len(given) else given
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def paired_tests(results: Sequence[Result], budget: int) -> list[PairedTest]:
    """Every pair of algorithms on each task; runs are paired by seed, which gives both the same noise.

    Args:
        results: of `search.repeat` or an experiment.
        budget: one of their checkpoints.
    """
    tests = []
    for task, found in by_task(results).items():
        pairs = list(combinations(found, 2))
        raw = [_wilcoxon(first, second, budget) for first, second in pairs]
        adjusted = holm([p for *_, p in raw])
        tests += [
            PairedTest(task, budget, first.algorithm, second.algorithm, difference, runs, p, float(corrected))
            for (first, second), (difference, runs, p), corrected in zip(pairs, raw, adjusted, strict=True)
        ]
    return tests


def _wilcoxon(first: Result, second: Result, budget: int) -> tuple[float, int, float]:
    from scipy.stats import wilcoxon

    seeds = sorted(set(first.seeds) & set(second.seeds))
    gaps = (_at(first, budget, seeds) - _at(second, budget, seeds)).round(12)  # else rounding errors break ties
    if not gaps.any():
        return 0.0, len(seeds), 1.0
    return float(gaps.mean()), len(seeds), float(wilcoxon(gaps, zero_method="pratt").pvalue)


def _at(result: Result, budget: int, seeds: Sequence[int]) -> Floats:
    place = {seed: row for row, seed in enumerate(result.seeds)}
    values: Floats = result.at(budget)[[place[seed] for seed in seeds]]
    return values


def by_task(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Results grouped by the name of their task, in order."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.task["name"], []).append(result)
    return groups


@dataclass(frozen=True)
class Ranking:
    """Average ranks of algorithms over seeds."""

    title: str
    budget: int
    algorithms: tuple[str, ...]
    """Best first."""
    ranks: tuple[float, ...]
    """Average rank of each; 1 is the best, ties share the mean of their ranks."""
    critical_difference: float
    """Average ranks that differ by less are not distinguished (Nemenyi 1963, as in Demšar 2006)."""
    p: float
    """Of the Friedman test that all are equal."""
    blocks: int
    """Seeds with which every algorithm finished every task."""
    level: float

    @property
    def cliques(self) -> tuple[tuple[int, int], ...]:
        """First and last place of each longest stretch of algorithms that are not distinguished."""
        found: list[tuple[int, int]] = []
        for first, rank in enumerate(self.ranks):
            last = max(i for i, other in enumerate(self.ranks) if other - rank < self.critical_difference)
            if last > first and not (found and last <= found[-1][1]):
                found.append((first, last))
        return tuple(found)


def average_ranks(results: Sequence[Result], budget: int, *, title: str = "", level: float = 0.95) -> Ranking:
    """Ranks within each seed, averaged over the seeds.

    A block is a seed: the runs of one seed share their noise and their first draws, on all tasks, and are no
    independent evidence. Over several tasks an algorithm is ranked by its mean rank over the tasks of a seed. The
    critical difference tells of other runs on these tasks, not of other tables.

    Args:
        results: every algorithm on the same tasks.
        budget: one of their checkpoints.
        title: kept in the ranking; the task's name if there is one task only.
        level: confidence level of the critical difference.

    Raises:
        InputError: fewer than 2 algorithms did all tasks, or with fewer than 2 seeds all of them finished all tasks.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    check_range("confidence level", level, 0.5, 0.9999)
    groups = by_task(results)
    names = [name for name in dict.fromkeys(r.algorithm for r in results)
             if all(name in {r.algorithm for r in found} for found in groups.values())]  # fmt: skip
    if len(names) < 2:
        raise InputError("ranking", expected="at least 2 algorithms on the same tasks", got=Verbatim(str(len(names))))
    chosen = [{result.algorithm: result for result in found} for found in groups.values()]
    seeds = sorted(set.intersection(*(set(one[name].seeds) for one in chosen for name in names)))
    if len(seeds) < 2:
        raise InputError("ranking", expected="at least 2 complete runs", got=Verbatim(str(len(seeds))))
    regrets = np.stack([[_at(one[name], budget, seeds) for name in names] for one in chosen]).round(12)
    places: Floats = rankdata(regrets, axis=1).mean(axis=0).T.round(12)  # mean over tasks, shape (seeds, algorithms)
    ranks = rankdata(places, axis=1).mean(axis=0)
    count = len(names)
    differ = (places != places[:, :1]).any()
    p = float(friedmanchisquare(*places.T).pvalue) if differ and count > 2 else (_sign(places) if differ else 1.0)
    critical = (
        studentized_range.ppf(level, count, np.inf) / math.sqrt(2) * math.sqrt(count * (count + 1) / (6 * len(seeds)))
    )
    order = np.argsort(ranks, kind="stable")
    return Ranking(
        title or (next(iter(groups)) if len(groups) == 1 else f"{len(groups)} tasks"),
        budget,
        tuple(names[place] for place in order),
        tuple(float(ranks[place]) for place in order),
        float(critical),
        p,
        len(seeds),
        level,
    )


def _sign(places: Floats) -> float:
    """Friedman's test of two algorithms is the sign test."""
    from scipy.stats import binomtest

    lower, higher = int((places[:, 0] < places[:, 1]).sum()), int((places[:, 0] > places[:, 1]).sum())
    return float(binomtest(lower, lower + higher).pvalue)

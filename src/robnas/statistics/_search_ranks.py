"""Which search algorithm comes first: average ranks over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.search import Result
from robnas.statistics._search_exact import friedman_p
from robnas.statistics._search_tests import by_task, regrets_at
from robnas.types import check_range

Floats = npt.NDArray[np.float64]


@final
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
    """Of the Friedman test that all are equal; exact where few blocks hold a difference."""
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

    A block is a seed. With noise, runs of one seed see the same noise of an architecture, whatever the algorithm.
    Random search shares no draw with others, evolution and BANANAS only the random architectures that they begin with:
    after more queries than these, regrets of one seed are hardly correlated. One algorithm draws alike on all tasks,
    which are no independent evidence: over several tasks it is ranked by its mean rank over the tasks of a seed. The
    critical difference tells of other runs on these tasks, not of other tables; it supposes that there are no ties, and
    is too large, never too small, where many runs are equal.

    Args:
        results: every algorithm on the same tasks.
        budget: one of their checkpoints.
        title: kept in the ranking; the task's name if there is one task only.
        level: confidence level of the critical difference.

    Raises:
        InputError: fewer than 2 algorithms did all tasks, with fewer than 2 seeds all of them finished all tasks, or a
            regret is no finite number.
    """
    from scipy.stats import rankdata, studentized_range

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
    regrets = np.stack([[regrets_at(one[name], budget, seeds) for name in names] for one in chosen]).round(12)
    places: Floats = rankdata(regrets, axis=1).mean(axis=0).T.round(12)  # mean over tasks, shape (seeds, algorithms)
    ranks = rankdata(places, axis=1).mean(axis=0)
    count = len(names)
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
        friedman_p(places),
        len(seeds),
        level,
    )

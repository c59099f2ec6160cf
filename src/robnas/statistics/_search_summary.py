"""What search results say, in numbers: a row per task, algorithm and checkpoint, and all tests and rankings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from robnas.errors import InputError
from robnas.search import Result
from robnas.statistics._search_intervals import mean_interval
from robnas.statistics._search_ranks import Ranking, average_ranks
from robnas.statistics._search_tests import ROPE, PairedTest, by_task, paired_tests, regret_unit, scale_of

SUMMARY = (
    "task", "algorithm", "budget", "planned", "runs", "unit", "mean_regret", "low", "high", "standard_error",
    "median_regret", "found_best", "average_rank", "mean_reported", "hours", "duplicates", "infeasible", "failed",
    "failures", "optimum",
)  # fmt: skip


def summarise(results: Sequence[Result]) -> list[dict[str, Any]]:
    """A row per task, algorithm and checkpoint, with the columns `SUMMARY`.

    The regret is a fraction of accuracy, or in the unit of what is reported, or with several objectives the share of
    hypervolume that is missing, as ``unit`` says; ``low`` and ``high`` are the ends of the 95 % interval of its mean
    (`mean_interval`). ``planned`` is the number of runs that was fixed before, ``runs`` that of those that finished.
    ``optimum`` says what the regret is against, and of which sample.
    ``mean_reported``, what is reported, then costs, of what is returned, and ``hours`` are those at the end of the run.
    Where no run finished, ``runs`` is 0 and the means are None.
    """
    rows = []
    for found in by_task(results).values():
        for budget in found[0].checkpoints:
            ranks, scale = _ranks(found, budget), scale_of(found, budget)
            for result in found:
                regret, runs = result.at(budget), len(result.seeds)
                low, high = mean_interval(regret, scale) or (None, None)
                if low is not None and regret.min() >= 0:
                    low = max(low, 0.0)
                rows.append(
                    {
                        "task": result.task["name"],
                        "algorithm": result.algorithm,
                        "budget": budget,
                        "planned": result.runs,
                        "runs": runs,
                        "unit": regret_unit(result),
                        "mean_regret": float(regret.mean()) if runs else None,
                        "low": low,
                        "high": high,
                        "standard_error": float(regret.std(ddof=1) / np.sqrt(runs)) if runs > 1 else None,
                        "median_regret": float(np.median(regret)) if runs else None,
                        "found_best": result.found_best_at(budget) if runs else None,
                        "average_rank": ranks.get(result.algorithm),
                        "mean_reported": upright(result, _known_means(result)),
                        "hours": result.hours,
                        **{key: result.counts[key] for key in ("duplicates", "infeasible", "failed")},
                        "failures": len(result.failures),
                        "optimum": result.optimum,
                    }
                )
    return rows


def _known_means(result: Result) -> list[float | None]:
    """Mean of each reported column over the runs whose architecture has a value; None where none has."""
    columns = [column[~np.isnan(column)] for column in result.outcomes.T]
    return [float(column.mean()) if len(column) else None for column in columns]


def upright(result: Result, values: Sequence[float | None]) -> list[float | None]:
    """Reported values as they were measured, without the minus of what is minimised."""
    signs = [goal.sign for goal in result.goals]
    return [None if value is None else sign * value for sign, value in zip(signs, values, strict=True)]


def _ranks(results: Sequence[Result], budget: int) -> dict[str, float]:
    return {name: rank for r in _ranking(results, budget) for name, rank in zip(r.algorithms, r.ranks, strict=True)}


def _ranking(results: Sequence[Result], budget: int) -> list[Ranking]:
    """One of a task, without the algorithms of which a single run finished; none where there is nothing to rank."""
    try:
        return [average_ranks([result for result in results if len(result.seeds) > 1], budget)]
    except InputError:  # one algorithm, or no two seeds with which all finished
        return []


def finished(results: Sequence[Result]) -> list[Result]:
    """Those of which at least one run finished."""
    return [result for result in results if result.seeds]


def all_tests(results: Sequence[Result], rope: float = ROPE) -> list[PairedTest]:
    """`paired_tests` at every checkpoint, of the algorithms of which a run finished."""
    ran = finished(results)
    return [test for budget in (ran[0].checkpoints if ran else ()) for test in paired_tests(ran, budget, rope=rope)]


def all_rankings(results: Sequence[Result]) -> list[Ranking]:
    """At every checkpoint one per task, and one of all tasks if the same algorithms did them all."""
    rankings = []
    for budget in results[0].checkpoints if results else ():
        of_tasks = [ranking for found in by_task(results).values() for ranking in _ranking(found, budget)]
        if len(of_tasks) > 1 and len({frozenset(ranking.algorithms) for ranking in of_tasks}) == 1:
            title = f"all {len(of_tasks)} tasks"
            of_tasks += [replace(ranking, title=title) for ranking in _ranking(results, budget)]
        rankings += of_tasks
    return rankings


def by_regret(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Names of algorithms in the order of the mean regret in their rows; those without one come last."""
    means = {name: row["mean_regret"] for name, row in rows.items()}
    return sorted(means, key=lambda name: (means[name] is None, means[name] or 0.0))

"""How many queries an algorithm saves on the way to nearly the optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from robnas.search import Result
from robnas.statistics._search_tests import by_task

REFERENCE = "random-search"
_RESAMPLES = 2000
_Bound = Literal["", "≥", "≤"]
_Gap = tuple[_Bound, float | None, float | None, float | None]


@final
@dataclass(frozen=True)
class Saved:
    """Queries until 99 % of the optimum were found for good; a run that does not end there counts with its budget."""

    task: str
    algorithm: str
    runs: int
    reached: float
    """Share of the runs that are there at their end."""
    queries: float
    """Mean over the runs: at least so many where `reached` is below 1."""
    reference_reached: float | None
    """Share of random search's runs that are; None without random search."""
    bound: _Bound
    """``≥``: at least `saved` queries are saved, because runs of random search alone did not get there; ``≤``: at most,
    because runs of this algorithm alone did not."""
    saved: float | None
    """Mean queries of random search minus those, over runs paired by seed; None where runs of both did not get there,
    which bounds it on neither side, and without random search."""
    low: float | None
    """Lower end of the 95 % bootstrap interval of `saved` over those pairs; None where `saved` is at most, and of a
    single pair."""
    high: float | None
    """Upper end; None where `saved` is at least, and of a single pair."""


def queries_saved(results: Sequence[Result]) -> list[Saved]:
    """A row per task and algorithm.

    Args:
        results: of `search.repeat_all` or an experiment; what is saved is counted against ``random-search``.
    """
    rows, rng = list[Saved](), np.random.default_rng(0)
    for task, found in by_task(results).items():
        reference = next((one for one in found if one.algorithm == REFERENCE and one.seeds), None)
        for result in found:
            if not result.seeds:
                continue
            bound, saved, low, high = _gap(reference, result, rng)
            queries = [near or result.budget for near in result.reached]
            rows.append(
                Saved(
                    task, result.algorithm, len(result.seeds), _share(result), float(np.mean(queries)),
                    None if reference is None else _share(reference), bound, saved, low, high,
                )
            )  # fmt: skip
    return rows


def _share(result: Result) -> float:
    return float(np.mean([near is not None for near in result.reached]))


def _gap(reference: Result | None, result: Result, rng: np.random.Generator) -> _Gap:
    """What is saved and its interval; the budget stands for a run that did not get there, so the mean is a bound."""
    if reference is None or result is reference:
        return "", None, None, None
    runs = [dict(zip(one.seeds, one.reached, strict=True)) for one in (reference, result)]
    pairs = [tuple(one[seed] for one in runs) for seed in sorted(set.intersection(*map(set, runs)))]
    first, second = (any(pair[place] is None for pair in pairs) for place in (0, 1))
    if not pairs or (first and second):
        return "", None, None, None
    gaps = np.array([(a or reference.budget) - (b or result.budget) for a, b in pairs], dtype=np.float64)
    drawn = gaps[rng.integers(len(gaps), size=(_RESAMPLES, len(gaps)))].mean(axis=1)
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    bound: _Bound = "≥" if first else "≤" if second else ""
    alone = len(gaps) < 2  # its resamples are all alike
    return bound, float(gaps.mean()), None if second or alone else low, None if first or alone else high

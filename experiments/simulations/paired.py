"""Comparing search algorithms: errors of the tests and coverage of the intervals, where most runs may be equal.

Columns: what is claimed, the shape of the simulated runs, runs, the share of them that differ, the repeats, the rate
that robnas has, that of the usual method, which one that is, and how much wider robnas' interval is in the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import friedmanchisquare, norm, rankdata, studentized_range, t

from robnas.statistics._search_exact import friedman_p, signed_rank_p
from robnas.statistics._search_intervals import between_means, mean_interval, signed_rank_posterior

LEVEL = 0.05
SHAPES: dict[str, tuple[float, Callable[[np.random.Generator, Any], Any]]] = {
    "equal sizes": (1.0, lambda rng, size: np.ones(size)),
    "exponential": (1.0, lambda rng, size: rng.exponential(size=size)),
    "both signs": (0.4, lambda rng, size: np.where(rng.random(size) < 0.8, 1.0, -2.0) * rng.exponential(size=size)),
    "symmetric": (0.0, lambda rng, size: rng.normal(size=size)),
}
"""Mean and sampler of differences that are not 0; the largest possible one is about 3 of them."""
RUNS, SHARES = (20, 200), (0.01, 0.02, 0.05, 0.1, 0.3, 1.0)


def simulate(rng: np.random.Generator, repeats: int | None = None) -> list[dict[str, Any]]:
    """Rows of the table.

    Args:
        rng: where everything is drawn from.
        repeats: simulated comparisons per row; 1,000 if omitted.
    """
    count = 1000 if repeats is None else repeats
    rows = [*wilcoxon_errors(rng, count), *paired_coverage(rng, count), *unpaired_coverage(rng, count)]
    return [*rows, *friedman_errors(rng, count), *nemenyi_errors(rng, count), *posterior_errors(rng, count)]


def settings() -> Iterator[tuple[int, float]]:
    """Runs and share of those that differ; at least one is expected to."""
    return ((runs, share) for runs in RUNS for share in SHARES if runs * share >= 0.9)


def row(
    claim: str, shape: str, runs: int, share: float, found: Any, usual: Any, name: str, wider: float | None = None
) -> dict[str, Any]:
    """One of the table, of two arrays of truth values."""
    return {
        "claim": claim, "shape": shape, "runs": runs, "differ": share, "repeats": len(found),
        "robnas": f"{np.mean(found):.3f}", "usual": f"{np.mean(usual):.3f}", "usual method": name,
        "wider": "" if wider is None else f"{wider:.2f}",
    }  # fmt: skip


def normal_wilcoxon(gaps: Any) -> float:
    """The two-sided p-value of the limit, with Pratt's zeros."""
    ranks = rankdata(np.abs(gaps)) * (gaps != 0)
    spread = np.sqrt((ranks**2).sum())
    return float(2 * norm.sf(abs((np.sign(gaps) * ranks).sum()) / spread)) if spread else 1.0


def wilcoxon_errors(rng: np.random.Generator, repeats: int) -> Iterator[dict[str, Any]]:
    """How often p is at most 0.05 where no algorithm is better."""
    for runs, share in settings():
        for shape in ("equal sizes", "symmetric"):
            drawn = SHAPES[shape][1](rng, (repeats, runs)) * rng.choice([-1, 1], (repeats, runs))
            drawn *= rng.random((repeats, runs)) < share
            exact, normal = ([p(gaps) <= LEVEL for gaps in drawn] for p in (signed_rank_p, normal_wilcoxon))
            yield row("error of Wilcoxon's test at 0.05", shape, runs, share, exact, normal, "normal limit")
    drawn = np.zeros((repeats, 200))
    drawn[:, :4] = np.arange(1, 5) * rng.choice([-1, 1], (repeats, 4))
    exact, normal = ([p(gaps) <= LEVEL for gaps in drawn] for p in (signed_rank_p, normal_wilcoxon))
    yield row("error of Wilcoxon's test at 0.05", "4 of 200 differ", 200, 0.02, exact, normal, "normal limit")


def paired_coverage(rng: np.random.Generator, repeats: int) -> Iterator[dict[str, Any]]:
    """How often the interval holds the true mean difference."""
    for runs, share in settings():
        for shape, (mean, draw) in SHAPES.items():
            drawn = draw(rng, (repeats, runs)) * (rng.random((repeats, runs)) < share)
            found = np.array([mean_interval(gaps, 3.0) for gaps in drawn])
            middle, error = drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / np.sqrt(runs)
            half = t.ppf(0.975, runs - 1) * error
            held = (found[:, 0] <= share * mean + 1e-12) & (share * mean - 1e-12 <= found[:, 1])
            usual = np.abs(middle - share * mean) <= half + 1e-12
            wider = np.ptp(found, axis=1).mean() / (2 * half.mean()) if half.mean() > 1e-9 else None
            yield row("coverage of the paired interval of 0.95", shape, runs, share, held, usual, "Student", wider)
            if shape == "exponential":
                few = drawn[: max(repeats // 5, 1)]
                ends = [np.quantile(rng.choice(gaps, (500, runs)).mean(axis=1), [0.025, 0.975]) for gaps in few]
                boot = [low <= share * mean <= high for low, high in ends]
                yield row("coverage of the paired interval of 0.95", shape, runs, share, held, boot, "bootstrap")


def unpaired_coverage(rng: np.random.Generator, repeats: int) -> Iterator[dict[str, Any]]:
    """The same of independent runs: regrets of 0 but for a share of one side, and three times that of the other."""
    for runs, share in settings():
        for shape in ("equal sizes", "exponential"):
            draw, shares = SHAPES[shape][1], np.array([share, min(3 * share, 1.0)])
            first, second = (draw(rng, (repeats, runs)) * (rng.random((repeats, runs)) < one) for one in shares)
            truth = shares[0] - shares[1]
            found = np.array([between_means(a, b, 3.0) for a, b in zip(first, second, strict=True)])
            held = (found[:, 0] <= truth + 1e-12) & (truth - 1e-12 <= found[:, 1])
            variance = [side.var(axis=1, ddof=1) / runs for side in (first, second)]
            half = 1.96 * np.sqrt(variance[0] + variance[1])
            usual = np.abs(first.mean(axis=1) - second.mean(axis=1) - truth) <= half + 1e-12
            wider = np.ptp(found, axis=1).mean() / (2 * half.mean()) if half.mean() > 1e-9 else None
            claim = "coverage of the unpaired interval of 0.95"
            yield row(claim, shape, runs, share, held, usual, "1.96 errors", wider)


def alike(rng: np.random.Generator, repeats: int, blocks: int, algorithms: int, shape: str, share: float) -> Any:
    """Places of algorithms that are all alike: without ties, or one of them worse where a block differs at all."""
    if shape == "no ties":
        drawn = rng.random((repeats, blocks, algorithms))
    else:
        drawn = np.zeros((repeats, blocks, algorithms))
        np.put_along_axis(drawn, rng.integers(algorithms, size=(repeats, blocks, 1)), 1.0, axis=2)
    return drawn * (rng.random((repeats, blocks, 1)) < share)


FRIEDMAN = [
    (blocks, algorithms, shape, share)
    for algorithms in (3, 5, 10)
    for blocks, share in ((4, 1.0), (10, 1.0), (200, 0.02), (200, 0.1), (200, 1.0))
    for shape in ("no ties", "one is worse")
]


def friedman_errors(rng: np.random.Generator, repeats: int) -> Iterator[dict[str, Any]]:
    """How often Friedman's p is at most 0.05 where all algorithms are alike."""
    for blocks, algorithms, shape, share in FRIEDMAN:
        count = repeats if blocks * share >= 50 else max(repeats // 4, 1)  # few differ: slow
        drawn = alike(rng, count, blocks, algorithms, shape, share)
        exact = [friedman_p(places) <= LEVEL for places in drawn]
        usual = [bool(np.ptp(p, axis=1).any()) and friedmanchisquare(*p.T).pvalue <= LEVEL for p in drawn]
        name = f"{algorithms} algorithms: {shape}"
        yield row("error of Friedman's test at 0.05", name, blocks, share, exact, usual, "chi-squared limit")


def nemenyi_errors(rng: np.random.Generator, repeats: int) -> Iterator[dict[str, Any]]:
    """How often any two of algorithms that are all alike are told apart by the critical difference."""
    for blocks, algorithms, shape, share in FRIEDMAN:
        ranks = rankdata(alike(rng, repeats, blocks, algorithms, shape, share), axis=2)
        apart = np.ptp(ranks.mean(axis=1), axis=1)
        q = studentized_range.ppf(0.95, algorithms, np.inf) / np.sqrt(2)
        usual = q * np.sqrt(algorithms * (algorithms + 1) / (6 * blocks))
        tied = ranks.var(axis=2).mean(axis=1) * 12 / (algorithms**2 - 1)
        name = f"{algorithms} algorithms: {shape}"
        corrected = apart >= usual * np.sqrt(tied) * (tied > 0) + (tied == 0)
        claim = "error of Nemenyi's test at 0.05"
        yield row(claim, name, blocks, share, apart >= usual, corrected, "corrected for ties")


def posterior_errors(rng: np.random.Generator, repeats: int) -> Iterator[dict[str, Any]]:
    """How often the Bayesian test is surer than .95 of a better one; the usual: of the wrong side of one sd of 0.2."""
    for runs, share in settings():
        count = max(repeats // 10, 1)
        drawn = rng.normal(size=(count, runs)) * (rng.random((count, runs)) < share)
        found = np.array([signed_rank_posterior(gaps, 0.1) for gaps in drawn])
        moved = np.array([signed_rank_posterior(gaps, 0.1) for gaps in drawn + 0.2])
        sure, wrong = found[:, [0, 2]].max(axis=1) > 0.95, moved[:, 0] > 0.95
        yield row(
            "P(better) above 0.95 without a difference", "symmetric", runs, share, sure, wrong, "wrong side at +0.2"
        )

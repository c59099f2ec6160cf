"""Do the intervals of what a score says about the best cover it? Random samples of made populations.

A population of 20,000 architectures has an accuracy and a score. From samples of it come the rank correlation in the
top half and decile and the regret of the first choices, each with its bootstrap interval. `covered` is how often that
holds the figure of the population (correlations), or the mean figure of samples of that size (regrets); `another` how
often it holds the figure of another sample of that size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.statistics import CHOICES, TOPS, Best, Bootstrap, regret_interval, summarised

Floats = npt.NDArray[np.float64]
POPULATION, RESAMPLES = 20_000, 400

TABLES: dict[str, Callable[[Floats], Floats]] = {
    "normal": lambda latent: 0.40 + 0.04 * latent,
    "crowded below the best": lambda latent: 0.48 - 0.05 * np.exp(-0.7 * latent),
    "two clusters": lambda latent: np.where(latent < -1.2, 0.15, 0.42) + 0.02 * latent,
}
"""Accuracy of a standard normal quality."""
SCORES: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "sharp": lambda latent, rng: latent + 0.3 * rng.normal(size=len(latent)),
    "blind at the top": lambda latent, rng: np.minimum(latent, 0.8) + 0.3 * rng.normal(size=len(latent)),
    "coarse": lambda latent, rng: np.round(2 * (latent + 0.5 * rng.normal(size=len(latent)))),
    "chance": lambda latent, rng: rng.normal(size=len(latent)),
}
"""Score of that quality."""


def figures(truth: Floats, score: Floats, index: npt.NDArray[np.int64]) -> dict[str, tuple[Floats, int]]:
    """By name the figures of a sample and its resamples, and how many architectures they rest on."""
    best = Best(truth, index)
    found = {name: (best.spearman(score, share), best.count(share)) for name, share in TOPS.items()}
    return found | {f"regret_{first}": (100 * best.regret(score, first), len(truth)) for first in CHOICES}


def one(
    make: Callable[[Floats], Floats],
    scored: Callable[[Floats, np.random.Generator], Floats],
    size: int,
    repeats: int,
    rng: np.random.Generator,
) -> dict[str, dict[str, float]]:
    """Coverage and width by figure."""
    latent = rng.normal(size=POPULATION)
    truth, score = make(latent), scored(latent, rng)
    whole = {name: found[0] for name, (found, _) in figures(truth, score, np.arange(POPULATION)[None]).items()}
    values: dict[str, list[tuple[float, float, float]]] = {name: [] for name in whole}
    for _ in range(repeats):
        drawn = rng.choice(POPULATION, size=size, replace=False)
        index = Bootstrap(size, rng, resamples=RESAMPLES).index(np.ones(size, dtype=np.bool_))
        for name, (found, count) in figures(truth[drawn], score[drawn], index).items():
            interval = (regret_interval if name.startswith("regret") else summarised)(found, count)
            values[name].append((interval.value, interval.low, interval.high))
    rows = {}
    for name, found in values.items():
        value, low, high = np.array(found).T
        aim = value.mean() if name.startswith("regret") else whole[name]
        known = ~np.isnan(low)
        rows[name] = {
            "figure_of_population": float(whole[name]),
            "mean_of_samples": float(value.mean()),
            "covered": float(((low <= aim) & (aim <= high))[known].mean()) if known.any() else np.nan,
            "another": float(((low <= np.roll(value, 1)) & (np.roll(value, 1) <= high))[known].mean())
            if known.any() else np.nan,
            "width": float((high - low)[known].mean()) if known.any() else np.nan,
            "without_interval": float(1 - known.mean()),
        }  # fmt: skip
    return rows


def simulate(rng: np.random.Generator, repeats: int | None = None) -> list[dict[str, Any]]:
    """A row per table, score, sample size and figure."""
    rows: list[dict[str, Any]] = []
    for table, make in TABLES.items():
        for score, scored in SCORES.items():
            for size in (100, 320):
                for name, row in one(make, scored, size, repeats or 150, rng).items():
                    cells = {key: f"{value:.4f}" for key, value in row.items()}
                    rows.append({"table": table, "score": score, "architectures": size, "figure": name, **cells})
    return rows

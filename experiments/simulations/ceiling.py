"""The highest correlation: found from noisy values and repeated trainings, against known true means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from robnas.benchmarks import Column, Table
from robnas.spaces import partition
from robnas.statistics import root_of_seeds, spearman, table_ceiling

SHAPES: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "skewed left": lambda rng, size: -rng.exponential(size=size),
    "two clusters": lambda rng, size: rng.choice([-1.0, 1.0], size) + rng.normal(0, 0.12, size),
    "heavy tails": lambda rng, size: np.clip(rng.standard_t(3, size), -12, 12) / np.sqrt(3),
    "uniform": lambda rng, size: rng.uniform(-1.7, 1.7, size),
    "equal blocks": lambda rng, size: rng.integers(0, 8, size) / 2.3 - 1.5,
}
CENTRE, UNIT = 0.6, 0.03  # of the accuracies
NOISES = ("normal", "local", "heavy tails")


def made(
    rng: np.random.Generator, shape: str, sd: float, *, rows: int, seeds: bool, noise: str = "normal"
) -> tuple[Table, Any]:
    """A table with this noise of one training, in standard deviations of the true means, about; and the true means.

    With seeds, a third of the rows each has one, two and three; else a value each, and networks that are in the table
    several times, as many as in a sample of the space.
    """
    chosen = np.arange(rows) if seeds else np.sort(rng.choice(15625, rows, replace=False))
    _, number = np.unique(chosen if seeds else partition("identical").class_of[chosen], return_inverse=True)
    true = SHAPES[shape](rng, number.max() + 1)[number]
    deviation = np.full(rows, sd) if noise != "local" else sd * np.exp(-0.3 * np.clip(true, -2, 2))
    drawn = rng.standard_t(3, (rows, 3)) / np.sqrt(3) if noise == "heavy tails" else rng.normal(size=(rows, 3))
    values = np.clip(CENTRE + UNIT * (true[:, None] + deviation[:, None] * drawn), 0, 1)
    values[np.arange(3) >= rng.integers(1, 4, rows)[:, None]] = np.nan
    column = Column("digits", "test", "clean", values if seeds else values[:, :1], (0, 1, 2) if seeds else ())
    return Table("simulated", chosen.tolist(), [column]), true


def shrunken(values: Any, variance: float, true: Any) -> float:
    """What shrinking the values to the variance of the true means gives, as was done before."""
    del true
    share = np.sqrt(max(1 - variance / values.var(), 0))
    imitation = values.mean() + share * (values - values.mean())
    noise = np.random.default_rng(0).normal(0, np.sqrt(variance), len(values))
    return spearman(imitation, imitation + noise)


def once(rng: np.random.Generator, table: Table, true: Any, resamples: int = 40) -> dict[str, float]:
    """Truth and estimates of one table."""
    column = table.columns[0]
    found = table_ceiling(table, column, rng, resamples)
    variance = table.noise("digits", "clean", split="test").sd ** 2
    truth = spearman(true, column.mean)
    return {
        "truth": truth,
        "estimate": found.value,
        "covered": float(found.low <= truth <= found.high),
        "width": found.high - found.low,
        "shrunken": shrunken(column.mean, variance, true),
        "root_of_seeds": root_of_seeds(column, rng, 1).value,
    }


def simulate(rng: np.random.Generator, repeats: int | None = None, rows: int = 4000) -> list[dict[str, Any]]:
    """A row per shape, repetition and noise."""
    found = []
    for shape in SHAPES:
        for seeds in (False, True):
            for noise, sd in ((noise, sd) for noise in NOISES for sd in (0.25, 0.6) if noise == "normal" or sd == 0.6):
                tables = (made(rng, shape, sd, rows=rows, seeds=seeds, noise=noise) for _ in range(repeats or 8))
                drawn = [once(rng, *table) for table in tables]
                mean = {key: float(np.mean([one[key] for one in drawn])) for key in drawn[0]}
                errors = np.array([one["estimate"] - one["truth"] for one in drawn])
                found.append({
                    "true_means": shape, "repeated": "seeds" if seeds else "twins", "noise": noise, "sd": sd,
                    "rows": rows, "tables": len(drawn), "truth": f"{mean['truth']:.3f}",
                    "estimate": f"{mean['estimate']:.3f}", "error": f"{errors.mean():.3f}",
                    "spread": f"{errors.std():.3f}", "covered_95": f"{mean['covered']:.2f}",
                    "width_95": f"{mean['width']:.3f}", "shrunken_values": f"{mean['shrunken']:.3f}",
                    "root_of_seeds": "" if not seeds else f"{mean['root_of_seeds']:.3f}",
                })  # fmt: skip
    return found

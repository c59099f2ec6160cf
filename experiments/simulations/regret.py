"""Regret against the table's maximum and against the expected best, beside the true one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Column, Table, duplicate_groups
from robnas.search import Task
from robnas.spaces import partition

Floats = npt.NDArray[np.float64]
_LIKE_PUBLISHED = (
    (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0),
    (0.10, 0.168, 0.221, 0.262, 0.353, 0.408, 0.434, 0.449, 0.456, 0.467, 0.481),
)
"""Shares and quantiles, of the size of the published PGD 8/255 accuracies in CIFAR-10."""
SHAPES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "like the published": lambda rng, n: np.interp(rng.random(n), *_LIKE_PUBLISHED),
    "normal": lambda rng, n: 0.35 + 0.04 * rng.normal(size=n),
    "skewed to the bottom": lambda rng, n: np.maximum(0.48 - 0.03 * rng.gamma(2, 1, n), 0.1),
    "skewed to the top": lambda rng, n: 0.3 + 0.02 * rng.gamma(2, 1, n),
    "uniform": lambda rng, n: rng.uniform(0.2, 0.48, n),
    "two clusters": lambda rng, n: np.where(rng.random(n) < 0.5, 0.3, 0.45) + 0.01 * rng.normal(size=n),
}
CHOICES = ("highest table value", "best of 150", "best of 150, noise of one training")
RUNS = 3


def training_sd(truth: Floats) -> Floats:
    """Standard deviation of one training: .0022 at the top, as in the published table, and more below."""
    return np.where(truth > 0.42, 0.0022, 0.0022 + 0.04 * (0.42 - truth))


def large_sd(truth: Floats) -> Floats:
    """Noise that is not small beside what the accuracies differ by: of one training .022 everywhere."""
    return np.full_like(truth, 0.022)


def errors_of(
    shape: str, rng: np.random.Generator, rows: npt.NDArray[np.int64], sd_of: Callable[[Floats], Floats] = training_sd
) -> dict[str, Floats]:
    """Regrets of one simulated table, in percentage points: true, against the table, against the expected best.

    The networks that are the same have one true accuracy; noise is measured from them, as in a published table.
    """
    network = np.unique(duplicate_groups(rows), return_inverse=True)[1]
    truth = SHAPES[shape](rng, network.max() + 1)[network]
    sd = sd_of(truth)
    values = truth + sd / np.sqrt(RUNS) * rng.normal(size=len(rows))
    table = Table("simulated", rows, [Column("simulated", "test", "clean", values[:, None], runs=RUNS)])
    found = {name: Task.named(table, "simulated", "clean", regret=name) for name in ("table", "expected")}
    regrets = {}
    for choice, chosen in zip(CHOICES, _chosen(values, sd, rng), strict=True):
        true = truth.max() - truth[chosen].mean()
        told = [task.scale.best[0] - task.outcomes[chosen, 0].mean() for task in (found["table"], found["expected"])]
        regrets[choice] = 100 * np.array([true, *told])
    return regrets


def _chosen(values: Floats, sd: Floats, rng: np.random.Generator) -> list[list[int]]:
    """Rows that each of `CHOICES` returns, of 20 searches each."""
    plain, noisy = [], []
    for _ in range(20):
        drawn = rng.choice(len(values), 150, replace=False)
        plain.append(int(drawn[values[drawn].argmax()]))
        noisy.append(int(drawn[(values[drawn] + sd[drawn] * rng.normal(size=150)).argmax()]))
    return [[int(values.argmax())], plain, noisy]


def simulate(rng: np.random.Generator, repeats: int | None) -> list[dict[str, Any]]:
    """A row per shape of the true accuracies, size of the noise and way of choosing."""
    rows = np.array([arch.index for arch in partition("official").representatives()])
    repeats, found = repeats or 40, []
    cases = [(shape, shape, training_sd) for shape in SHAPES]
    cases += [(f"{shape}, large noise", shape, large_sd) for shape in ("normal", "uniform", "two clusters")]
    for name, shape, sd_of in cases:
        tables = [errors_of(shape, rng, rows, sd_of) for _ in range(repeats)]
        for choice in CHOICES:
            true, table, expected = np.array([one[choice] for one in tables]).T
            row: dict[str, Any] = {"shape": name, "choice": choice, "tables": repeats, "true_regret": true.mean()}
            for against, told in (("table", table), ("expected", expected)):
                row[f"{against}_regret"] = told.mean()
                row[f"{against}_bias"] = (told - true).mean()
                row[f"{against}_bias_se"] = (told - true).std(ddof=1) / np.sqrt(repeats)
            found.append({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()})
    return found

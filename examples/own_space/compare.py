"""Does successive halving find better networks than random search in the same epochs? Ten searches of each."""

from pathlib import Path

import numpy as np
from scipy.stats import t

from robnas import search
from robnas.building import Plan, TrainingObjective

BUDGET, SEEDS = 5, range(10)  # whole trainings' worth of epochs
ALGORITHMS = (search.RandomSearch(), search.SuccessiveHalving(eta=3))


def best_found(objective):
    """Highest robust validation accuracy of each search, shape (algorithms, seeds)."""
    return np.array(
        [[search.run(algorithm, objective, BUDGET, seed).incumbent[-1] for seed in SEEDS] for algorithm in ALGORITHMS]
    )


if __name__ == "__main__":  # workers are new processes that import this file
    plan = Plan.read(Path("search.toml"))
    with TrainingObjective(plan, "sqlite:///search.db", metric="pgd@16/255", split="validation", jobs=2) as objective:
        found = 100 * best_found(objective)
    gain = found[1] - found[0]
    half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / len(gain) ** 0.5
    for algorithm, values in zip(ALGORITHMS, found, strict=True):
        print(f"{algorithm.name:20} {values.mean():.1f} %")
    low, high = gain.mean() - half, gain.mean() + half
    print(f"difference           {gain.mean():.1f} points, 95 % interval {low:.1f} to {high:.1f}")

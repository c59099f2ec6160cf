"""Does the condition number of the kernel say more together with the number of parameters?

    python experiments/condition_and_parameters.py --out runs/condition    # after robnas fetch nas-robbench-201

Reads the scores of 300 random architectures that `robnas reproduce figure5` made (experiments/results/figure5), and the
table nas-robbench-201. The weight of the one number that `condition_and_parameters` has, beside log parameters, is
chosen on **CIFAR-100** values of one half of the architectures, on a grid; what is reported is of the other half, which
computes other functions (partition `effective`). Images of the scores are CIFAR-10 throughout.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import robnas
from robnas.benchmarks import read_scores
from robnas.networks import count
from robnas.proxies import CONDITION_WEIGHT
from robnas.reports import write_csv
from robnas.spaces import Architecture, partition
from robnas.statistics import TOPS, Best, Bootstrap, regret_interval, spearman, summarised

METRIC, SCORE, GRID = "pgd@8/255", "ntk-clean-condition", np.linspace(0, 2, 201)
SCORES = Path(__file__).parent / "results" / "figure5" / "scores-8.parquet"
HEADER = ("dataset", "score", "architectures", "figure", "value", "low_95", "high_95")


def halves(classes: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Half of the places at random, and all others whose class is not among them."""
    order = np.random.default_rng(seed).permutation(len(classes))
    chosen = order[: len(order) // 2]
    return chosen, order[~np.isin(classes[order], classes[chosen])]


def figures(score: np.ndarray, truth: np.ndarray) -> list[tuple[str, float, float, float]]:
    """Spearman over all and among the best, and regrets, each with its interval."""
    draws = Bootstrap(len(truth), np.random.default_rng(0))
    best = Best(truth, draws.index(np.ones(len(truth), dtype=bool)))
    found = [("spearman", summarised(best.spearman(score, 1.0), len(truth)))]
    found += [(f"{name}_spearman", summarised(best.spearman(score, share), best.count(share)))
              for name, share in TOPS.items()]  # fmt: skip
    found += [(f"regret_{first}", regret_interval(best.regret(score, first), len(truth))) for first in (1, 10)]
    return [(name, one.value, one.low, one.high) for name, one in found]


def main() -> None:
    """Choose on one half, report on the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, default=SCORES)
    parser.add_argument("--out", type=Path, required=True)
    settings = parser.parse_args()
    scores, table = read_scores(settings.scores), robnas.load("nas-robbench-201")
    archs = [Architecture(code) for code in scores.codes]
    conditions = -np.log(-scores.column(SCORE))  # nan where the kernel is singular
    sizes = np.log([count(arch, live=True).parameters for arch in archs])
    values = {
        dataset: np.array([table.peek(a, dataset=dataset, metric=METRIC, split="test", seed="mean") for a in archs])
        for dataset in ("cifar10", "cifar100", "imagenet16-120")
    }
    chosen, held = halves(np.array([partition("effective").class_of[arch.index] for arch in archs]))
    known = chosen[~np.isnan(conditions[chosen])]
    rhos = [spearman((sizes + w * conditions)[known], values["cifar100"][known]) for w in GRID]
    weight = float(GRID[int(np.argmax(rhos))])
    print(
        f"weight {weight:.2f} on CIFAR-100, {len(known)} architectures, rho {max(rhos):.3f}; in use {CONDITION_WEIGHT}"
    )
    columns = {
        "parameters": sizes,
        SCORE: conditions,
        "condition_and_parameters": sizes + CONDITION_WEIGHT * conditions,
    }
    rows = [
        (dataset, name, len(held), figure, f"{value:.6f}", f"{low:.6f}", f"{high:.6f}")
        for dataset in ("cifar10", "imagenet16-120")
        for name, column in columns.items()
        for figure, value, low, high in figures(column[held], values[dataset][held])
    ]
    for row in rows:
        print(*row)
    write_csv(settings.out / "condition_and_parameters.csv", HEADER, rows)


if __name__ == "__main__":
    main()

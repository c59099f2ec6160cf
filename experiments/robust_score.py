"""How well do proxies order adversarially trained architectures if they have seen none, some or other table values?

    robnas score --sample 320 --proxy cheap --data cifar10 --repeats 1 --jobs 2 --out runs/proxies/scores.parquet
    robnas score --sample 340 --sample-seed 1 --proxy cheap … --out runs/proxies/tuning.parquet
    robnas score --sample 340 --sample-seed 2 --proxy cheap … --out runs/proxies/fresh.parquet
    python experiments/robust_score.py --scores runs/proxies/scores.parquet --tuning runs/proxies/tuning.parquet \
        --fresh runs/proxies/fresh.parquet --out runs/robust-score

Reads scores of random architectures and correlates predictions with accuracy under PGD 8/255 in the table
nas-robbench-201. Three settings:

zero-shot: weights of one or two proxies, all pairs tried, are fitted by ridge regression to **CIFAR-100** values of one
  half of --scores; the best pair there is reported on the other half, CIFAR-10. `robust_score` is this choice with its
  weights frozen, reported on --fresh.
few-shot: `fit_few_shot` on 20, 50 and 100 CIFAR-10 values, with and without proxies; reported on all others of --fresh,
  whose scores, not values, set the scale of features. Mean of 20 splits. What it is made of was chosen on --tuning.
transfer: the same on CIFAR-10 values of one half of --fresh; reported on the other half, ImageNet16-120.

What is reported is of architectures that had no part in any choice: --fresh is without those that compute the same
functions (partition `effective`) as one of --scores or --tuning, and no two such are on both sides of a split. Images
are CIFAR-10 throughout. Beside them stand parameters alone and the ceiling that the table's noise leaves, in the figure
too.
"""

from __future__ import annotations

import argparse
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import robnas
from robnas.benchmarks import read_scores
from robnas.paper._figures import BLUE
from robnas.proxies import SCALES, proxy_features
from robnas.reports import write_csv, write_pictures
from robnas.spaces import Architecture, partition, sample
from robnas.statistics import correlate, spearman, table_ceiling
from robnas.surrogates import fit_few_shot

METRIC, SIZES, SPLITS = "pgd@8/255", (20, 50, 100), 20


def read(file: Path, table: Any) -> dict[str, Any]:
    """Architectures with scores, values per data set and the class of each."""
    scores = read_scores(file)
    drawn = [arch.code for arch in sample(np.random.default_rng(0), len(scores.codes), "official")]
    codes = drawn if set(drawn) == set(scores.codes) else list(scores.codes)  # splits follow the order
    archs = [Architecture(code) for code in codes]
    columns = {name: scores.at(codes, name).tolist() for name in scores.names}
    rows = [
        {name: None if column[place] != column[place] else column[place] for name, column in columns.items()}
        for place in range(len(codes))
    ]
    values = {
        dataset: np.array([table.peek(a, dataset=dataset, metric=METRIC, split="test", seed="mean") for a in archs])
        for dataset in ("cifar10", "cifar100", "imagenet16-120")
    }
    classes = partition("effective")
    return {
        "archs": np.array(archs, dtype=object),
        "scores": np.array(rows, dtype=object),
        "classes": np.array([classes.class_of[arch.index] for arch in archs]),
        **values,
    }


def split(classes: Any, count: int, seed: int) -> tuple[Any, Any]:
    """`count` random places, and all whose class is not among them."""
    order = np.random.default_rng(seed).permutation(len(classes))
    chosen = order[:count]
    return chosen, order[~np.isin(classes[order], classes[chosen])]


def ridge(rows: Any, values: Any) -> Any:
    """Weights of standardised columns, penalty 1, per unit of the raw column."""
    spread = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / spread
    return np.linalg.solve(scaled.T @ scaled + np.eye(rows.shape[1]), scaled.T @ (values - values.mean())) / spread


def zero_shot(found: dict[str, Any]) -> tuple[str, Any]:
    """The pair that orders CIFAR-100 best on one half, and what it says of the other half."""
    features = proxy_features(found["scores"])
    features = np.where(np.isnan(features), np.nanmin(features, axis=0), features)
    known, held = split(found["classes"], len(features) // 2, 0)
    best: tuple[float, tuple[int, ...], Any] = (-1.0, (), None)
    for size in (1, 2):
        for columns in combinations(range(features.shape[1]), size):
            weights = ridge(features[known][:, columns], found["cifar100"][known])
            rho = spearman(features[known][:, columns] @ weights, found["cifar100"][known])
            best = max(best, (rho, columns, weights), key=lambda one: one[0])
    rho, columns, weights = best
    names = [list(SCALES)[column] for column in columns]
    ratio = " ".join(f"{name} {weight / weights[0]:.3f}" for name, weight in zip(names, weights, strict=True))
    print(f"zero-shot choice on CIFAR-100, {len(known)} architectures, rho {rho:.3f}: {ratio}")
    score = features[:, columns] @ weights
    return ratio, correlate(score[held], found["cifar10"][held], rng=np.random.default_rng(0))


def few_shot(found: dict[str, Any], size: int, *, proxies: bool) -> tuple[float, float]:
    """Mean and standard deviation of Spearman's ρ over splits."""
    rhos = []
    for seed in range(SPLITS):
        known, held = split(found["classes"], size, seed)
        pool = list(found["archs"][held]), list(found["scores"][held])
        model = fit_few_shot(
            list(found["archs"][known]),
            list(found["scores"][known]),
            found["cifar10"][known],
            proxies=proxies,
            pool=pool,
        )
        guess = model.predict(list(found["archs"][held]), list(found["scores"][held]))
        rhos.append(spearman(guess, found["cifar10"][held]))
    return float(np.mean(rhos)), float(np.std(rhos, ddof=1))


def transfer(found: dict[str, Any]) -> Any:
    """Fitted on CIFAR-10, one half; on ImageNet16-120, the other half."""
    known, held = split(found["classes"], len(found["archs"]) // 2, 0)
    model = fit_few_shot(list(found["archs"][known]), list(found["scores"][known]), found["cifar10"][known])
    guess = model.predict(list(found["archs"][held]), list(found["scores"][held]))
    return correlate(guess, found["imagenet16-120"][held], rng=np.random.default_rng(0))


def without(found: dict[str, Any], classes: Any) -> dict[str, Any]:
    """Architectures of other classes."""
    keep = ~np.isin(found["classes"], classes)
    return {name: column[keep] for name, column in found.items()}


def main() -> None:
    """Report all settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("scores", "tuning", "fresh", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    settings = parser.parse_args()
    table = robnas.load("nas-robbench-201")
    scores, tuning = read(settings.scores, table), read(settings.tuning, table)
    fresh = without(read(settings.fresh, table), np.concatenate([scores["classes"], tuning["classes"]]))
    rows: list[list[Any]] = []

    def note(setting: str, detail: str, rho: float, low: float, high: float) -> None:
        rows.append([setting, detail, f"{rho:.4f}", f"{low:.4f}", f"{high:.4f}"])
        print(f"{setting:<12}{detail:<64}{rho:.3f} [{low:.3f}, {high:.3f}]", flush=True)

    def correlated(setting: str, detail: str, guess: Any, truth: Any) -> None:
        found = correlate(guess, truth, rng=np.random.default_rng(0))
        note(setting, f"{detail}, {found.count} architectures", found.value, found.low, found.high)

    ratio, held = zero_shot(scores)
    note("zero-shot", f"CIFAR-10, other half: {ratio}", held.value, held.low, held.high)
    for dataset in ("cifar10", "cifar100", "imagenet16-120"):
        for setting, name in (("baseline", "parameters"), ("zero-shot", "robust_score")):
            guess = [np.nan if row[name] is None else row[name] for row in fresh["scores"]]
            correlated(setting, f"{name}, {dataset}", guess, fresh[dataset])
    for size in SIZES:
        for proxies in (True, False):
            mean, deviation = few_shot(fresh, size, proxies=proxies)
            detail = f"{size} values, {'proxies and shape' if proxies else 'shape alone'}, cifar10"
            note("few-shot", f"{detail}: mean ± sd of {SPLITS} splits", mean, mean - deviation, mean + deviation)
    found = transfer(fresh)
    note("transfer", "cifar10 to imagenet16-120, other half", found.value, found.low, found.high)
    ceiling = table_ceiling(table, table.column("cifar10", METRIC, "test"), np.random.default_rng(0))
    note("ceiling", "cifar10, whole table", ceiling.value, ceiling.low, ceiling.high)
    write_csv(settings.out / "robust_score.csv", ["setting", "detail", "spearman", "low", "high"], rows)
    write_pictures(settings.out / "robust_score", figure(rows))


def figure(rows: list[list[Any]]) -> Any:
    """What orders architectures on CIFAR-10, beside the ceiling."""
    from matplotlib.figure import Figure

    shown = [
        row for row in rows if re.search(r"\bcifar10\b", row[1]) and row[0] in ("baseline", "zero-shot", "few-shot")
    ]
    labels = [f"{row[0]}: {row[1].split(', cifar10')[0]}" for row in shown]
    values = np.array([[float(cell) for cell in row[2:]] for row in shown])
    ceiling = float(next(row for row in rows if row[0] == "ceiling")[2])
    drawn = Figure(figsize=(7, 0.8 + 0.35 * len(shown)), layout="constrained")
    axes = drawn.subplots()
    error = np.abs(values[:, 1:] - values[:, :1]).T
    axes.errorbar(values[:, 0], range(len(shown)), xerr=error, fmt="o", color=BLUE, markersize=4)
    axes.axvline(ceiling, color="black", linestyle=":", linewidth=1, label="ceiling of the table's noise")
    axes.set_yticks(range(len(shown)), labels)
    axes.invert_yaxis()
    axes.set_xlabel("Spearman with accuracy under PGD 8/255, CIFAR-10\n95 % interval; few-shot: ± sd over splits")
    axes.legend(loc="lower left", frameon=False)
    return drawn


if __name__ == "__main__":
    main()

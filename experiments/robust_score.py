"""How well do proxies order adversarially trained architectures if they have seen none, some or other table values?

    robnas score --sample 320 --proxy cheap --data cifar10 --repeats 1 --jobs 2 --out runs/proxies/scores.parquet
    python experiments/robust_score.py --scores runs/proxies/scores.parquet --out runs/robust-score

Reads scores of random architectures and correlates predictions with accuracy under PGD 8/255 in the table
nas-robbench-201. Three settings:

zero-shot: weights of one or two proxies, all pairs tried, are fitted by ridge regression to **CIFAR-100** values of one
  half of the architectures; the best pair there is reported on the other half, CIFAR-10. `robust_score` is this choice
  with its weights frozen; --fresh adds its figure on architectures that had no part in the choice.
few-shot: a Gaussian process on proxies and the shape of the cell, and the same without proxies, on 20, 50 and 100
  CIFAR-10 values; reported on all others, whose scores, not values, set the scale of features. Mean of 20 splits.
transfer: that process on CIFAR-10 values of one half; reported on the other half, ImageNet16-120.

No architecture, nor one that computes the same functions (partition `effective`), is on both sides of a split. Images
are CIFAR-10 throughout. Beside them stand parameters alone and the ceiling that the table's noise leaves.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import robnas
from robnas.analysis import correlate, correlation_ceiling, spearman
from robnas.analysis._outputs import write_csv
from robnas.benchmarks import duplicate_residuals, read_scores
from robnas.proxies import SCALES, fit_few_shot, proxy_features
from robnas.spaces import Architecture, partition, sample

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


def main() -> None:
    """Report all settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--fresh", type=Path, help="scores of other architectures, with robust_score")
    parser.add_argument("--out", type=Path, required=True)
    settings = parser.parse_args()
    table = robnas.load("nas-robbench-201")
    found = read(settings.scores, table)
    lines: list[list[Any]] = []

    def note(setting: str, detail: str, value: Any) -> None:
        lines.append([setting, detail, str(value)])
        print(f"{setting:<12}{detail:<48}{value}", flush=True)

    rng = np.random.default_rng(0)
    sizes = [row["parameters"] for row in found["scores"]]
    note("baseline", "parameters alone, CIFAR-10", correlate(sizes, found["cifar10"], rng=rng))
    column = table.column("cifar10", METRIC, "test")
    residuals = duplicate_residuals(table.rows, column.mean)
    note("ceiling", "CIFAR-10, whole table", correlation_ceiling(column.mean, residuals, rng=rng, resamples=50))
    ratio, held = zero_shot(found)
    note("zero-shot", f"CIFAR-10, other half: {ratio}", held)
    if settings.fresh:
        fresh = read(settings.fresh, table)
        new = ~np.isin(fresh["classes"], found["classes"])
        scores = [np.nan if row["robust_score"] is None else row["robust_score"] for row in fresh["scores"][new]]
        for dataset in ("cifar10", "cifar100", "imagenet16-120"):
            rho = correlate(scores, fresh[dataset][new], rng=np.random.default_rng(0))
            note("zero-shot", f"robust_score, {rho.count} fresh ones, {dataset}", rho)
    for size in SIZES:
        for proxies in (True, False):
            mean, deviation = few_shot(found, size, proxies=proxies)
            detail = f"{size} values, {'proxies and shape' if proxies else 'shape alone'}, CIFAR-10"
            note("few-shot", detail, f"{mean:.3f} ± {deviation:.3f} over splits")
    note("transfer", "CIFAR-10 to ImageNet16-120", transfer(found))
    write_csv(settings.out / "robust_score.csv", ["setting", "detail", "spearman"], lines)


if __name__ == "__main__":
    main()

"""Which score finds the best architectures? How `top_score` was chosen, and what it does for others.

    python experiments/top_score.py --scores experiments/results/proxies/scores.parquet \
        --tuning experiments/results/proxies/tuning.parquet --fresh experiments/results/proxies/fresh.parquet \
        --out runs/top-score            # --choose makes the table of forms again, some minutes

**Chosen** by accuracy under PGD 8/255 of the architectures of --scores and --tuning in nas-robbench-201, CIFAR-10 and
CIFAR-100: a form is log Σ_ways Π gain and some further terms; its weights maximise the mean over both data sets of
Spearman's ρ among all, the best half, quarter and tenth. A form is judged on the other half of the architectures after
a fit on one half, mean of 6 halvings. The best form of the ways alone became `robnas.networks.top_score`, weights of
the fit on all rounded.

**Judged** on --fresh without architectures that compute the same functions (partition `effective`), on the whole
table, and on the table without those functions: figures of docs/statistics.md, "Scores of untrained networks: the top".
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import robnas
from robnas.benchmarks import Scores, Table, read_scores, tied
from robnas.networks import count, top_score
from robnas.proxies import SCALES, proxy_features
from robnas.reports import write_csv
from robnas.spaces import WAYS, Architecture, partition
from robnas.statistics import CHOICES, TOPS, Best, Bootstrap, regret_interval, spearman, summarised

Floats = npt.NDArray[np.float64]
METRIC, DATASETS = "pgd@8/255", ("cifar10", "cifar100", "imagenet16-120")
SHARES = TOPS | {"top_quarter": 0.25}
STEPS, HALVINGS = 250, 6
FORMS = (
    (), ("pooled",), ("pooled", "fewest"), ("pooled", "fewest", "pools"), ("pooled", "fewest", "log_parameters"),
    ("pooled", "log_parameters"), ("log_parameters",), ("pooled", "identity", "log_parameters"),
    ("pooled", "fewest", "epe_nas"), ("epe_nas",), ("pooled", "fewest", "nwot"),
)  # fmt: skip
"""Further terms of a form; the last three need a network."""


def accuracy(table: Table, archs: list[Architecture], dataset: str) -> Floats:
    """Of every architecture, shape (architectures,)."""
    values = [table.peek(arch, dataset=dataset, metric=METRIC, split="test", seed="mean") for arch in archs]
    return np.array(tied(np.array(values)))


class Terms:
    """What forms are made of, for some architectures."""

    def __init__(self, archs: list[Architecture], scores: list[dict[str, float | None]]) -> None:
        ways = [["".join(arch.code[edge] for edge in way) for way in WAYS] for arch in archs]
        self.counts = np.array([[[way.count(digit) for digit in "234"] for way in cell] for cell in ways], dtype=float)
        self.alive = np.array([["0" not in way for way in cell] for cell in ways])
        plain = self.alive & (self.counts[:, :, :2].sum(axis=2) == 0)
        pools, threes = self.counts[:, :, 2], np.where(self.alive, self.counts[:, :, 1], np.inf)
        features = proxy_features(scores)
        features = np.where(np.isnan(features), np.nanmin(features, axis=0), features)
        column = dict(zip(SCALES, ((features - features.mean(axis=0)) / features.std(axis=0)).T, strict=True))
        self.terms = {
            "pooled": (plain & (pools > 0)).sum(axis=1),
            "identity": (plain & (pools == 0)).any(axis=1),
            "fewest": np.where(self.alive.any(axis=1), threes.min(axis=1), 0),
            "pools": (pools * self.alive).sum(axis=1) / np.maximum(self.alive.sum(axis=1), 1),
            "log_parameters": column["parameters"], "epe_nas": column["epe_nas"], "nwot": column["nwot"],
        }  # fmt: skip

    def score(self, weights: Floats, form: tuple[str, ...], chosen: npt.NDArray[np.int64]) -> Floats:
        """Of the chosen ones: log Σ Π gain, then the terms; the first three weights are logarithms of gains."""
        gain = (self.alive[chosen] * np.exp(self.counts[chosen] @ weights[:3])).sum(axis=1)
        found: Floats = np.log(1e-3 + gain)
        for weight, name in zip(weights[3:], form, strict=True):
            found = found + weight * self.terms[name][chosen]
        return found


def goodness(score: Floats, truth: Floats) -> list[float]:
    """Spearman's ρ among all, and the best half, quarter and tenth."""
    order = np.argsort(-truth, kind="stable")
    return [
        spearman(score[order[:size]], truth[order[:size]])
        for size in (len(truth), *(int(np.ceil(len(truth) * share)) for share in (0.5, 0.25, 0.1)))
    ]


def fit(
    terms: Terms,
    form: tuple[str, ...],
    truths: list[Floats],
    chosen: npt.NDArray[np.int64],
    steps: int,
    rng: np.random.Generator,
) -> Floats:
    """Weights by random steps, each kept if it is better."""

    def value(weights: Floats) -> float:
        score = terms.score(weights, form, chosen)
        return float(np.mean([goodness(score, truth[chosen]) for truth in truths]))

    weights = np.append(np.log([1.25, 4.0, 0.4]), np.zeros(len(form)))
    best = value(weights)
    for _ in range(steps):
        step = weights.copy()
        place = int(rng.integers(len(step)))
        step[place] += rng.normal() * (0.3 if place < 3 else 0.2)
        if (found := value(step)) > best:
            best, weights = found, step
    return weights


def choose(archs: list[Architecture], scores: list[dict[str, float | None]], table: Table) -> list[list[Any]]:
    """A row per form: held-out figures on both data sets, and the weights of a fit on all."""
    terms, truths = Terms(archs, scores), [accuracy(table, archs, dataset) for dataset in DATASETS[:2]]
    every, rows = np.arange(len(archs)), []
    for form in FORMS:
        rng, held = np.random.default_rng(0), []
        for seed in range(HALVINGS):
            first, second = np.array_split(np.random.default_rng(seed).permutation(len(archs)), 2)
            weights = fit(terms, form, truths, first, STEPS, rng)
            held.append([goodness(terms.score(weights, form, second), truth[second]) for truth in truths])
        weights = fit(terms, form, truths, every, 2 * STEPS, rng)
        figures = np.mean(held, axis=0)
        rows.append([
            "+".join(("gains", *form)), f"{figures.mean():.4f}", *(f"{value:.4f}" for value in figures.ravel()),
            " ".join(f"{value:.2f}" for value in (*np.exp(weights[:3]), *weights[3:])),
        ])  # fmt: skip
        print(*rows[-1], flush=True)
    return rows


def judge(sample: str, columns: dict[str, Floats], truth: Floats, optimum: float) -> list[list[Any]]:
    """Figures of every score on a sample, with intervals over architectures, all on the same resamples."""
    draws = Bootstrap(len(truth), np.random.default_rng(0))
    best = Best(truth, draws.index(np.ones(len(truth), dtype=np.bool_)))
    beside, rows = best.spearman(columns["parameters"], TOPS["top_decile"]), []
    for name, score in columns.items():
        intervals = [summarised(best.spearman(score, share), best.count(share)) for share in (1.0, *SHARES.values())]
        intervals += [regret_interval(100 * best.regret(score, first), len(truth)) for first in CHOICES]
        gain = best.spearman(score, TOPS["top_decile"]) - beside
        intervals.append(summarised(gain, best.count(TOPS["top_decile"])))
        cells = [f"{end:.4f}" for one in intervals for end in (one.value, one.low, one.high)]
        print(f"{sample:<48}{name:<14}", *cells[::3], flush=True)
        rows.append([sample, len(truth), f"{truth.max():.6f}", f"{optimum:.6f}", name, *cells])
    return rows


def read(files: list[Path]) -> tuple[list[Architecture], list[dict[str, float | None]]]:
    """Architectures of these files, each once, and their scores."""
    found: dict[str, dict[str, float | None]] = {}
    for scores in map(read_scores, files):
        for code in scores.codes:
            found.setdefault(code, _row(scores, code))
    return [Architecture(code) for code in found], list(found.values())


def _row(scores: Scores, code: str) -> dict[str, float | None]:
    values = scores.means[scores.codes.index(code)]
    return {name: None if value != value else float(value) for name, value in zip(scores.names, values, strict=True)}


def closed(archs: list[Architecture]) -> dict[str, Floats]:
    """Scores that need no network."""
    return {
        "parameters": np.array([count(arch, live=True).parameters for arch in archs], dtype=float),
        "top_score": np.array([np.nan if (found := top_score(arch)) is None else found for arch in archs]),
    }


def main() -> None:
    """Judge, and choose again if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("scores", "tuning", "fresh", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--choose", action="store_true", help="make the table of forms again")
    given = parser.parse_args()
    table = robnas.load("nas-robbench-201")
    archs, scores = read([given.scores, given.tuning])
    if given.choose:
        header = [f"{share}_{name}" for name in DATASETS[:2] for share in ("all", "half", "quarter", "tenth")]
        header = ["form", "held_out", *header, "gains_and_weights"]
        write_csv(given.out / "top_score_choice.csv", header, choose(archs, scores, table))
    classes = partition("effective").class_of
    seen = np.array([classes[arch.index] for arch in archs])

    def apart(others: list[Architecture]) -> npt.NDArray[np.bool_]:
        return ~np.isin([classes[arch.index] for arch in others], seen)

    fresh, fresh_scores = read([given.fresh])
    every = [Architecture(arch) for arch in table.architectures]
    of_fresh = closed(fresh) | {
        name: np.array([np.nan if row[name] is None else row[name] for row in fresh_scores], dtype=float)
        for name in ("synflow", "nwot", "robust_score")
    }
    whole = np.ones(len(every), dtype=np.bool_)
    samples = (("fresh", fresh, of_fresh, apart(fresh)), ("whole table", every, closed(every), whole),
               ("table without the chosen functions", every, closed(every), apart(every)))  # fmt: skip
    rows = []
    for dataset in DATASETS:
        optimum = float(accuracy(table, every, dataset).max())
        for sample, members, columns, keep in samples:
            kept = {name: column[keep] for name, column in columns.items()}
            rows += judge(f"{sample}, {dataset}", kept, accuracy(table, members, dataset)[keep], optimum)
    figures = ["all", *SHARES, *(f"regret_{first}_points" for first in CHOICES), "top_decile_over_parameters"]
    header = [f"{name}{end}" for name in figures for end in ("", "_low_95", "_high_95")]
    write_csv(given.out / "top_score.csv", ["sample", "size", "optimum", "table_optimum", "score", *header], rows)


if __name__ == "__main__":
    main()

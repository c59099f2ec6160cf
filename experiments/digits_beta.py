"""The table digits-beta from the store of its build, and what the weight β of the robust loss does to architectures.

    robnas build experiments/digits_beta.toml --store sqlite:///runs/digits_beta.db --jobs 2
    python experiments/digits_beta.py --store sqlite:///runs/digits_beta.db --table digits-beta.parquet
    python experiments/digits_beta.py --table digits-beta.parquet --out runs/digits-beta

The second line writes the table. The third one answers of it, in Markdown, CSV and a picture:

accuracies: mean and highest on test images at each β, in percent, of the mean of two trainings.
ranks: Spearman correlation over architectures between two β, of clean accuracy and of accuracy under PGD, with a
  bootstrap interval; beside it what would be left if the order were the same and there were but the noise of trainings,
  some of which two β have in common, because a seed gives both the same initial weights and batches.
one for all: how many architectures may be the best (at least 95 %) at each β, and at all of them (at least 95 % for all
  β together, by wider sets); and what is lost at β by the architecture that was best at another β, by
  (1 − β)·clean + β·robust: chosen by one training on validation images, judged by another training on test images, over
  random halves of the architectures.
front: hypervolume on test images of what is on the front of clean and robust accuracy on validation images, for each β
  and for all together, and which β the latter is made of; chosen and judged by different trainings, too. The noise of
  what is judged makes all volumes somewhat too large.
search: what n trainings find, each of a random architecture, at one β or with a random β each: hypervolume on test
  images of the front on validation images. A training that was found is the result, so here the same one is judged.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

import robnas
from robnas.benchmarks import Column, Table, pareto_front, write_croissant, write_table
from robnas.reports import write_csv, write_pictures
from robnas.search import hypervolume
from robnas.statistics import correlate, table_ceiling, tied_with_best

Floats = npt.NDArray[np.float64]
Lines = list[list[str]]

DATASET, CLEAN, ROBUST = "digits", "clean", "pgd@32/255"
REFERENCE = (0.1, 0.0)
"""What a network that learned nothing has: accuracies from which volumes are counted."""
BUDGETS, DRAWS, SEED = (25, 50, 100, 200), 400, 0
FACTS = {
    "citation": "robnas, built with experiments/digits_beta.toml",
    "licence": "Apache-2.0",
    "notes": "8x8 digits, C=8, N=1, 4 epochs of (1-beta)*clean + beta*robust with PGD-2 at 32/255: for learning and "
    "testing, no statement about real images. The 500 architectures that the table digits has with three seeds, at "
    "each beta with seeds 0 and 1. Validation and test are separate images.",
}


@final
@dataclass(frozen=True)
class Values:
    """Accuracies of the architectures that have all of them."""

    betas: tuple[float, ...]
    clean: dict[str, Floats]
    """Split → (betas, architectures, seeds)."""
    robust: dict[str, Floats]

    @classmethod
    def of(cls, table: Table) -> Values:
        """Those of a table with two seeds."""
        betas = table.betas
        found = {
            (metric, split): np.stack([table.column(DATASET, metric, split, beta=beta).values[:, :2] for beta in betas])
            for metric in (CLEAN, ROBUST)
            for split in ("validation", "test")
        }
        known = np.logical_and.reduce([~np.isnan(values).any(axis=(0, 2)) for values in found.values()])
        part = {key: values[:, known] for key, values in found.items()}
        clean, robust = ({split: part[metric, split] for split in ("validation", "test")} for metric in (CLEAN, ROBUST))
        return cls(betas, clean, robust)

    @property
    def count(self) -> int:
        """Architectures."""
        return int(self.clean["test"].shape[1])

    def mixed(self, split: str) -> Floats:
        """(1 − β)·clean + β·robust, each at its β, shape (betas, betas, architectures, seeds): of goal, of training."""
        weight = np.array(self.betas)[:, None, None, None]
        return (1 - weight) * self.clean[split][None] + weight * self.robust[split][None]

    def points(self, split: str, seed: int) -> Floats:
        """Clean and robust, shape (betas, architectures, 2)."""
        return np.stack([self.clean[split][..., seed], self.robust[split][..., seed]], axis=-1)


def accuracies(table: Table) -> Lines:
    """Beta, metric, mean and highest over architectures, of the mean of their trainings."""
    rows = []
    for beta in table.betas:
        for metric in dict.fromkeys(column.metric for column in table.columns):
            values = 100 * np.nanmean(table.column(DATASET, metric, "test", beta=beta).values, axis=1)
            rows.append([f"{beta:g}", metric, f"{np.nanmean(values):.1f}", f"{np.nanmax(values):.1f}"])
    return rows


def ranks(table: Table, draws: int = 2 * DRAWS) -> Lines:
    """Metric, both betas, Spearman with its interval, and what noise alone would leave."""
    betas, rows = table.betas, []
    for metric in (CLEAN, ROBUST):
        columns = {beta: table.column(DATASET, metric, "test", beta=beta) for beta in betas}
        left = {beta: table_ceiling(table, one, np.random.default_rng(SEED)).value for beta, one in columns.items()}
        for first, second in combinations(betas, 2):
            rng = np.random.default_rng(SEED)
            found = correlate(columns[first].mean, columns[second].mean, rng=rng, resamples=draws)
            noise = _alone(left[first], left[second], _shared(columns[first], columns[second]))
            numbers = (found.value, found.low, found.high, noise)
            rows.append([metric, f"{first:g}", f"{second:g}", *(f"{number:.3f}" for number in numbers)])
    return rows


def _alone(first: float, second: float, shared: float) -> float:
    """Correlation of two noisy columns of one order, by what is left of each and the correlation of their noises."""
    return float(first * second + shared * np.sqrt((1 - first**2) * (1 - second**2)))


def _shared(first: Column, second: Column) -> float:
    """Rank correlation of what two seeds differ by at one beta and at another: that of the noises, seed by seed."""
    own, other = (column.values[:, 0] - column.values[:, 1] for column in (first, second))
    found = correlate(own, other, rng=np.random.default_rng(SEED), resamples=1).value
    return 0.0 if np.isnan(found) else found  # nothing differs


def best(table: Table) -> Lines:
    """Metric and, for each beta and for all, how many architectures may be the best, and one that came out so."""
    rows, together = [], 1 - 0.05 / len(table.betas)  # Bonferroni
    for metric in (CLEAN, ROBUST):
        sets: list[set[str]] = []
        for beta in table.betas:
            where: dict[str, Any] = {"dataset": DATASET, "metric": metric, "split": "test", "beta": beta}
            tied = [arch.text for arch, _ in tied_with_best(table, **where)]
            sets.append({arch.text for arch, _ in tied_with_best(table, level=together, **where)})
            rows.append([metric, f"{beta:g}", str(len(tied)), tied[0]])
        shared = sorted(set.intersection(*sets))
        rows.append([metric, "all", str(len(shared)), " ".join(shared[:3])])
    return rows


def losses(values: Values, draws: int = DRAWS) -> Lines:
    """Beta chosen at, beta judged at, mean loss in points, and 2.5 to 97.5 % over halves."""
    size = len(values.betas)
    seen, judged = values.mixed("validation"), values.mixed("test")
    own = np.arange(size)
    found = np.empty((draws, size, size))
    for draw, (half, seed) in enumerate(_halves(values.count, draws)):
        picks = half[seen[own, own][:, half, seed].argmax(axis=1)]  # at each beta, by its own goal and trainings
        told = judged[own, own][:, picks, 1 - seed]  # (judged at, chosen at)
        found[draw] = np.diagonal(told)[:, None] - told
    return [
        [f"{values.betas[chosen]:g}", f"{values.betas[at]:g}", *_points(found[:, at, chosen])]
        for at in own
        for chosen in own
        if at != chosen
    ]


def _halves(count: int, draws: int) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Random halves of the architectures, each with the seed of the trainings that choose."""
    rng = np.random.default_rng(SEED)
    for draw in range(draws):
        yield rng.permutation(count)[: max(1, count // 2)], draw % 2


def _points(losses_: Floats) -> list[str]:
    low, high = np.quantile(losses_, (0.025, 0.975))
    return [f"{100 * number:.2f}" for number in (losses_.mean(), low, high)]


def fronts(values: Values, draws: int = DRAWS) -> Lines:
    """Beta or all, points on the front, hypervolume with 2.5 to 97.5 % over halves, and shares of the joint front."""
    size = len(values.betas)
    volumes, shares, counts = np.empty((draws, size + 1)), np.zeros((draws, size)), np.empty((draws, size + 1))
    for draw, (half, seed) in enumerate(_halves(values.count, draws)):
        seen, judged = values.points("validation", seed)[:, half], values.points("test", 1 - seed)[:, half]
        for place in range(size):
            front = pareto_front(seen[place])
            volumes[draw, place], counts[draw, place] = hypervolume(judged[place][front], REFERENCE), len(front)
        joint = pareto_front(seen.reshape(-1, 2))
        volumes[draw, size] = hypervolume(judged.reshape(-1, 2)[joint], REFERENCE)
        counts[draw, size] = len(joint)
        shares[draw] = np.bincount(joint // len(half), minlength=size) / len(joint)
    names = [*(f"{beta:g}" for beta in values.betas), "all"]
    rows = []
    for place, name in enumerate(names):
        low, high = np.quantile(volumes[:, place], (0.025, 0.975))
        share = f"{shares[:, place].mean():.2f}" if place < size else ""
        numbers = (f"{number:.4f}" for number in (volumes[:, place].mean(), low, high))
        rows.append([name, f"{counts[:, place].mean():.1f}", *numbers, share])
    return rows


def searched(values: Values, budget: int, draws: int = DRAWS) -> Floats:
    """Hypervolume of what `budget` random trainings find, shape (draws, betas + 1): at each beta, at random ones."""
    size, found = len(values.betas), np.empty((draws, len(values.betas) + 1))
    for draw, rng in enumerate(_generators(draws)):
        seed = draw % 2
        seen, judged = values.points("validation", seed), values.points("test", seed)
        drawn, free = rng.permutation(values.count)[:budget], rng.permutation(size * values.count)[:budget]
        for place in range(size):
            found[draw, place] = hypervolume(judged[place, drawn][pareto_front(seen[place, drawn])], REFERENCE)
        some, told = seen.reshape(-1, 2)[free], judged.reshape(-1, 2)[free]
        found[draw, size] = hypervolume(told[pareto_front(some)], REFERENCE)
    return found


def _generators(count: int) -> Iterator[np.random.Generator]:
    return (np.random.default_rng([SEED, number]) for number in range(count))


def searches(values: Values, budgets: tuple[int, ...] = BUDGETS, draws: int = DRAWS) -> Lines:
    """Budget, what is trained, mean hypervolume with its interval, and the gain of random betas over it, paired."""
    rows = []
    for budget in (one for one in budgets if one <= values.count):
        found = searched(values, budget, draws)
        gain = found[:, -1:] - found
        for place, name in enumerate([*(f"beta {beta:g}" for beta in values.betas), "random beta"]):
            told = [
                *_interval(found[:, place]),
                *(_interval(gain[:, place]) if place < len(values.betas) else [""] * 3),
            ]
            rows.append([str(budget), name, *told])
    return rows


def _interval(sample: Floats) -> list[str]:
    """Mean, and 95 % of it over draws."""
    mean, half = sample.mean(), 1.96 * sample.std(ddof=1) / np.sqrt(len(sample))
    return [f"{number:.4f}" for number in (mean, mean - half, mean + half)]


SECTIONS = {
    "accuracies": ["beta", "metric", "mean", "highest"],
    "ranks": ["metric", "beta", "and beta", "spearman", "low", "high", "noise alone"],
    "best": ["metric", "beta", "may be the best", "for example"],
    "losses": ["chosen at beta", "judged at beta", "points lost", "low", "high"],
    "fronts": ["beta", "points", "hypervolume", "low", "high", "share of the joint front"],
    "searches": ["trainings", "of", "hypervolume", "low", "high", "gain of random beta", "low ", "high "],
}


def answers(table: Table, draws: int = DRAWS) -> dict[str, Lines]:
    """The rows of each section."""
    values = Values.of(table)
    return {
        "accuracies": accuracies(table),
        "ranks": ranks(table, 2 * draws), "best": best(table), "losses": losses(values, draws),
        "fronts": fronts(values, draws),
        "searches": searches(values, draws=draws),
    }  # fmt: skip


def picture(values: Values, found: dict[str, Lines]) -> Any:
    """Ranks against those at β = 1, fronts, and what a search finds."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    last = f"{values.betas[-1]:g}"
    for metric, colour in ((CLEAN, "#0072B2"), (ROBUST, "#D55E00")):
        rows = [row for row in found["ranks"] if row[0] == metric and row[2] == last]
        numbers = np.array([[float(cell) for cell in (row[1], *row[3:])] for row in rows]).T
        bars = [numbers[1] - numbers[2], numbers[3] - numbers[1]]
        left.errorbar(numbers[0], numbers[1], bars, fmt="o-", color=colour, capsize=3, label=metric)
        left.plot(numbers[0], numbers[4], ":", color=colour, label=f"{metric}, noise alone")
    left.set(xlabel="β", ylabel=f"Spearman with β = {last}, test", title="Do ranks move with β?")
    left.legend(fontsize=8)
    shades = colormaps["viridis"](np.linspace(0, 0.9, len(values.betas)))
    seen, judged = (
        np.stack([values.points(split, seed) for seed in (0, 1)]).mean(axis=0) for split in ("validation", "test")
    )
    for place, beta in enumerate(values.betas):
        front = pareto_front(seen[place])
        order = front[np.argsort(judged[place, front, 0])]
        middle.plot(*(100 * judged[place]).T, ".", color=shades[place], alpha=0.15, markersize=3)
        middle.plot(*(100 * judged[place, order]).T, "o-", color=shades[place], markersize=4, label=f"β = {beta:g}")
    middle.set(xlabel="clean, %, test", ylabel=f"{ROBUST}, %, test", title="Fronts, chosen on validation images")
    middle.legend(fontsize=8)
    names = dict.fromkeys(row[1] for row in found["searches"])
    for place, name in enumerate(names):
        rows = [row for row in found["searches"] if row[1] == name]
        free = name == "random beta"
        right.plot([int(row[0]) for row in rows], [float(row[2]) for row in rows], "--o" if free else "-o",
                   color="black" if free else shades[place], markersize=4, label=name.replace("beta", "β"))  # fmt: skip
    right.set(xlabel="trainings", ylabel="hypervolume, test", xscale="log", title="What a random search finds")
    right.set_xticks(budgets := sorted({int(row[0]) for row in found["searches"]}), [str(one) for one in budgets])
    right.minorticks_off()
    right.legend(fontsize=8)
    return figure


def write(store: str, path: Path) -> Table:
    """The table of a store, as a file with its description."""
    from robnas.building import table_of_plans
    from robnas.records import RecordStore, find_plans

    with RecordStore(store, complete=False) as records:
        table = table_of_plans(records, find_plans(records, "digits-beta"))
    table.provenance.update(FACTS)
    write_table(table, path)
    write_croissant(path)
    missing = table.provenance["missing_trials"]
    print(f"{len(table):,} architectures, {missing:,} trials missing, {path.stat().st_size:,} bytes")
    return table


def main() -> None:
    """Write the table, or answer of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", help="of the build; writes --table")
    parser.add_argument("--table", default="digits-beta", help="file, or the bundled table")
    parser.add_argument("--out", type=Path, help="folder for answers and the picture")
    parser.add_argument("--draws", type=int, default=DRAWS)
    args = parser.parse_args()
    if args.store is not None:
        write(args.store, Path(args.table))
        return
    table = robnas.load(args.table)
    found = answers(table, args.draws)
    for name, rows in found.items():
        print(f"\n## {name}\n\n| {' | '.join(SECTIONS[name])} |\n|{'---|' * len(SECTIONS[name])}")
        print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        for name, rows in found.items():
            write_csv(args.out / f"{name}.csv", SECTIONS[name], rows)
        write_pictures(args.out / "digits-beta", picture(Values.of(table), found))


if __name__ == "__main__":
    main()

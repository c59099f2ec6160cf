"""Numbers of the documentation that the tables themselves decide: noise, ranks, ceilings, expected bests, spread.

    python experiments/table_numbers.py --out experiments/results/tables    # after robnas fetch; minutes of one core

`spread.csv` is of the bundled digits; `noise.csv` is of the published CIFAR-10: the noise of one
training, pooled and local, and what it leaves open about the best architecture (simultaneous sets and posteriors, which
take longest, with --all); `ceilings.csv` and `expected.csv` are of columns of both; `sizes.csv` is what the number of
parameters orders of the architectures of Figure 5. Accuracies are fractions.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import robnas
from robnas.benchmarks import Table, expected_accuracies, read_scores
from robnas.reports import write_csv
from robnas.statistics import (
    Bootstrap,
    correlations,
    join,
    rank_set,
    root_of_seeds,
    shown_noise,
    table_ceiling,
    tied_with_best,
)

PUBLISHED = "nas-robbench-201"
FIGURE5 = Path(__file__).parent / "results" / "figure5" / "scores-8.parquet"
SHOWN = [("cifar10", "clean"), ("cifar10", "pgd@8/255"), ("cifar10", "autoattack@8/255")]
IMAGENET = [("imagenet16-120", "pgd@8/255"), ("imagenet16-120", "autoattack@8/255")]
DIGITS = [("digits", "clean"), ("digits", "pgd@32/255")]


def spread(table: Table) -> Iterator[list[Any]]:
    """How far architectures stand apart by their first seed, and how much of that is noise."""
    for column in table.columns:
        noise = table.noise(dataset=column.dataset, metric=column.metric, split=column.split).run_sd
        first = column.values[:, 0]
        sd = float(np.nanstd(first, ddof=1))
        yield [
            column.split,
            column.metric,
            *np.nanpercentile(first, [0, 5, 50, 95, 100]),
            sd,
            noise,
            1 - (noise / sd) ** 2,
        ]


def noise(table: Table, dataset: str, metric: str, every: bool) -> Iterator[list[Any]]:
    """By pooled and by local noise: of one training at the best network, the ranks of that one, and its rivals."""
    where = {"dataset": dataset, "metric": metric, "split": "test"}
    column = table.column(dataset, metric, "test")
    best = table.best(count=1, **where)[0][0]
    local = shown_noise(table, column)
    for spread_of in (table.noise(**where), local):
        value = float(np.nanmax(column.mean))
        row = [dataset, metric, spread_of.kind, float(spread_of.run_sd_at(value)), *spread_of.interval_at(value)]
        row += [
            rank_set(table, best, noise=spread_of, **where).high,
            len(tied_with_best(table, noise=spread_of, **where)),
        ]
        if every:
            row.append(rank_set(table, best, noise=spread_of, method="bayes", **where).high)
            row.append(len(tied_with_best(table, noise=spread_of, method="bayes", **where)))
            row.append(rank_set(table, best, noise=spread_of, method="simultaneous", **where).high)
        yield row


def ceilings(table: Table, dataset: str, metric: str) -> list[Any]:
    """The highest correlation, and the root of that of two seeds where there are seeds."""
    column = table.column(dataset, metric, "test")
    found, seeds = (
        table_ceiling(table, column, np.random.default_rng(0)),
        root_of_seeds(column, np.random.default_rng(0)),
    )
    return [
        table.name,
        dataset,
        metric,
        *(getattr(one, end) for one in (found, seeds) for end in ("value", "low", "high")),
    ]


def expected(table: Table, dataset: str, metric: str) -> list[Any]:
    """The highest value, what is expected of it, and of the best."""
    column = table.column(dataset, metric, "test")
    found = expected_accuracies(table, column)
    winner = int(np.nanargmax(column.mean))
    best = found.best()
    return [
        table.name,
        dataset,
        metric,
        float(column.mean[winner]),
        found.means[winner],
        best,
        best - found.means[winner],
    ]


def sizes(table: Table) -> Iterator[list[Any]]:
    """Spearman of the number of parameters on live edges with each accuracy, as `robnas reproduce figure5` draws it."""
    both = join([read_scores(FIGURE5)], table, "cifar10")
    draws = Bootstrap(len(both.codes), np.random.default_rng(0))
    for metric, truth in both.truth.items():
        found, *_ = correlations(both.parameters, truth, np.full(len(truth), np.nan), draws)
        yield [metric, found.count, found.value, found.low, found.high]


def write(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    """Six digits of every number."""
    write_csv(path, header, [[f"{one:.6g}" if isinstance(one, float) else one for one in row] for row in rows])


def main() -> None:
    """One file after the other, the quickest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    digits, published = robnas.load("digits"), robnas.load(PUBLISHED)
    write(given.out / "spread.csv", ["split", "metric", "q0", "q5", "q50", "q95", "q100", "sd", "noise", "reliability"],
          list(spread(digits)))  # fmt: skip
    write(given.out / "sizes.csv", ["metric", "architectures", "spearman", "low_95", "high_95"], list(sizes(published)))
    columns = [(digits, *one) for one in DIGITS] + [(published, *one) for one in SHOWN + IMAGENET]
    wanted = [*columns[2:5], (published, "cifar100", "pgd@8/255"), columns[5], columns[1]]
    write(given.out / "expected.csv", ["table", "dataset", "metric", "highest", "of_it", "best", "regret"],
          [expected(*one) for one in wanted])  # fmt: skip
    write(given.out / "ceilings.csv", ["table", "dataset", "metric", "ceiling", "low_95", "high_95", "root_of_seeds",
          "root_low_95", "root_high_95"], [ceilings(*one) for one in columns])  # fmt: skip
    more = ["rank_bayes", "rivals_bayes", "rank_simultaneous"] if given.all else []
    write(given.out / "noise.csv", ["dataset", "metric", "kind", "sd", "low_95", "high_95", "rank", "rivals", *more],
          [row for one in SHOWN for row in noise(published, *one, given.all)])  # fmt: skip


if __name__ == "__main__":
    main()

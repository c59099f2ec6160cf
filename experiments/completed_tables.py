"""Do predicted values of completed tables hold what they say? On tables that know every value.

    python experiments/completed_tables.py --out experiments/results/completed    # after robnas fetch; a minute

Of each table some architectures are known, drawn at random with one seed; `robnas.surrogates.complete` predicts the
others, which are compared with what one training of them measured (of the published table, with its means). `held` is
the share of them within ±1.645 predicted standard deviations, of all and of the tenth that is predicted best.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import robnas
from robnas.benchmarks import Table
from robnas.reports import write_csv
from robnas.statistics import spearman
from robnas.surrogates import complete

Z = 1.645
DIGITS, PUBLISHED = ("clean", "pgd@32/255"), ("pgd@8/255", "autoattack@8/255")


def cases() -> Iterator[tuple[str, Table, np.ndarray, str, str]]:
    """What is known of which column."""
    digits, published = robnas.load("digits"), robnas.load("nas-robbench-201")
    several = (~np.isnan(digits.column("digits", "clean", "test").values)).sum(axis=1) == 3
    for known, rows in (("150 random", np.arange(len(digits))), ("150 with three seeds", np.flatnonzero(several))):
        chosen = np.random.default_rng(0).choice(rows, 150, replace=False)
        for metric in DIGITS:
            yield known, digits, np.sort(chosen), "digits", metric
    chosen = np.random.default_rng(0).choice(len(published), 200, replace=False)
    for metric in PUBLISHED:
        yield "200 random", published, np.sort(chosen), "cifar10", metric


def judged(whole: Table, rows: np.ndarray, dataset: str, metric: str) -> list[float]:
    """Spearman, mean absolute error, median predicted deviation, shares held of all and of the best tenth."""
    lab = Table("lab", whole.rows[rows], [column.take(rows) for column in whole.columns], space=whole.space)
    completed = complete(lab, columns=[lab.column(dataset, metric, "test")])
    found = completed.column(dataset, metric, "test")
    truth = dict(zip(whole.rows.tolist(), whole.column(dataset, metric, "test").values[:, 0], strict=True))
    known = np.array([truth.get(row, np.nan) for row in completed.rows.tolist()])
    places = ~found.measured & ~np.isnan(known)
    said, sd, true = found.predicted[places], found.sd[places], known[places]
    held = np.abs(said - true) <= Z * sd
    best = said >= np.quantile(said, 0.9)
    return [
        spearman(said, true),
        float(np.abs(said - true).mean()),
        float(np.median(sd)),
        held.mean(),
        held[best].mean(),
    ]


def main() -> None:
    """One row per column."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    rows: list[list[Any]] = []
    for known, table, chosen, dataset, metric in cases():
        numbers = judged(table, chosen, dataset, metric)
        rows.append([known, table.name, metric, *(f"{one:.5f}" for one in numbers)])
        print(*rows[-1], flush=True)
    write_csv(out / "completed.csv", ["known", "table", "metric", "spearman", "mae", "sd", "held", "held_best"], rows)


if __name__ == "__main__":
    main()

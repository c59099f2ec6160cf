"""The bundled table from the store of its build, and what the numbers are worth.

    robnas build experiments/digits.toml --store sqlite:///runs/digits.db --jobs 2
    python experiments/digits_table.py --store sqlite:///runs/digits.db --out src/robnas/benchmarks/digits.parquet

Prints how far architectures stand apart, the noise of one training, and the reliability: the share of the variance of
one run that is due to the architecture.
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

import numpy as np
import torch

from robnas.benchmarks import Table, write_croissant, write_table
from robnas.building import table_of_plan
from robnas.records import RecordStore, find_plan

FACTS = {
    "citation": "robnas, built with experiments/digits.toml",
    "licence": "Apache-2.0",
    "notes": "8x8 digits, C=8, N=1, 4 epochs of PGD-2 at 32/255: for learning and testing, no statement about real "
    "images. One seed for all, three for 500 architectures drawn at random. Validation and test are separate images.",
}


def machine() -> str:
    """What decides the last bits of a training, besides the version of torch."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    return (
        f"{facts.get('model name', 'unknown')}, family {facts.get('cpu family')}, model {facts.get('model')}, "
        f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    )


def worth(table: Table) -> str:
    """A Markdown table of spread and noise, one row per column of the table."""
    rows = [
        "| split | metric | minimum | 5 % | median | 95 % | maximum | sd of one run | of its noise | reliability |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for column in table.columns:
        where = {"dataset": column.dataset, "metric": column.metric, "split": column.split}
        first, noise = column.values[:, 0], table.noise(**where).run_sd
        spread = float(np.nanstd(first, ddof=1))
        shown = " | ".join(f"{100 * value:.1f}" for value in np.nanpercentile(first, [0, 5, 50, 95, 100]))
        rows.append(
            f"| {column.split} | {column.metric} | {shown} | {100 * spread:.1f} | {100 * noise:.1f} "
            f"| {1 - (noise / spread) ** 2:.2f} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Write the table and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default="sqlite:///runs/digits.db")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with RecordStore(args.store) as store:
        table = table_of_plan(store, find_plan(store, "digits"))
    table.provenance.update(FACTS, machine=machine())
    write_table(table, args.out)
    write_croissant(args.out)
    missing = table.provenance["missing_trials"]
    print(f"{len(table):,} architectures, {missing:,} trials missing, {args.out.stat().st_size:,} bytes")
    print(f"{table.provenance['core_hours']} core-hours, {table.provenance['date']}, {machine()}")
    print(worth(table))


if __name__ == "__main__":
    main()

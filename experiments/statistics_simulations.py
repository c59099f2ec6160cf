"""Do the statistics hold? Tables of simulated coverage and error, one per claim of docs/statistics.md.

    python experiments/statistics_simulations.py --out experiments/results/statistics            # all of them
    python experiments/statistics_simulations.py ceiling --repeats 20 --out /tmp/statistics      # one, quickly

Every file of `experiments/simulations` is one simulation, which writes NAME.csv. Small versions with fixed seeds are
tests: tests/statistics.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from time import perf_counter

import numpy as np

from robnas.reports import write_csv

NAMES = sorted(path.stem for path in Path(__file__).with_name("simulations").glob("[a-z]*.py"))


def main() -> None:
    """Run what was asked for and write its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)}; all if omitted")
    parser.add_argument("--repeats", type=int, help="simulated tables per setting; what each simulation thinks right")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no simulation {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.names or NAMES:
        started = perf_counter()
        simulate = import_module(f"simulations.{name}").simulate
        rows = simulate(np.random.default_rng(given.seed), given.repeats)
        write_csv(given.out / f"{name}.csv", list(rows[0]), [[*row.values()] for row in rows])
        print(f"{name}: {len(rows)} rows, {perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

"""Kills a search by training at random, and compares its trace with that of an undisturbed one.

    python experiments/search_kills.py --out runs/search-kills

Regularized evolution trains on the digits, once in peace and once while processes are killed with SIGKILL, workers
mostly and one time in three the search itself, which is then started again: the same command. With one worker, and with
two that are asked and told in batches, both traces must be the same to the last value, and every training be made once.
With two workers and without batches the traces may differ; nothing may be charged or trained twice. Of the undisturbed
search with one worker it says how much longer it took than its trainings.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from kills import disturb

from robnas.records import RecordStore, store_status

PLAN = """
name = "kills"
seeds = [0]
[space]
kind = "representatives"
partition = "official"
[data]
name = "digits"
[recipe]
preset = "digits"
epochs = {epochs}
[evaluation]
splits = ["validation"]
checks = false
[[evaluation.attacks]]
name = "pgd"
epsilon = "32/255"
steps = 10
step_size = "8/255"
"""
WAYS = {"one": ["--jobs", "1"], "batches": ["--jobs", "2", "--batch", "2"], "asynchronous": ["--jobs", "2"]}


def start(folder: Path, name: str, way: str, budget: int) -> subprocess.Popen[bytes]:
    """Start the command that searches."""
    command = [
        sys.executable, "-m", "robnas", "search", "--plan", str(folder / "plan.toml"), "--store",
        f"sqlite:///{folder}/{name}.db", "--metric", "pgd@32/255", "--split", "validation", "--algorithm",
        "regularized-evolution", "--set", "population=8", "--set", "sample=3", "--budget", str(budget), "--attempts",
        "1000", "--out", str(folder / name), *WAYS[way],
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def main() -> None:
    """Search in peace, search under fire, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--interval", type=float, default=4.0, help="mean seconds between kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--way", choices=WAYS, action="append", help="all if omitted")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "plan.toml").write_text(PLAN.format(epochs=args.epochs))
    good, report = True, {}
    for way in args.way or WAYS:
        for name in ("calm", "disturbed"):
            (args.out / f"{way}-{name}.db").unlink(missing_ok=True)
        begun = time.perf_counter()
        with start(args.out, f"{way}-calm", way, args.budget) as search:
            assert search.wait() == 0
        seconds = time.perf_counter() - begun
        killed = disturb(
            partial(start, args.out, f"{way}-disturbed", way, args.budget), args.kills, args.interval,
            np.random.default_rng(args.seed), share=1 / 3, note=f"{way}: {{}} killed".format,
        )  # fmt: skip
        traces = [json.loads((args.out / f"{way}-{name}" / "trace.json").read_text()) for name in ("calm", "disturbed")]
        same = all(traces[0][what] == traces[1][what] for what in ("architectures", "values", "questions"))
        with RecordStore(f"sqlite:///{args.out}/{way}-disturbed.db", complete=False) as store:
            [status] = store_status(store)
        once = (status.done, status.total, len(traces[1]["architectures"])) == (args.budget,) * 3
        trained = traces[0]["seconds"][-1]
        report[way] = {
            "killed": killed,
            "same_trace": same,
            "trained_once": once,
            "seconds": seconds,
            "trained": trained,
        }
        good &= once and (same or way == "asynchronous") and sum(killed.values()) >= args.kills
    print(json.dumps(report, indent=1))
    (args.out / "kills.json").write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

"""Kills a build of real trainings at random, and compares its table with that of an undisturbed build.

    python experiments/kills.py --out runs/kills

A small plan on the digits is built twice with two workers: once in peace, once while processes are killed with
SIGKILL, workers mostly and one time in five the driver, which is then started again. At every moment the four states
of `robnas build status` must add up, and in the end both tables must be the same to the bit.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from robnas.building import table_of_plan
from robnas.records import RecordStore, find_plan, store_status

PLAN = """
name = "kills"
seeds = [0]
[space]
kind = "sample"
count = {count}
seed = 0
partition = "official"
[data]
name = "digits"
[recipe]
preset = "digits"
epochs = {epochs}
[evaluation]
splits = ["validation", "test"]
checks = false
[[evaluation.attacks]]
name = "pgd"
epsilon = "32/255"
steps = 10
step_size = "8/255"
"""


def start(plan: Path, store: Path) -> subprocess.Popen[bytes]:
    """Start the command that builds."""
    command = [
        sys.executable, "-m", "robnas", "build", str(plan), "--store", f"sqlite:///{store}", "--jobs", "2",
        "--attempts", "1000", "--json",
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def check_status(store: Path) -> int:
    """How many trials are done; the states must add up."""
    if not store.exists():
        return 0
    with RecordStore(f"sqlite:///{store}") as records:
        found = store_status(records)
        if not found:
            return 0
        [one] = found
        assert one.done + one.running + one.failed + one.remaining == one.total, one
        assert one.failed == 0, one
        return one.done


def disturb(
    start: Callable[[], subprocess.Popen[bytes]],
    kills: int,
    interval: float,
    rng: np.random.Generator,
    *,
    share: float,
    note: Callable[[int], str],
) -> dict[str, int]:
    """Start a command again until it ends by itself, while processes are killed; how many of each kind.

    Args:
        start: the command, which goes on where it was.
        kills: how many.
        interval: mean seconds between them.
        rng: source of randomness.
        share: of the kills that hit the command itself, and not one of its workers.
        note: what to print after so many.
    """
    killed = {"worker": 0, "driver": 0}
    while True:
        with start() as driver:
            while driver.poll() is None:
                time.sleep(float(rng.uniform(0, 2 * interval)))
                if sum(killed.values()) < kills and (what := kill_one(driver.pid, rng, share)):
                    killed[what] += 1
                    print(note(sum(killed.values())), flush=True)
            if driver.returncode == 0:
                return killed


def kill_one(driver: int, rng: np.random.Generator, share: float) -> str | None:
    """Kill a worker, or with this probability the driver; what was killed, if it was still there."""
    try:
        process = psutil.Process(driver)
        if rng.random() < share:
            process.send_signal(signal.SIGKILL)
            return "driver"
        workers = [child for child in process.children() if "spawn_main" in " ".join(child.cmdline())]
        if workers:
            workers[int(rng.integers(len(workers)))].send_signal(signal.SIGKILL)
            return "worker"
    except psutil.NoSuchProcess:
        pass
    return None


def main() -> None:
    """Build in peace, build under fire, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--interval", type=float, default=8.0, help="mean seconds between kills")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    plan = args.out / "plan.toml"
    plan.write_text(PLAN.format(count=args.count, epochs=args.epochs))
    stores = {name: args.out / f"{name}.db" for name in ("calm", "disturbed")}
    for store in stores.values():
        store.unlink(missing_ok=True)
    begun = time.perf_counter()
    with start(plan, stores["calm"]) as driver:
        assert driver.wait() == 0
    calm = time.perf_counter() - begun
    store = stores["disturbed"]
    killed = disturb(
        lambda: start(plan, store), args.kills, args.interval, np.random.default_rng(args.seed), share=0.2,
        note=lambda count: f"{count} killed, {check_status(store)} trials done",
    )  # fmt: skip
    disturbed = time.perf_counter() - begun - calm
    frames = {}
    for name, path in stores.items():
        with RecordStore(f"sqlite:///{path}") as records:
            frames[name] = table_of_plan(records, find_plan(records)).to_pandas()
    same = bool(frames["calm"].equals(frames["disturbed"]))
    report = {"killed": killed, "same_table": same, "calm_seconds": calm, "disturbed_seconds": disturbed}
    print(json.dumps(report))
    (args.out / "kills.json").write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(0 if same and sum(killed.values()) >= args.kills else 1)


if __name__ == "__main__":
    main()

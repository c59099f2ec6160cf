"""What a build costs besides the trainings.

    python benchmarks/build.py                      # overhead, local and on Ray, and the answer to status
    python benchmarks/build.py --scaling            # two workers beside one, on real trainings of the digits

Overhead: a trainer that does nothing, 10 records per trial, two workers that have started, one SQLite store; trials per
second from the first claim to the last commit. Status: a store of 100,000 records (10,000 trials), from Python and as a
command. Scaling: the same digits trials with one and with two workers, in turns; trials per second of started workers.
At the end one of two workers waits for the other, for about a trial: few trials make the ratio too low.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nothing import Nothing, records
from robnas.building import EXECUTORS, Executor, Plan, TrainAndEvaluate, Trainer, drive, enrol, load_and_expand
from robnas.records import Outcome, QueuedTrial, RecordStore, TrialQueue, store_status
from robnas.spaces import Architecture

SETUP = "5" * 16
PLAN: dict[str, Any] = {
    "name": "scaling",
    "seeds": [0],
    "space": {"kind": "sample", "seed": 0, "partition": "official"},
    "data": {"name": "digits"},
    "recipe": {"preset": "digits"},
    "evaluation": {
        "splits": ["validation", "test"],
        "checks": False,
        "attacks": [
            {"name": "fgsm", "epsilon": "16/255"},
            {"name": "pgd", "epsilon": "32/255", "steps": 20, "step_size": "4/255"},
        ],
    },
}


def queue_of(store: RecordStore, count: int) -> TrialQueue:
    trials = [
        QueuedTrial.of(SETUP, Architecture.from_index(index % 15625).code, index // 15625) for index in range(count)
    ]
    queue = TrialQueue(store, "9" * 16)
    queue.enrol("nothing", SETUP, {}, {"name": "nothing"}, trials)
    return queue


def rate(queue: TrialQueue, executor: Executor) -> float:
    """Trials per second once all workers have done one."""
    queue.join()
    warm = queue.claim(executor.slots)
    executor.submit(warm)
    ended: list[Any] = []
    while len(ended) < len(warm):
        ended += executor.wait(60.0)
    queue.finish(ended)
    begun = time.perf_counter()
    done = drive(queue, executor).done
    return done / (time.perf_counter() - begun)


def overhead(kind: str, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder, RecordStore(f"sqlite:///{folder}/runs.db") as store:
        return rate(queue_of(store, count), EXECUTORS[kind](Nothing(), jobs=2))


def status_seconds(repeats: int) -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/runs.db"
        with RecordStore(url) as store:
            queue = queue_of(store, 20_000)
            queue.join()
            for _ in range(10):
                queue.finish([(trial, Outcome(records(trial), seconds=1.0)) for trial in queue.claim(1000)])
            queue.claim(100)
            inside = [timed(lambda: store_status(store)) for _ in range(repeats)]
            command = [sys.executable, "-m", "robnas", "build", "status", "--store", url, "--json"]
            outside = [timed(lambda: subprocess.check_output(command)) for _ in range(repeats)]
            queue.leave()
    return inside, outside


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def scaling(repeats: int, trials: int) -> list[tuple[float, float]]:
    """Trials per second with one and with two workers, per repeat."""
    plan = Plan.from_dict(PLAN | {"space": PLAN["space"] | {"count": trials}})
    expansion = load_and_expand(plan)
    trainer: Trainer = TrainAndEvaluate(
        source=plan.source, recipe=plan.recipe, measuring=plan.measuring, dataset_hash=expansion.dataset_hash
    )

    def once(jobs: int) -> float:
        with tempfile.TemporaryDirectory() as folder, RecordStore(f"sqlite:///{folder}/runs.db") as store:
            return rate(enrol(expansion, store), EXECUTORS["local"](trainer, jobs=jobs))

    return [(once(1), once(2)) for _ in range(repeats)]


def show(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--trials", type=int, default=60, help="of --scaling, at least 4")
    args = parser.parse_args()
    print(f"median of {args.repeats} [min, max]; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if args.scaling:
        pairs = scaling(args.repeats, args.trials)
        print("one worker   trials/s", show([one for one, _ in pairs]))
        print("two workers  trials/s", show([two for _, two in pairs]))
        print("ratio                ", show([two / one for one, two in pairs]))
        return
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # for the workers of Ray
    local = [overhead("local", 3000) for _ in range(args.repeats)]
    ray = [overhead("ray", 1000) for _ in range(args.repeats)]
    inside, outside = status_seconds(args.repeats)
    print("local        trials/s", show(local))
    print("ray          trials/s", show(ray))
    print("status       s       ", show(inside), "from Python,", show(outside), "as a command")
    print(json.dumps({"local": local, "ray": ray, "status": inside, "status_command": outside}))


if __name__ == "__main__":
    main()

"""Runs per second of the search algorithms on the published table, where the time goes, and memory.

    robnas fetch nas-robbench-201
    OMP_NUM_THREADS=1 python benchmarks/search.py [--profile]

The quick algorithms do 400 runs of 150 queries, table look-ups included; the slow ones a few, scaled to 200. Beside
regularized evolution stands the same algorithm written straight on dictionaries of digit codes, without loop, budget
or trace. CPU seconds of one process, so that other work on the machine changes little.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import random
import statistics
import time
from collections import deque
from collections.abc import Callable

import robnas
from robnas import search
from robnas.benchmarks import Table
from robnas.search import Task

REPEATS, BUDGET, RUNS = 5, 150, 400
QUICK = {
    "random search": search.RandomSearch(),
    "local search, best improvement": search.LocalSearch(),
    "local search, first improvement": search.LocalSearch("first"),
    "regularized evolution 30/10": search.RegularizedEvolution(30, 10),
    "proxy search": search.ProxySearch(),
}
SLOW = {
    "BANANAS, 5 networks on paths": search.Bananas(),
    "BANANAS, ridge": search.Bananas(predictor="ridge"),
    "predictor evolution, trees": search.PredictorEvolution(),
    "Optuna TPE": search.Optuna("tpe"),
    "Optuna CMA-ES": search.Optuna("cma-es"),
}
SEVERAL = {"NSGA-II": search.NSGA2(), "multi-objective evolution": search.MORegularizedEvolution()}


def seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def bare_evolution(table: Table, seed: int) -> float:
    """Regularized evolution on a dictionary of digit codes: what there is to do at the least."""
    column = table.column("cifar10", "pgd@8/255", "test")
    rows = table.row_of().tolist()
    value = {f"{robnas.Architecture.from_index(i)}": column.fast_mean[row] for i, row in enumerate(rows)}
    rng = random.Random(seed)
    keys = list(value)
    begun = time.process_time()
    for _ in range(RUNS):
        alive: deque[tuple[float, str]] = deque(maxlen=30)
        known: set[int] = set()
        while len(known) < BUDGET:
            if len(alive) < 30:
                code = rng.choice(keys)
            else:
                code = max(rng.choices(alive, k=10))[1]
                edge = rng.randrange(6)
                code = code[:edge] + rng.choice([d for d in "01234" if d != code[edge]]) + code[edge + 1 :]
            known.add(rows[int(code, 5)])
            alive.append((value[code], code))
    return time.process_time() - begun


def resident() -> float:
    """MiB."""
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", action="store_true", help="show where regularized evolution spends its time")
    profile = parser.parse_args().profile
    table = robnas.load("nas-robbench-201")
    task = Task.named(table, "cifar10", "pgd@8/255", split="test")
    front = Task.named(table, "cifar10", ("clean", "pgd@8/255"), split="test", costs=("macs",))
    search.repeat(search.RandomSearch(), task, BUDGET, 2)
    search.repeat(search.RandomSearch(), front, BUDGET, 2)
    print(f"{'':<34} CPU s for {RUNS} runs of {BUDGET} queries, median of {REPEATS} [min, max]")
    for name, algorithm in QUICK.items():
        show(name, [seconds(lambda a=algorithm: search.repeat(a, task, BUDGET, RUNS)) for _ in range(REPEATS)])
    show("the same on bare dictionaries", [bare_evolution(table, seed) for seed in range(REPEATS)])
    print(f"\n{'':<34} CPU s for 200 runs of {BUDGET} queries, scaled from 8 runs")
    for name, algorithm in SLOW.items():
        search.repeat(algorithm, task, 30, 1)
        show(name, [25 * seconds(lambda a=algorithm: search.repeat(a, task, BUDGET, 8))])
    for name, algorithm in SEVERAL.items():
        show(name, [25 * seconds(lambda a=algorithm: search.repeat(a, front, BUDGET, 8))])
    print("\nmemory of regularized evolution, MiB resident")
    for runs in (100, 400, 1600):
        kept = search.repeat(search.RegularizedEvolution(30, 10), task, BUDGET, runs)
        print(f"{runs:>6} runs {resident():.1f} (regret {100 * kept.mean[-1]:.3f} points)")
    if profile:
        with cProfile.Profile() as found:
            search.repeat(search.RegularizedEvolution(30, 10), task, BUDGET, 100)
        pstats.Stats(found).sort_stats("tottime").print_stats(14)


def show(name: str, found: list[float]) -> None:
    print(f"{name:<34} {statistics.median(found):.2f} [{min(found):.2f}, {max(found):.2f}]", flush=True)


if __name__ == "__main__":
    main()

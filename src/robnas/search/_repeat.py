"""Many runs of an algorithm, on one core or several, in memory that does not grow with their traces."""

from __future__ import annotations

import itertools
import pickle
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from robnas.benchmarks import Objective
from robnas.errors import InputError, RobnasError, Verbatim, reason
from robnas.search._algorithm import Algorithm, name_of
from robnas.search._result import Failure, Finish, Result, Summary
from robnas.search._run import check_budget, settings_of, simulate
from robnas.search._task import Task
from robnas.types import Progress, check_count, check_range, silent

_CHUNK = 5  # runs that travel to a worker together


@dataclass(frozen=True, eq=False)
class Cell:
    """An algorithm on a task."""

    algorithm: Algorithm
    task: Task
    label: str = ""
    """How the algorithm is called in results; its name if empty."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or name_of(self.algorithm))


@dataclass(frozen=True)
class Plan:
    """How often and how long."""

    budget: int
    """Distinct architectures per run."""
    runs: int
    """Runs per algorithm and task, fixed before the first one: adding some until a difference shows makes p-values and
    intervals wrong. Their seeds follow one another."""
    seed: int = 0
    """Seed of the first run. Equal seeds see equal noise, whatever the algorithm, so runs are paired by it."""
    checkpoints: tuple[int, ...] = ()
    """Further budgets at which the regret is kept for every run."""

    def __post_init__(self) -> None:
        check_count("budget", self.budget)
        check_count("runs", self.runs)
        check_count("seed", self.seed, 0)
        for point in self.checkpoints:
            check_count("checkpoint", point)
            check_range(f"checkpoint of a budget of {self.budget}", point, 1, self.budget)
        object.__setattr__(self, "checkpoints", tuple(sorted({*self.checkpoints, self.budget})))


def repeat(
    algorithm: Algorithm,
    objective: Objective | Task,
    budget: int,
    runs: int,
    *,
    seed: int = 0,
    jobs: int = 1,
    checkpoints: Sequence[int] = (),
    progress: Progress = silent,
) -> Result:
    """Run an algorithm with the seeds `seed`, `seed` + 1 …; the result is the same whatever the number of jobs.

    Args:
        algorithm: its settings.
        objective: of `Table.objective`, or a `Task`.
        budget: distinct architectures per run.
        runs: how many.
        seed: of the first run.
        jobs: processes; more than one need a script that starts under ``if __name__ == "__main__"``.
        checkpoints: further budgets at which the regret of every run is kept.
        progress: told about finished runs.

    Returns:
        Means over the runs, and what each one found. A run that raises is in `failures` with its seed.

    Raises:
        InputError: as `run`; or every run failed, with the first one's error.
    """
    plan = Plan(budget, runs, seed, tuple(checkpoints))
    cell = Cell(algorithm, Task.of(objective))
    result = next(repeat_all([cell], plan, jobs=jobs, progress=progress))
    if not result.seeds:
        first = result.failures[0]
        raise InputError(
            f"{cell.label} on {cell.task.name}",
            expected="a run that finishes",
            got=Verbatim(f"none of {runs}; seed {first.seed}: {first.error}"),
        )
    return result


def repeat_all(cells: Sequence[Cell], plan: Plan, *, jobs: int = 1, progress: Progress = silent) -> Iterator[Result]:
    """`repeat` for each pair of algorithm and task in turn, with one set of processes.

    Where every run of a pair fails, its result has no `seeds`, and the others go on.
    """
    check_count("jobs", jobs)
    for cell in cells:
        check_budget(cell.task, plan.budget)
        cell.task.check()
        cell.algorithm.start(cell.task.space, np.random.default_rng(0))  # wrong settings show before anything runs
    finished = _in_order(cells, plan, jobs)
    total, done = len(cells) * plan.runs, 0
    for cell in cells:
        settings = settings_of(cell.algorithm)
        summary = Summary(cell.label, settings, cell.task, plan.budget, plan.runs, plan.seed, plan.checkpoints)
        for one in itertools.islice(finished, plan.runs):
            summary.add(one)
            done += 1
            progress(done, total, f"{cell.label} on {cell.task.name}")
        yield summary.result()


def _in_order(cells: Sequence[Cell], plan: Plan, jobs: int) -> Iterator[Finish | Failure]:
    """What each run of each cell came to, cell after cell and seed after seed."""
    if jobs == 1:
        for cell in cells:
            for seed in range(plan.seed, plan.seed + plan.runs):
                yield _one(cell, plan, seed)
        return
    last = plan.seed + plan.runs
    seeds = [range(first, min(first + _CHUNK, last)) for first in range(plan.seed, last, _CHUNK)]
    work = itertools.product(range(len(cells)), seeds)
    jobs = min(jobs, len(seeds) * len(cells))
    context = get_context("forkserver")  # a plain fork may inherit locks of other threads
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare, initargs=(_packed(cells, plan),))
    waiting: deque[Future[list[Finish | Failure]]] = deque()
    with pool:
        try:
            while True:
                for item in itertools.islice(work, 4 * jobs - len(waiting)):
                    waiting.append(pool.submit(_chunk, *item))
                if not waiting:
                    return
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise RobnasError(
                "a search process died, for want of memory or because a script that starts several lacks "
                '`if __name__ == "__main__":`; use fewer jobs'
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _packed(cells: Sequence[Cell], plan: Plan) -> bytes:
    try:
        return pickle.dumps((list(cells), plan))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            "jobs", expected="1 for an algorithm that cannot travel between processes", got=reason(error)
        ) from error


_prepared: Any = None
"""Cells and plan of a worker process."""


def _prepare(packed: bytes) -> None:
    global _prepared
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends at once; the parent says what there is to say
    _prepared = pickle.loads(packed)  # noqa: S301  # of our own parent process


def _chunk(cell: int, seeds: Sequence[int]) -> list[Finish | Failure]:
    cells, plan = _prepared
    return [_one(cells[cell], plan, seed) for seed in seeds]


def _one(cell: Cell, plan: Plan, seed: int) -> Finish | Failure:
    """One run; an exception in it is a result, so that the other runs go on."""
    try:
        return Finish.of(simulate(cell.algorithm, cell.task, plan.budget, seed)[0], plan.checkpoints)
    except Exception as error:
        text = str(error) if isinstance(error, RobnasError) else str(reason(error))
        return Failure(seed, text)

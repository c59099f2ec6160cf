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
from typing import Any, final

import numpy as np

from robnas._own import Parcel
from robnas.benchmarks import Objective
from robnas.errors import InputError, RobnasError, Verbatim, reason
from robnas.search._algorithm import Algorithm, name_of, settled
from robnas.search._budget import check_budget
from robnas.search._result import FailedRun, Finish, Result, Summary
from robnas.search._run import settings_of, simulate
from robnas.search._task import Task
from robnas.types import Progress, check_count, check_range, silent

_CHUNK = 5  # runs that travel to a worker together


@final
@dataclass(frozen=True, eq=False)
class Case:
    """An algorithm on a task."""

    algorithm: Algorithm
    task: Task
    label: str = ""
    """How the algorithm is called in results; its name if empty."""

    def __post_init__(self) -> None:
        task: Any = self.task
        if not isinstance(task, Task):
            remedy = "others are searched by search.run, a run per seed"
            raise InputError("task of a case", expected="a Task", got=task, remedy=remedy)
        object.__setattr__(self, "label", self.label or name_of(self.algorithm))
        object.__setattr__(self, "algorithm", settled(self.algorithm, self.task.space))


@final
@dataclass(frozen=True)
class Repetitions:
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
        for name, low in (("budget", 1), ("runs", 1), ("seed", 0)):
            object.__setattr__(self, name, check_count(name, getattr(self, name), low))
        points = [check_count("checkpoint", point) for point in self.checkpoints]
        for point in points:
            check_range(f"checkpoint of a budget of {self.budget}", point, 1, self.budget)
        object.__setattr__(self, "checkpoints", tuple(sorted({*points, self.budget})))


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
    repetitions = Repetitions(budget, runs, seed, tuple(checkpoints))
    case = Case(algorithm, Task.of(objective))
    result = next(repeat_all([case], repetitions, jobs=jobs, progress=progress))
    if not result.seeds:
        first = result.failures[0]
        raise InputError(
            f"{case.label} on {case.task.name}",
            expected="a run that finishes",
            got=Verbatim(f"none of {runs}; seed {first.seed}: {first.error}"),
        )
    return result


def repeat_all(
    cases: Sequence[Case], repetitions: Repetitions, *, jobs: int = 1, progress: Progress = silent
) -> Iterator[Result]:
    """`repeat` for each pair of algorithm and task in turn, with one set of processes.

    Where every run of a pair fails, its result has no `seeds`, and the others go on.
    """
    check_count("jobs", jobs)
    for case in cases:
        case.task.check()
        case.algorithm.start(case.task.classes, np.random.default_rng(0))  # wrong settings show before anything runs
        check_budget(case.task, repetitions.budget, algorithm=case.algorithm)
    finished = _in_order(cases, repetitions, jobs)
    total, done = len(cases) * repetitions.runs, 0
    for case in cases:
        settings = settings_of(case.algorithm)
        summary = Summary(
            case.label,
            settings,
            case.task,
            repetitions.budget,
            repetitions.runs,
            repetitions.seed,
            repetitions.checkpoints,
        )
        for one in itertools.islice(finished, repetitions.runs):
            summary.add(one)
            done += 1
            progress(done, total, f"{case.label} on {case.task.name}")
        yield summary.result()


def _in_order(cases: Sequence[Case], repetitions: Repetitions, jobs: int) -> Iterator[Finish | FailedRun]:
    """What each run of each case came to, case after case and seed after seed."""
    if jobs == 1:
        for case in cases:
            for seed in range(repetitions.seed, repetitions.seed + repetitions.runs):
                yield _one(case, repetitions, seed)
        return
    last = repetitions.seed + repetitions.runs
    seeds = [range(first, min(first + _CHUNK, last)) for first in range(repetitions.seed, last, _CHUNK)]
    work = itertools.product(range(len(cases)), seeds)
    jobs = min(jobs, len(seeds) * len(cases))
    context = get_context("forkserver")  # a plain fork may inherit locks of other threads
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare, initargs=(_packed(cases, repetitions),))
    waiting: deque[Future[list[Finish | FailedRun]]] = deque()
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


def _packed(cases: Sequence[Case], repetitions: Repetitions) -> bytes:
    try:
        return pickle.dumps(Parcel((list(cases), repetitions)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            "jobs", expected="1 for an algorithm that cannot travel between processes", got=reason(error)
        ) from error


_prepared: Any = None
"""Cases and repetitions of a worker process."""


def _prepare(packed: bytes) -> None:
    global _prepared
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends at once; the parent says what there is to say
    _prepared = pickle.loads(packed)  # noqa: S301  # of our own parent process


def _chunk(case: int, seeds: Sequence[int]) -> list[Finish | FailedRun]:
    cases, repetitions = _prepared
    return [_one(cases[case], repetitions, seed) for seed in seeds]


def _one(case: Case, repetitions: Repetitions, seed: int) -> Finish | FailedRun:
    """One run; an exception in it is a result, so that the other runs go on."""
    try:
        return Finish.of(simulate(case.algorithm, case.task, repetitions.budget, seed), repetitions.checkpoints)
    except Exception as error:
        text = str(error) if isinstance(error, RobnasError) else str(reason(error))
        return FailedRun(seed, text)

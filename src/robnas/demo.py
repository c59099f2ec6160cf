"""The main job in small: train architectures that span the space, attack them, rank them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import torch

from robnas.analysis import write_figure, write_report
from robnas.build import Source, Trial
from robnas.errors import RobnasError
from robnas.evaluation import Suite, evaluate
from robnas.records import Record, RecordStore
from robnas.spaces import Architecture
from robnas.training import Recipe
from robnas.types import Progress, check_count, silent

# The best published ones, one operation everywhere, and mixtures down to a single edge.
ARCHITECTURES = tuple(
    Architecture(code)
    for code in (
        "323133", "333133", "333333", "222222", "111111", "444444", "421211",
        "113023", "444443", "111211", "121144", "031420", "000300", "000200",
    )
)  # fmt: skip
SPLIT = "test"
_PR_SET_PDEATHSIG = 1  # Linux: signal to a process whose parent died
RANK_BY = "pgd@32/255"
SUITE = Suite.digits()


@dataclass(frozen=True)
class DemoResult:
    """What the demo leaves behind."""

    records: list[Record]
    warnings: list[str]
    report: Path
    figure: Path
    store: Path
    seconds: float


def run_demo(
    directory: Path,
    *,
    architectures: tuple[Architecture, ...] = ARCHITECTURES,
    recipe: Recipe | None = None,
    jobs: int | None = None,
    progress: Progress = silent,
) -> DemoResult:
    """Train and evaluate on the digits with all cores, and write records, report and plot to `directory`.

    What an earlier, interrupted run has finished is not done again.

    Args:
        directory: where everything goes.
        architectures: what to compare.
        recipe: of the trainings; the digits preset if omitted.
        jobs: worker processes, each on one core; all cores if omitted.
        progress: told about the trials done.
    """
    begun = time.perf_counter()
    recipe = recipe or Recipe.digits()
    jobs = len(os.sched_getaffinity(0)) if jobs is None else check_count("jobs", jobs)
    trials = [Trial(architecture=arch, source=Source(name="digits"), recipe=recipe, seed=0) for arch in architectures]
    directory.mkdir(parents=True, exist_ok=True)
    store_path = directory / "records.db"
    warnings: list[str] = []
    records: list[Record] = []
    with RecordStore(f"sqlite:///{store_path}") as store:

        def commit(outcome: _Outcome) -> None:
            store.add(outcome.records, outcome.settings)
            records.extend(outcome.records)
            warnings.extend(f"{outcome.records[0].architecture}: {text}" for text in outcome.warnings)

        _run_all(trials, directory / f"trials-{recipe.hash}", jobs, commit, progress)
    report, figure = directory / "report.html", directory / "clean-vs-robust.png"
    provenance = {
        "data set": f"digits, content {records[0].dataset_hash}",
        "split": SPLIT,
        "recipe": f"{recipe.name} (hash {recipe.hash})",
        "settings": ", ".join(f"{key} {value}" for key, value in recipe.to_dict().items() if key != "name"),
        "AutoAttack": f"on the first {SUITE.limits['autoattack']} images of the split",
        "torch": records[0].torch_version,
        "device": f"{records[0].device}, one thread per training",
        "seed": "0, one training per architecture: the errors are those of the finite split, another seed adds its own",
    }
    write_report(
        report, records, title="robnas demo: digits", rank_by=RANK_BY, provenance=provenance, warnings=sorted(warnings)
    )
    write_figure(figure, records, RANK_BY)
    return DemoResult(records, sorted(warnings), report, figure, store_path, time.perf_counter() - begun)


@dataclass(frozen=True)
class _Outcome:
    records: list[Record]
    settings: dict[str, dict[str, Any]]
    warnings: tuple[str, ...]


def _run_all(
    trials: list[Trial], directory: Path, jobs: int, commit: Callable[[_Outcome], None], progress: Progress
) -> None:
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_prepare_worker)
    progress(0, len(trials), "start workers")
    begun = time.perf_counter()
    try:
        # Ctrl-C is the parent's business: workers inherit a mask that keeps it from them from their first moment.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            waiting: dict[Future[_Outcome], Trial] = {
                pool.submit(_run, trial, directory / trial.architecture.code): trial for trial in trials
            }
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        for done, future in enumerate(as_completed(waiting), start=1):
            try:
                commit(future.result())
            except BrokenProcessPool:
                raise RobnasError(
                    "a worker process was killed, perhaps for lack of memory; the same command goes on with the rest"
                ) from None
            rate = 60 * done / (time.perf_counter() - begun)
            progress(done, len(trials), f"{waiting[future].architecture} done, {rate:.1f} trials/min")
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in active_children():
            child.terminate()
        raise
    pool.shutdown()


def _prepare_worker() -> None:
    """One thread per worker, and no worker outlives its parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    torch.set_num_threads(1)


def _run(trial: Trial, directory: Path) -> _Outcome:
    data = trial.source.load()
    network, _ = trial.train(data, directory)
    evaluation = evaluate(network, data, SUITE, split=SPLIT, seed=trial.seed, directory=directory)
    records, settings = trial.records(data, evaluation)
    return _Outcome(records, settings, evaluation.warnings)

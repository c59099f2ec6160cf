import os
import signal
import time

import psutil
import pytest

from robnas.building import Executor, Limits, LocalExecutor, Trainer
from robnas.errors import InputError, RobnasError
from robnas.records import Failure, Outcome
from tests.building.trainers import Faulty, Quick, Unprepared, records_of, trials


@pytest.fixture
def started():
    """Makes executors, and closes them."""
    made = []

    def start(trainer, **options):
        made.append(LocalExecutor(trainer, **options))
        return made[-1]

    yield start
    for executor in made:
        executor.close()


def run(executor, given):
    executor.submit(given)
    ended = {}
    deadline = time.monotonic() + 60
    while len(ended) < len(given) and time.monotonic() < deadline:
        ended |= {trial.hash: result for trial, result in executor.wait(1.0)}
    return [ended[trial.hash] for trial in given]


def test_the_protocols_are_met(started):
    assert isinstance(started(Quick()), Executor)
    assert isinstance(Quick(), Trainer)


def test_every_task_comes_back_with_its_records_and_its_duration(started):
    results = run(started(Quick(0.01), jobs=2), trials(20))
    assert [result.records for result in results] == [records_of(trial) for trial in trials(20)]
    assert all(result.seconds >= 0.01 for result in results)


def test_workers_start_when_there_is_work_and_no_more_than_that(started):
    executor = started(Quick(), jobs=8)
    assert executor.pids == []
    run(executor, trials(1))
    assert len(executor.pids) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("raises", "error", "ValueError: first line second line (trainers.py:"),
        ("diverges", "diverged", "training diverged: loss is nan in epoch 3, step 17"),
        ("dies", "worker died", "the worker ended by signal 9 (SIGKILL)"),
        ("exits", "worker died", "the worker ended with exit code 3"),
    ],
)
def test_what_goes_wrong_is_the_failure_of_one_task(started, fault, kind, message):
    failed, *others = run(started(Faulty(fault), jobs=1), trials(3))
    assert (failed.kind, failed.message[: len(message)]) == (kind, message)
    assert all(isinstance(result, Outcome) for result in others)


def test_a_task_beyond_its_time_is_killed_and_the_others_go_on(started):
    failed, *others = run(started(Faulty("sleeps"), jobs=1, limits=Limits(seconds=0.5)), trials(3))
    assert (failed.kind, failed.message) == ("time limit", "not finished after 0.5 s")
    assert failed.seconds == pytest.approx(0.5, abs=5)
    assert all(isinstance(result, Outcome) for result in others)


def test_a_task_beyond_its_memory_is_killed_and_the_others_go_on(started):
    failed, *others = run(started(Faulty("hogs"), jobs=1, limits=Limits(memory=0.35)), trials(3))
    assert failed.kind == "memory limit"
    assert "0.35 allowed" in failed.message
    assert all(isinstance(result, Outcome) for result in others)


def test_a_worker_killed_from_outside_is_replaced(started):
    executor = started(Quick(0.3), jobs=1)
    executor.submit(trials(3))
    while not executor.pids or not psutil.Process(executor.pids[0]).memory_info().rss > 20 * 2**20:
        executor.wait(0.05)
    results = []
    while not results:
        results = executor.wait(1.0)
    time.sleep(0.1)  # the second one runs
    os.kill(executor.pids[0], signal.SIGKILL)
    while len(results) < 3:
        results += executor.wait(1.0)
    kinds = sorted(result.kind if isinstance(result, Failure) else "done" for _, result in results)
    assert kinds == ["done", "done", "worker died"]


@pytest.mark.parametrize("error", ["AcceleratorError", "OutOfMemoryError"])
def test_after_an_error_of_the_gpu_another_worker_goes_on(started, error):
    """No trial after it would succeed in the same process; or a neighbour took the memory."""
    executor = started(Spoiled(error), jobs=1)
    failed, *others = run(executor, trials(3))
    assert failed.kind == "worker died"
    assert failed.message.startswith(
        f"the worker ended after {error}: CUDA error: an illegal memory access (test_local."
    )
    pids = {result.warnings for result in others}
    assert len(pids) == 1  # a new one, which lives on


class Spoiled(Quick):
    """Stays in the state in which an error of the GPU leaves a process, after the first trial."""

    def __init__(self, error):
        object.__setattr__(self, "error", error)
        object.__setattr__(self, "spoiled", False)

    def __call__(self, trial):
        import torch

        if trial.architecture == "000000" or self.spoiled:
            object.__setattr__(self, "spoiled", True)
            raise getattr(torch, self.error)("CUDA error: an illegal memory access")
        return Outcome((), {}, (str(os.getpid()),))


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("raises", r"a worker cannot start: FileNotFoundError: no data here"),
        ("dies", r"a worker cannot start: the worker ended by signal 9 \(SIGKILL\), 3 times in a row"),
    ],
)
def test_workers_that_cannot_start_are_one_clear_error(started, how, text):
    with pytest.raises(RobnasError, match=text):
        run(started(Unprepared(how), jobs=1), trials(1))


def test_closing_leaves_no_process(started):
    executor = started(Quick(60), jobs=2)
    executor.submit(trials(4))
    pids = executor.pids
    executor.close()
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_workers_share_the_gpus_in_turn_and_have_one_thread_each(started):
    executor = started(Environment(), jobs=3, gpus=["4", "7"])
    results = run(executor, trials(6))
    seen = {result.warnings for result in results}
    assert {visible for _, visible, _ in seen} <= {"4", "7"}
    assert {threads for threads, _, _ in seen} == {"1"}
    assert executor._environment(0)["CUDA_VISIBLE_DEVICES"] == "4"
    assert executor._environment(1)["CUDA_VISIBLE_DEVICES"] == "7"
    assert executor._environment(2)["CUDA_VISIBLE_DEVICES"] == "4"


class Environment(Quick):
    """Says what a worker sees."""

    def __call__(self, trial):
        seen = os.environ
        return Outcome((), {}, (seen["OMP_NUM_THREADS"], seen["CUDA_VISIBLE_DEVICES"], "robnas"))


@pytest.mark.parametrize(("limits", "text"), [({"seconds": 0}, "time limit"), ({"memory": -1}, "memory limit")])
def test_impossible_limits_are_refused(limits, text):
    with pytest.raises(InputError, match=f"{text}: expected a number above 0"):
        Limits(**limits)


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="jobs: expected at least 1, got 0"):
        LocalExecutor(Quick(), jobs=0)

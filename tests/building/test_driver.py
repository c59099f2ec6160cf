import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import pytest

from robnas.building import Limits, LocalExecutor, Policy, drive
from robnas.building._worker import do
from robnas.errors import RobnasError, StoreError, StoreUnavailableError
from robnas.records import Failure, Outcome, RecordStore, TrialQueue, store_status
from tests.building.trainers import Faulty, Quick, Unprepared, everything, queue_of, records_of, trials


class Inline:
    """An executor without processes: runs a trial when it is waited for."""

    slots = 2

    def __init__(self, trainer=Quick()):  # noqa: B008
        self.trainer, self.pending, self.closed, self.most = trainer, [], False, 0

    def submit(self, given):
        self.pending += given
        self.most = max(self.most, len(self.pending))

    def wait(self, timeout):
        if not self.pending:
            time.sleep(min(timeout, 0.01))
            return []
        trial = self.pending.pop(0)
        return [(trial, do(self.trainer, trial))]

    def close(self):
        self.closed = True


@pytest.fixture
def store(url):
    with RecordStore(url) as store:
        yield store


def state(store):
    [found] = store_status(store)
    return found.done, found.running, found.failed, found.remaining


def test_everything_is_done_once_and_the_executor_is_closed(store, url):
    executor = Inline()
    result = drive(queue_of(store, 30), executor)
    assert (result.done, result.failed, result.remaining) == (30, 0, 0)
    assert executor.closed
    records, states = everything(url)
    expected = [record for trial in trials(30) for record in records_of(trial)]
    assert records == sorted(expected, key=lambda record: record.key)
    assert {state for _, state in states} == {"done"}


def test_a_second_build_has_nothing_to_do(store):
    drive(queue_of(store), Inline())
    assert drive(queue_of(store), Inline()).done == 0


def test_no_more_than_the_limit_is_run(store):
    assert drive(queue_of(store), Inline(), limit=4).done == 4
    assert state(store) == (4, 0, 0, 6)
    assert drive(queue_of(store), Inline(), limit=0).done == 0
    assert drive(queue_of(store), Inline(), limit=100).done == 6


def test_a_bounded_number_is_in_flight(store):
    slow = Inline(Quick(0.002))
    drive(queue_of(store, 200), slow)
    assert slow.most < 200


def test_progress_counts_the_trials_and_the_first_ones_tell_the_cost(store):
    told, notes = [], []
    drive(queue_of(store, 20), Inline(), progress=lambda *facts: told.append(facts), note=notes.append)
    assert told[0][:2] == (0, 20)
    assert told[-1][:2] == (20, 20)
    assert "trials/s" in told[-1][2]
    assert [note[:13] for note in notes] == ["estimate from"]


@pytest.mark.parametrize(
    ("fault", "kind", "tries"),
    # only the death of a worker may have been somebody else's fault
    [("raises", "error", 1), ("diverges", "diverged", 1), ("dies", "worker died", 3), ("sleeps", "time limit", 1)],
)
def test_a_trial_that_goes_wrong_has_no_number_and_the_others_are_done(store, fault, kind, tries, tmp_path):
    (tmp_path / "marks").mkdir()
    trainer = Faulty(fault, tmp_path / "marks")
    kills = fault in ("dies", "sleeps")
    executor = LocalExecutor(trainer, jobs=1, limits=Limits(seconds=0.5)) if kills else Inline(trainer)
    result = drive(queue_of(store, 5), executor)
    assert (result.done, result.failed) == (4, 1)
    [failure] = store_status(store)[0].failures
    assert (failure.architecture, failure.kind) == ("000000", kind)
    assert store.records(architecture="000000") == []
    assert len(list((tmp_path / "marks").iterdir())) == tries


class Failing:
    """Fails in the trials whose number, in the order in which they come, is not among the good ones."""

    def __init__(self, good):
        self.good, self.number = good, -1

    def prepare(self):
        pass

    def __call__(self, trial):
        self.number += 1
        if self.number not in self.good:
            raise ValueError("no such data")
        return Quick()(trial)


def test_a_build_in_which_everything_fails_stops_and_keeps_what_is_done(store):
    notes = []
    result = drive(queue_of(store, 600), Inline(Failing(range(5))), note=notes.append)
    assert (result.done, result.stopped) == (5, True)
    assert 20 <= result.failed < 595
    assert result.done + result.failed + result.remaining == 600
    assert notes == [f"stopped: {result.failed} trials failed one after the other, {result.remaining} are left"]
    assert state(store) == (5, 0, result.failed, result.remaining)
    assert len(store.records()) == 10
    going = drive(queue_of(store, 600), Inline(Failing(())), policy=Policy(brake=None))
    assert (going.failed, going.remaining, going.stopped) == (result.remaining, 0, False)


class Patient(Inline):
    """The first trial takes longer than all that are submitted with it, which fail."""

    first = None

    def wait(self, timeout):
        if self.first is None and self.pending:
            self.first = self.pending.pop(0)
        if self.first and self.pending:
            trial = self.pending.pop(0)
            return [(trial, Failure("error", "no such data", 0.0))]
        if self.first:
            trial, self.first = self.first, False
            return [(trial, do(Quick(), trial))]
        return super().wait(timeout)


def test_what_runs_when_everything_else_fails_is_finished_and_releases_the_brake(store):
    result = drive(queue_of(store, 300), Patient(), policy=Policy(brake=2))
    assert 2 <= result.failed < 299
    assert (result.done, result.remaining, result.stopped) == (300 - result.failed, 0, False)


def test_failures_between_successes_do_not_stop_a_build(store):
    result = drive(queue_of(store, 60), Inline(Failing(range(0, 60, 2))), policy=Policy(brake=2))
    assert (result.done, result.failed, result.remaining, result.stopped) == (30, 30, 0, False)


def test_a_failed_trial_is_not_run_again_until_that_is_asked_for(store, tmp_path):
    (tmp_path / "marks").mkdir()
    trainer = Faulty("raises", tmp_path / "marks", times=1)
    assert drive(queue_of(store, 5), Inline(trainer)).failed == 1
    queue = queue_of(store, 5)
    assert drive(queue, Inline(trainer)).done == 0
    assert queue.retry() == 1
    assert drive(queue, Inline(trainer)).done == 1
    assert state(store) == (5, 0, 0, 0)


class Crowded(Quick):
    """A neighbour on the GPU takes its memory, twice."""

    def __init__(self):
        object.__setattr__(self, "left", [None, None])

    def __call__(self, trial):
        import torch

        if self.left and trial.architecture == "000000":
            self.left.pop()
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().__call__(trial)


def test_a_trial_for_which_the_gpu_had_no_memory_is_tried_again(store):
    result = drive(queue_of(store, 5), Inline(Crowded()))
    assert (result.done, result.failed) == (5, 0)


def test_a_trial_whose_worker_dies_twice_is_done_in_the_third_attempt(store, tmp_path):
    (tmp_path / "marks").mkdir()
    executor = LocalExecutor(Faulty("dies", tmp_path / "marks", times=2), jobs=1)
    result = drive(queue_of(store, 5), executor)
    assert (result.done, result.failed) == (5, 0)
    assert len(store.records(architecture="000000")) == 2


def test_workers_that_cannot_start_end_the_build_and_give_everything_back(store):
    with pytest.raises(RobnasError, match="a worker cannot start"):
        drive(queue_of(store, 5), LocalExecutor(Unprepared("raises"), jobs=1))
    assert state(store) == (0, 0, 0, 5)


def test_a_result_that_contradicts_the_store_fails_alone(store):
    contradicted = replace(records_of(trials(1)[0])[0], value=0.12345)
    store.add([contradicted])
    result = drive(queue_of(store, 20), Inline())
    assert (result.done, result.failed) == (19, 1)
    [failure] = store_status(store)[0].failures
    assert "expected 0.12345, which the store holds" in failure.message
    assert store.records(architecture="000000") == [contradicted]


class Absent:
    """A queue whose store goes away for a while."""

    def __init__(self, queue, times):
        self.queue, self.left = queue, times

    def __getattr__(self, name):
        return getattr(self.queue, name)

    def finish(self, results, **options):
        if self.left:
            self.left -= 1
            raise StoreUnavailableError("store", expected="an answer", got="none")
        return self.queue.finish(results, **options)


def test_a_store_that_comes_back_loses_nothing(store):
    notes = []
    result = drive(Absent(queue_of(store, 10), 3), Inline(), note=notes.append)
    assert (result.done, state(store)) == (10, (10, 0, 0, 0))
    assert any("trying again" in note and "nothing is lost" in note for note in notes)


class Deaf(Absent):
    """A queue whose first answer to a claim is lost: the claim was made, but the driver does not know."""

    def claim(self, count):
        found = self.queue.claim(count)
        if self.left:
            self.left -= 1
            raise StoreUnavailableError("store", expected="an answer", got="none")
        return found


def test_a_claim_whose_answer_was_lost_is_made_again(store):
    assert drive(Deaf(queue_of(store, 10), 1), Inline()).done == 10
    assert state(store) == (10, 0, 0, 0)


class Forgetful(Absent):
    """A queue whose answers to a result are lost: it was kept, but the driver does not know."""

    def finish(self, results, **options):
        found = self.queue.finish(results, **options)
        if self.left:
            self.left -= 1
            raise StoreUnavailableError("store", expected="an answer", got="none")
        return found


def test_a_result_whose_answer_was_lost_is_kept_once(store):
    drive(Forgetful(queue_of(store, 10), 2), Inline())
    assert state(store) == (10, 0, 0, 0)
    assert len(store.records()) == 20


def test_the_waits_for_a_store_double_up_to_five_seconds(store):
    now, waits = [0.0], []

    class Waiting(Inline):
        def wait(self, timeout):
            if self.pending:
                return super().wait(timeout)
            waits.append(timeout)
            now[0] += timeout
            return []

    drive(Absent(queue_of(store, 1), 9), Waiting(), policy=Policy(patience=60), clock=lambda: now[0])
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5])


def test_a_store_that_stays_away_ends_the_build_with_one_line(store):
    executor = Inline()
    with pytest.raises(StoreUnavailableError, match="store: expected an answer"):
        drive(Absent(queue_of(store, 10), 10**9), executor, policy=Policy(patience=0.3))
    assert executor.closed


def allow_pages(store, pages):
    """Let the database grow to so many pages, or not at all: what a full disk does."""
    with store._engine.connect() as connection:
        pages = pages or connection.exec_driver_sql("pragma page_count").scalar()
        connection.exec_driver_sql(f"pragma max_page_count = {pages}")


def test_on_a_full_disk_the_build_waits_and_goes_on_when_there_is_room(store, url):
    queue = queue_of(store, 300)
    allow_pages(store, None)
    notes = []

    def note(text):
        notes.append(text)
        if "disk is full" in text:
            allow_pages(store, 100_000)

    assert drive(queue, Inline(), note=note).done == 300
    assert any("database or disk is full" in text for text in notes)
    assert len(everything(url)[0]) == 600


def test_on_a_disk_that_stays_full_the_build_stops_and_what_was_kept_is_whole(store, url):
    queue = queue_of(store, 300)
    allow_pages(store, None)
    with pytest.raises(StoreError, match="database or disk is full"):
        drive(queue, Inline(), policy=Policy(patience=0.2))
    records, states = everything(url)
    assert len(records) == 2 * sum(state == "done" for _, state in states)
    allow_pages(store, 100_000)
    drive(queue_of(store, 300), Inline())
    assert state(store) == (300, 0, 0, 0)


def test_unfinished_folders_go_when_their_trial_is_done(store, tmp_path):
    queue = queue_of(store, 3)
    for trial in trials(3):
        (tmp_path / "work" / trial.hash).mkdir(parents=True)
    drive(queue, Inline(Faulty("raises")), work_dir=tmp_path / "work")
    assert [path.name for path in (tmp_path / "work").iterdir()] == [trials(1)[0].hash]  # a retry may go on with it


def test_two_drivers_do_every_trial_once_between_them(store, url):
    queue_of(store, 60)
    results = []

    def work():
        with RecordStore(url) as own:
            results.append(drive(TrialQueue(own, "9" * 16), Inline(Quick(0.005))))

    drivers = [threading.Thread(target=work) for _ in range(2)]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert sum(result.done for result in results) == 60
    assert min(result.done for result in results) > 0
    assert state(store) == (60, 0, 0, 0)


def test_a_driver_waits_for_the_trials_of_another_and_takes_them_over(store):
    queue = queue_of(store, 4)
    other = TrialQueue(store, "9" * 16)
    other.join()
    held = other.claim(4)
    given_back = threading.Timer(0.5, other.leave)
    given_back.start()
    assert drive(queue, Inline()).done == len(held) == 4


DRIVE = """
    import sys
    from robnas.building import LocalExecutor, drive
    from robnas.records import RecordStore
    from tests.building.trainers import Quick, queue_of

    if __name__ == "__main__":
        with RecordStore(sys.argv[1]) as store:
            try:
                drive(queue_of(store, 40), LocalExecutor(Quick(float(sys.argv[2])), jobs=2))
            except KeyboardInterrupt:
                sys.exit(130)
"""


def start(url, tmp_path, seconds):
    script = tmp_path / "drive.py"
    script.write_text(textwrap.dedent(DRIVE))

    def listen():  # a shell starts background jobs, and so perhaps this test, with Ctrl-C ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(
        [sys.executable, str(script), url, str(seconds)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((os.environ.get("PYTHONPATH", ""), os.getcwd()))},
        preexec_fn=listen, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_driver_that_is_stopped_or_killed_loses_nothing(store, url, tmp_path, number):
    queue = queue_of(store, 40)
    driver = start(url, tmp_path, 0.1)
    wait_until(lambda: state(store)[0] >= 4)
    driver.send_signal(number)
    driver.wait(30)
    assert driver.returncode == (-9 if number == signal.SIGKILL else 130), driver.stderr.read()
    driver.stderr.close()
    done, running, failed, remaining = state(store)
    assert (running, failed) == (0, 0)
    assert 4 <= done < 40
    assert remaining == 40 - done
    assert len(store.records()) == 2 * done
    assert drive(queue, Inline()).done == remaining
    assert state(store) == (40, 0, 0, 0)


class Batch(Inline):
    """An executor whose workers get the signal that stops the driver, as those of a batch system do."""

    def wait(self, timeout):
        if len(self.pending) > 2:
            return super().wait(timeout)
        ended = [(trial, Failure("worker died", "by signal 15")) for trial in self.pending]
        self.pending = []
        os.kill(os.getpid(), signal.SIGTERM)
        return ended


def test_a_signal_to_driver_and_workers_at_once_counts_as_no_death(store):
    with pytest.raises(KeyboardInterrupt):
        drive(queue_of(store, 5), Batch(), policy=Policy(attempts=1))
    assert state(store)[1:3] == (0, 0)
    with store.read() as connection:
        assert connection.exec_driver_sql("select sum(deaths) from trials").scalar() == 0


def test_the_workers_of_a_killed_driver_end_with_it(store, url, tmp_path):
    psutil = pytest.importorskip("psutil")
    queue_of(store, 40)
    driver = start(url, tmp_path, 60)
    wait_until(lambda: state(store)[1] > 0)
    wait_until(lambda: len(psutil.Process(driver.pid).children()) >= 3)  # two workers and their tracker
    workers = psutil.Process(driver.pid).children()
    driver.kill()
    driver.wait()
    driver.stderr.close()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []


def test_what_the_evaluation_doubts_is_kept_and_counted(store):
    class Doubting(Quick):
        def __call__(self, trial):
            doubts = ("test: gradients may be masked",) if trial.architecture == "000000" else ()
            return Outcome(records_of(trial), {}, doubts)

    drive(queue_of(store, 3), Inline(Doubting()))
    assert (store_status(store)[0].done, store_status(store)[0].doubtful) == (3, 1)
    with store.read() as connection:
        found = connection.exec_driver_sql("select message from trials where architecture = '000000'").scalar()
    assert found == "test: gradients may be masked"

import os
import signal
import subprocess
import sys
import textwrap
import uuid
from dataclasses import replace

import pytest
import sqlalchemy as sa

from robnas.errors import InputError, StoreError
from robnas.records import (
    Failure,
    Outcome,
    QueuedTrial,
    RecordStore,
    TrialQueue,
    _queue,
    find_plan,
    plan_records,
    store_status,
    timing,
)
from robnas.spaces import Architecture
from tests.records.test_store import RECORD

SETUP, PLAN = "5" * 16, "9" * 16
MEASUREMENT = {"split": "test", "metric": "pgd@8/255", "attack_hash": "a" * 16, "images": 10000}
SETTINGS = {"dataset_hash": "d" * 16, "recipe_hash": "r" * 16, "measurements": [MEASUREMENT], "batch_size": 256}


def trials(count, setup=SETUP):
    return [QueuedTrial.of(setup, Architecture.from_index(number).code, 0) for number in range(count)]


def outcome(trial, value=0.5):
    record = replace(
        RECORD, architecture=Architecture(trial.architecture), seed=trial.seed, attack_seed=trial.seed, value=value
    )
    return trial, Outcome((record,), {"r" * 16: {"epochs": 1}}, seconds=2.0)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self):
        self.now = 1e9

    def __call__(self):
        return self.now


@pytest.fixture
def store(any_url):
    with RecordStore(any_url) as store:
        yield store


def queue_of(store, count=10, plan=PLAN, name="mine", setup=SETUP, **options):
    queue = TrialQueue(store, plan, **options)
    queue.enrol(name, setup, SETTINGS, {"name": name}, trials(count, setup))
    return queue


def elsewhere(queue, **changes):
    """The same driver, as seen from another machine."""
    with queue.store.write() as connection:
        values = {"machine": "another", **changes}
        sets = ", ".join(f"{key} = '{value}'" for key, value in values.items())
        connection.exec_driver_sql(f"update drivers set {sets} where id = '{queue.owner}'")


def state(store):
    [found] = store_status(store)
    return found.done, found.running, found.failed, found.remaining


def test_every_trial_is_claimed_once_in_the_order_of_the_hashes(store):
    queue = queue_of(store)
    queue.join()
    first, second, third = queue.claim(4), queue.claim(4), queue.claim(4)
    assert [len(part) for part in (first, second, third)] == [4, 4, 2]
    assert first + second + third == sorted(trials(10), key=lambda trial: trial.hash)
    assert queue.claim(4) == []


def test_the_four_states_add_up_at_every_moment(store):
    queue = queue_of(store, 10)
    assert state(store) == (0, 0, 0, 10)
    queue.join()
    one, two, three, *_ = queue.claim(5)
    assert state(store) == (0, 5, 0, 5)
    queue.finish([outcome(one), (two, Failure("diverged", "loss is nan", 1.0))])
    assert state(store) == (1, 3, 1, 5)
    queue.finish([(three, Failure("worker died", "by signal 9"))], retried={three.hash})
    assert state(store) == (1, 2, 1, 6)
    assert queue.unfinished() == (6, 2)
    queue.leave()
    assert state(store) == (1, 0, 1, 8)
    [found] = store_status(store)
    assert (found.mean_seconds, found.core_hours) == (2.0, 2.0 / 3600)
    assert [(failure.kind, failure.message) for failure in found.failures] == [("diverged", "loss is nan")]


def test_enrolling_twice_changes_nothing(store):
    queue = queue_of(store)
    queue.join()
    queue.finish([outcome(trial) for trial in queue.claim(3)])
    assert TrialQueue(store, PLAN).enrol("mine", SETUP, SETTINGS, {}, trials(10)) == 0
    assert state(store) == (3, 0, 0, 7)


def test_a_result_is_counted_once(store):
    queue = queue_of(store, 1)
    queue.join()
    [trial] = queue.claim(1)
    assert queue.finish([outcome(trial)]) == {trial.hash}
    assert queue.finish([outcome(trial)]) == set()
    assert state(store) == (1, 0, 0, 0)


def test_two_drivers_share_the_trials(store):
    first, second = queue_of(store), queue_of(store)
    first.join()
    second.join()
    ours, theirs = first.claim(5), second.claim(10)
    assert len(theirs) == 5
    assert {trial.hash for trial in ours}.isdisjoint(trial.hash for trial in theirs)
    assert store_status(store)[0].drivers == 2
    assert second.finish([outcome(trial) for trial in ours]) == set()
    assert first.finish([outcome(trial) for trial in ours]) == {trial.hash for trial in ours}


def test_the_claims_of_a_driver_whose_heart_stopped_are_free_again_and_it_cannot_finish_them(store):
    clock = Clock()
    dead = queue_of(store, clock=clock, lease=60)
    dead.join()
    held = dead.claim(10)
    elsewhere(dead)
    other = TrialQueue(store, PLAN, clock=clock, lease=60)
    other.join()
    assert other.claim(10) == []
    clock.now += 59
    other.beat()
    assert other.unfinished() == (0, 10)
    clock.now += 2
    assert other.unfinished() == (10, 0)
    other.beat()
    assert other.claim(10) == held
    assert dead.finish([outcome(trial, 0.1) for trial in held]) == set()
    assert other.finish([outcome(trial, 0.2) for trial in held]) == {trial.hash for trial in held}
    assert {record.value for record in store.records()} == {0.2}


@pytest.mark.parametrize("ahead", [61, 3600, 1e9])
def test_a_heartbeat_in_the_future_does_not_keep_the_trials_of_a_dead_driver(store, ahead):
    clock = Clock()
    clock.now += ahead
    dead = queue_of(store, clock=clock, lease=60)
    dead.join()
    held = dead.claim(10)
    clock.now -= ahead  # the clock was wrong, and is set
    other = TrialQueue(store, PLAN, clock=clock, lease=60)
    assert other.unfinished() == (10, 0)
    other.join()
    assert other.claim(10) == held
    assert dead.finish([outcome(trial, 0.1) for trial in held]) == set()
    assert other.finish([outcome(trial, 0.2) for trial in held]) == {trial.hash for trial in held}


def test_a_driver_whose_clock_is_a_little_ahead_keeps_its_trials(store):
    clock = Clock()
    ahead = queue_of(store, clock=lambda: clock.now + 50, lease=60)
    ahead.join()
    held = ahead.claim(10)
    other = TrialQueue(store, PLAN, clock=clock, lease=60)
    for _ in range(5):
        clock.now += 5
        ahead.beat()
        other.beat()
        assert other.claim(10) == []
    assert ahead.finish([outcome(trial) for trial in held]) == {trial.hash for trial in held}


def test_status_does_not_count_what_a_wrong_clock_has_left_as_recent(store):
    queue = queue_of(store)
    queue.join()
    queue.finish([outcome(trial) for trial in queue.claim(8)])
    queue.claim(1)
    with store.write() as connection:
        connection.exec_driver_sql("update trials set finished = finished + 1e6 where state = 'done'")
    [found] = store_status(store)
    assert (found.running, found.rate, found.seconds_left) == (1, None, None)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_driver_that_joins_while_another_looks_for_dead_ones_is_not_taken_for_dead(postgres, monkeypatch, moment):
    url = postgres.database(f"t{uuid.uuid4().hex}")
    with RecordStore(url) as store, RecordStore(url) as other:
        queue, newcomer = queue_of(store), TrialQueue(other, PLAN)
        queue.join()
        ask, held = _queue.living, []

        def join():
            monkeypatch.setattr(_queue, "living", ask)  # the newcomer looks as well
            newcomer.join()
            held.extend(newcomer.claim(4))

        def slowly(*given):
            if moment == "before":
                join()
            found = ask(*given)
            if moment == "after":
                join()
            return found

        monkeypatch.setattr(_queue, "living", slowly)
        queue.beat()
        assert len(held) == 4
        assert newcomer.finish([outcome(trial) for trial in held]) == {trial.hash for trial in held}
        assert store_status(store)[0].done == 4


def test_plans_that_overlap_are_made_known_in_one_order(store, monkeypatch):
    """Two drivers that insert the same trials in different orders would wait for each other in PostgreSQL."""
    given = []

    def watch(connection, cursor, statement, parameters, *_):
        if statement.startswith("INSERT INTO trials"):
            given.append([row["hash"] if isinstance(row, dict) else row[0] for row in parameters])

    sa.event.listen(store._engine, "before_cursor_execute", watch)
    queue_of(store, 30)
    TrialQueue(store, "8" * 16).enrol("other", SETUP, SETTINGS, {}, trials(40)[::-1])
    assert [len(hashes) for hashes in given] == [30, 40]
    assert all(hashes == sorted(hashes) for hashes in given)


def test_a_driver_that_was_taken_for_dead_goes_on_with_what_nobody_took(store):
    clock = Clock()
    slow = queue_of(store, 2, clock=clock)
    slow.join()
    [trial] = slow.claim(1)
    elsewhere(slow)
    clock.now += 100
    other = TrialQueue(store, PLAN, clock=clock)
    other.join()
    slow.beat()
    assert slow.finish([outcome(trial)]) == set()
    assert {found.hash for found in slow.claim(2)} == {found.hash for found in trials(2)}


CLAIM = """
    import os, signal, sys
    from robnas.records import RecordStore, TrialQueue
    from tests.records.test_queue import PLAN

    with RecordStore(sys.argv[1]) as store:
        queue = TrialQueue(store, PLAN)
        queue.join()
        assert len(queue.claim(4)) == 4
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_driver_killed_on_this_machine_is_known_to_be_dead_at_once(store, any_url):
    queue = queue_of(store)
    script = [sys.executable, "-c", textwrap.dedent(CLAIM), any_url]
    assert subprocess.run(script, check=False, cwd=os.getcwd()).returncode == -signal.SIGKILL
    assert state(store) == (0, 0, 0, 10)
    queue.join()
    assert len(queue.claim(10)) == 10


def test_a_later_process_of_the_same_number_is_another_driver(store):
    queue = queue_of(store)
    queue.join()
    queue.claim(1)
    elsewhere(queue, machine=_machine(store, queue), started=1.0)
    assert state(store) == (0, 0, 0, 10)


def test_a_clock_that_is_set_makes_no_driver_dead(store):
    queue = queue_of(store)
    queue.join()
    queue.claim(4)
    with store.write() as connection:  # a process seems to start earlier or later when the clock is set
        connection.exec_driver_sql("update drivers set started = started + 2")
    assert state(store) == (0, 4, 0, 6)
    with store.write() as connection:
        connection.exec_driver_sql("update drivers set started = started + 3600")
    queue.beat()
    assert state(store) == (0, 4, 0, 6)


def test_what_a_driver_claimed_after_it_was_dismissed_is_free_again_when_it_dies(store):
    clock = Clock()
    slept, other = queue_of(store, clock=clock), queue_of(store, clock=clock)
    slept.join()
    elsewhere(slept)
    clock.now += 100
    other.join()
    assert len(slept.claim(10)) == 10  # and is killed before its next heartbeat
    other.beat()
    assert len(other.claim(10)) == 10


def _machine(store, queue):
    with store.read() as connection:
        return connection.exec_driver_sql(f"select machine from drivers where id = '{queue.owner}'").scalar()


def test_failed_trials_wait_again_when_asked_to(store):
    queue = queue_of(store, 3)
    queue.join()
    one, two, _ = queue.claim(3)
    queue.finish([(one, Failure("error", "ValueError")), (two, Failure("worker died", "killed"))])
    assert queue.retry() == 2
    assert queue.unfinished() == (2, 1)
    assert {(trial.hash, trial.deaths) for trial in queue.claim(3)} == {(one.hash, 0), (two.hash, 0)}


def test_deaths_of_workers_are_remembered(store):
    queue = queue_of(store, 1)
    queue.join()
    for deaths in range(3):
        [trial] = queue.claim(1)
        assert trial.deaths == deaths
        queue.finish([(trial, Failure("worker died", "killed"))], retried={trial.hash})


def test_results_that_contradict_the_store_are_refused_together(store):
    queue = queue_of(store, 2)
    queue.join()
    one, two = queue.claim(2)
    store.add(outcome(two, 0.9)[1].records)
    with pytest.raises(StoreError, match=r"expected 0.9, which the store holds, got 0.5"):
        queue.finish([outcome(one), outcome(two)])
    assert state(store) == (0, 2, 0, 0)
    assert queue.finish([outcome(one)]) == {one.hash}


def test_plans_share_the_trials_that_they_have_in_common(store):
    small, large = queue_of(store, 3, "1" * 16, "small"), queue_of(store, 5, "2" * 16, "large")
    small.join()
    small.finish([outcome(trial) for trial in small.claim(3)])
    assert [(found.name, found.done, found.total) for found in store_status(store)] == [
        ("small", 3, 3), ("large", 3, 5),
    ]  # fmt: skip
    large.join()
    assert len(large.claim(9)) == 2


def test_a_plan_is_found_by_name_or_hash(store):
    with pytest.raises(
        InputError, match=r"plan: expected a store in which a plan was built, got no plan; robnas build"
    ):
        find_plan(store)
    queue_of(store, 3, "1" * 16, "one")
    assert find_plan(store).name == "one"
    queue_of(store, 4, "2" * 16, "two")
    queue_of(store, 5, "3" * 16, "two", "another setup")
    assert find_plan(store, "one").hash == "1" * 16
    assert find_plan(store, "22").hash == "2" * 16
    with pytest.raises(InputError, match=r"expected one of one \(1+\), two \(2+\), two \(3+\), got none named"):
        find_plan(store)
    with pytest.raises(InputError, match=r"expected one of two \(2+\), two \(3+\), got 'two'; give --plan with a hash"):
        find_plan(store, "two")


def test_a_plan_is_found_with_all_that_it_was_given_since(store):
    for count in (3, 5, 4):
        queue_of(store, count, str(count) * 16)
    assert find_plan(store).hash == find_plan(store, "mine").hash == "5" * 16
    assert find_plan(store, "333").hash == "3" * 16


def test_a_plan_of_other_trials_under_the_same_hash_is_refused(store):
    queue_of(store, 3)
    with pytest.raises(StoreError, match=r"plan mine: expected the 4 trials .* got 3 trials; the plans collide"):
        TrialQueue(store, PLAN).enrol("mine", SETUP, SETTINGS, {}, trials(4)[1:])
    assert state(store)[3] == 3


def test_the_records_of_a_plan_are_those_of_its_trials_and_no_others(store):
    queue = queue_of(store, 2)
    queue.join()
    done = [outcome(trial) for trial in queue.claim(2)]
    queue.finish(done)
    foreign = replace(RECORD, architecture=Architecture("444444"))
    store.add([foreign, replace(done[0][1].records[0], metric="pgd@3/255"), replace(RECORD, images=5)])
    assert plan_records(store, find_plan(store)) == sorted(
        (result.records[0] for _, result in done), key=lambda record: record.key
    )


def test_the_cost_of_a_setup_is_measured_whatever_the_plan(store):
    assert timing(store, SETUP).measured == 0
    queue = queue_of(store, 5)
    queue.join()
    pairs = [outcome(trial) for trial in queue.claim(3)]
    queue.finish(
        [(trial, replace(result, seconds=seconds)) for (trial, result), seconds in zip(pairs, (1, 2, 3), strict=True)]
    )
    found = timing(store, SETUP)
    assert (found.measured, found.mean) == (3, 2.0)
    assert found.standard_error == pytest.approx(1 / 3**0.5)


def test_rate_and_time_left_come_from_the_last_minutes_of_living_drivers(store):
    queue = queue_of(store, 20)
    queue.join()
    for trial in queue.claim(10):
        queue.finish([outcome(trial)])
    with store.write() as connection:
        connection.exec_driver_sql("update trials set finished = finished - 50 where state = 'done'")
    queue.claim(1)
    [found] = store_status(store)
    assert found.rate == pytest.approx(9 / 50, rel=0.1)
    assert found.seconds_left == pytest.approx(10 / found.rate)
    queue.leave()
    [found] = store_status(store)
    assert found.rate is None

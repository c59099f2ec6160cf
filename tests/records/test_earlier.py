"""Stores as earlier versions wrote them: schema 2, which knew one space, and 3; schema 1 is in ``test_store.py``."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa

from robnas.errors import StoreError
from robnas.records import (
    SCHEMA_VERSION,
    Record,
    RecordStore,
    TrialQueue,
    find_plan,
    plan_pairs,
    plan_records,
    store_status,
    stored_plans,
)
from robnas.spaces import Architecture

SCHEMA_2 = Path(__file__).with_name("schema_2.sql")  # three plans, of which two differ in the size of the network
SCHEMA_3 = Path(__file__).with_name("schema_3.sql")  # two plans: one done, one with a failed trial and one to do
NARROW, WIDE = "nas-bench-201:channels=2,cells=1", "nas-bench-201:channels=4,cells=1"
LIVING = "insert into drivers values ('d', 'elsewhere', 1, 0.0, {now})"


def fill(url, *more, script=SCHEMA_2):
    """The old store in a new database, and further statements."""
    text = script.read_text()
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.executescript(text)
            for statement in more:
                connection.execute(statement)
        connection.close()
        return
    text = text.replace(" DATETIME ", " TIMESTAMP ").replace("BEGIN TRANSACTION;", "").replace("COMMIT;", "")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in [*text.split(";\n"), *more]:
            if statement.strip():
                connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def old(any_url):
    fill(any_url)
    return any_url


def everything(store):
    plans = stored_plans(store)
    return (
        store.records(),
        plans,
        [plan_pairs(store, plan) for plan in plans],
        [plan_records(store, plan) for plan in plans],
        store_status(store),
    )


def tables(url):
    """All rows of a store, as they are."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        names = sorted(sa.inspect(engine).get_table_names())
        found = {name: sorted(map(repr, connection.exec_driver_sql(f"select * from {name}").all())) for name in names}
    engine.dispose()
    return found


@pytest.fixture
def without_curves(any_url):
    fill(any_url, script=SCHEMA_3)
    return any_url


def test_an_old_store_is_read_as_the_present_one_and_not_written(old):
    before = tables(old)
    with RecordStore(old, complete=False) as store:
        assert store.version == 2
        records, plans, pairs, of_plans, status = everything(store)
        assert everything(store) == (records, plans, pairs, of_plans, status)  # also a second time
    assert tables(old) == before
    assert [(plan.name, plan.space) for plan in plans] == [("narrow", NARROW), ("wide", WIDE), ("half", NARROW)]
    assert [len(found) for found in of_plans] == [6, 4, 0]
    assert {record.space for record in of_plans[1]} == {WIDE}
    assert [(one.done, one.failed, one.remaining) for one in status] == [(3, 0, 0), (2, 0, 1), (0, 1, 2)]
    assert len({record.recipe_hash for record in records}) == 1  # two sizes of one recipe
    assert {(r.architecture.text, r.metric): r.value for r in of_plans[1]} == {
        ("000300", "clean"): 0.1, ("000300", "fgsm@16/255"): 0.1,
        ("444444", "clean"): 0.14, ("444444", "fgsm@16/255"): 0.04,
    }  # fmt: skip


def test_a_rewritten_store_says_what_the_old_one_said(old):
    with RecordStore(old, complete=False) as store:
        found = everything(store)
    with RecordStore(old) as store:
        assert store.version == SCHEMA_VERSION
        assert everything(store) == found
        recipe = store.settings(stored_plans(store)[0].settings["recipe_hash"])
        assert "channels" not in recipe
        assert recipe["name"] == "digits+epochs=1,attack=pgd-1@32/255"
    with RecordStore(old) as store:
        assert everything(store) == found
    assert not [name for name in tables(old) if name.startswith("robnas") or name.endswith("_2")]


@pytest.mark.parametrize("complete", [False, True])
def test_a_plan_answers_to_its_name_and_to_the_hash_that_it_had(old, complete):
    with RecordStore(old, complete=complete) as store:
        plan = find_plan(store, "narrow")
        assert find_plan(store, "257f618ac35ab7de") == find_plan(store, "257f618a") == find_plan(store, plan.hash)
        assert (plan.name, plan.earlier) == ("narrow", "257f618ac35ab7de")
        assert plan.facts["space"] == {
            "name": "nas-bench-201", "channels": 2, "cells": 1, "kind": "list",
            "architectures": ["323133", "000300", "444444"],
        }  # fmt: skip
        assert not {"channels", "cells"} & plan.facts["recipe"].keys()


def test_the_first_write_rewrites_a_store_that_was_opened_for_reading(old):
    record = Record(
        architecture=Architecture("323133"), space=WIDE, dataset_hash="d" * 16, split="test", recipe_hash="r" * 16,
        seed=0, metric="clean", attack_hash="", images=9, dataset="x", value=0.5, seconds=1.0, torch_version="2",
        device="cpu",
    )  # fmt: skip
    with RecordStore(old, complete=False) as store:
        before = store.records()
        assert store.add([record]) == 1
        assert store.version == SCHEMA_VERSION
        assert set(store.records()) == {*before, record}


def test_trials_of_an_old_store_are_claimed_and_finished(old):
    with RecordStore(old) as store:
        queue = TrialQueue(store, find_plan(store, "half").hash)
        queue.join()
        assert queue.retry() == 1
        assert len(queue.claim(9)) == 3


def test_a_reader_sees_that_another_process_has_rewritten_the_store(old):
    with RecordStore(old, complete=False) as reader:
        found = everything(reader)
        with RecordStore(old) as writer:
            assert writer.version == SCHEMA_VERSION
        assert everything(reader) == found
        assert reader.version == SCHEMA_VERSION


def test_a_store_that_cannot_be_written_is_read(tmp_path):
    fill(f"sqlite:///{tmp_path}/runs.db")
    digest = hashlib.sha256((tmp_path / "runs.db").read_bytes()).hexdigest()
    with RecordStore(f"sqlite:///file:{tmp_path}/runs.db?mode=ro&uri=true") as store:
        assert (store.version, len(store.records()), len(stored_plans(store))) == (2, 10, 3)
        with pytest.raises(StoreError, match="attempt to write a readonly database"):
            store.add(store.records())
    assert hashlib.sha256((tmp_path / "runs.db").read_bytes()).hexdigest() == digest


def test_a_store_into_which_an_earlier_version_builds_is_read_but_not_rewritten(any_url):
    sqlite = any_url.startswith("sqlite")
    now = "(julianday('now') - 2440587.5) * 86400.0" if sqlite else "extract(epoch from clock_timestamp())"
    fill(any_url, LIVING.format(now=now))
    before = tables(any_url)
    with RecordStore(any_url) as store:
        assert (store.version, len(store.records())) == (2, 10)
        with pytest.raises(
            StoreError, match=r"expected no running build .*, got 1 running; wait until they have ended"
        ):
            store.add(store.records())
    assert tables(any_url) == before


def test_a_driver_of_an_earlier_version_that_has_died_is_no_obstacle(any_url):
    fill(any_url, LIVING.format(now="0.0"))
    with RecordStore(any_url) as store:
        assert store.version == SCHEMA_VERSION


KILLED = """
    import os, signal, sys
    from robnas.records import RecordStore, _earlier

    make, left = _earlier.CreateTable, int(sys.argv[2])

    def create(table, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return make(table, **options)

    _earlier.CreateTable = create
    RecordStore(sys.argv[1])
"""


@pytest.mark.parametrize("place", [2, 6])
def test_a_rewriting_that_is_killed_leaves_the_old_store(old, place):
    before = tables(old)
    script = [sys.executable, "-c", textwrap.dedent(KILLED), old, str(place)]
    assert subprocess.run(script, check=False, cwd=os.getcwd()).returncode == -signal.SIGKILL
    assert tables(old) == before
    with RecordStore(old) as store:
        assert (store.version, len(store.records())) == (SCHEMA_VERSION, 10)


OPENED = """
    import sys
    from robnas.records import RecordStore, stored_plans

    with RecordStore(sys.argv[1]) as store:
        assert store.version == {version}
        assert (len(store.records()), len(stored_plans(store))) == (10, 3)
"""


def test_processes_that_open_an_old_store_at_once_all_succeed(old):
    script = [sys.executable, "-c", textwrap.dedent(OPENED).format(version=SCHEMA_VERSION), old]
    running = [subprocess.Popen(script, cwd=os.getcwd()) for _ in range(3)]
    assert [process.wait() for process in running] == [0] * 3


def test_records_of_a_recipe_that_the_store_does_not_describe_stay_as_they_are(any_url):
    fill(any_url, "delete from settings where hash in ('0c1e9e5d14b755c7', '3e14bb31eeebf059')")
    with RecordStore(any_url) as store:
        assert {record.space for record in store.records()} == {"nas-bench-201"}
        assert {record.recipe_hash for record in store.records()} == {"0c1e9e5d14b755c7", "3e14bb31eeebf059"}


def test_what_is_damaged_in_an_old_store_is_said_and_not_rewritten_away(any_url):
    fill(
        any_url,
        "update plans set json = '{' where name = 'wide'",
        "update settings set json = '[1]' where hash = '3cc7c5ad780b5efc'",
    )
    for complete in (False, True):
        with RecordStore(any_url, complete=complete) as store:
            assert len(store.records()) == 10
            with pytest.raises(StoreError, match="setup 3cc7c5ad780b5efc: expected a JSON object"):
                stored_plans(store)


def test_a_store_without_curves_is_read_as_the_present_one_and_not_written(without_curves):
    before = tables(without_curves)
    with RecordStore(without_curves, complete=False) as store:
        assert store.version == 3
        records, plans, pairs, of_plans, status = everything(store)
        assert everything(store) == (records, plans, pairs, of_plans, status)  # also a second time
        assert store.curves() == []
    assert tables(without_curves) == before
    assert [(plan.name, plan.hash) for plan in plans] == [("narrow", "5302576df132a1b2"), ("half", "1d250166ea9fa38c")]
    assert [len(found) for found in of_plans] == [6, 0]
    assert [(one.done, one.failed, one.remaining) for one in status] == [(3, 0, 0), (0, 1, 1)]


def test_a_store_without_curves_is_rewritten_and_says_the_same(without_curves):
    with RecordStore(without_curves, complete=False) as store:
        found = everything(store)
        for record in found[0][:1]:
            assert store.add([record]) == 0  # the first write rewrites it
        assert (store.version, everything(store)) == (SCHEMA_VERSION, found)
    with RecordStore(without_curves) as store:
        assert everything(store) == found
        queue = TrialQueue(store, find_plan(store, "half").hash)
        queue.join()
        assert queue.retry() == 1
        assert len(queue.claim(9)) == 2
    new = tables(without_curves)
    assert {"curves", "searches", "search_events"} <= new.keys()
    assert not [name for name in new if name.startswith("robnas") or name.endswith("_2")]


def test_a_reader_sees_that_another_process_has_added_curves(without_curves):
    with RecordStore(without_curves, complete=False) as reader:
        found = everything(reader)
        with RecordStore(without_curves) as writer:
            assert writer.version == SCHEMA_VERSION
        assert everything(reader) == found
        assert reader.version == SCHEMA_VERSION


def test_a_store_without_curves_into_which_an_earlier_version_builds_is_not_rewritten(any_url):
    sqlite = any_url.startswith("sqlite")
    now = "(julianday('now') - 2440587.5) * 86400.0" if sqlite else "extract(epoch from clock_timestamp())"
    fill(any_url, LIVING.format(now=now), script=SCHEMA_3)
    before = tables(any_url)
    with RecordStore(any_url) as store:
        assert store.version == 3
        with pytest.raises(StoreError, match=r"expected no running build .*, got 1 running"):
            store.add(store.records())
    assert tables(any_url) == before


@pytest.mark.parametrize("place", [1, 9])
def test_adding_curves_to_a_store_that_is_killed_leaves_the_old_store(without_curves, place):
    before = tables(without_curves)
    script = [sys.executable, "-c", textwrap.dedent(KILLED), without_curves, str(place)]
    assert subprocess.run(script, check=False, cwd=os.getcwd()).returncode == -signal.SIGKILL
    assert tables(without_curves) == before
    with RecordStore(without_curves) as store:
        assert (store.version, len(store.records())) == (SCHEMA_VERSION, 6)

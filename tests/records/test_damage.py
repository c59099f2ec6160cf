"""Stores in which something else stands than robnas has written: the right value, or one clear line."""

import sqlite3

import pytest

from robnas.benchmarks import load
from robnas.building import table_of_plan
from robnas.errors import RobnasError, StoreError, StoreUnavailableError
from robnas.records import (
    Failure,
    Outcome,
    RecordStore,
    TrialQueue,
    _schema,
    find_plan,
    plan_doubts,
    store_status,
    timing,
)
from tests.building.trainers import SETUP, queue_of, records_of

EACH = 1  # value per column, another one in each; all of them take minutes
COLUMNS = [(table, column) for table in _schema.metadata.sorted_tables for column in table.columns]
HOSTILE = [
    None, "", "x\x1b[31m\x1b]0;t\x07\u202e\n", b"\xff\xfe", 10**18, -1, 1e308, float("inf"), -1.5, "[]", "{}",
    "[" * 20000, '{"measurements": 3}', "1" * 5000,
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store with a trial of each kind, without constraints, as another program may have written it."""
    path = tmp_path_factory.mktemp("whole") / "runs.db"
    with RecordStore(path) as store:
        queue = queue_of(store, 3)
        queue.join()
        one, two, _ = queue.claim(3)
        settings = {"r" * 16: {"name": "digits"}, "a" * 16: {"steps": 7}}
        queue.finish([(one, Outcome(records_of(one), settings, ("doubt",), 1.0)), (two, Failure("error", "boom", 1.0))])
    connection = sqlite3.connect(path, isolation_level=None)
    for table in _schema.metadata.sorted_tables:
        types = ", ".join(f'"{c.name}" {c.type.compile()}' for c in table.columns)
        connection.executescript(
            f'alter table "{table}" rename to old; create table "{table}" ({types}); '
            f'insert into "{table}" select * from old; drop table old;'
        )
    connection.close()
    return path.read_bytes()


def damaged(whole, path, table, column, value):
    path.write_bytes(whole)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("pragma synchronous = off")
        first = f'(select min(rowid) from "{table}")'
        connection.execute(f'update "{table}" set "{column}" = ? where rowid = {first}', [value])
    connection.close()
    return path


def read_all(path):
    with RecordStore(path) as store:
        store.records()
        store_status(store)
        timing(store, SETUP)
        plan = find_plan(store)
        plan_doubts(store, plan)
        table_of_plan(store, plan)
        queue = TrialQueue(store, plan.hash)
        queue.unfinished()
        queue.join()
        queue.claim(2)
    load(path)


@pytest.mark.parametrize("number", range(len(COLUMNS)), ids=lambda number: "-".join(c.name for c in COLUMNS[number]))
def test_any_value_in_any_column_is_read_or_one_clear_line(whole, tmp_path, number):
    table, column = COLUMNS[number]
    said = []
    for value in (HOSTILE * 2)[number % len(HOSTILE) :][:EACH]:
        path = damaged(whole, tmp_path / "runs.db", table.name, column.name, value)
        before = path.read_bytes()
        try:
            read_all(path)
        except RobnasError as error:
            said.append(error)
            assert path.read_bytes() == before or table.name in ("members", "drivers", "trials", "plans")
    assert all(str(error).isprintable() and len(str(error)) < 1000 for error in said)
    assert not any(isinstance(error, StoreUnavailableError) for error in said)


WRONG = [
    ("records", "value", "x", "records.value in row 1: expected a number below 1e+11, got 'x'"),
    ("records", "value", None, "records.value in row 1: expected a number below 1e+11, got None"),
    ("records", "value", float("inf"), "records.value in row 1: expected a number below 1e+11, got 'Inf'"),
    (
        "records",
        "value",
        1.5,
        "test clean seed 0: expected what a build writes, got InputError (record value: expected",
    ),
    ("records", "value", -0.5, "record value: expected an accuracy in [0, 1], got -0.5"),
    ("records", "seed", "0.5", "records.seed in row 1: expected a whole number, got '0.5'"),
    ("records", "seed", b"\x00", "records.seed in row 1: expected a whole number, got '\\x00'"),
    ("records", "metric", "x@", "expected what a build writes, got InputError (metric: expected"),
    ("records", "split", "tset", "expected what a build writes, got InputError (split: expected one of train"),
    ("records", "architecture", "999999", "expected what a build writes, got InputError (architecture"),
    ("records", "images", 0, "record images: expected at least 1, got 0"),
    ("records", "device", None, "records.device in row 1: expected a text, got None"),
    ("trials", "seconds", "soon", "trials.seconds in row 1: expected a number below 1e+11, got 'soon'"),
    ("trials", "state", "gone", "trials.state in row 1: expected one of waiting, running, done, failed, paused, got"),
    ("drivers", "heartbeat", "now", "drivers.heartbeat in row 1: expected a number below 1e+11, got 'now'"),
    ("drivers", "pid", 1.5, "drivers.pid in row 1: expected a whole number, got '1.5'"),
    (
        "plans",
        "json",
        "[1]",
        "plan mine: expected a JSON object, got [1]; the store is damaged: restore it from a copy",
    ),
    ("plans", "json", "{", "plan mine: expected a JSON object, got '{'"),
    ("settings", "json", "{}", "expected dataset_hash, recipe_hash, measurements and batch_size, got {}"),
]


@pytest.mark.parametrize(("table", "column", "value", "text"), WRONG, ids=[text[:50] for *_, text in WRONG])
def test_a_wrong_value_is_named_with_its_place(whole, tmp_path, table, column, value, text):
    path = damaged(whole, tmp_path / "runs.db", table, column, value)
    with pytest.raises(StoreError) as raised:
        read_all(path)
    assert text in str(raised.value)
    assert f"{path}" in str(raised.value)


@pytest.mark.parametrize("statement", ["drop table trials", "alter table trials drop column seconds"])
def test_a_missing_part_of_a_store_is_no_reason_to_wait(whole, tmp_path, statement):
    path = tmp_path / "runs.db"
    path.write_bytes(whole)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("drop index if exists trials_by_time")
        connection.execute(statement)
    connection.close()
    with pytest.raises(
        StoreError, match=r"no such (table|column).*the store is damaged: restore it from a copy"
    ) as raised:
        read_all(path)
    assert not isinstance(raised.value, StoreUnavailableError)


def test_text_that_is_no_utf8_is_one_clear_line(whole, tmp_path):
    path = damaged(whole, tmp_path / "runs.db", "records", "dataset", "x")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("update records set dataset = cast(x'fffe41' as text)")
    connection.close()
    with pytest.raises(StoreError, match=r"Could not decode to UTF-8.*the store is damaged: restore it from a copy"):
        load(path)

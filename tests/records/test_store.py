import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from robnas.errors import InputError, StoreError
from robnas.records import Record, RecordStore
from robnas.spaces import Architecture

RECORD = Record(
    architecture=Architecture("323133"), dataset_hash="d" * 16, split="test", recipe_hash="r" * 16, seed=0,
    metric="pgd@8/255", attack_hash="a" * 16, images=10000, dataset="cifar10", value=0.4811, seconds=12.5,
    torch_version="2.13.0", device="cpu",
)  # fmt: skip
CLEAN = replace(RECORD, metric="clean", attack_hash="", value=0.7938)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/runs.db"


@pytest.fixture
def store(url):
    with RecordStore(url) as store:
        yield store


def test_records_come_back_as_they_went_in(store, url):
    assert store.add([RECORD, CLEAN]) == 2
    assert store.records() == [CLEAN, RECORD]
    with RecordStore(url) as again:
        assert again.records() == [CLEAN, RECORD]


def test_the_same_record_twice_is_one(store):
    assert [store.add([RECORD]), store.add([RECORD]), store.add([RECORD, CLEAN]), store.add([])] == [1, 0, 1, 0]
    assert store.add([replace(RECORD, seconds=99.0, device="another")]) == 0
    assert store.records(metric="pgd@8/255") == [RECORD]


@pytest.mark.parametrize(
    "change",
    [{"architecture": Architecture("000000")}, {"dataset_hash": "e"}, {"split": "validation"}, {"recipe_hash": "q"},
     {"seed": 1}, {"seed": 2**62}, {"metric": "pgd@3/255"}, {"attack_hash": "b"}, {"attack_seed": 1}, {"images": 9}],
    ids=str,
)  # fmt: skip
def test_another_key_is_another_record(store, change):
    store.add([RECORD])
    assert store.add([replace(RECORD, **change)]) == 1
    assert len(store.records()) == 2


def test_another_value_under_the_same_key_is_refused_and_nothing_is_added(store):
    store.add([RECORD])
    with pytest.raises(
        StoreError, match=r"323133 cifar10 test pgd@8/255 seed 0: expected 0.4811, .* got 0.5; .* use anot"
    ):
        store.add([CLEAN, replace(RECORD, value=0.5)])
    assert store.records() == [RECORD]


def test_settings_are_kept_by_hash(store):
    store.add([RECORD], {"r" * 16: {"epochs": 50}})
    store.add([CLEAN], {"r" * 16: {"epochs": 50}})
    assert store.settings("r" * 16) == {"epochs": 50}
    with pytest.raises(StoreError, match="settings hash: expected one that the store holds, got 'x'"):
        store.settings("x")


def test_records_are_selected_by_column(store):
    store.add([RECORD, CLEAN, replace(CLEAN, architecture=Architecture("000000"))])
    assert len(store.records(architecture=Architecture("323133"))) == 2
    assert len(store.records(metric="clean")) == 2
    assert len(store.records(attack="pgd", epsilon=8 / 255)) == 1
    with pytest.raises(StoreError, match=r"record column: expected one of architecture, .* got 'arch'"):
        store.records(arch="323133")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"value": 48.11}, r"record value: expected an accuracy in \[0, 1\], got 48.11"),
        ({"value": float("nan")}, "record value"),
        ({"split": "val"}, "split: expected one of"),
        ({"metric": "pgd_8"}, "metric: expected clean"),
        ({"images": 0}, "record images: expected at least 1"),
    ],
)
def test_an_impossible_record_is_refused(change, text):
    with pytest.raises(InputError, match=text):
        replace(RECORD, **change)


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path):
    (tmp_path / "runs.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"expected a database of records .*file is not a database") as raised:
        RecordStore(f"sqlite:///{tmp_path}/runs.db")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/runs.db", "nonsense", "oracle2://x"])
def test_a_store_that_cannot_be_opened_is_one_clear_error(url):
    with pytest.raises(StoreError, match=r"expected a database of records .*give a URL such as sqlite:///runs.db"):
        RecordStore(url)


def test_a_store_of_a_newer_schema_is_refused(store, url, tmp_path):
    store.add([RECORD])
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("update meta set value = '99'")
    connection.close()
    with pytest.raises(StoreError, match="expected schema version 1, got 99; read it with the robnas that wrote it"):
        RecordStore(url)


def test_a_store_on_a_full_disk_keeps_what_it_had(store, tmp_path):
    store.add([RECORD])

    def allow(pages):  # of the one pooled connection
        with store._engine.connect() as connection:
            pages = pages or connection.exec_driver_sql("pragma page_count").scalar()
            connection.exec_driver_sql(f"pragma max_page_count = {pages}")

    allow(None)
    with pytest.raises(StoreError, match="database or disk is full"):
        store.add([replace(RECORD, seed=seed) for seed in range(1, 2000)])
    assert store.records() == [RECORD]
    allow(100_000)
    assert store.add([CLEAN]) == 1
    assert store.records(metric="pgd@8/255") == [RECORD]


CRASH = """
    import os, signal, sys
    from dataclasses import replace
    from robnas.records import RecordStore
    from tests.records.test_store import RECORD

    with RecordStore(sys.argv[1]) as store:
        store.add([replace(RECORD, seed=seed) for seed in range(10)])
        insert, done = store._insert, []

        def killing(*arguments):
            done.append(1)
            if len(done) == 5000:
                os.kill(os.getpid(), signal.SIGKILL)
            return insert(*arguments)

        store._insert = killing
        store.add([replace(RECORD, seed=seed) for seed in range(10000)])
"""


def test_a_crash_in_the_middle_of_add_leaves_a_readable_store(url):
    script = [sys.executable, "-c", textwrap.dedent(CRASH), url]
    assert subprocess.run(script, check=False, cwd=os.getcwd()).returncode == -signal.SIGKILL
    with RecordStore(url) as store:
        assert [record.seed for record in store.records()] == list(range(10))
        assert store.add([replace(RECORD, seed=10)]) == 1


OPEN = """
    import sys
    from dataclasses import replace
    from robnas.records import RecordStore
    from tests.records.test_store import RECORD

    with RecordStore(sys.argv[1]) as store:
        store.add([replace(RECORD, seed=seed) for seed in range(20)])
"""


def test_processes_that_open_a_new_store_at_once_all_succeed(url):
    script = [sys.executable, "-c", textwrap.dedent(OPEN), url]
    running = [subprocess.Popen(script, cwd=os.getcwd()) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    with RecordStore(url) as store:
        assert len(store.records()) == 20


def test_a_conflict_is_seen_whoever_wrote_the_other_value(store, url):
    insert = store._insert

    def late(connection, table, row):
        if row.get("seed") == 5:  # written earlier in this transaction, as another process would have
            insert(connection, table, row | {"value": 0.1})
        return insert(connection, table, row)

    store._insert = late
    with pytest.raises(StoreError, match=r"expected 0.1, which the store holds, got 0.4811"):
        store.add([replace(RECORD, seed=5)])
    assert store.records() == []


def test_a_foreign_database_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("create table photos (id)")
    connection.close()
    with pytest.raises(StoreError, match="expected an empty database or one of robnas, got photos"):
        RecordStore(f"sqlite:///{tmp_path}/other.db")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        assert connection.execute("select name from sqlite_master").fetchall() == [("photos",)]
    connection.close()

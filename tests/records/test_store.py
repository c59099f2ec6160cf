import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from robnas.errors import InputError, StoreError, StoreUnavailableError
from robnas.records import SCHEMA_VERSION, Record, RecordStore, store_status
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


@pytest.fixture
def any_store(any_url):
    with RecordStore(any_url) as store:
        yield store


def test_records_come_back_as_they_went_in(any_store, any_url):
    assert any_store.add([RECORD, CLEAN]) == 2
    assert any_store.records() == [CLEAN, RECORD]
    with RecordStore(any_url) as again:
        assert again.records() == [CLEAN, RECORD]


def test_the_number_of_classes_belongs_to_the_images_and_needs_no_other_schema(any_store, any_url):
    older, other = RECORD, replace(CLEAN, images=100)
    any_store.add([older])
    assert any_store.records()[0].num_classes is None
    known = [replace(record, num_classes=10, majority=0.12) for record in (CLEAN, replace(other, num_classes=10))]
    any_store.add([known[0], replace(known[1], majority=0.2)])
    with RecordStore(any_url) as again:
        found = {(record.metric, record.images): (record.num_classes, record.majority) for record in again.records()}
    assert found == {("clean", 100): (10, 0.2), ("clean", 10000): (10, 0.12), ("pgd@8/255", 10000): (10, 0.12)}
    assert any_store.add(known[:1]) == 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"num_classes": 0}, "record num_classes: expected at least 1, got 0"),
        ({"num_classes": 2.5}, "record num_classes: expected a whole number, got 2.5"),
        ({"majority": 1.2}, r"record majority: expected a number in \[0, 1\], got 1.2"),
    ],
)
def test_impossible_facts_of_the_images_are_refused(change, text):
    with pytest.raises(InputError, match=text):
        replace(RECORD, **change)


def test_the_same_record_twice_is_one(any_store):
    store = any_store
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


def test_another_value_under_the_same_key_is_refused_and_nothing_is_added(any_store):
    store = any_store
    store.add([RECORD])
    with pytest.raises(
        StoreError, match=r"323133 cifar10 test pgd@8/255 seed 0: expected 0.4811, .* got 0.5; .* use anot"
    ):
        store.add([CLEAN, replace(RECORD, value=0.5)])
    assert store.records() == [RECORD]


def test_what_is_read_together_is_one_state_of_the_store(any_store, any_url):
    count = "select count(*) from records"
    any_store.add([RECORD])
    with any_store.read() as connection:
        before = connection.exec_driver_sql(count).scalar()
        if any_store.dialect == "postgresql":  # SQLite lets nobody write meanwhile
            with RecordStore(any_url) as other:
                other.add([CLEAN])
        assert connection.exec_driver_sql(count).scalar() == before == 1
    with any_store.read() as connection:
        assert connection.exec_driver_sql(count).scalar() == len(any_store.records())


def test_settings_are_kept_by_hash(any_store):
    store = any_store
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


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_store_that_would_be_lost_with_the_process_is_refused(url):
    with pytest.raises(StoreError, match=r"expected the name of a file, got none; give a URL such as sqlite:///runs.d"):
        RecordStore(url)


def test_a_store_of_a_newer_schema_is_refused(store, url, tmp_path):
    store.add([RECORD])
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("update meta set value = '99'")
    connection.close()
    with pytest.raises(
        StoreError, match="expected schema version 4 or older, got 99; read it with the robnas that wrote it"
    ):
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
        insert = store.insert_new

        def killing(connection, table, rows):
            insert(connection, table, rows[:5000])
            if rows:
                os.kill(os.getpid(), signal.SIGKILL)
            return insert(connection, table, rows[5000:])

        store.insert_new = killing
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


def test_processes_that_open_a_new_store_at_once_all_succeed(any_url):
    script = [sys.executable, "-c", textwrap.dedent(OPEN), any_url]
    running = [subprocess.Popen(script, cwd=os.getcwd()) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    with RecordStore(any_url) as store:
        assert len(store.records()) == 20


def test_a_conflict_is_seen_whoever_wrote_the_other_value(store, url):
    insert = store.insert_new

    def late(connection, table, rows):  # written earlier in this transaction, as another process would have
        insert(connection, table, [row | {"value": 0.1} for row in rows if row.get("seed") == 5])
        return insert(connection, table, rows)

    store.insert_new = late
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


# what robnas 0.1.0 wrote
VERSION_1 = """
create table meta (key varchar not null primary key, value varchar);
create table settings (hash varchar(16) not null primary key, json text not null);
create table records (architecture varchar(6) not null, dataset_hash varchar(16) not null, split varchar(10) not null,
    recipe_hash varchar(16) not null, seed bigint not null, metric varchar(64) not null,
    attack_hash varchar(16) not null, attack_seed bigint not null, images integer not null, dataset varchar not null,
    attack varchar not null, norm varchar(8), epsilon float, value float not null, seconds float not null,
    torch_version varchar not null, device varchar not null, created datetime default (current_timestamp),
    primary key (architecture, dataset_hash, split, recipe_hash, seed, metric, attack_hash, attack_seed, images));
insert into meta values ('schema_version', '1');
insert into records values ('323133', 'dddddddddddddddd', 'test', 'rrrrrrrrrrrrrrrr', 0, 'pgd@8/255',
    'aaaaaaaaaaaaaaaa', 0, 10000, 'cifar10', 'pgd', 'linf', 0.0313, 0.4811, 12.5, '2.13.0', 'cpu', '2026-11-22');
"""


def test_a_store_of_version_1_keeps_its_records_and_takes_plans(url, tmp_path):
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.executescript(VERSION_1)
    connection.close()
    with RecordStore(url) as store:
        assert store.records() == [RECORD]
        assert store_status(store) == []
        assert store.add([CLEAN]) == 1
    with RecordStore(url) as store:
        assert len(store.records()) == 2


def test_a_store_can_be_read_without_being_completed(url, tmp_path):
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.executescript(VERSION_1)
    connection.close()
    before = (tmp_path / "runs.db").read_bytes()
    with RecordStore(url, complete=False) as store:
        assert (store.version, store.records()) == (1, [RECORD])
    assert (tmp_path / "runs.db").read_bytes() == before
    with RecordStore(url) as store:
        assert store.version == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("problem", "remedy"),
    [
        ("database is locked", "another process writes to it: try again when it has ended"),
        ("database or disk is full", "make room on the disk: the same command then goes on"),
        ('connection to server at "db", port 5432 failed: Connection refused', "check that the server runs"),
        ("unable to open database file", "give a URL such as sqlite:///runs.db in a folder that can be written"),
    ],
)
def test_an_unavailable_store_says_what_helps(store, problem, remedy):
    with pytest.raises(StoreUnavailableError) as raised, store.clear_errors():
        raise OperationalError("select", {}, Exception(problem))
    assert f"got Exception ({problem}); {remedy}" in str(raised.value)


def test_a_store_that_is_complete_is_opened_without_writing(store, url, tmp_path):
    store.add([RECORD])
    with RecordStore(f"sqlite:///file:{tmp_path}/runs.db?mode=ro&uri=true") as reading:
        assert reading.records() == [RECORD]
        with pytest.raises(StoreError, match=r"attempt to write a readonly database\); give a URL .* can be written"):
            reading.add([CLEAN])


def test_errors_do_not_show_the_password_of_a_store():
    for url in ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "postgresql+psycopg://me:secret@h:port/x"):
        with pytest.raises(StoreError, match="expected a database of records") as raised:
            RecordStore(url)
        assert "secret" not in str(raised.value)
        assert "\n" not in str(raised.value)


def test_postgresql_is_found_by_its_plain_url(postgres):
    url = postgres.database("plain").replace("postgresql+psycopg", "postgresql")
    with RecordStore(url) as store:
        assert store.add([RECORD]) == 1


def test_a_missing_driver_is_named_with_its_remedy():
    script = """
import sys
sys.modules["psycopg"] = None
from robnas.records import RecordStore
try:
    RecordStore("postgresql://robnas@127.0.0.1:1/x")
except Exception as error:
    print(error)
"""
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out.strip().endswith("expected the driver psycopg, got no such module; pip install 'robnas[postgres]'")


@pytest.mark.parametrize(("earlier", "key"), [("fgsm@1", "fgsm@255/255"), (f"pgd@{0.1 / 255!r}", "pgd@0.1/255")])
def test_a_metric_in_the_spelling_of_an_earlier_version_is_found_and_read(store, url, earlier, key):
    store.add([replace(RECORD, metric=key), CLEAN])
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE records SET metric = ? WHERE metric = ?", (earlier, key))
    assert [record.metric for record in store.records()] == sorted(["clean", key])
    for asked in (earlier, key, [key, "pgd@8/255"]):
        (found,) = store.records(metric=asked)
        assert found == replace(RECORD, metric=earlier)
    assert replace(RECORD, metric=earlier).metric == key

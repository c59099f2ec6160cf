"""Where a store is: every spelling names one file, and nothing shows a password."""

import json
import logging
import sqlite3
from pathlib import Path

import pytest

import robnas
from robnas.errors import InputError, StoreError
from robnas.records import RecordStore, StoreAddress, is_store
from robnas.records._engine import engine_of
from tests.records.test_store import RECORD
from tests.test_cli import robnas as command


def stored(url):
    with RecordStore(url) as store:
        store.add([RECORD])


@pytest.mark.parametrize(
    ("given", "file"),
    [
        ("sqlite:///runs.db", "runs.db"),
        ("runs.db", "runs.db"),
        (Path("runs.db"), "runs.db"),
        ("./sub/../runs.db", "runs.db"),
        ("SQLite+pysqlite:///runs.db", "runs.db"),
        ("sqlite:///runs.db?timeout=5", "runs.db"),
        ("sqlite:///a%20b.db", "a b.db"),
        ("a%20b.db", "a%20b.db"),
        ("sqlite:///a%2520b.db", "a%20b.db"),
        ("sqlite:///%41;#?", "A;#"),
        ("a?mode=memory#.db", "a?mode=memory#.db"),
        ("a?b#c.sqlite3", "a?b#c.sqlite3"),
        ("ü ñ\u4e2d.sqlite", "ü ñ\u4e2d.sqlite"),
        ("C:\\runs.db", "C:\\runs.db"),
        ("./file:x.db", "file:x.db"),
        ("file:x.db", "x.db"),
        ("sqlite:///file:x%20y.db?mode=rwc&uri=true", "x y.db"),
        ("sqlite:///~/home.db", "home/home.db"),
        ("~/home.db", "home/home.db"),
    ],
)
def test_every_spelling_of_a_store_is_one_file_in_all_commands(given, file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "sub").mkdir()
    stored(given)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / file]
    assert robnas.load(given).query("323133", dataset="cifar10", metric="pgd@8/255", split="test", seed=0) == 0.4811
    for arguments in (["build", "status", "--store"], ["tables"], ["export", "--out", str(tmp_path / "t.csv")]):
        assert command(capsys, *arguments, str(given), "--json")[0] == 0, arguments
    shown = StoreAddress.parse(given).shown
    assert StoreAddress.parse(shown) == StoreAddress.parse(shown)
    assert StoreAddress.parse(shown).path.resolve() == (tmp_path / file).resolve()


def test_an_absolute_url_is_that_path(tmp_path):
    stored(f"sqlite:///{tmp_path}/runs.db")
    for spelling in (f"sqlite:////{tmp_path}/runs.db", f"/{tmp_path}/runs.db"):  # a slash too many
        with RecordStore(spelling) as store:
            assert len(store.records()) == 1
    assert StoreAddress.parse(f"sqlite:///file://localhost{tmp_path}/runs.db?mode=ro").exists()
    assert StoreAddress.parse(f"file://{tmp_path}/runs.db").path == tmp_path / "runs.db"


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", ":memory:", "sqlite:///?timeout=5", "sqlite+pysqlite://",
     "file::memory:?uri=true", "file:x?mode=memory&cache=shared&uri=true", "sqlite:///file::memory:?uri=true",
     "sqlite:///file:x?mode=memory&cache=shared&uri=true", "sqlite:///file:x?mode=mem%6Fry", "sqlite:///%3Amemory%3A",
     "sqlite:///file:/x?vfs=memdb&uri=true", "sqlite:///file:?uri=true", "sqlite:///x.db?mode=memory"],
)  # fmt: skip
def test_what_is_kept_in_memory_is_refused_with_the_reason(url):
    with pytest.raises(
        StoreError, match=r"expected the name of a file, got none; give .*: what is kept in memory is los"
    ):
        RecordStore(url)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("mysql://me:secret@host/x", "store mysql://…: expected a database of records on SQLite (sqlite) or PostgreSQL "
         "(postgresql+psycopg), got mysql; give a URL such as sqlite:///runs.db or postgresql://user@host/name"),
        ("postgresql+asyncpg://me:secret@host/x", "(postgresql+psycopg), got postgresql+asyncpg"),
        ("mongodb+srv://me:secret@host", "got mongodb+srv"),
        ("me:secret@mysql://host", "got …"),
        ("sqlite://runs.db", "did you mean sqlite:///runs.db?"),
        ("sqlite:runs.db", "as a URL, or as a file ending in .db, .sqlite or .sqlite3, got 'sqlite:runs.db'"),
        ("sqlite://me:secret@runs.db", "with a URL that can be read"),
        ("postgresql:me:secret@host/runs.db", "as a URL, or as a file"),
        ("me:secret@host/runs.db", "as a URL, or as a file"),
        ("runs", "as a URL, or as a file ending in .db, .sqlite or .sqlite3, got 'runs'"),
        ("", "as a URL, or as a file ending in .db"),
        ("postgresql://me:secret@host:port/x", "with a URL that can be read"),
        ("postgresql://me:secret@host:99999/x", "with a URL that can be read"),
        ("postgresql://me:sec@ret@host/x", "with a URL that can be read"),
        ("sqlite:///runs.db?mod=ro", "expected an option among timeout, cached_statements, check_same_thread, mode"),
        ("sqlite:///runs.db?timeout=soon", "expected another value of the option timeout, got 'soon'"),
        ("sqlite:///runs.db?timeout=nan", "expected another value of the option timeout, got 'nan'"),
        ("sqlite:///runs.db?mode=ro%26vfs%3Dmemdb", "expected another value of the option mode"),
        ("sqlite:///runs.db?mode=readonly", "expected another value of the option mode, got 'readonly'"),
        ("sqlite:///runs.db?cached_statements=99999999999", "another value of the option cached_statements, got '9999"),
        ("sqlite:///runs.db?timeout=1e300", "expected another value of the option timeout, got '1e300'"),
        ("sqlite:///a%00b.db", "with a URL that can be read"),
    ],
)  # fmt: skip
def test_what_is_no_store_is_one_line_that_says_what_is(url, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as raised:
        RecordStore(url)
    assert text in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


PASSWORDS = [
    "postgresql://me:hu%6Eter2@127.0.0.1:1/x",
    "postgres://me:hunter2@127.0.0.1:1/x?connect_timeout=1",
    "postgresql+psycopg://127.0.0.1:1/x?user=me&password=hunter2",
    "postgresql://127.0.0.1:1/x?pass%77ord=hu%6Eter2",
    "postgresql://me:hunter2@127.0.0.1:1/x?password=hunter2&options=-c%20hunter2%3D1",
    "postgresql://me:hunter2@127.0.0.1:1/x?nonsense=1",
    "postgresql://127.0.0.1:1/x?sslpassword=hunter2",
    "postgresql://127.0.0.1:1/password=hunter2",
    "postgresql://me:hunter2@[::1]:1/x",
    "postgresql://me:hunter2@host name:1/x",
    "postgresql://me:hun/ter2@127.0.0.1:1/x",
]


@pytest.mark.parametrize("url", PASSWORDS)
def test_a_password_reaches_no_message(url, capsys, caplog, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreError, match="expected a database of records") as raised:
        RecordStore(url)
    texts = [str(raised.value), repr(raised.value), repr(StoreAddress.parse(url)), StoreAddress.parse(url).shown]
    for arguments in (["build", "status", "--store"], ["tables"], ["report"]):
        code, out, err = command(capsys, *arguments, url)
        assert (code, err.count("\n")) == (2, 1)
        texts += [out, err]
    with pytest.raises(InputError) as raised:
        robnas.load(url)
    texts += [str(raised.value), caplog.text]
    for text in texts:
        assert not any(word in text for word in ("hunter2", "hu%6Eter2", "ter2"))


def test_a_driver_that_repeats_the_password_is_not_quoted():
    url = "postgresql://me:hunter2@127.0.0.1:1/x?host=hunter2.invalid&connect_timeout=2"
    with pytest.raises(StoreError, match=r"got OperationalError; check that the server runs") as raised:
        RecordStore(url)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "PostgreSQL"])
def test_spellings_of_postgresql_are_one_driver(scheme):
    address = StoreAddress.parse(f"{scheme}://m%40e:p%2Fw@h:5/d%20b?a=1&b=2&b=3")
    assert address.shown == "postgresql+psycopg://h:5/d%20b"
    url = engine_of(address).url
    assert (url.drivername, url.username, url.password, url.database) == ("postgresql+psycopg", "m@e", "p/w", "d b")
    assert url.query == {"a": "1", "b": ("2", "3")}


def test_provenance_of_a_table_names_no_folder_and_no_user(tmp_path):
    stored(tmp_path / "runs.db")
    table = robnas.load(f"sqlite:///{tmp_path}/runs.db?timeout=5")
    assert table.name == "runs"
    assert str(tmp_path) not in json.dumps([dict(table.provenance), [column.facts for column in table.columns]])


def test_what_names_a_store(tmp_path):
    stored(f"sqlite:///{tmp_path}/odd")
    assert [is_store(name) for name in (tmp_path / "odd", "x.db", "mysql://x", ":memory:")] == [True] * 4
    assert [is_store(name) for name in ("digits", "x.parquet", tmp_path / "none", "\0", "x" * 5000)] == [False] * 5


VERSIONS = ["2.1", "v3", "", " 2", "02", "\u0662", "2\n", "-1", "0", "5", "1e0", None, b"2", 2.5, "x" * 5000]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda value: repr(value)[:9])
@pytest.mark.parametrize("complete", [True, False])
def test_a_store_of_another_version_is_left_as_it_is_to_the_byte(version, complete, tmp_path):
    path = tmp_path / "runs.db"
    stored(path)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("update meta set value = ?", [version])
    connection.close()
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"expected schema version 4 or older, got .*; read it with the robnas that"
    ) as error:
        RecordStore(path, complete=complete)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("rows", ["", "('schema_version', '1'), ('schema_version', '2')", "('Schema_Version', '2')"])
def test_the_meta_table_of_another_program_is_left_alone(rows, tmp_path):
    path = tmp_path / "runs.db"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("create table meta (key, value)")
        if rows:
            connection.execute(f"insert into meta values {rows}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="expected schema version 4 or older"):
        RecordStore(path)
    assert path.read_bytes() == before


def test_a_version_that_appears_while_a_store_is_made_is_not_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "runs.db"
    insert = RecordStore.insert_new

    def late(self, connection, table, rows):  # what another robnas has committed in the meantime
        insert(self, connection, table, [{"key": "schema_version", "value": "99"}])
        return insert(self, connection, table, rows)

    monkeypatch.setattr(RecordStore, "insert_new", late)
    with pytest.raises(StoreError, match="expected schema version 4 or older, got 99"):
        RecordStore(path)
    assert sqlite3.connect(path).execute("select * from sqlite_master").fetchall() == []

import hashlib
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import BUNDLED, CATALOGUE, cached_path, fetch, load, read_table, write_table
from robnas.errors import InputError
from robnas.records import RecordStore
from tests.benchmarks.conftest import (
    ACC,
    ALL_SEEDS,
    META,
    OPS,
    PAGE,
    meta_text,
    ops_text,
    page,
    page_text,
    same_table,
    small_table,
)
from tests.benchmarks.test_importers import seeds_content, some_ids
from tests.benchmarks.test_records import RECORD
from tests.conftest import shared_file
from tests.data.conftest import listing, refused

NAME = "nas-robbench-201"


def change_files(monkeypatch, name, **changes):
    files = tuple(replace(file, **{key: make(file) for key, make in changes.items()}) for file in CATALOGUE[name].files)
    monkeypatch.setitem(CATALOGUE, name, replace(CATALOGUE[name], files=files))


def accept_any(monkeypatch, name):
    """Make the catalogue's table one whose checksums are not known."""
    change_files(monkeypatch, name, sha256=lambda _: None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with small files of a published table, whose checksums the catalogue expects."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / PAGE).write_text(page_text(page()))
    (folder / OPS).write_text(ops_text())
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    change_files(monkeypatch, NAME, sha256=lambda file: digests[file.name])
    return folder


@pytest.fixture
def online(site, folder, monkeypatch):
    """The same files, to be had from the local site alone."""
    change_files(monkeypatch, NAME, url=lambda file: site.url + file.name)
    site.files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return site


def test_the_variable_moves_tables_too(folder, cache, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBNAS_DATA", str(tmp_path / "elsewhere"))
    fetch(NAME, folder)
    path = tmp_path / "elsewhere" / "tables" / f"{NAME}.parquet"
    assert cached_path(NAME) == path
    assert path.exists()
    assert not cache.exists()
    same_table(load(NAME), read_table(path))


def test_a_table_of_the_old_cache_is_found_until_it_is_fetched_again(folder, cache, monkeypatch, tmp_path):
    fetch(NAME, folder)
    old = cached_path(NAME)
    monkeypatch.setenv("ROBNAS_DATA", str(tmp_path / "elsewhere"))
    assert cached_path(NAME) == old == cache / f"{NAME}.parquet"
    same_table(load(NAME), read_table(old))
    fetch(NAME, folder)
    assert cached_path(NAME) == tmp_path / "elsewhere" / "tables" / f"{NAME}.parquet"
    assert cached_path(NAME).exists()


def test_a_folder_that_is_named_comes_before_the_variable(folder, cache, monkeypatch, tmp_path):
    fetch(NAME, folder)
    monkeypatch.setenv("ROBNAS_DATA", str(tmp_path / "elsewhere"))
    fetch(NAME, folder, data_dir=tmp_path / "named")
    assert (tmp_path / "named" / "tables" / f"{NAME}.parquet").exists()
    assert not (tmp_path / "elsewhere").exists()


def in_temporary_folder(tmp_path, monkeypatch):
    room = tmp_path / "tmp"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    return room


# where the files come from


@pytest.mark.parametrize("source", ["", PAGE, OPS], ids=["folder", "main file", "other file"])
def test_a_fetched_table_is_kept_and_loaded_without_the_files(source, folder, cache, monkeypatch, tmp_path):
    room = in_temporary_folder(tmp_path, monkeypatch)
    table = fetch(NAME, folder / source)
    for path in folder.iterdir():
        path.unlink()
    same_table(load(NAME), table)
    assert (len(table), table.provenance["licence"]) == (6466, CATALOGUE[NAME].licence)
    assert table.provenance["sha256"] == {file.name: file.sha256 for file in CATALOGUE[NAME].files}
    assert set(listing(cache)) == {f"{NAME}.parquet"}
    assert cached_path(NAME) == cache / f"{NAME}.parquet"
    assert listing(room) == {}


def test_a_table_is_downloaded_at_the_first_use_only(online, cache, monkeypatch, tmp_path):
    room, told = in_temporary_folder(tmp_path, monkeypatch), []
    first = load(NAME, lambda *step: told.append(step))
    assert sorted(online.asked) == [PAGE, OPS]
    assert {text for _, _, text in told} == {f"download {PAGE}", f"download {OPS}"}
    same_table(load(NAME), first)
    assert len(online.asked) == 2
    assert set(listing(cache)) == {f"{NAME}.parquet"}
    assert listing(room) == {}


ELSEWHERE = f"check the connection, or get the files elsewhere and robnas fetch {NAME} --from PATH$"
ANSWERS = {
    "altered": (b"acc={};", "got another checksum; try again later"),
    "a web page": (b"<html></html>", "got another checksum; try again later"),
    "cut": ((b"acc=", 1000), f"got a part: the connection broke off; {ELSEWHERE}"),
    "gone": (404, f"got the answer 404 [A-Za-z ]*; {ELSEWHERE}"),
    "broken server": (500, f"got the answer 500 [A-Za-z ]*; {ELSEWHERE}"),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("which", [PAGE, OPS])
@pytest.mark.parametrize("cached", [False, True])
def test_a_failed_download_leaves_the_cache_as_it_was(name, which, cached, online, cache, monkeypatch, tmp_path):
    room = in_temporary_folder(tmp_path, monkeypatch)
    if cached:
        write_table(small_table(), cached_path(NAME))
    before = {path: path.read_bytes() for path in cache.rglob("*")}
    online.files[which], text = ANSWERS[name]
    with refused(rf"^{which}: expected a download from {online.url}{which} with SHA256 [0-9a-f]{{64}}, {text}"):
        fetch(NAME)
    assert {path: path.read_bytes() for path in cache.rglob("*")} == before
    assert listing(room) == {}
    assert not cached or load(NAME).name == "small"


def test_no_network_is_said_in_one_line(online, monkeypatch, cache):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, but nobody listens
        change_files(monkeypatch, NAME, url=lambda file: f"http://127.0.0.1:{unused.getsockname()[1]}/{file.name}")
        with refused(
            f"^{PAGE}: expected a download from http://127[^ ]* with SHA256 [0-9a-f]*, got no connection; {ELSEWHERE}"
        ):
            load(NAME)
    assert not cache.exists()


DAMAGES = {
    "cut": lambda content: content[:-1],
    "one bit": lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
    "longer": lambda content: content + b"\n",
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("which", [PAGE, OPS])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_file_of_another_checksum_is_refused(which, name, folder, cache):
    path = folder / which
    path.write_bytes(DAMAGES[name](path.read_bytes()))
    with refused(f"^{path}: expected SHA256 [0-9a-f]{{64}}, got [0-9a-f]{{64}}; delete the file and download it again"):
        fetch(NAME, folder)
    assert not cache.exists()


@pytest.mark.parametrize("which", [PAGE, OPS])
def test_a_missing_file_is_named(which, folder, cache):
    (folder / which).unlink()
    with refused(f"^{folder / which}: expected a file of {NAME}, got nothing$"):
        fetch(NAME, folder)
    assert not cache.exists()


def test_files_come_from_several_folders_the_first_that_has_one(folder, cache, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (folder / OPS).rename(other / OPS)
    table = fetch(NAME, [folder, str(other)])
    same_table(fetch(NAME, [other, folder]), table)
    (folder / OPS).write_text("arch=[]")
    with refused(f"^{folder / OPS}: expected SHA256"):
        fetch(NAME, [folder, other])
    same_table(fetch(NAME, (other, folder)), table)
    (other / OPS).unlink()
    (folder / OPS).unlink()
    with refused(f"^{OPS}: expected a file of {NAME} in one of {folder}, {other}, got nothing$"):
        fetch(NAME, [folder, other])
    with refused(f"^{other}/nowhere: expected a file of {NAME}, got nothing$"):
        fetch(NAME, [folder, other / "nowhere"])


def test_further_files_reach_the_importer_where_a_folder_has_them(folder, monkeypatch, tmp_path):
    seen = []

    def importer(files, provenance):
        seen.append({name: path.read_text() for name, path in files.items()})
        assert provenance["sha256"].keys() == files.keys()
        return small_table(NAME)

    extra = ("cifar10/a.json", "cifar100/a.json", "b.json")
    monkeypatch.setitem(CATALOGUE, NAME, replace(CATALOGUE[NAME], importer=importer, extra=extra))
    fetch(NAME, folder)
    assert seen.pop().keys() == {PAGE, OPS}
    for path in (tmp_path / "one" / "cifar10", tmp_path / "cifar100"):
        path.mkdir(parents=True)
        (path / "a.json").write_text(path.name)
    fetch(NAME, [tmp_path / "one", tmp_path / "cifar100"])  # the folder of a data set itself
    assert seen.pop() == {"cifar10/a.json": "cifar10", "cifar100/a.json": "cifar100"}
    fetch(NAME, [tmp_path / "one" / "cifar10" / "a.json", folder])
    assert seen.pop().keys() == {"cifar10/a.json", PAGE, OPS}
    monkeypatch.setattr("robnas.benchmarks._obtain._LARGEST", 6)
    with refused("a.json: expected at most 6 bytes, got 7$"):
        fetch(NAME, tmp_path / "one")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with refused(f"^{tmp_path}.*: expected a file of {NAME}, got nothing"):
        fetch(NAME, tmp_path / "nowhere")


@pytest.mark.parametrize("main", [PAGE, ACC, OPS, META])
def test_the_published_files_have_the_checksums_of_the_catalogue(main):
    digest = hashlib.sha256(shared_file("data", "published", main).read_bytes()).hexdigest()
    expected = {file.sha256 for entry in CATALOGUE.values() for file in entry.files if file.name == main}
    assert expected == {digest}


def test_a_table_without_a_link_says_which_files_it_needs(cache):
    with refused(
        f"table nas-robbench-201-seeds: expected --from a folder with {ALL_SEEDS} and {META}, got no folder; "
        "there is no direct link: The authors publish it in a Google Drive folder"
    ):
        load("nas-robbench-201-seeds")
    assert not cache.exists()


def test_the_seeds_are_fetched_from_a_folder_and_survive_the_cache(tmp_path, monkeypatch):
    import json

    accept_any(monkeypatch, "nas-robbench-201-seeds")
    (tmp_path / META).write_text(meta_text())
    content = seeds_content(some_ids(), [("cifar10", some_ids()[0], "val_acc", "2")])
    (tmp_path / ALL_SEEDS).write_text(json.dumps(content))
    table = fetch("nas-robbench-201-seeds", tmp_path)
    absent = 6466 - len(some_ids())
    missing = table.provenance["missing_runs"]
    assert [missing[f"cifar10 test {key}"] for key in ("clean", "pgd@8/255")] == [3 * absent + 1, 3 * absent]
    assert table.provenance["sha256"].keys() == {ALL_SEEDS, META}
    assert same_table(load("nas-robbench-201-seeds"), table)


def test_two_processes_that_fetch_at_once_end_with_one_good_file(cache, tmp_path):
    source = shared_file("data", "published", PAGE).parent
    script = f"from pathlib import Path; import robnas.benchmarks as b; b.fetch({NAME!r}, Path({str(source)!r}))"
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    running = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE) for _ in range(2)
    ]
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in running] == [(b"", 0)] * 2
    assert set(listing(cache)) == {f"{NAME}.parquet"}
    assert listing(tmp_path / "tmp") == {}
    [(arch, value)] = load(NAME).best("cifar10", "pgd@8/255", split="test")
    assert (arch.code, round(value, 4)) == ("323133", 0.4811)


def test_a_cached_table_of_another_version_is_to_be_fetched_again(folder, monkeypatch):
    fetch(NAME, folder)
    monkeypatch.setattr("robnas.benchmarks._parquet._VERSIONS", (2, 3, 5))
    with refused(f"expected schema version 2, 3 or 5, got 4; robnas fetch {NAME} makes it anew$"):
        load(NAME)


def test_a_full_disk_leaves_the_cached_table(folder, cache, monkeypatch):
    fetch(NAME, folder)
    before = {path: path.read_bytes() for path in cache.rglob("*")}

    def fail(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        fetch(NAME, folder)
    assert {path: path.read_bytes() for path in cache.rglob("*")} == before


# load


def test_a_table_is_loaded_by_its_path(tmp_path):
    write_table(small_table(), tmp_path / "own.parquet")
    assert same_table(load(tmp_path / "own.parquet"), small_table())
    assert same_table(load(str(tmp_path / "own.parquet")), small_table())


def test_a_table_is_loaded_by_the_url_of_a_record_store(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    with RecordStore(url) as store:
        store.add([RECORD])
    table = load(url)
    assert (table.name, len(table)) == ("runs", 1)
    value = table.query(RECORD.architecture, dataset="cifar10", metric="pgd@8/255", split="test", seed=RECORD.seed)
    assert value == RECORD.value


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("NAS-RobBench-201", "nas-robbench-201 or nas-robbench-201-seeds"),
        ("jung", "jung-2023"),
        ("jung-2024", "jung-2023"),
        ("nothing", ""),
    ],
)
def test_an_unknown_table_names_close_ones(name, close):
    with refused(f"got {name!r}{f'; did you mean {re.escape(close)}.' if close else ''}$", InputError):
        load(name)


def test_the_file_of_a_store_is_that_store(tmp_path):
    path = tmp_path / "runs.db"
    with RecordStore(path) as store:
        store.add([RECORD])
    table = load(path)
    path = path.rename(tmp_path / "a%20?.parquet")  # known by its content
    for name in (path, str(path), f"sqlite:///{tmp_path}/a%2520%3F.parquet"):
        assert load(name).columns[0].name == table.columns[0].name
    with refused("none.db: expected a store of records, got nothing; check the URL or name$"):
        load(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("choice", [{"recipe": "digits"}, {"images": 5}, {"attack": "a"}, {"attack_seed": 0}])
def test_only_stores_hold_several_recipes(choice, tmp_path):
    write_table(small_table(), tmp_path / "own.parquet")
    for name in (NAME, tmp_path / "own.parquet"):
        with refused("table: expected a store such as sqlite:///runs.db where recipe, images, attack", InputError):
            load(name, **choice)


@pytest.mark.parametrize("name", ["nas-robbench", "NAS-RobBench-201", "no/such/file"])
@pytest.mark.parametrize("call", [load, fetch])
def test_an_unknown_table_lists_the_known_ones(name, call):
    known = re.escape(", ".join([*BUNDLED, *CATALOGUE]))
    with refused(f"table: expected one of {known}, or the path of a table file, got {name!r}", InputError):
        call(name)


def test_the_bundled_table_is_there_without_fetching(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert load("digits").name == "digits"
    with refused("expected a published table, one of .* got 'digits'; it comes with robnas", InputError):
        fetch("digits")


@pytest.mark.parametrize(("make", "got"), [(lambda path: None, "nothing"), (lambda path: path.mkdir(), "a folder")])
def test_a_path_without_a_table_file_is_refused(make, got, tmp_path):
    path = tmp_path / "own.parquet"
    make(path)
    with refused(f"^{path}: expected a table file, got {got}; see robnas tables"):
        load(path)


def test_a_damaged_cached_table_is_named_and_can_be_fetched_again(folder):
    table = fetch(NAME, folder)
    path = cached_path(NAME)
    path.write_bytes(path.read_bytes()[:-100])
    with refused(f"^{path}: expected a table written by robnas, got .*; robnas fetch {NAME} makes it anew$"):
        load(NAME)
    fetch(NAME, folder)
    same_table(load(NAME), table)


def test_the_published_table_survives_the_cache(robbench, tmp_path):
    write_table(robbench, tmp_path / "t.parquet")
    assert same_table(read_table(tmp_path / "t.parquet"), robbench)
    assert np.array_equal(read_table(tmp_path / "t.parquet").row_of(), robbench.row_of())

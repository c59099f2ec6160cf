import errno
import hashlib
import os
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from robnas._download import check_hash, download
from robnas.data import load_data
from robnas.data._files import extract
from robnas.errors import DataError
from tests.data.conftest import HUNDRED, LAYOUTS, TEN, listing, pack, random_images, refused

CONTENT = random_images(1, 500_000)[0].tobytes()
MD5 = hashlib.md5(CONTENT).hexdigest()


def test_a_checksum_is_that_of_the_whole_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    check_hash(path, f"md5:{MD5}")
    path.write_bytes(CONTENT[:-1])
    with refused(f"{path}: expected MD5 {MD5}, got [0-9a-f]{{32}}; delete the file and download it again"):
        check_hash(path, f"md5:{MD5}")


# download


def test_a_download_is_complete_and_told_to_the_progress(site, tmp_path):
    site.files["file.gz"] = CONTENT
    told = []
    target = tmp_path / "new" / "folder" / "file.gz"
    download(site.url + "file.gz", f"md5:{MD5}", target, lambda *step: told.append(step))
    assert target.read_bytes() == CONTENT
    assert listing(tmp_path) == {"new": None, "new/folder": None, "new/folder/file.gz": len(CONTENT)}
    assert {text for _, _, text in told} == {"download file.gz"}
    assert all(0 < done <= total for done, total, _ in told)
    assert len({done for done, _, _ in told}) > 5
    assert told[0][0] < len(CONTENT) // 5
    assert told[-1][:2] == (len(CONTENT), len(CONTENT))
    assert site.asked == ["file.gz"]


FAILURES = {
    "another file": (CONTENT[::-1], "got another checksum; try again later"),
    "a web page": (b"<html>Please log in</html>", "got another checksum; try again later"),
    "nothing in it": (b"", "got another checksum; try again later"),
    "server error": (500, "got the answer 500 .*; check the connection, or put the file into "),
    "no such page": (404, "got the answer 404 .*; check the connection, or put the file into "),
    "cut in the middle": (
        (CONTENT[:200_000], len(CONTENT)),
        "got a part: the connection broke off; check the connection, or put the file",
    ),
    "cut at once": (
        (b"", len(CONTENT)),
        "got a part: the connection broke off; check the connection, or put the file",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("old", [None, b"an older file"])
def test_a_failed_download_leaves_what_was_there(name, old, site, tmp_path):
    site.files["file.gz"], text = FAILURES[name]
    target = tmp_path / "file.gz"
    if old is not None:
        target.write_bytes(old)
    before = listing(tmp_path)
    with refused(f"{target}: expected a download from {site.url}file.gz with MD5 {MD5}, {text}"):
        download(site.url + "file.gz", f"md5:{MD5}", target)
    assert listing(tmp_path) == before
    assert old is None or target.read_bytes() == old


def test_no_server_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, but nobody listens
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.gz"
        with refused(rf"expected a download from {url} .*, got no connection; check the .* file into {tmp_path}"):
            download(url, f"md5:{MD5}", tmp_path / "file.gz")
    assert listing(tmp_path) == {}


def test_a_full_disk_is_told_from_a_bad_connection(site, tmp_path, monkeypatch):
    site.files["file.gz"] = CONTENT

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", fail)
    monkeypatch.setattr(tempfile, "mkstemp", fail)
    with refused("got No space left on device; make room on this machine, or choose another folder$"):
        download(site.url + "file.gz", f"md5:{MD5}", tmp_path / "file.gz")
    assert listing(tmp_path) == {}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_download_that_stops_half_way_leaves_nothing(error, site, tmp_path):
    site.files["file.gz"] = CONTENT
    seen = []

    def stop(*_):
        seen.append(listing(tmp_path))
        if len(seen) == 5:
            raise error

    with pytest.raises((DataError, KeyboardInterrupt)):
        download(site.url + "file.gz", f"md5:{MD5}", tmp_path / "file.gz", stop)
    assert len(seen) == 5
    assert len(seen[-1]) == 2  # a part of it was written, in a folder of its own,
    assert "file.gz" not in seen[-1]
    assert listing(tmp_path) == {}  # and is gone


@pytest.fixture
def published(site, tmp_path, accept, monkeypatch):
    """The binary archive of a layout, to be had from the local site alone."""
    monkeypatch.setattr("robnas.data._cifar._SITE", site.url)

    def publish(layout):
        folder = layout.write_binary(tmp_path / "origin")
        members = [(f"{folder.name}/{name}", (folder / name).read_bytes()) for name in layout.binary_files]
        archive = pack(tmp_path / layout.binary_archive, members)
        accept(layout, archive)
        site.files[archive.name] = archive.read_bytes()
        return load_data(layout.name, data_dir=tmp_path / "origin", allow_partial=True)

    return publish


@LAYOUTS
def test_missing_data_is_downloaded_once(layout, site, published, tmp_path):
    origin, told = published(layout), []
    directory = tmp_path / "data"
    settings = {"data_dir": directory, "allow_partial": True, "progress": lambda *step: told.append(step)}
    assert load_data(layout.name, **settings).content_hash == origin.content_hash
    assert {text for _, _, text in told} == {f"download {layout.binary_archive}"}
    root = layout.binary_folder
    assert set(listing(directory)) == {layout.binary_archive, root, *(f"{root}/{name}" for name in layout.binary_files)}
    assert load_data(layout.name, **settings).content_hash == origin.content_hash
    assert site.asked == [layout.binary_archive]


def test_a_download_that_failed_can_be_tried_again(site, published, tmp_path):
    origin = published(HUNDRED)
    good = site.files[HUNDRED.binary_archive]
    directory = tmp_path / "data"
    for answer in (500, (good[:1000], len(good)), good[:1000]):
        site.files[HUNDRED.binary_archive] = answer
        with refused(f"{directory / HUNDRED.binary_archive}: expected a download from {site.url}"):
            load_data("cifar100", data_dir=directory, allow_partial=True)
        assert listing(directory) == {}
    site.files[HUNDRED.binary_archive] = good
    assert load_data("cifar100", data_dir=directory, allow_partial=True).content_hash == origin.content_hash


# several at the same time


def at_once(*functions):
    """Run functions in threads; returns what each raised, or None."""
    outcomes = [None] * len(functions)

    def run(number, function):
        try:
            function()
        except Exception as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_two_that_extract_at_the_same_time_end_with_one_good_folder(tmp_path, monkeypatch):
    archive = pack(tmp_path / "data.tar.gz", [("x/first", CONTENT), ("x/second", CONTENT[::-1])])
    barrier, replace = threading.Barrier(2), Path.replace

    def replace_together(source, target):
        barrier.wait(timeout=10)  # both have extracted everything and found no folder
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", replace_together)
    assert at_once(*[lambda: extract(archive, ("first", "second"), tmp_path / "data")] * 2) == [None, None]
    assert not barrier.broken
    assert listing(tmp_path) == {
        archive.name: archive.stat().st_size, "data": None, "data/first": 500_000, "data/second": 500_000,
    }  # fmt: skip
    assert (tmp_path / "data" / "second").read_bytes() == CONTENT[::-1]


def test_a_folder_that_is_there_already_is_kept(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "first").write_bytes(b"older")
    extract(pack(tmp_path / "data.tar.gz", [("first", CONTENT)]), ("first",), tmp_path / "data")
    assert (tmp_path / "data" / "first").read_bytes() == b"older"
    assert set(listing(tmp_path)) == {"data.tar.gz", "data", "data/first"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "data").write_bytes(b"a file")
    archive = pack(tmp_path / "data.tar.gz", [("first", CONTENT)])
    with refused(f"{archive}: expected .* room to extract it, got NotADirectoryError"):
        extract(archive, ("first",), tmp_path / "data")
    assert set(listing(tmp_path)) == {"data.tar.gz", "data"}


def test_many_that_load_missing_data_at_the_same_time_all_get_it(site, published, tmp_path):
    origin = published(TEN)
    directory, hashes = tmp_path / "data", []

    def load():
        hashes.append(load_data("cifar10", data_dir=directory, allow_partial=True).content_hash)

    assert at_once(*[load] * 4) == [None] * 4
    assert hashes == [origin.content_hash] * 4
    assert sorted(os.listdir(directory)) == [TEN.binary_folder, TEN.binary_archive]

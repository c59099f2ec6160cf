"""An export takes the place of nothing but an earlier one, and a kill at any moment leaves one that is complete."""

import json
import os
import subprocess
import sys

import pytest

from robnas.errors import InputError, WriteError
from robnas.explorer import _export, check_export, write_site
from robnas.explorer._site import HEADER, MANIFEST


def tiny(text, *more):
    """A site of few files; `more` names some that others lack."""
    files = {name: text.encode() for name in ("index.html", "app/main.js", "data/table-0.bin", *more)}
    header = {"format": "robnas-explorer", "version": 3}
    files[HEADER] = json.dumps({**header, "text": text}).encode()
    return {**files, MANIFEST: json.dumps({**header, "files": dict.fromkeys(files, 0)}).encode()}


def version_1(text):
    header = {
        "format": "robnas-explorer", "version": 1, "scores": [],
        "tables": [{"file": "data/table-0.bin"}, {"file": "data/table-1.bin"}],
        "searches": {"file": "data/searches.json"}, "space": {"file": "data/space.bin"},
    }  # fmt: skip
    names = ("index.html", "app/main.js", "data/table-0.bin", "data/table-1.bin", "data/searches.json")
    return {**{name: text.encode() for name in names}, HEADER: json.dumps(header).encode()}


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FOREIGN = ["notes.txt", ".git/config", "data/mine.csv", "app/mine/x.js", "app/old.js", "data/table-9.bin", "empty/"]


@pytest.mark.parametrize("earlier", [tiny, version_1])
@pytest.mark.parametrize("name", FOREIGN)
def test_no_file_of_others_is_lost(tmp_path, earlier, name):
    folder = write_site(earlier("old"), tmp_path / "site")
    path = folder / name
    if name.endswith("/"):
        path.mkdir()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    before = content(folder)
    first = name.partition("/")[0] if name.startswith((".git", "empty")) else "app/mine" if "mine/" in name else name
    with pytest.raises(
        InputError, match=f"--export: expected an earlier export with nothing else in it, got '{first}'"
    ):
        write_site(tiny("new", "data/table-9.bin"), folder)
    assert content(folder) == before
    assert os.listdir(tmp_path) == ["site"]


@pytest.mark.parametrize("earlier", [tiny, version_1])
def test_a_link_is_no_file_of_an_export(tmp_path, earlier):
    (tmp_path / "thesis").mkdir()
    folder = write_site(earlier("old"), tmp_path / "site")
    (folder / "data" / "table-0.bin").unlink()
    (folder / "data" / "table-0.bin").symlink_to(tmp_path / "thesis")
    with pytest.raises(InputError, match=r"got 'data/table-0\.bin'"):
        write_site(tiny("new"), folder)


@pytest.mark.parametrize("earlier", [tiny, version_1])
@pytest.mark.parametrize("swaps", [True, False])
def test_files_that_the_new_export_lacks_are_gone(tmp_path, monkeypatch, earlier, swaps):
    if not swaps:
        monkeypatch.setattr(_export, "_exchange", lambda first, second: False)
    folder = write_site(earlier("old"), tmp_path / "site")
    new = tiny("new", "data/scores-0.bin")
    write_site(new, folder)
    assert content(folder) == new
    write_site(tiny("newer"), folder)
    assert content(folder) == tiny("newer")
    assert os.listdir(tmp_path) == ["site"]


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"format": "robnas-explorer"}', b"[" * 100_000])
@pytest.mark.parametrize("name", [HEADER, MANIFEST])
def test_a_folder_of_which_nothing_is_known_is_left_alone(tmp_path, name, damage):
    refused_with(tmp_path, name, damage)


@pytest.mark.parametrize("files", [b"[1, 2]", b'["index.html"]', b"3", b"null"])
def test_a_manifest_without_names_of_files_is_none(tmp_path, files):
    refused_with(tmp_path, MANIFEST, b'{"format": "robnas-explorer", "version": 2, "files": ' + files + b"}")


def refused_with(tmp_path, name, damage):
    folder = write_site(tiny("old"), tmp_path / "site")
    (folder / name).write_bytes(damage)
    with pytest.raises(InputError, match="--export: expected an empty folder, or one that it wrote before"):
        write_site(tiny("new"), folder)


@pytest.mark.parametrize("swaps", [True, False])
def test_a_full_disk_leaves_the_earlier_export(tmp_path, monkeypatch, swaps):
    folder = write_site(tiny("old"), tmp_path / "site")
    real, calls = os.replace, []

    def full(*_):
        raise OSError(28, "No space left on device")

    def second(source, target):
        calls.append(target)
        full() if len(calls) == 2 else real(source, target)

    if swaps:
        monkeypatch.setattr(_export, "_exchange", full)
    else:
        monkeypatch.setattr(_export, "_exchange", lambda first, second: False)
        monkeypatch.setattr(_export.os, "replace", second)
    with pytest.raises(WriteError, match=f"{folder}: expected room .* got No space left on device; free some space"):
        write_site(tiny("new"), folder)
    assert content(folder) == tiny("old")
    assert os.listdir(tmp_path) == ["site"]


def test_a_place_that_cannot_be_written_is_said_before_the_work(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteError, match="file: expected room and permission to write it, got a file is there"):
        check_export(tmp_path / "file" / "site")


KILLED = """
import itertools, json, os, shutil, sys
from pathlib import Path
from robnas.explorer import _export, write_site
from tests.explorer.test_export import content, tiny

def dies(function, step, count):
    def call(*arguments, **settings):
        for after in (False, True):
            if next(count) == step:
                os._exit(9)
            if not after:
                found = function(*arguments, **settings)
        return found
    return call

def child(step, folder, swaps):
    count = itertools.count()
    _export._exchange = dies(_export._exchange if swaps else lambda first, second: False, step, count)
    os.replace, shutil.rmtree = dies(os.replace, step, count), dies(shutil.rmtree, step, count)
    write_site(tiny("new"), folder)
    os._exit(0)

for swaps in (True, False):
    for step in itertools.count():
        place = Path(sys.argv[1]) / f"{swaps}-{step}"
        folder = write_site(tiny("old"), place / "site")
        process = os.fork()
        if not process:
            child(step, folder, swaps)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        there = folder.exists()
        _export.check_export(folder)
        found = next((text for text in ("old", "new") if content(folder) == tiny(text)), "broken")
        write_site(tiny("newer"), folder)
        print(json.dumps([swaps, step, code, there, found, content(folder) == tiny("newer"), os.listdir(place)]))
        if not code:
            break
"""


def test_a_kill_at_any_step_leaves_a_whole_site(tmp_path):
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    killed = [row for row in rows if row[2] == 9]
    assert len(killed) >= 4 + 6
    assert {row[4] for row in killed} == {"old", "new"}
    assert all(there for swaps, _, _, there, *_ in rows if swaps)  # exchanged in one step: there is always one
    assert all(again and left == ["site"] for *_, again, left in rows)

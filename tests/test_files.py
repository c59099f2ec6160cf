"""Nothing half-written, nothing left over, and a disk that is full is said in one line."""

import errno
import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from robnas import _files
from robnas._files import check_writable, read_text, room, write_json, write_text
from robnas.benchmarks import Column, Scores, Table, write_table
from robnas.cli import main
from robnas.errors import DataError, InputError, WriteError
from robnas.explorer import write_site
from robnas.proxies._journal import Journal
from robnas.reports import write_page
from robnas.reports._page import Page, Text
from robnas.training import _checkpoint


def test_a_file_is_readable_by_all_and_nothing_lies_beside_it(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "é")
    write_text(tmp_path / "new" / "a.txt", "ö")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "ö"
    assert stat.S_IMODE((tmp_path / "new" / "a.txt").stat().st_mode) == 0o644
    assert os.listdir(tmp_path / "new") == ["a.txt"]


# what killed writers leave

KILLED = """
import os, sys
from pathlib import Path
from robnas._files import write_atomically
write_atomically(Path(sys.argv[1]), lambda stream: (stream.write(b"half"), stream.flush(), os.kill(os.getpid(), 9)))
"""


def test_the_next_writer_removes_what_a_killed_one_has_left(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a")])
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1  # a part, and no file
    write_text(tmp_path / "b", "whole")
    assert os.listdir(tmp_path) == ["b"]


def test_a_writer_at_work_is_left_alone(tmp_path):
    with room(tmp_path) as place:
        (place / "new").write_text("half")
        write_text(tmp_path / "b", "whole")
        with room(tmp_path) as other:
            assert other != place
        assert (place / "new").read_text() == "half"
    assert os.listdir(tmp_path) == ["b"]


def test_files_of_others_that_are_called_alike_are_left_alone(tmp_path):
    (tmp_path / ".robnas-notes.part").write_text("mine")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("mine")
    (tmp_path / ".robnas-link.part").symlink_to(tmp_path / "thesis")
    write_text(tmp_path / "a", "x")
    assert (tmp_path / ".robnas-notes.part").read_text() == "mine"
    assert (tmp_path / ".robnas-link.part" / "chapter").read_text() == "mine"


def test_where_there_are_no_locks_only_old_rooms_are_removed(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    for name in ("young", "old"):
        (tmp_path / f".robnas-{name}.part").mkdir()
    os.utime(tmp_path / ".robnas-old.part", (0, 0))
    write_text(tmp_path / "a", "x")
    assert sorted(os.listdir(tmp_path)) == [".robnas-young.part", "a"]


def test_a_room_that_is_taken_for_left_over_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    real, made = _files.tempfile.mkdtemp, []

    def removed(**settings):
        made.append(real(**settings))
        if len(made) == 1:
            os.rmdir(made[0])
        return made[-1]

    monkeypatch.setattr(_files.tempfile, "mkdtemp", removed)
    write_text(tmp_path / "a", "x")
    assert (len(made), os.listdir(tmp_path)) == (2, ["a"])


def test_a_text_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr(_files, "_LARGEST", 1000)
    with pytest.raises(DataError, match="/dev/zero: expected at most 1,000 bytes of text, got more"):
        read_text(Path("/dev/zero"))


def test_every_end_of_a_line_is_one(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("\ufeffa\r\nü\rc\n".encode())
    assert read_text(path) == "a\nü\nc\n"


# a full disk


@contextmanager
def full_disk(size=300):
    """Files of at most so many bytes, as if there was no room for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def some_table():
    return Table("t", range(500), [Column("d", "test", "clean", np.linspace(0, 1, 500)[:, None])])


def journal(path):
    one = Journal(path, {"proxies": ["nwot"], "text": "x" * 1000})
    one.close(finished=False)


WRITERS = {
    "text": lambda path: write_text(path, "x" * 1000),
    "json": lambda path: write_json(path, list(range(1000))),
    "table": lambda path: write_table(some_table(), path),
    "scores": lambda path: Scores(("323133",), ("nwot",), np.ones((1, 1)), np.ones((1, 1))).write(path),
    "checkpoint": lambda path: _checkpoint.save(path, {}, {"network": {"w": torch.zeros(500)}}),
    "page": lambda path: write_page(Page("t", (Text("x" * 1000),), ()), path.with_suffix(".html")),
    "site": lambda path: write_site({"index.html": b"x" * 1000}, path),
    "unfinished scores": journal,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_line_with_path_and_remedy_and_leaves_nothing(name, tmp_path):
    path = tmp_path / "file"
    with full_disk(), pytest.raises(WriteError) as raised:
        WRITERS[name](path)
    text = str(raised.value)
    assert text.startswith(f"{path}")
    assert "expected room and permission to write it, got File too large; free some space, or choose another" in text
    assert text.isprintable()
    assert [entry for entry in tmp_path.rglob("*") if not entry.name.endswith(".parquet.part")] in (
        [], [tmp_path / "file.part"],  # a journal, whose torn line is computed again
    )  # fmt: skip


@pytest.mark.parametrize("name", ["text", "table", "scores", "checkpoint", "page"])
@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_what_was_there_stays_when_the_disk_is_full(name, call, tmp_path, monkeypatch):
    path = tmp_path / ("file.html" if name == "page" else "file")
    WRITERS[name](path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if call != "write":
        monkeypatch.setattr(f"os.{call}", full)
    with full_disk() if call == "write" else monkeypatch.context(), pytest.raises(WriteError):
        WRITERS[name](path)
    monkeypatch.undo()
    assert (path.read_bytes(), os.listdir(tmp_path)) == (before, [path.name])


def test_an_error_of_writing_is_bad_input_and_one_of_the_system(tmp_path):
    import pickle

    error = WriteError(tmp_path, OSError(errno.EACCES, "Permission denied"))
    assert isinstance(error, InputError)
    assert isinstance(error, OSError)
    expected = f"{tmp_path}: expected room and permission to write it, got Permission denied; choose another place"
    assert str(error) == str(pickle.loads(pickle.dumps(error))) == expected


# before the work


def test_what_can_be_written_leaves_no_trace_of_the_question(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "file")
    check_writable(tmp_path / "new" / "folder", folder=True)
    check_writable(tmp_path, folder=True)
    (tmp_path / "file").write_text("x")
    check_writable(tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("name", "folder", "text"),
    [
        ("file/x", False, "Not a directory|a file is there"),
        ("file/x/y", True, "Not a directory|a file is there"),
        ("file", True, "a file is there"),
        ("folder", False, "a folder is there"),
        ("/proc/nothing/x", False, ".*"),
    ],
)
def test_what_cannot_be_written_is_said(name, folder, text, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WriteError, match=f"{name}: expected room and permission to write it, got {text}; choose"):
        check_writable(tmp_path / name, folder=folder)


COMMANDS = [
    ("report", "digits", "--out", "{file}/report.html"),
    ("report", "digits", "--out", "{taken}.md"),
    ("reproduce", "table1", "--out", "{file}"),
    ("search", "--dataset", "digits", "--metric", "clean", "--algorithm", "random-search", "--budget", "5",
     "--runs", "2", "--split", "test", "--out", "{file}"),
    ("score", "323133", "--out", "{file}/scores.parquet"),
    ("train", "323133", "--data", "digits", "--out", "{file}"),
    ("demo", "--out", "{file}/demo"),
    ("export", "digits", "--out", "{file}/t.csv"),
    ("explore", "digits", "--export", "{file}/site"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_commands_see_that_they_can_write_before_they_begin(words, tmp_path, monkeypatch, capsys):
    for name in ("file", "taken"):
        (tmp_path / name).write_text("mine")

    def forbidden(*_, **__):
        raise AssertionError("the work has begun")

    for work in ("reports.report_of", "paper.reproduce", "benchmarks.load", "data.load_data", "demo.run_demo"):
        monkeypatch.setattr(f"robnas.{work}", forbidden)
    with pytest.raises(SystemExit) as ended:
        main([word.format(file=tmp_path / "file", taken=tmp_path / "taken") for word in words])
    error = capsys.readouterr().err
    assert (ended.value.code, error.count("\n")) == (2, 1), error
    assert "expected room and permission to write it, got" in error
    assert (tmp_path / "file").read_text() == "mine"

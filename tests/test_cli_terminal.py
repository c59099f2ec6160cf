"""What commands write to terminals that lack letters, to files and to pipes."""

import io
import os
import subprocess
import sys
import time
import warnings

import pytest

from robnas.cli import _common, _lines
from robnas.cli._terminal import prepared

SOON = _lines._SOON
DRAWING = """\
+------------------------------ skip_connect -----------------------------+
| +---------------- nor_conv_1x1 ----------------+                        |
| |                                              v                        v
(0)--- nor_conv_3x3 --->(1)--- nor_conv_3x3 --->(2)--- nor_conv_3x3 --->(3)
                         |                                               ^
                         +----------------- nor_conv_3x3 ----------------+
"""


def command(encoding, *arguments):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    return subprocess.run([sys.executable, "-m", "robnas", *arguments], env=environment, capture_output=True)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_a_cell_is_drawn_in_ascii_where_the_terminal_lacks_boxes(encoding):
    found = command(encoding, "info", "323133")
    assert (found.returncode, found.stderr) == (0, b"")
    text = found.stdout.decode(encoding)
    assert text.startswith(DRAWING)
    assert ("3×32×32" if encoding != "ascii" else "3x32x32") in text


def test_help_and_errors_are_shown_where_letters_are_missing():
    found = command("latin-1", "score", "--help")
    assert found.returncode == 0
    assert b"Linf" in found.stdout
    found = command("ascii", "info", "32313")
    assert found.returncode == 2
    assert found.stderr.startswith(b"error: architecture: expected 6 digits, one per edge in the order 0>1 0>2")


def written(text, encoding):
    """The bytes of a line that is printed by a command."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with prepared():
            print(text)
    return raw.getvalue()


def test_no_letter_ends_in_a_traceback():
    assert written("a…b ±β ≤ ∞", "ascii") == b"a...b +-b <= inf\n"
    assert written("a…b ±β", "latin-1") == "a...b ±b\n".encode("latin-1")
    assert written("\udcff 漢", "utf-8") == "? 漢\n".encode()
    assert written("漢", "latin-1") == b"?\n"
    assert written("─┄│╭╮╰╯▶▲▼", "utf-8") == "─┄│╭╮╰╯▶▲▼\n".encode()


def test_json_keeps_every_letter_in_any_terminal(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    with prepared():
        _common.print_json({"β": "∞"})
    assert raw.getvalue() == b'{"\\u03b2": "\\u221e"}\n'


def test_a_warning_of_a_command_is_one_line(capsys):
    with prepared(), warnings.catch_warnings():
        warnings.simplefilter("always")
        text = warnings.formatwarning("two\n lines", UserWarning, "file.py", 3)
    assert text == "warning: two lines\n"


class Clock:
    """Time that passes when it is told to; a timer that rings when it is told to."""

    def __init__(self, monkeypatch):
        self.now, self.ring = 100.0, None
        monkeypatch.setattr(_lines, "_SOON", SOON)
        monkeypatch.setattr(_lines.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(_lines.threading, "Timer", self._timer)

    def _timer(self, seconds, function):
        assert seconds <= 4
        self.ring = function

        class Timer:
            daemon = False
            start = cancel = staticmethod(lambda: None)

        return Timer()


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_redirected_work_that_tells_nothing_shows_a_line_soon(clock, capsys):
    with _common.progress_bar(hidden=False):
        clock.now += SOON
        clock.ring()
    assert capsys.readouterr().err == "working, no estimate yet\n"


def test_redirected_work_shows_a_line_soon_and_others_now_and_then(clock, capsys):
    with _common.progress_bar(hidden=False) as report:
        for second in range(1, 1001):
            clock.now += 1
            report(second, 1000, "epochs")
            if second == 3:
                clock.ring()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "epochs: 0 %, 997 s left"
    assert lines[1] == "epochs: 1 %, 987 s left"
    assert 20 < len(lines) < 60


def test_redirected_work_that_is_soon_done_shows_nothing(clock, capsys):
    with _common.progress_bar(hidden=False) as report:
        clock.now += SOON - 0.1
        report(1, 1, "epochs")
    assert capsys.readouterr().err == ""


def test_a_command_that_is_still_loading_shows_a_line(clock, capsys):
    with _lines.early_line(wanted=True):
        clock.now += SOON
        clock.ring()
        with _common.progress_bar(hidden=False) as report:
            clock.now += 5
            report(1, 2, "epochs")
            clock.now += 5
            report(2, 2, "epochs")
    assert capsys.readouterr().err == "working, no estimate yet\nepochs: 100 %, 0 s left\n"


def test_output_to_a_machine_has_no_such_line(clock):
    with _lines.early_line(wanted=False), _common.progress_bar(hidden=True):
        assert clock.ring is None


def test_a_training_into_a_file_shows_lines_while_it_runs(tmp_path):
    arguments = ("train", "323133", "--data", "digits", "--recipe", "digits", "--epochs", "500", "--channels", "2")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "robnas", *arguments, "--limit-train", "64", "--out", str(tmp_path / "run")],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        while not (tmp_path / "log").read_bytes() and process.poll() is None:
            time.sleep(0.05)
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert (tmp_path / "log").read_text().startswith(("epoch", "working"))
    finally:
        process.kill()
        process.wait()

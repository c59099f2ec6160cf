"""Python files of one's own: imported once, known by content, and there in every process that needs them."""

import hashlib
import importlib.metadata
import json
import logging
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest

from robnas import _own, _registry
from robnas._own import OwnFile, Parcel, check_facts, load_entries, load_file, loaded
from robnas._registry import Registry
from robnas.cli import main
from robnas.errors import DataError, InputError
from robnas.types import NORMS

pytestmark = pytest.mark.usefixtures("own_files")

MINE = """
from dataclasses import dataclass
from robnas.types import NORMS

NORMS["mine"] = 2.0

@dataclass(frozen=True)
class Point:
    x: int
"""


def written(path, text=MINE):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def run(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    found = capsys.readouterr()
    return stop.value.code, found.out, found.err


def test_a_file_is_imported_once_by_whichever_path(tmp_path, monkeypatch):
    path = written(tmp_path / "mine.py")
    (tmp_path / "link.py").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    own = load_file(path)
    assert (own.name, own.hash) == ("mine.py", hashlib.sha256(MINE.encode()).hexdigest()[:16])
    assert NORMS["mine"] == 2.0
    assert load_file("mine.py") is load_file("link.py") is load_file("mine.py", tmp_path) is own
    assert loaded() == (own,)


def test_what_a_file_defines_is_found_by_pickle_and_by_dataclasses(tmp_path):
    module = sys.modules[load_file(written(tmp_path / "my file-2.py")).module]
    point = module.Point(3)
    assert pickle.loads(pickle.dumps(point)) == point
    assert module.__file__ == str(tmp_path / "my file-2.py")


def test_two_files_of_one_name_are_two(tmp_path):
    first = load_file(written(tmp_path / "a" / "mine.py", "x = 1"))
    second = load_file(written(tmp_path / "b" / "mine.py", "x = 2"))
    assert first.module != second.module
    assert [sys.modules[one.module].x for one in loaded()] == [1, 2]


def test_a_file_that_changes_meanwhile_is_noted_and_not_imported_again(tmp_path, caplog):
    own = load_file(written(tmp_path / "mine.py"))
    written(tmp_path / "mine.py", MINE + "1/0")
    with caplog.at_level(logging.WARNING, "robnas"):
        assert load_file(tmp_path / "mine.py") is own
    assert caplog.messages == [
        f"{tmp_path / 'mine.py'} has changed since it was imported: this process goes on with what it was"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "x = 1\n\n1/0\n",
            r"line 3: expected a Python file that can be imported, got ZeroDivisionError",
        ),
        ("def f():\n    return nope\nf()\n", r"line 2: .* got NameError \(name 'nope' is not defined\); mend the file"),
        ("x = (\n", r"line 1: .* got SyntaxError \('\(' was never closed"),
        ("import not_there_at_all\n", r"line 1: .* got ModuleNotFoundError \(No module named 'not_there_at_all'\)"),
        ("import sys\nsys.exit('no')\n", r"line 2: .* got SystemExit \(no\)"),
        (
            "from robnas.types import NORMS\nNORMS['linf'] = 1.0\n",
            "line 2: .* got norm name: .* got 'linf'; choose",
        ),
        ("raise ValueError('a\\nb\\x1b[31m')", r"line 1: .* got ValueError \(a b"),
        ("x = 1\0\n", r"got SyntaxError|ValueError"),
        ("def f(): f()\nf()", "line 1: .* got RecursionError"),
    ],
)
def test_a_file_that_raises_is_one_line_and_leaves_nothing_behind(tmp_path, text, said):
    path = written(tmp_path / "mine.py", text)
    with pytest.raises(InputError, match=f"import of {path}.*{said}") as error:
        load_file(path)
    assert str(error.value).isprintable()
    assert not any(name.startswith("robnas_own_mine") for name in sys.modules)
    load_file(written(path))  # mended, in the same process


def test_what_a_failing_file_registered_is_undone(tmp_path):
    with pytest.raises(InputError, match=r"line 12: .*got ZeroDivisionError .*; mend the file; nothing of it was reg"):
        load_file(written(tmp_path / "mine.py", MINE + "\nNORMS.register('l2', 3.0, overwrite=True)\n1/0\n"))
    assert dict(NORMS) == {"linf": 1.0, "l2": float("inf"), "l1": float("inf")}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.py", "import of .*none.py: expected a Python file, got no such file; give the path of the file"),
        ("folder.py", "import of .*folder.py: expected a Python file, got a folder"),
        ("notes.txt", r"import of .*notes.txt: expected a Python file, whose name ends in .py, got '"),
        ("a\0b.py", "import of .*: expected a Python file that can be read, got ValueError"),
        ("x" * 300 + ".py", "import of .*: expected a Python file that can be read, got OSError"),
        ("", "expected a Python file, whose name ends in .py"),
    ],
)
def test_what_is_no_python_file_is_one_line(tmp_path, name, said):
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "notes.txt").write_text("x = 1")
    with pytest.raises(InputError, match=said):
        load_file(tmp_path / name if name else "")


def test_entries_are_relative_to_the_file_that_lists_them(tmp_path):
    own = load_file(written(tmp_path / "sub" / "mine.py"))
    load_entries("plan imports", ["mine.py", "../sub/mine.py"], tmp_path / "sub")
    assert loaded() == (own,)
    for entries, said in (
        ("mine.py", r"plan imports: expected a list of Python files, such as \[\"my_space.py\"\], got 'mine.py'"),
        ([3], r"plan imports: expected a list of Python files, .*, got \[3\]"),
        (["mine.py"], f"no such file; give the path of the file, relative to {tmp_path}"),
    ):
        with pytest.raises(InputError, match=said):
            load_entries("plan imports", entries, tmp_path)


def test_what_a_store_says_is_checked_and_never_imported(tmp_path):
    own = load_file(written(tmp_path / "mine.py"))
    check_facts("plan imports", json.loads(json.dumps(_own.facts())))
    for entries, said in (
        (3, "plan imports: expected names and contents of files of one's own, got 3"),
        ([str(written(tmp_path / "evil.py", "1/0"))], "expected names and contents of files of one's own, got "),
        ([{"file": "mine.py"}], "expected names and contents"),
        ([{"file": "mine.py", "hash": "0" * 16}], f"mine.py with the content 0000.*, got content {own.hash}; restore"),
        ([{"file": "his.py", "hash": "0" * 16}], "his.py with .* got not imported; give it with --import his.py"),
        ([{"file": [], "hash": {}}], "expected "),
    ):
        with pytest.raises(DataError, match=said):
            check_facts("plan imports", entries, DataError)
    assert loaded() == (own,)


def test_a_parcel_brings_its_files_along(tmp_path):
    own = load_file(written(tmp_path / "mine.py"))
    packed = pickle.dumps(Parcel([sys.modules[own.module].Point(4)]))
    (tmp_path / "mine.py").unlink()  # another machine has none
    code = (
        "import pickle, sys; from robnas.types import NORMS; from robnas._own import loaded\n"
        "(point,) = pickle.load(sys.stdin.buffer)\n"
        "print(point.x, NORMS['mine'], loaded()[0].hash, 'torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, check=True)
    assert found.stdout.decode().split() == ["4", "2.0", own.hash, "False"]


def test_every_command_takes_files_and_imports_them_before_anything_else(capsys, tmp_path):
    from typer.main import get_command

    from robnas.cli import app

    def commands(command, names=()):
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                yield from commands(inner, (*names, name))
        else:
            yield names, command

    path = written(tmp_path / "mine.py", "1/0")
    found = dict(commands(get_command(app)))
    assert ("build", "export") in found
    for names, command in found.items():
        (option,) = (one for one in command.params if "--import" in one.opts)
        assert option.multiple, names
    for words in (["info", "323133"], ["build", "status", "--store", "none.db"], ["tables"]):
        code, out, err = run(capsys, *words, "--import", path)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: import of {path}, line 1: expected a Python file that can be imported, got Zero")


def test_commands_take_several_files_and_keep_their_answer_apart(capsys, tmp_path):
    first, second = written(tmp_path / "a.py", "print('hello')"), written(tmp_path / "b.py")
    code, out, err = run(capsys, "info", "323133", "--import", first, "--import", second, "--json")
    assert (code, err) == (0, "hello\n")
    assert json.loads(out)["code"] == "323133"
    assert [own.name for own in loaded()] == ["a.py", "b.py"]


class Point:
    """Stands for an entry point of an installed package."""

    def __init__(self, load):
        self.load, self.value = load, "my_package.robnas"
        self.dist = type("Distribution", (), {"name": "my-package"})


def installed(monkeypatch, *loads):
    asked = []

    def entry_points(*, group):
        asked.append(group)
        return [Point(load) for load in loads]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    monkeypatch.setattr(_registry, "_discovered", False)
    return asked


def test_installed_packages_are_asked_once_and_only_for_what_is_not_there(monkeypatch):
    fruit = Registry("fruit", {"apple": len}, Callable)
    asked = installed(monkeypatch, lambda: fruit.register("fig", max))
    assert fruit["apple"] is len
    assert list(fruit) == ["apple"]
    assert asked == []
    assert fruit["fig"] is max
    assert "plum" not in fruit
    assert fruit.names() == ["apple", "fig"]
    assert asked == ["robnas"]


@pytest.mark.parametrize("look", [lambda r: "fig" in r, lambda r: r.get("fig"), Registry.names, lambda r: r["fig"]])
def test_every_way_to_ask_finds_what_installed_packages_add(monkeypatch, look):
    fruit = Registry("fruit", {"apple": len}, Callable)
    installed(monkeypatch, lambda: fruit.register("fig", max))
    assert look(fruit)
    assert list(fruit) == ["apple", "fig"]


def test_a_broken_package_is_one_warning(monkeypatch, caplog):
    fruit = Registry("fruit", {"apple": len}, Callable)

    def broken():
        fruit["fig"] = max
        fruit["apple"] = max

    installed(monkeypatch, broken, lambda: 1 / 0, lambda: fruit.register("plum", max))
    with caplog.at_level(logging.WARNING, "robnas"):
        assert fruit.names() == ["apple", "plum"]
    assert len(caplog.messages) == 2
    assert caplog.messages[0].startswith("left out my_package.robnas (entry point of my-package): fruit name: expected")
    assert caplog.messages[1].endswith("ZeroDivisionError (division by zero)")


def test_a_package_that_is_installed_is_found_by_its_entry_point(tmp_path):
    information = tmp_path / "fruit-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: fruit\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[robnas]\nnorms = fruit_norms\nbroken = fruit_broken\n")
    (tmp_path / "fruit_norms.py").write_text("from robnas.types import NORMS\nNORMS['fig'] = 3.0\n")
    (tmp_path / "fruit_broken.py").write_text("from robnas.types import NORMS\nNORMS['bad'] = 3.0\n1 / 0\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from robnas.types import Metric, NORMS\n"
        "print(list(NORMS), 'fruit_norms' in sys.modules)\n"
        "print(Metric.parse('pgd-fig@2').threat, list(NORMS))"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    assert found.stdout == "['linf', 'l2', 'l1'] False\nfig 2 ['linf', 'l2', 'l1', 'fig']\n"
    assert found.stderr == "left out fruit_broken (entry point of fruit): ZeroDivisionError (division by zero)\n"


def test_importing_robnas_asks_no_package():
    code = "import sys, robnas, robnas.types; print('importlib.metadata' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_a_file_knows_its_content_not_its_place():
    one, two = OwnFile("/a/mine.py", b"x"), OwnFile("/b/mine.py", b"x")
    assert (one.name, one.hash) == (two.name, two.hash)
    assert one.module != two.module
    assert "b'x'" not in repr(one)

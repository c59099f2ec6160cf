"""Examples in the documentation are run as they stand."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import robnas
from tests.attacks.short import short_autoattack
from tests.test_cli import robnas as robnas_command

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("robnas.attacks", "robnas.building", "robnas.kernels", "robnas.proxies", "robnas.search", "robnas.training")
"""What registers the names that examples add to."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language):
    for page in PAGES:
        for number, text in enumerate(written(page, language)):
            yield pytest.param(text, id=f"{page.name}-{number}")


def written(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def write_named(text, folder):
    """Files that an example names, and that stand on a page as well."""
    for name, page in (("plan.toml", "build.md"), ("mine.toml", "search.md")):
        if name in text:
            (folder / name).write_text(written(ROOT / "docs" / page, "toml")[0])
    if "my_model" in text:
        build, *others = (
            code for code in written(PAGES[0], "python") if "def build(num_classes" in code or "my_model" in code
        )
        (folder / "my_model.py").write_text(build)
        if "w.pt" in text and "torch.save" not in text:
            subprocess.run([sys.executable, "-c", others[0]], check=True, cwd=folder, stdout=subprocess.DEVNULL)


def stating(code):
    """Code in which each value that a comment states is checked."""
    checked = []
    for line in code.splitlines():
        if match := re.match(r"(?P<expression>[^\s#].*\S)\s+# → (?P<value>.+)", line):
            found = f"repr(({match['expression']}))"
            checked.append(f"assert {found} == {match['value']!r}, {found}")
        else:
            checked.append(line)
    return "\n".join(checked)


@pytest.fixture
def beside(tmp_path, monkeypatch, own_files):
    """An example's folder, from which nothing stays: what it registers is forgotten."""
    for name in PARTS:
        importlib.import_module(name)
    monkeypatch.delenv("ROBNAS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("code", list(blocks("python")))
def test_python_examples_run_and_print_what_they_say(code, beside, monkeypatch):
    """A comment at the end of a line that is an expression states its value, which is checked."""
    write_named(code, beside)
    text = stating(code)
    if "__main__" in text:  # its workers are processes that import the file
        subprocess.run([sys.executable, "-c", text], check=True)
        return
    module = ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)
    monkeypatch.syspath_prepend(beside)
    with short_autoattack():
        exec(compile(text, "example", "exec"), vars(module))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("text", list(blocks("console")))
def test_shell_examples_run(text, beside, capsys):
    """Commands that take minutes or download are left to people: they are marked so in the text."""
    write_named(text, beside)
    with short_autoattack():
        for line in text.splitlines():
            if line.startswith("$ robnas ") and "# " not in line:
                code, _, err = robnas_command(capsys, *shlex.split(line[2:])[1:])
                assert code == 0, err


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_public_names_are_all_there_and_documented():
    for name in robnas.__all__:
        assert getattr(robnas, name).__doc__, name
    with pytest.raises(AttributeError, match="module 'robnas' has no attribute 'nothing'"):
        _ = robnas.nothing
    assert sorted(robnas.__all__) == dir(robnas)


def test_version_is_that_of_the_package():
    from importlib.metadata import version

    assert robnas.__version__ == version("robnas")


def test_makefile_and_ci_run_the_same_commands():
    assert "make lint" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_json_output_is_one_document():
    out = subprocess.check_output([sys.executable, "-m", "robnas", "info", "323133", "--json"])
    assert json.loads(out)["code"] == "323133"

"""The commands of each example's README are run as they are typed, in a copy of its folder."""

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from robnas.benchmarks import load, read_scores
from robnas.cli import main
from robnas.search import SEARCHERS
from robnas.spaces import SPACES

pytestmark = pytest.mark.usefixtures("own_files")
EXAMPLES = Path(__file__).parents[1] / "examples"


def written(folder, language):
    text = (folder / "README.md").read_text(encoding="utf-8")
    return "".join(re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL))


def test_links_lead_somewhere():
    for page in EXAMPLES.glob("*/*.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_a_space_of_ones_own_is_built_asked_searched_scored_reported_and_shown(tmp_path, monkeypatch, capsys):
    here = tmp_path / "own_space"
    here.mkdir()
    for path in (EXAMPLES / "own_space").iterdir():
        if path.suffix in (".md", ".py", ".toml"):  # and not what somebody's commands have written there
            shutil.copy(path, here)
    monkeypatch.chdir(here)
    assert len((here / "my_space.py").read_text(encoding="utf-8").splitlines()) <= 40
    commands = [line[2:] for line in written(here, "console").splitlines() if line.startswith("$ ")]
    answers = {command: answer_of(command, capsys) for command in commands}
    space = SPACES["small-convnets"]
    table = load("table.parquet")
    assert (table.space, set(table.architectures)) == (space, set(space))
    (query,) = (answer for command, answer in answers.items() if command.startswith("robnas query"))
    asked = {"dataset": "digits", "metric": "pgd@16/255", "split": "test", "seed": "mean"}
    value = table.query("depth=2,width=16,activation=gelu", **asked)
    assert f"depth=2,width=16,activation=gelu digits test pgd@16/255: {100 * value:.2f} %" in query
    results = json.loads(Path("search/results.json").read_text(encoding="utf-8"))["results"]
    whole = [name for name, kind in SEARCHERS.items() if not getattr(kind, "multi_fidelity", False)]
    assert sorted(result["algorithm"] for result in results) == sorted(whole)
    assert {result["task"]["space"] for result in results} == {"small-convnets"}
    assert set(read_scores("scores.parquet").codes) == {arch.text for arch in space}
    for page in ("report.html", "search.html"):
        assert "small-convnets" in Path(page).read_text(encoding="utf-8")
    header = json.loads(Path("site/data/explorer.json").read_text(encoding="utf-8"))
    assert [gene["name"] for gene in header["space"]["genes"]] == ["depth", "width", "activation"]
    assert header["searches"]["count"] == len(whole)


def test_a_search_by_training_finds_better_networks_than_random_search_in_the_same_epochs(tmp_path):
    for name in ("my_space.py", "search.toml", "compare.py"):
        shutil.copy(EXAMPLES / "own_space" / name, tmp_path)
    found = subprocess.run([sys.executable, "compare.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    random, halving, gain = (line.split() for line in found.stdout.splitlines())
    assert (random[0], halving[0], gain[0]) == ("random-search", "successive-halving", "difference")
    assert float(gain[1]) > 0


def answer_of(command, capsys):
    program, *words = shlex.split(command)
    assert program == "robnas"
    with pytest.raises(SystemExit) as stop:
        main(words)
    found = capsys.readouterr()
    assert stop.value.code == 0, f"{command}: {found.err}"
    return found.out


def test_the_python_of_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES / "own_space")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "my_space", raising=False)
    path = tmp_path / "example.py"
    path.write_text(written(EXAMPLES / "own_space", "python"), encoding="utf-8")
    runpy.run_path(str(path))

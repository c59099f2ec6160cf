"""The option --space and the command spaces: spaces other than the usual one, from the command line."""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from robnas import _own
from robnas.benchmarks import Column, Table, write_table
from robnas.cli import app
from robnas.cli._build import app as build
from robnas.records import RecordStore
from robnas.spaces import SPACES, space_of
from tests.benchmarks.test_records import CLEAN
from tests.test_cli import robnas

SMALL, OTHER = "depth=1,width=8,activation=relu", "depth=3,width=16,activation=gelu"
WIDE = "D1=4,W1=10,D2=4,W2=10,D3=4,W3=10"
SPACE = """
import torch.nn as nn
from robnas.spaces import SPACES, Gene, Space

def build(genes, *, in_channels, num_classes, image_size):
    width = genes["width"]
    layers = [nn.Conv2d(in_channels, width, 3), nn.ReLU() if genes["activation"] == "relu" else nn.GELU()]
    for _ in range(genes["depth"] - 1):
        layers += [nn.Conv2d(width, width, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))

genes = (Gene("depth", (1, 2, 3)), Gene("width", (4, 8, 16), ordered=True), Gene("activation", ("relu", "gelu")))
SPACES["small-convnets"] = Space("small-convnets", genes=genes, build=build)
SPACES["huge"] = Space("huge", genes=[Gene(f"g{place}", tuple(range(10))) for place in range(40)])
"""
COLUMN = ("--dataset", "digits", "--metric", "clean", "--split", "test")


@pytest.fixture
def own(own_files, tmp_path, monkeypatch):
    """A folder with a space file; the option that imports it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_space.py").write_text(SPACE)
    return ("--import", "my_space.py")


@pytest.fixture
def table(own, capsys):
    """A table file of one's own space."""
    robnas(capsys, "spaces", *own)
    space = SPACES["small-convnets"]
    values = np.linspace(0.1, 0.9, 18)[:, None]
    columns = [Column("digits", "test", metric, values, space=space.key) for metric in ("clean", "pgd@8/255")]
    write_table(Table("mine", list(space), columns), "mine.parquet")
    return "mine.parquet"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of networks of two sizes, and of another space."""
    monkeypatch.chdir(tmp_path)
    records = [
        replace(CLEAN, dataset="digits", space=space_of("nas-bench-201").configure(channels=channels).key, value=value)
        for channels, value in ((8, 0.8), (16, 0.9))
    ]
    wide = SPACES["wide-resnet"]
    records.append(replace(records[0], architecture=wide.parse(WIDE), space=wide.key, value=0.7))
    with RecordStore("runs.db") as kept:
        kept.add(records)
    return "runs.db"


def as_json(capsys, *arguments):
    code, out, err = robnas(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def refusal(capsys, *arguments):
    code, out, err = robnas(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    return err


def forget():
    """As in another process: which files were imported, and what they registered."""
    _own._loaded.clear()
    for name in ("small-convnets", "huge"):
        dict.pop(SPACES, name)


# spaces


def test_spaces_are_listed_with_where_they_come_from(own, tmp_path, capsys):
    found = {one["name"]: one for one in as_json(capsys, "spaces", *own)}
    assert set(found) >= {"nas-bench-201", "theory", "wide-resnet", "small-convnets", "huge"}
    assert {name: found[name]["from"] for name in ("theory", "small-convnets")} == {
        "theory": "robnas", "small-convnets": str(tmp_path / "my_space.py"),
    }  # fmt: skip
    assert found["small-convnets"]["size"] == 18
    assert found["huge"]["size"] == 10**40
    assert found["nas-bench-201"]["settings"] == {"channels": 16, "cells": 5}
    assert found["small-convnets"]["genes"][1] == {"name": "width", "choices": [4, 8, 16], "ordered": True}
    assert found["wide-resnet"]["fingerprint"] == SPACES["wide-resnet"].fingerprint


def test_one_space_is_shown_alone(own, capsys):
    code, out, _ = robnas(capsys, "spaces", "small-convnets", *own)
    assert code == 0
    assert out.startswith("small-convnets  (18 architectures; from ")
    assert "  width        4, 8, 16  (ordered)\n" in out
    _, out, _ = robnas(capsys, "spaces", "huge", *own)
    assert "about 10^40 architectures" in out
    assert as_json(capsys, "spaces", "nas-bench-201:cells=1")["space"] == "nas-bench-201:channels=16,cells=1"
    assert "space: expected one of nas-bench-201, " in refusal(capsys, "spaces", "nothing")


# info


def test_info_of_any_space(own, capsys):
    facts = as_json(capsys, "info", WIDE, "--space", "wide-resnet")
    assert facts == {
        "space": "wide-resnet", "text": WIDE, "genes": {"D1": 4, "W1": 10, "D2": 4, "W2": 10, "D3": 4, "W3": 10},
        "index": 651, "parameters": 36479194, "macs": facts["macs"],
    }  # fmt: skip
    facts = as_json(capsys, "info", SMALL, "--space", "small-convnets", *own)
    assert facts["parameters"] == 3 * 9 * 8 + 8 + 8 * 10 + 10
    code, out, _ = robnas(capsys, "info", SMALL, "--space", "small-convnets")
    assert code == 0
    assert "depth       1\nwidth       8\nactivation  relu\n" in out
    assert "class" not in out.replace("classes", "")


def test_info_without_a_network_and_without_end(own, capsys):
    text = ",".join(f"g{place}=7" for place in range(40))
    facts = as_json(capsys, "info", text, "--space", "huge", *own)
    assert facts["index"] == int("7" * 40)
    assert "parameters" not in facts


def test_info_of_cells_has_what_it_had_and_the_space(capsys):
    facts = as_json(capsys, "info", "323133", "--space", "nas-bench-201:channels=8,cells=1")
    assert facts["space"] == "nas-bench-201:channels=8,cells=1"
    assert set(facts) == {
        "space", "text", "genes", "genotype", "code", "operations", "naslib", "hpobench", "index", "parameters", "macs",
        "live_parameters", "live_macs", "live_edges", "class_sizes",
    }  # fmt: skip
    assert facts["parameters"] < as_json(capsys, "info", "323133")["parameters"] == 1073466


def test_a_text_of_another_space_says_how_to_name_it(own, capsys):
    for command in (("info", WIDE), ("score", WIDE), ("train", WIDE, "--data", "digits", "--out", "x")):
        text = refusal(capsys, *command)
        assert "expected one of space nas-bench-201, " in text
        assert "which belongs to wide-resnet; give --space wide-resnet" in text
    assert "belongs to nas-bench-201; give --space nas-bench-201" in refusal(
        capsys, "info", "323133", "--space", "wide-resnet"
    )
    assert "belongs to small-convnets; give --space small-convnets" in refusal(capsys, "info", SMALL, *own)


@pytest.mark.parametrize(("given", "text"), [
    ("nothing", "space: expected one of nas-bench-201, theory, wide-resnet, got 'nothing'; a space of your own is"),
    ("", "space: expected one of "),
    ("wide-resnet:depth=3", "settings of space wide-resnet: expected none, because it has none, got depth"),
    ("nas-bench-201:channels", "space: expected a name, or name:setting=value,…, got nas-bench-201:channels"),
    ("nas-bench-201:cells=1,cells=2", "space: expected a name, or name:setting=value,…, got nas-bench-201:cells=1"),
    ("nas-bench-201:name=theory", "space: expected a name, or name:setting=value,…, got nas-bench-201:name=theory"),
    ("nas-bench-201:width=3", "setting of space nas-bench-201: expected one of channels, cells, got 'width'"),
    ("nas-bench-201:channels=0", "channels of space nas-bench-201: expected at least 1, got 0"),
])  # fmt: skip
def test_a_wrong_option_is_one_line(capsys, given, text):
    assert text in refusal(capsys, "info", "323133", "--space", given)
    assert text in refusal(capsys, "query", "323133", *COLUMN, "--space", given)


def _all_commands():
    commands = [(command.name or command.callback.__name__, command) for command in app.registered_commands]
    return commands + [(f"build {command.callback.__name__}", command) for command in build.registered_commands]


@pytest.mark.parametrize("command", [name for name, _ in _all_commands() if name not in ("spaces", "recipes")])
def test_every_command_about_architectures_has_the_option(capsys, command):
    _, out, _ = robnas(capsys, *command.split(), "--help")
    assert "--space" in out


# training


TRAIN = ("--data", "digits", "--recipe", "digits", "--epochs", "1", "--limit-train", "32")


def test_networks_of_ones_own_are_trained_and_evaluated(own, capsys):
    facts = as_json(capsys, "train", SMALL, *TRAIN, "--out", "run", "--space", "small-convnets", *own)
    assert facts["trial"]["space"] == {"name": "small-convnets"}
    assert facts["trial"]["architecture"] == SMALL
    evaluate = ("evaluate", "run", "--suite", "few-classes", "--limit-test", "4", *own)
    assert "--space: expected small-convnets, the space of run, got 'wide-resnet'" in refusal(
        capsys, *evaluate, "--space", "wide-resnet"
    )


def test_the_size_of_the_skeleton_is_a_setting_of_the_space(own, capsys):
    train = ("train", "323133", *TRAIN, "--limit-train", "16")
    more = (
        ("--channels", "2"),
        ("--space", "nas-bench-201:channels=2"),
        ("--space", "nas-bench-201:cells=1,channels=2"),
    )
    for place, options in enumerate(more):
        facts = as_json(capsys, *train, "--out", f"run{place}", *options)
        assert facts["trial"]["space"] == {"name": "nas-bench-201", "channels": 2, "cells": 1}
    text = refusal(capsys, "train", WIDE, *TRAIN, "--out", "x", "--space", "wide-resnet", "--channels", "2")
    assert "settings of space wide-resnet: expected none, because it has none, got channels" in text
    text = refusal(capsys, "evaluate", "run0", "--space", "nas-bench-201:channels=4,cells=1")
    assert "--space: expected nas-bench-201:channels=2,cells=1, the space of run0, got" in text


# tables


def test_a_table_of_ones_own_space(table, capsys):
    facts = as_json(capsys, "query", SMALL, "--table", table, *COLUMN)
    assert facts["space"] == "small-convnets"
    assert facts["architecture"] == facts["asked"] == SMALL
    assert "genotype" not in facts
    code, out, err = robnas(capsys, "query", OTHER, "--table", table, *COLUMN, "--space", "small-convnets")
    assert code == 0, err
    assert f"{OTHER} digits test clean: 90.00 % (one run)" in out
    assert as_json(capsys, "tables", table)["space"] == "small-convnets"
    _, out, _ = robnas(capsys, "tables", table)
    assert out.startswith("mine: 18 architectures of small-convnets, each standing for itself\n")
    assert as_json(capsys, "export", table, "--out", "t.csv")["space"] == "small-convnets"
    assert as_json(capsys, "query", SMALL, "--table", "t.csv", *COLUMN)["value"] == pytest.approx(facts["value"])
    assert as_json(capsys, "info", SMALL, "--table", table)["space"] == "small-convnets"


def test_tables_are_joined_in_one_space(table, store, capsys):
    join = ("join", "--out", "j.parquet")
    facts = as_json(capsys, *join, table, "mine.parquet", "--space", "small-convnets")
    assert (facts["space"], facts["architectures"]) == ("small-convnets", 18)
    assert "got nas-bench-201, wide-resnet; choose one: --space" in refusal(capsys, *join, store, "digits")
    facts = as_json(capsys, *join, store, "digits", "--space", "nas-bench-201")
    assert (facts["architectures"], facts["sources"]["runs"]["columns"]) == (1, 2)


def test_a_report_says_the_space(table, store, capsys):
    assert as_json(capsys, "report", table, "--out", "r.md", "--space", "small-convnets")["space"] == "small-convnets"
    facts = as_json(capsys, "report", store, "--out", "r.md", "--space", "nas-bench-201:channels=8")
    assert facts["space"] == "nas-bench-201:channels=8,cells=5"
    assert "expected one of nas-bench-201:" in refusal(capsys, "report", store, "--out", "r.md", "--space", "theory")


@pytest.mark.parametrize("command", [
    ("query", WIDE, *COLUMN, "--table"), ("info", WIDE, "--table"), ("tables",), ("export", "--out", "t.csv"),
    ("search", *COLUMN, "--algorithm", "random-search", "--budget", "3", "--runs", "1", "--table"),
    ("explore", "--export", "site"), ("report", "--out", "r.md"), ("join", "mine.parquet", "--out", "j.parquet"),
], ids=lambda command: command[0])  # fmt: skip
def test_a_table_and_the_option_agree(table, capsys, command):
    text = refusal(capsys, *command, table, "--space", "wide-resnet")
    assert "space: expected small-convnets, that of table mine, got 'wide-resnet'" in text


def test_a_table_of_a_space_that_is_not_known(table, capsys):
    forget()
    text = refusal(capsys, "tables", table)
    assert "small-convnets" in text
    assert "--import" in text


def test_the_catalogue_is_listed_by_space(capsys):
    assert [one["name"] for one in as_json(capsys, "tables", "--space", "nas-bench-201:channels=8,cells=1")] == [
        "digits",
        "digits-beta",
    ]
    assert len(as_json(capsys, "tables", "--space", "nas-bench-201")) > 1
    text = refusal(capsys, "fetch", "jung-2023", "--space", "wide-resnet")
    assert "--space: expected nas-bench-201, the space of table jung-2023, got 'wide-resnet'" in text


def test_a_store_of_several_spaces_and_sizes(store, capsys):
    query = ("query", "323133", "--table", store, *COLUMN)
    assert "architectures of one space, got nas-bench-201, wide-resnet; choose one: --space" in refusal(capsys, *query)
    text = refusal(capsys, *query, "--space", "nas-bench-201")
    assert "expected one of nas-bench-201:channels=16,cells=5, nas-bench-201:channels=8,cells=5" in text
    facts = as_json(capsys, *query, "--space", "nas-bench-201:channels=8,cells=5")
    assert (facts["space"], facts["value"]) == ("nas-bench-201:channels=8,cells=5", 0.8)
    assert as_json(capsys, *query, "--space", "nas-bench-201:channels=8")["value"] == 0.8
    assert as_json(capsys, "query", WIDE, "--table", store, *COLUMN, "--space", "wide-resnet")["value"] == 0.7
    assert "expected one of nas-bench-201:" in refusal(capsys, *query, "--space", "theory")
    held = as_json(capsys, "tables", store, "--space", "nas-bench-201")
    assert [one["space"] for one in held] == ["nas-bench-201:channels=16,cells=5", "nas-bench-201:channels=8,cells=5"]
    assert "space: expected one of " in refusal(capsys, "tables", store, "--space", "theory")
    facts = as_json(capsys, "export", store, "--out", "t.parquet", "--space", "nas-bench-201")
    assert facts["space"] == "nas-bench-201"  # of two sizes
    facts = as_json(capsys, "export", "t.parquet", "--out", "u.parquet", "--space", "nas-bench-201:channels=8")
    assert facts["space"] == "nas-bench-201:channels=8,cells=5"
    text = refusal(capsys, "export", "t.parquet", "--out", "v.parquet", "--space", "nas-bench-201:channels=9")
    assert "space of table" in text
    assert "expected one of nas-bench-201:channels=16,cells=5, nas-bench-201:channels=8,cells=5" in text


def test_a_store_is_asked_about_one_space_where_its_others_are_not_known(store, capsys):
    with sqlite3.connect(store) as opened:
        opened.execute("UPDATE records SET space = 'elsewhere' WHERE space = 'wide-resnet'")
    query = ("query", "323133", "--table", store, *COLUMN)
    assert as_json(capsys, *query, "--space", "nas-bench-201:channels=8,cells=5")["value"] == 0.8
    report = ("report", store, "--out", "report.html", "--space", "nas-bench-201:channels=8,cells=5")
    assert as_json(capsys, *report)["space"] == "nas-bench-201:channels=8,cells=5"
    assert len(as_json(capsys, "tables", store, "--space", "nas-bench-201")) == 2
    assert "elsewhere" in refusal(capsys, *query)
    refused = refusal(capsys, *query, "--space", "theory")
    assert "expected one of elsewhere, nas-bench-201:channels=16,cells=5, nas-bench-201:channels=8,cells=5" in refused


# search, scores, theory


def test_a_search_in_ones_own_space(table, tmp_path, capsys):
    search = ("search", "--table", table, *COLUMN, "--algorithm", "random-search", "--budget", "3", "--runs", "2")
    facts = as_json(capsys, *search, "--space", "small-convnets", "--out", "found")
    assert facts["results"][0]["task"]["space"] == "small-convnets"
    text = refusal(capsys, "report", "found", "--out", "r.md", "--space", "wide-resnet")
    assert "space: expected small-convnets, that of task " in text
    (tmp_path / "search.toml").write_text(
        'table = "mine.parquet"\nspace = "small-convnets"\nbudget = 3\nruns = 1\n'
        '[[task]]\ndataset = "digits"\nmetric = "clean"\nsplit = "test"\n[[algorithm]]\nname = "random-search"\n'
    )
    assert as_json(capsys, "search", "--config", "search.toml")["results"]
    text = refusal(capsys, "search", "--config", "search.toml", "--space", "wide-resnet")
    assert "space: expected small-convnets, that of table mine, got 'wide-resnet'" in text


def test_a_task_of_a_search_file_may_be_of_other_settings(store, tmp_path, capsys):
    task = '[[task]]\nname = "{}"\ndataset = "digits"\nmetric = "clean"\nsplit = "test"\n{}\n'
    (tmp_path / "search.toml").write_text(
        'table = "runs.db"\nspace = "nas-bench-201:channels=8"\nbudget = 1\nruns = 1\n'
        + task.format("small", "")
        + task.format("large", 'space = "nas-bench-201:channels=16"')
        + '[[algorithm]]\nname = "random-search"\n'
    )
    results = as_json(capsys, "search", "--config", "search.toml")["results"]
    assert {one["task"]["name"]: one["task"]["space"] for one in results} == {
        "small": "nas-bench-201:channels=8,cells=5", "large": "nas-bench-201:channels=16,cells=5",
    }  # fmt: skip


def test_scores_of_ones_own_space(own, capsys):
    score = ("score", SMALL, OTHER, "--space", "small-convnets", "--proxy", "parameters", "--images", "10", *own)
    facts = as_json(capsys, *score, "--repeats", "1")
    assert facts["space"] == "small-convnets"
    assert list(facts["scores"]) == [SMALL, OTHER]
    text = refusal(capsys, "score", "--all", "--space", "huge", "--proxy", "parameters", *own)
    assert "space huge, scoring it all: expected at most 1,000,000 architectures, got about 10^40; sample it" in text


def test_the_demo_and_the_paper_have_their_space(capsys, tmp_path):
    for command in (("demo",), ("reproduce", "table1")):
        text = refusal(capsys, *command, "--out", str(tmp_path), "--space", "theory")
        assert "--space: expected nas-bench-201, the space of the " in text


def test_theory_is_of_its_own_space(capsys):
    text = refusal(capsys, "theory", "fc:relu,relu:1", "--space", "wide-resnet")
    assert "--space: expected theory or nas-bench-201, whose networks may be infinitely wide, got 'wide-resnet'" in text
    text = refusal(capsys, "theory", "fc:relu,relu:1", "--space", "theory:depth=4")
    assert "architecture: expected one of depth 4 in the space" in text


# plans


PLAN = """
name = "small"
imports = ["my_space.py"]
seeds = [0]
space = {name = "small-convnets", kind = "list", architectures = ["depth=1,width=8,activation=relu"]}
data = {name = "digits", limit_train = 32}
recipe = {preset = "digits", epochs = 1}
evaluation = {splits = ["test"], attacks = [], images = {test = 8}, checks = false}
"""


def test_a_plan_and_the_option_agree(own, tmp_path, capsys):
    (tmp_path / "plan.toml").write_text(PLAN)
    run = ("build", "plan.toml", "--store", "runs.db")
    text = refusal(capsys, *run, "--dry-run", "--space", "wide-resnet")
    assert "--space: expected small-convnets, the space of plan small, got 'wide-resnet'" in text
    facts = as_json(capsys, *run, "--space", "small-convnets", "--jobs", "1")
    assert (facts["space"], facts["done"]) == ("small-convnets", 1)
    (plan,) = as_json(capsys, "build", "status", "--store", "runs.db")["plans"]
    assert (plan["space"], plan["name"], plan["done"]) == ("small-convnets", "small", 1)
    assert as_json(capsys, "build", "status", "--store", "runs.db", "--space", "wide-resnet")["plans"] == []
    of_store = ("--store", "runs.db")
    retry = as_json(capsys, "build", "retry", "--failed", *of_store, "--space", "small-convnets")
    assert retry == {"waiting_again": 0}
    for command in (("retry", "--failed"), ("export", "--out", "t.parquet")):
        text = refusal(capsys, "build", *command, *of_store, "--space", "theory")
        assert "--space: expected small-convnets, the space of plan small, got 'theory'" in text
    facts = as_json(capsys, "build", "export", *of_store, "--out", "t.parquet", "--space", "small-convnets")
    assert (facts["space"], facts["architectures"]) == ("small-convnets", 1)
    forget()
    (tmp_path / "my_space.py").write_text(SPACE.replace("nn.GELU()", "nn.Tanh()"))
    _, _, err = robnas(capsys, *run, "--jobs", "1")
    assert "of this store was built, got " in err
    assert "restore the file, or build into another store" in err


# space files that will not do


@pytest.mark.parametrize(("source", "text"), [
    ('Gene("a", ())', "choices of gene a: expected at least one, got none"),
    ('Space("s", genes=(Gene("a", (1,)), Gene("a", (2,))))', "genes of space s: expected each name once, got 'a'"),
    ('SPACES["theory"] = Space("theory", genes=(Gene("a", (1,)),))', "space name: expected one that is free"),
    ("1 / 0", "got ZeroDivisionError (division by zero); mend the file; nothing of it was registered"),
])  # fmt: skip
def test_a_space_file_that_raises_is_one_line(own_files, tmp_path, capsys, source, text):
    path = tmp_path / "bad.py"
    path.write_text(f"from robnas.spaces import SPACES, Gene, Space\n{source}\n")
    found = refusal(capsys, "spaces", "--import", str(path))
    assert f"import of {path}, line 2: expected a Python file that can be imported, got " in found
    assert text in found


def test_a_changed_space_file_under_an_old_table(table, tmp_path, capsys):
    forget()
    (tmp_path / "my_space.py").write_text(SPACE.replace("(1, 2, 3)", "(1, 2)"))
    text = refusal(capsys, "query", SMALL, "--table", table, *COLUMN, "--import", "my_space.py")
    assert "expected space small-convnets as it was when the table was written" in text
    assert "give the earlier file of the space with --import, or name the changed space differently" in text

"""The commands `join` and `query --all`."""

import json
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import Column, CurveColumn, Table, load, write_table
from robnas.records import RecordStore
from robnas.spaces import space_of
from tests.benchmarks.test_records import CLEAN
from tests.test_cli import robnas

ROWS = ["000000", "323133", "333133", "444444"]


def run(capsys, *words, code=0):
    """What a command printed: its output or, where it fails, its error."""
    found, out, err = robnas(capsys, *map(str, words))
    assert found == code, err
    return err if code else out


def table(name, columns, rows=ROWS, **settings):
    return Table(name, rows, columns, **settings)


def column(metric, values, dataset="cifar10", split="test", **settings):
    return Column(dataset, split, metric, np.array(values, dtype=float).reshape(len(values), -1), **settings)


@pytest.fixture
def files(tmp_path):
    """Three tables: accuracies with seeds and curves; other ones of a part of the rows; costs."""
    seeds = [[0.1, 0.1], [0.7, 0.8], [0.6, 0.7], [0.2, np.nan]]
    curve = CurveColumn("cifar10", "test", "clean", (1, 2), np.full((4, 1, 2), 0.5))
    held = {
        "ours": table("ours", [column("clean", seeds, seeds=(3, 5)), column("pgd@8/255", [0.1, 0.4, 0.3, 0.1])],
                      curves=[curve], provenance={"licence": "MIT", "citation": "Us 2026"}),
        "theirs": table("theirs", [column("clean", [0.9, 0.8]), column("fog@3", [0.5, np.nan])], ROWS[2:0:-1],
                        provenance={"licence": "CC0"}),
        "costs": table("costs", [column("latency:pixel3", [1.5, 5.25, 3, 4], unit="ms", direction="minimise")]),
    }  # fmt: skip
    for name, one in held.items():
        write_table(one, tmp_path / f"{name}.parquet")
    return [tmp_path / f"{name}.parquet" for name in held]


def test_tables_are_joined_on_what_all_hold(files, tmp_path, capsys):
    out = tmp_path / "all.parquet"
    text = run(capsys, "join", *files, "--out", out)
    assert f"2 architectures that all hold (ours 4, theirs 2, costs 4), 5 columns: {out}" in text
    assert "ours: 2 columns; licence: MIT" in text
    assert "costs: 1 columns; licence: not stated" in text
    found = load(out)
    assert found.texts == ("323133", "333133")
    assert [one.qualified for one in found.columns] == [
        "ours:clean", "ours:pgd@8/255", "theirs:clean", "theirs:fog@3", "costs:latency:pixel3",
    ]  # fmt: skip
    facts = json.loads(run(capsys, "join", *files, "--out", tmp_path / "all.csv", "--json"))
    assert (facts["architectures"], facts["columns"], facts["sources"]["theirs"]["licence"]) == (2, 5, "CC0")
    assert facts["tables"][1] == {"name": "theirs", "architectures": 2}
    read = load(tmp_path / "all.csv")
    assert [one.qualified for one in read.columns] == [one.qualified for one in found.columns]
    again = tmp_path / "again.parquet"
    run(capsys, "join", out, files[1], "--out", again)
    assert [one.source for one in load(again).columns[-2:]] == ["theirs (2)"] * 2
    listed = run(capsys, "tables", out)
    assert "costs:cifar10 test: latency:pixel3 (ms, to minimise, one run)" in listed
    assert "theirs, licence: CC0" in listed


def test_one_architecture_on_one_row(files, tmp_path, capsys):
    run(capsys, "join", *files, "--out", tmp_path / "all.parquet")
    text = run(capsys, "query", "323133", "--table", tmp_path / "all.parquet", "--all")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0].startswith("323133 genotype |nor_conv_3x3~0|")
    for line in (
        "ours: cifar10, clean accuracy", "clean 75.00 % rank 1 of 2 test, 2 runs",
        "ours: cifar10, accuracy under attack", "pgd@8/255 40.00 % rank 1 of 2 test, one run",
        "theirs: cifar10, clean accuracy", "clean 80.00 % rank 2 of 2 test, one run",
        "theirs: cifar10, accuracy on corrupted images", "not measured: test fog@3",
        "costs: cifar10, cost, lower is better", "latency:pixel3 5.25 ms rank 2 of 2 test, one run",
        "learning curves: ours:cifar10 test clean", "ours, licence: MIT", "theirs, licence: CC0",
    ):  # fmt: skip
        assert line in lines, line
    asked = ("query", "323133", "--table", tmp_path / "all.parquet", "--all", "--json")
    facts = json.loads(run(capsys, *asked))
    assert [(group["source"], group["kind"]) for group in facts["groups"]] == [
        ("ours", "clean"), ("ours", "attack"), ("theirs", "clean"), ("theirs", "corruption"), ("costs", "cost"),
    ]  # fmt: skip
    assert facts["groups"][0]["values"][0]["seeds"] == {"3": 0.7, "5": 0.8}
    assert facts["groups"][3] == {"source": "theirs", "dataset": "cifar10", "kind": "corruption", "values": [],
                                  "missing": ["test fog@3"]}  # fmt: skip
    (cost,) = facts["groups"][4]["values"]
    assert (cost["unit"], cost["direction"], cost["rank"], cost["value"]) == ("ms", "minimise", 2, 5.25)
    assert facts["sources"]["ours"] == {"citation": "Us 2026", "licence": "MIT"}


def test_the_card_of_a_table_that_was_not_joined(capsys):
    text = run(capsys, "query", "323133", "--all", "--split", "validation")
    assert "\ntrained as nas-bench-201:channels=8,cells=1\ndigits, clean accuracy\n" in text
    assert "with the noise" in text
    assert "test" not in text.partition("digits, citation")[0]
    text = run(capsys, "query", "300000", "--all", "--dataset", "digits")
    assert "300000 itself was not trained: " in text


def test_corruptions_stand_in_a_grid(tmp_path, capsys):
    values = {"corruptions": 0.5, "fog@1": 0.8, "fog@5": 0.25, "brightness:made@2": 0.7}
    columns = [Column("cifar10", "test", metric, [[value]]) for metric, value in values.items()]
    write_table(Table("corrupted", ["323133"], columns), tmp_path / "corrupted.parquet")
    text = run(capsys, "query", "323133", "--table", tmp_path / "corrupted.parquet", "--all")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "corruptions 50.00 % rank 1 of 1 test, one run" in lines
    assert "fog 80.0 - - - 25.0 test" in lines
    assert "brightness:made - 70.0 - - - test" in lines


def test_a_cost_is_looked_up_with_its_unit_and_rank(files, capsys):
    asked = ("query", "323133", "--table", files[2], "--dataset", "cifar10", "--metric", "latency:pixel3")
    text = run(capsys, *asked)
    assert "323133 cifar10 test latency:pixel3: 5.25 ms (one run)" in text
    assert "rank 4 of 4; the best is what one would minimise" in text
    assert "constant" not in text
    facts = json.loads(run(capsys, *asked, "--json"))
    assert (facts["unit"], facts["direction"], facts["rank"]) == ("ms", "minimise", 4)
    assert "standard_error" not in facts


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("join", "0", "--out", "x.parquet"), "tables to join: expected at least 2, got 1"),
        (("join", "0", "1", "--out", "x.txt"), "--out: expected a file ending in .parquet, .csv or .json, got"),
        (("query", "323133", "--table", "0", "--all", "--metric", "clean"),
         "--metric: expected no such option beside --all, which shows them all, got 'clean'"),
        (("query", "323133", "--table", "0", "--all", "--seed", "3"), "--seed: expected no such option beside --all"),
        (("query", "323133", "--table", "0", "--all", "--dataset", "svhn"),
         "columns of table ours: expected one of cifar10 test, got svhn"),
        (("query", "323134", "--table", "0", "--all"), "architecture 323134: expected one of the 4 that table ours"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(words, text, files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [str(files[int(word)]) if word in ("0", "1") else word for word in words]
    assert text in run(capsys, *words, code=2)


def test_tables_of_two_spaces_are_not_joined(files, tmp_path, capsys):
    other = Table("wide", ["D1=4,W1=8,D2=4,W2=8,D3=4,W3=8"], [Column("d", "test", "clean", np.array([[0.5]]))],
                  space="wide-resnet")  # fmt: skip
    write_table(other, tmp_path / "wide.parquet")
    text = run(capsys, "join", files[0], tmp_path / "wide.parquet", "--out", tmp_path / "x.parquet", code=2)
    assert "expected a table of space nas-bench-201, got table wide, which belongs to wide-resnet" in text
    assert not (tmp_path / "x.parquet").exists()


def test_the_space_may_be_named(files, tmp_path, capsys):
    run(capsys, "join", *files, "--out", tmp_path / "all.parquet", "--space", "nas-bench-201")
    assert len(load(tmp_path / "all.parquet")) == 2
    text = run(capsys, "join", *files, "--out", tmp_path / "all.parquet", "--space", "wide-resnet", code=2)
    assert "space: expected nas-bench-201, that of table ours, got 'wide-resnet'" in text


def test_any_spelling_of_a_metric_is_known_with_its_source_too(tmp_path, capsys):
    attacked = [column("fgsm@255/255", [0.1, 0.4, 0.3, 0.2]), column("clean", [0.2, 0.5, 0.4, 0.3])]
    for name in ("a", "b"):
        write_table(table(name, attacked), tmp_path / f"{name}.parquet")
    out = tmp_path / "all.parquet"
    run(capsys, "join", tmp_path / "a.parquet", tmp_path / "b.parquet", "--out", out)
    where = ("--table", out, "--dataset", "cifar10")
    for metric in ("b:fgsm@1", "b::fgsm@1.0", "b:fgsm@255/255"):
        facts = json.loads(run(capsys, "query", "323133", *where, "--metric", metric, "--json"))
        assert (facts["metric"], facts["split"], facts["value"]) == ("b:fgsm@255/255", "test", 0.4)
        search = ("search", *where, "--split", "test", "--metric", "a:clean", "--budget", 4, "--runs", 1)
        search = (*search, "--algorithm", "random-search", "--constraint", f"{metric} >= 0.25", "--json")
        constraint = json.loads(run(capsys, *search))["results"][0]["task"]["constraints"][0]
        assert constraint["column"] == "b:cifar10 test fgsm@255/255"
        (tmp_path / "rows.csv").write_text(f"name,{metric}\nmine,40.0\n")
        check = ("check-result", tmp_path / "rows.csv", *where, "--unit", "percent", "--json")
        assert json.loads(run(capsys, *check))["rows"][0]["architectures"] == ["323133"]


def test_records_of_stores_that_are_joined_are_chosen_as_elsewhere(tmp_path, capsys):
    rows = [space_of(None).parse(text) for text in ROWS]
    with RecordStore(tmp_path / "runs.db") as kept:
        kept.add(replace(CLEAN, architecture=one, recipe_hash=recipe * 16) for one in rows for recipe in "rs")
    write_table(table("costs", [column("size", [1, 2, 3, 4], unit="M", direction="minimise")]), tmp_path / "c.parquet")
    join = ("join", tmp_path / "runs.db", tmp_path / "c.parquet", "--out", tmp_path / "all.parquet")
    found = json.loads(run(capsys, *join, "--recipe", "ssss", "--json"))
    assert (found["columns"], found["left_out"]) == (2, [])
    assert load(tmp_path / "all.parquet").columns[0].facts["recipe"] == "s" * 16
    join = ("join", tmp_path / "c.parquet", tmp_path / "c.parquet", "--out", tmp_path / "x.parquet", "--recipe", "ssss")
    assert "where recipe, images, attack … are chosen" in run(capsys, *join, code=2)


def test_a_table_of_many_others_has_a_name_that_its_file_can_hold(tmp_path):
    one = table("a-long-name-of-a-table" * 3, [column("clean", [0.1, 0.2, 0.3, 0.4])])
    many = one.join(one).join(one).join(one)
    assert len(many.name) == 200
    write_table(many, tmp_path / "many.parquet")
    assert load(tmp_path / "many.parquet").name == many.name
    assert [found.source for found in many.columns][::3] == [one.name, f"{one.name} (4)"]


def test_a_value_that_may_be_a_relatives_is_said_to_be(tmp_path, capsys):
    sizes = [column("size", [1, 2], unit="M", direction="minimise")]
    write_table(table("ours", sizes, ["343013", "323133"]), tmp_path / "a.parquet")
    others = table("others", [column("clean", [0.5, 0.6])], ["343303", "323133"], partition="official")
    write_table(others, tmp_path / "b.parquet")
    out = tmp_path / "all.parquet"
    said = "for up to 1 architectures"
    assert said in run(capsys, "join", tmp_path / "a.parquet", tmp_path / "b.parquet", "--out", out)
    assert said in run(capsys, "query", "343013", "--table", out, "--dataset", "cifar10", "--metric", "clean")
    assert said in run(capsys, "query", "343013", "--table", out, "--all")

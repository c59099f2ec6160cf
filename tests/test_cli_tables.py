import csv
import json
import os

import pytest

from robnas.benchmarks import read_table
from tests.conftest import shared_file
from tests.test_cli import robnas


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def published():
    return str(shared_file("data", "published", "acc.json").parent)


@pytest.fixture
def fetched(published, tmp_path, monkeypatch, capsys):
    """A cache with both published tables."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("nas-robbench-201", "jung-2023"):
        code, _, err = robnas(capsys, "fetch", name, "--from", published)
        assert code == 0, err
    return tmp_path


WHERE = ("--table", "nas-robbench-201", "--dataset", "cifar10", "--split", "test")


def test_fetch_says_what_it_holds_and_under_which_licence(fetched, published, capsys):
    code, out, _ = robnas(capsys, "fetch", "nas-robbench-201", "--from", published)
    assert code == 0
    assert "6,466 architectures" in out
    assert "pgd@8/255 (3 runs), autoattack@8/255 (one run)" in out
    assert "licence: CC BY-SA 4.0" in out
    assert "oracle selection" in out
    _, out, _ = robnas(capsys, "tables")
    assert out.count("(in the cache)") == 2


def test_query_gives_value_rank_and_runs(fetched, capsys):
    code, out, _ = robnas(capsys, "query", "323133", *WHERE, "--metric", "pgd@8/255")
    assert code == 0
    assert out.startswith("323133 cifar10 test pgd@8/255: 48.11 % (mean of 3 runs)\nrank 1 of 6,466;")
    _, out, _ = robnas(capsys, "query", "#9930", *WHERE, "--metric", "autoattack@8/255", "--json")
    facts = json.loads(out)
    assert (facts["architecture"], facts["runs"], facts["rank"]) == ("333133", 1, 1)
    assert facts["value"] == pytest.approx(0.4438)
    _, out, _ = robnas(capsys, "query", "300000", *WHERE, "--metric", "clean")
    assert "300000 itself was not trained: " in out
    _, out, _ = robnas(capsys, "query", "#25", *WHERE, "--metric", "clean", "--json")
    assert json.loads(out)["asked"] != json.loads(out)["architecture"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("323133", "--table", "nas-robbench-201"), "dataset of table nas-robbench-201: expected one of cifar10"),
        (("323133", *WHERE), "metric of table nas-robbench-201: expected one of clean, fgsm@3/255"),
        (("323133", *WHERE, "--metric", "pgd@8"), "did you mean pgd@8/255?"),
        (("#99999", *WHERE, "--metric", "clean"), "published index: expected 0 to 15624, got 99999"),
        (("#x", *WHERE, "--metric", "clean"), "published index: expected digits after #, got '#x'"),
        (("323133", *WHERE, "--metric", "clean", "--seed", "7"), "a mean only, got 7"),
        (("#²", *WHERE, "--metric", "clean"), "published index: expected digits after #, got '#²'"),
        (("323133", *WHERE, "--metric", "clean", "--seed", "random"), "--seed: expected mean or the number of a run"),
        (("323133", "--table", "nats"), "table: expected one of nas-robbench-201, jung-2023"),
        (("323133", "--table", "sqlite:///typo.db"), "typo.db: expected a store of records, got nothing"),
    ],
)
def test_bad_queries_are_one_line(fetched, capsys, monkeypatch, arguments, text):
    monkeypatch.chdir(fetched)
    code, out, err = robnas(capsys, "query", *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1
    assert not (fetched / "typo.db").exists()


def test_export_writes_what_others_read(fetched, capsys):
    for suffix in ("parquet", "csv", "json"):
        path = fetched / f"table.{suffix}"
        code, _, err = robnas(capsys, "export", "nas-robbench-201", "--dataset", "cifar10", "--out", str(path))
        assert code == 0, err
    again = read_table(fetched / "table.parquet")
    assert (len(again), again.datasets) == (6466, ("cifar10",))
    rows = {row["architecture"]: row for row in rows_of(fetched / "table.csv")}
    assert float(rows["323133"]["pgd@8/255"]) == pytest.approx(0.4811, abs=1e-4)
    assert len(json.loads((fetched / "table.json").read_text())) == 6466
    code, _, err = robnas(capsys, "export", "nas-robbench-201", "--out", str(fetched / "table.xlsx"))
    assert code == 2
    assert "a file ending in .parquet, .csv or .json" in err


def test_reproductions_match_the_published_values(fetched, capsys):
    out_dir = fetched / "figures"
    for name in ("table1", "figure2", "figure3", "duplicates"):
        code, out, err = robnas(capsys, "reproduce", name, "--out", str(out_dir), "--json")
        assert code == 0, err
        assert [os.path.basename(path) for path in json.loads(out)["files"]] == [
            f"{name}.csv", f"{name}.png", f"{name}.svg",
        ]  # fmt: skip
    table1 = rows_of(out_dir / "table1.csv")
    equal = {(row["row"], row["column"]): row["spearman"] for row in table1 if row["equal"] == "True"}
    assert equal == {
        ("Clean", "PGD"): "0.985", ("Clean", "FGSM"): "0.989", ("PGD", "FGSM"): "0.998",
        ("Clean", "Clean*"): "0.977", ("PGD", "Clean*"): "0.970", ("FGSM", "Clean*"): "0.974",
    }  # fmt: skip
    found = {(row["first"], row["second"]): row["spearman"] for row in rows_of(out_dir / "figure3.csv")
             if row["metric"] == "pgd@8/255"}  # fmt: skip
    assert list(found.values()) == ["0.988", "0.863", "0.894"]
    noise = {row["metric"]: row for row in rows_of(out_dir / "duplicates.csv")
             if row["dataset"] == "cifar10"}  # fmt: skip
    assert [round(float(noise[m]["sd_percentage_points"]), 2) for m in ("clean", "pgd@8/255", "autoattack@8/255")] == [
        0.68, 0.32, 0.52,
    ]  # fmt: skip
    assert (noise["clean"]["groups"], noise["clean"]["members"]) == ("640", "2039")


def test_an_unknown_reproduction_lists_the_known_ones(capsys):
    code, _, err = robnas(capsys, "reproduce", "table3")
    assert code == 2
    assert "expected one of table1, figure2, figure3, duplicates, got 'table3'" in err

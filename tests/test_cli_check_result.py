import json
import re
from pathlib import Path

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, write_table
from robnas.paper._table2_claims import notes_on_claims
from tests.benchmarks.conftest import robbench  # noqa: F401
from tests.test_cli import robnas

METRICS = ("clean", "fgsm@3/255", "pgd@3/255", "fgsm@8/255", "pgd@8/255")


@pytest.fixture
def table(tmp_path):
    """Three architectures: the second is the best clean, the first under PGD."""
    columns = [
        Column("cifar10", "test", "clean", np.array([[0.7937], [0.7956], [0.7904]])),
        Column("cifar10", "test", "pgd@8/255", np.array([[0.4811], [0.4779], [0.4806]])),
        Column("cifar10", "validation", "clean", np.array([[0.7], [0.8], [0.9]])),
    ]
    write_table(Table("mine", ["323133", "333133", "333123"], columns), tmp_path / "mine.parquet")
    return str(tmp_path / "mine.parquet")


@pytest.fixture
def check(table, tmp_path, capsys):
    def run(text, *words):
        path = tmp_path / "rows.csv"
        path.write_text(text)
        return robnas(capsys, "check-result", str(path), "--table", table, *words)

    return run


def test_a_row_that_an_architecture_has_ends_well(check):
    code, out, err = check("name,dataset,clean,pgd@8/255\nbest,cifar10,79.4,48.1\n", "--split", "test")
    assert (code, err) == (0, "")
    assert out == "best (cifar10 test, 2 numbers read as percent): 1 architecture of mine within rounding: 323133\n"


def test_a_row_that_none_has_is_said_and_is_code_1(check):
    code, out, err = check("clean,pgd@8/255\n79.6,48.1\n.80,.48\n", "--dataset", "cifar10", "--split", "test")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "row 1 (cifar10 test, 2 numbers read as percent): no architecture of mine is within rounding",
        "  each number is the best of its column, and no architecture has them all",
        "  nearest is 323133, 0.18 points beyond rounding: clean 0.7937, pgd@8/255 0.4811",
        "row 2 (cifar10 test, 2 numbers read as fractions): 1 architecture of mine within rounding: 333133",
        "  each number is the best of its column",
    ]


def test_means_of_several_runs_are_told_apart(check):
    text = "name,clean,pgd@8/255\na,79.45 ± .2,47.95\nb,79.9 ± .2,48.1\n"
    code, out, _ = check(text, "--dataset", "cifar10", "--split", "test")
    first, nearest, second, beyond, *_ = out.splitlines()
    assert code == 1
    assert first.startswith("a (cifar10 test, 2 numbers read as percent): means of several runs; they can be those of ")
    assert nearest == "  nearest is 333133: clean 0.7956, pgd@8/255 0.4779"
    assert "b (cifar10 test, 2 numbers read as percent): means of several runs; they cannot be, by 0." in second
    assert beyond == "  beyond all values of the table: clean"


def test_missing_values_leave_it_open(tmp_path, capsys):
    columns = [Column("d", "test", "clean", [[0.7], [0.6]]), Column("d", "test", "pgd@8/255", [[np.nan], [0.2]])]
    write_table(Table("mine", ["323133", "333133"], columns), tmp_path / "t.parquet")
    (tmp_path / "rows.csv").write_text("dataset,clean,pgd@8/255\nd,70,30\n")
    words = (str(tmp_path / "rows.csv"), "--table", str(tmp_path / "t.parquet"))
    code, out, _ = robnas(capsys, "check-result", *words)
    first, beyond, open_, nearest = out.splitlines()
    assert (code, beyond) == (0, "  beyond all values of the table: pgd@8/255")
    assert first.endswith("no architecture of mine is known to be within rounding")
    assert open_ == "  1 more cannot be told: the table lacks some of their values"
    assert nearest.startswith("  nearest is 333133, 9.50 points beyond rounding")


def test_json_holds_everything(check):
    text = "name,clean,pgd@8/255\na,79.6,48.1\nb,0.7956,\n"
    code, out, _ = check(text, "--dataset", "cifar10", "--split", "test", "--json")
    found = json.loads(out)
    first, second = found["rows"]
    assert (code, found["table"], found["space"]) == (1, "mine", "nas-bench-201")
    assert first["numbers"]["clean"] == {"printed": "79.6", "value": 0.796, "rounding": 0.0005}
    assert first["nearest"]["architecture"] == "323133"
    assert first["nearest"]["genotype"].startswith("|nor_conv_3x3~0|")
    assert first["nearest"]["values"] == {"clean": 0.7937, "pgd@8/255": 0.4811}
    assert {key: first[key] for key in ("name", "unit", "average", "possible", "best_of_each", "beyond")} == {
        "name": "a", "unit": "percent", "average": False, "possible": False, "best_of_each": True, "beyond": [],
    }  # fmt: skip
    assert (second["architectures"], second["possible"], second["unit"]) == (["333133"], True, "fraction")


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", (), "expected a header and at least one row, got nothing"),
        ("name,clean\na,79.6\n", ("--split", "test"), "dataset of table mine: expected one of cifar10, got none"),
        ("name,clean\na,79.6\n", ("--dataset", "cifar10"), "split of table mine: expected one of test, validation"),
        ("name,clean\na,79.6\n", ("--dataset", "cifar100"), "dataset of table mine: expected one of cifar10, got 'ci"),
        ("name,acc\na,79.6\n", (), "columns: expected name, dataset, clean, pgd@8/255, got 'acc'"),
        ("name,clean\na,101\n", (), "a, clean: expected a number from 0 to 100 (percent), got '101'"),
        ("clean,pgd@8/255\n79.6,.481\n", (), "row 1: expected one unit in the row"),
        ("name,clean\na,79.6\na,79.6\n", (), "row 2: expected a name of its own for each row, got 'a'"),
        ("name,clean\na,79.6\n", ("--unit", "points"), "unit: expected percent or fraction, got 'points'"),
    ],
)
def test_bad_input_is_one_line(check, text, words, said):
    code, out, err = check(text, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_table_2_flags_the_rows_that_no_architecture_has(robbench):  # noqa: F811
    rows = {"Optimal": (0.794, 0.698, 0.692, 0.537, 0.482), "Local search": (0.794, 0.695, 0.689, 0.535, 0.481)}
    trnas, optimal, found = notes_on_claims(robbench, "cifar10", "test", METRICS, rows)
    assert trnas == (
        "- **TRNAS (ICCV 2025), 79.6/69.7/69.2/53.5/48.1: no architecture of nas-robbench-201 has these numbers**; "
        "they are the best of each column, which no one architecture has. The nearest, 323133, has "
        "0.7937/0.6955/0.6893/0.5351/0.4811."
    )
    assert "has these numbers**; fgsm@3/255, fgsm@8/255, pgd@8/255 lie beyond the table's values" in optimal
    assert found == "- Local search, as recalled, 0.794/0.695/0.689/0.535/0.481: has within rounding 323133."


def test_the_example_of_the_documentation_prints_what_it_says(robbench, tmp_path, capsys):  # noqa: F811
    page = (Path(__file__).resolve().parents[1] / "docs" / "tables.md").read_text()
    rows, said = re.search(r"```csv\n(.*?)```.*?\$ robnas check-result [^\n]*\n(.*?)```", page, re.DOTALL).groups()
    (tmp_path / "rows.csv").write_text(rows)
    write_table(robbench, tmp_path / "table.parquet")
    words = (str(tmp_path / "rows.csv"), "--table", str(tmp_path / "table.parquet"))
    assert robnas(capsys, "check-result", *words) == (1, said, "")

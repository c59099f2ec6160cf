"""Commands on a table with several weights of the robust loss."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import robnas
from robnas.benchmarks import Column, Table, write_table
from robnas.cli._noise import spot_text
from robnas.errors import InputError
from robnas.explorer._search import _task
from robnas.reports import report_of
from robnas.search import Task
from robnas.statistics import card, constant_rows, leaderboard, parts, rank_set
from tests.data.conftest import refused
from tests.test_cli import robnas as command

BETAS = (0.0, 0.5, 1.0)
CODES = [f"3{first}3{second}33" for first in "01234" for second in "0123"]
PLACE = ("--dataset", "digits", "--metric", "clean", "--split", "validation")
NAMES = {"dataset": "digits", "metric": "clean", "split": "validation"}


def table():
    """Twenty architectures; with more beta clean accuracy falls and robust accuracy rises."""
    rng, columns = np.random.default_rng(0), []
    base = np.linspace(0.6, 0.9, len(CODES))[:, None]
    for split in ("validation", "test"):
        for metric, slope in (("clean", -0.1), ("pgd@8/255", 0.2)):
            for beta in BETAS:
                turned = base if beta < 1 else base[::-1]
                values = np.clip(turned + slope * beta - 0.3 * (metric != "clean"), 0, 1)
                noisy = np.round(values + rng.normal(0, 0.01, (len(CODES), 2)), 3)
                columns.append(Column("digits", split, metric, noisy, (0, 1), facts={"images": 1000}, beta=beta))
    return Table("varied", CODES, columns)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(table(), tmp_path / "varied.parquet")
    return "varied.parquet"


def test_a_query_names_a_beta(capsys, path):
    whole = robnas.load(path)
    code, out, err = command(capsys, "query", CODES[3], "--table", path, *PLACE, "--beta", "0.5", "--json")
    assert code == 0, err
    facts = json.loads(out)
    assert (facts["value"], facts["beta"]) == (whole.peek(CODES[3], **NAMES, seed="mean", beta=0.5), 0.5)
    place = rank_set(whole, CODES[3], **NAMES, beta=0.5)
    assert (facts["rank_low"], facts["rank_high"]) == (place.low, place.high)
    code, _, err = command(capsys, "query", CODES[3], "--table", path, *PLACE)
    assert (code, err) == (
        2,
        "error: beta of table varied: expected one of 0, 0.5, 1, got none; name the beta: it is never guessed\n",
    )
    code, _, err = command(capsys, "query", CODES[3], "--table", path, *PLACE, "--beta", "0.3")
    assert (code, err) == (2, "error: beta of table varied: expected one of 0, 0.5, 1, got 0.3\n")
    code, _, err = command(capsys, "query", "323133", *PLACE, "--beta", "1")
    assert (code, err) == (2, "error: beta of table digits: expected none, because it is not known, got 1\n")


def test_everything_about_an_architecture_is_by_beta(capsys, path):
    code, out, err = command(capsys, "query", CODES[3], "--table", path, "--all")
    assert code == 0, err
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("  clean")][:3] == [
        ["clean", "beta=0"], ["clean", "beta=0.5"], ["clean", "beta=1"],
    ]  # fmt: skip
    known = [one for group in card(robnas.load(path), CODES[3]).groups for one in group.known]
    assert [one.beta for one in known] == [*BETAS] * 4
    code, out, _ = command(capsys, "query", CODES[3], "--table", path, "--all", "--beta", "1", "--json")
    assert {one["beta"] for group in json.loads(out)["groups"] for one in group["values"]} == {1.0}


def test_what_a_table_holds_is_listed_by_beta(capsys, path):
    code, out, err = command(capsys, "tables", path)
    assert code == 0, err
    for beta in BETAS:
        assert f"  digits validation, beta {beta:g}: clean (2 runs, 1,000 images), pgd@8/255" in out
    code, out, _ = command(capsys, "tables", path, "--json")
    assert [one["beta"] for one in json.loads(out)["columns"]] == [*BETAS] * 4


def test_one_beta_is_written_for_others(capsys, path):
    for name in ("one.csv", "one.parquet"):
        code, _, err = command(capsys, "export", path, "--out", name, "--beta", "0.5")
        assert code == 0, err
        assert {column.beta for column in robnas.load(name).columns} == {0.5}
    code, _, _ = command(capsys, "export", path, "--out", "all.json")
    assert [column.beta for column in robnas.load("all.json").columns] == [*BETAS] * 4


def test_a_report_has_a_part_for_each_beta(path):
    found = report_of(path).facts["table"]
    assert [(one["split"], one["beta"]) for one in found["splits"]] == [
        (split, beta) for split in ("validation", "test") for beta in BETAS
    ]
    assert all(len(one["best"]) == len(CODES) for one in found["splits"])
    between = {(one["first"], one["second"]): one["spearman"]["value"] for one in found["between"]}
    name = "digits validation pgd@8/255 beta={}"
    assert between[name.format(0), name.format("0.5")] > 0.95
    assert between[name.format(0), name.format(1)] < -0.95
    one = report_of(path, beta=0.5).facts["table"]
    assert [(split["split"], split["beta"]) for split in one["splits"]] == [("validation", None), ("test", None)]
    assert one["splits"][0]["best"][0] == found["splits"][1]["best"][0]


def test_a_report_of_one_beta_is_written(capsys, path):
    code, _, err = command(capsys, "report", path, "--beta", "0.5", "--out", "one.md")
    assert code == 0, err
    code, _, err = command(capsys, "report", path, "--beta", "0.3", "--out", "one.md")
    assert (code, err) == (2, "error: beta of table varied: expected one of 0, 0.5, 1, got 0.3\n")


def test_statistics_take_a_beta():
    whole = table()
    assert [(part.name, part.beta) for part in parts(whole)][:2] == [
        ("digits validation beta=0", 0.0), ("digits validation beta=0.5", 0.5),
    ]  # fmt: skip
    rows = leaderboard(whole, "digits", "validation", "clean", beta=1)
    assert rows[0].entries["pgd@8/255"].value == whole.peek(
        rows[0].architecture, **NAMES | {"metric": "pgd@8/255"}, seed="mean", beta=1
    )
    for ask in (
        lambda **beta: leaderboard(whole, "digits", "validation", "clean", **beta),
        lambda **beta: constant_rows(whole, "digits", "validation", **beta),
    ):
        with refused("beta of table varied.*: expected one of 0, 0.5, 1, got none; name the beta", InputError):
            ask()
    assert constant_rows(whole, "digits", "validation", beta=0.5).sum() == 0
    with refused("beta of table varied, digits validation: expected one of 0.5, got 1", InputError):
        constant_rows(whole.select(beta=0.5), "digits", "validation", beta=1)
    third = Table("third", CODES, [column for column in whole.columns if column.beta != 0.5])
    third = Table("third", CODES, [replace(column, beta=column.beta / 3) for column in third.columns])
    assert constant_rows(third, "digits", "validation", beta=1 / 3).sum() == 0
    with refused("beta of table third, digits validation: expected one of 0, 0.333333333333, got none", InputError):
        constant_rows(third, "digits", "validation")


def test_a_search_sees_one_beta(capsys, path):
    options = ("search", "--table", path, *PLACE, "--algorithm", "random-search", "--budget", "5", "--runs", "2")
    code, _, err = command(capsys, *options, "--out", "none")
    assert (code, err) == (
        2,
        "error: beta of table varied: expected one of 0, 0.5, 1, got none; name the beta: it is never guessed\n",
    )
    code, _, err = command(capsys, *options, "--beta", "0.5", "--noise", "gaussian", "--out", "found")
    assert code == 0, err
    (found,) = [json.loads(file.read_text()) for file in (tmp_results())]
    assert (found["task"]["beta"], found["task"]["name"]) == (0.5, "digits validation clean, beta=0.5, gaussian noise")
    task = Task.named(robnas.load(path), "digits", "clean", split="validation", beta=0.5)
    assert found["task"]["optimum"]["value"] == pytest.approx(np.max(task.seen[0].mean))
    code, _, err = command(capsys, "explore", path, "--search", "found", "--export", "site", "--json")
    assert code == 0, err


def tmp_results():
    return sorted(Path("found/results").glob("*.json"))


def test_an_experiment_has_a_task_for_each_beta(capsys, path):
    Path("search.toml").write_text(
        f'table = "{path}"\nbudget = 5\nruns = 2\n[[task]]\ndataset = "digits"\nsplit = "validation"\n'
        'metrics = ["clean", "pgd@8/255"]\nbeta = [0, 0.5]\n[[algorithm]]\nname = "random-search"\n'
    )
    code, out, err = command(capsys, "search", "--config", "search.toml", "--json")
    assert code == 0, err
    for beta in ("0", "0.5"):
        assert f"digits validation clean × pgd@8/255, beta={beta}" in out


def test_the_explorer_tells_betas_apart(path):
    from robnas.explorer._pack import pack_table

    header, _ = pack_table(robnas.load(path), path, "t.bin")
    assert [one["apart"] for one in header["columns"][:3]] == ["beta=0", "beta=0.5", "beta=1"]
    assert [(one["beta_needed"], "space_needed" in one) for one in header["columns"][:3]] == [(b, False) for b in BETAS]
    assert set(header["constant"]) == {
        f"digits {split} beta={beta:g}" for split in ("validation", "test") for beta in BETAS
    }
    one, _ = pack_table(robnas.load(path, beta=0.5), path, "t.bin")
    assert one["columns"][0]["apart"] is None
    assert "beta_needed" not in one["columns"][0]


def test_a_task_that_says_no_beta_was_of_training_on_attacked_images():
    """As results of versions that knew no other: whatever the order of the columns of a table that has more."""
    whole = table()
    facts = Task.named(whole.select(beta=1), "digits", "clean", split="validation", report_split="test").to_dict()
    assert "beta" not in facts
    turned = Table("varied", CODES, whole.columns[::-1])
    for one in (whole, turned):
        assert {column.beta for task in [_task(facts, one)] for column in (*task.seen, *task.reported)} == {1.0}
    half = whole.select(beta=0.5)  # a result from before the table knew its beta
    assert _task(facts, half).seen[0].beta == 0.5


def test_a_claim_is_held_against_one_beta(capsys, path):
    whole = robnas.load(path)
    value = whole.peek(CODES[3], **NAMES, seed="mean", beta=0.5)
    Path("rows.csv").write_text(f"name,clean\nmine,{100 * value:.2f}\n")
    claim = ("check-result", "rows.csv", "--table", path, "--dataset", "digits", "--split", "validation")
    code, out, err = command(capsys, *claim, "--beta", "0.5")
    assert (code, err) == (0, "")
    assert CODES[3] in out
    code, out, err = command(capsys, *claim, "--beta", "0")
    assert code == 1, err
    code, out, err = command(capsys, *claim)
    assert (code, err) == (
        2,
        "error: beta of table varied: expected one of 0, 0.5, 1, got none; name the beta: it is never guessed\n",
    )


def test_what_is_listed_is_what_can_be_asked_for_and_what_is_not_known_is_not_said():
    known = {"dataset": "digits", "split": "test", "space": "wide-resnet", "beta": 0.333333333333}
    unknown = {"dataset": "digits", "split": "test", "space": None}
    both = [known, unknown]
    assert [spot_text(one, both) for one in both] == ["digits test, wide-resnet, beta 0.333333333333", "digits test"]

import dataclasses
import json

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, write_table
from tests.conftest import shared_file
from tests.search.conftest import synthetic
from tests.test_cli import robnas


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "synthetic.parquet"
    write_table(synthetic(), path)
    return str(path)


@pytest.fixture
def where(path):
    return ("--table", path, "--dataset", "cifar10", "--metric", "pgd@8/255", "--split", "validation")


RE = ("--algorithm", "regularized-evolution", "--set", "population=30", "--set", "sample=10")
PLAN = ("--budget", "40", "--runs", "6")


def test_a_search_prints_what_it_found_whatever_the_number_of_jobs(where, capsys):
    printed = {}
    for jobs in ("1", "2"):
        code, out, err = robnas(capsys, "search", *where, *RE, *PLAN, "--jobs", jobs, "--json")
        assert code == 0, err
        printed[jobs] = out
    assert printed["1"] == printed["2"]
    facts = json.loads(printed["1"])
    (row,) = facts["summary"]
    (result,) = facts["results"]
    assert (row["algorithm"], row["budget"], row["runs"]) == ("regularized-evolution", 40, 6)
    assert result["settings"] == {"population": 30, "sample": 10}
    assert result["seeds"] == list(range(6))
    assert row["mean_regret"] == pytest.approx(np.mean(result["regrets"]))
    assert facts["oracle_selection"] == []


def test_a_comparison_is_a_table_sorted_by_regret(where, capsys):
    algorithms = ("--algorithm", "random-search", "--algorithm", "local-search")
    code, out, err = robnas(
        capsys, "search", *where, *algorithms, "--budget", "120", "--runs", "8", "--checkpoint", "20"
    )
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == (
        "cifar10 validation pgd@8/255: mean regret, percentage points ± standard error of 8 runs [average rank], "
        "against the highest table value 48.68 % of 6,466 architectures of synthetic"
    )
    assert lines[1].split() == ["20", "queries", "120", "queries", "best", "found", "GPU-hours"]
    assert [line.split()[0] for line in lines[2:4]] == ["local-search", "random-search"]
    assert lines[4] == "from local-search [95 % interval]; differences up to ±0.1 do not matter"
    assert lines[6].split()[0] == "random-search"
    assert lines[6].split()[-6:] == ["local-search", "0.00", "·", "0.00", "·", "1.00"]
    assert err == ""


def test_the_region_within_which_differences_do_not_matter_is_set_in_points(where, tmp_path, capsys):
    both = ("--algorithm", "random-search", "--algorithm", "local-search", *PLAN)
    code, out, err = robnas(capsys, "search", *where, *both, "--rope", "60", "--json")
    assert code == 0, err
    facts = json.loads(out)
    (test,) = facts["tests"]
    assert (test["rope"], test["verdict"], test["unit"]) == (0.6, "equivalent", "fraction of accuracy")
    assert "all pairs of algorithms of one task" in facts["holm"]
    assert facts["planned"][0].endswith("6 runs, seeds 0 to 5.")
    code, out, err = robnas(capsys, "search", *where, *both, "--rope", "-1")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--rope: expected a number in [0, 100], got -1" in err


def test_runs_that_are_planned_after_others_are_told_of(where, tmp_path, capsys):
    arguments = ("search", *where, "--algorithm", "random-search", "--budget", "5", "--out", str(tmp_path / "out"))
    assert robnas(capsys, *arguments, "--runs", "3")[::2] == (0, "")
    code, _, err = robnas(capsys, *arguments, "--runs", "4")
    assert code == 0
    assert (
        "Planned more than once in this folder: 3 runs from seed 0, then 4 runs from seed 0, of all pairs; p-v" in err
    )
    assert "Planned more than once" in (tmp_path / "out" / "report.md").read_text()
    (tmp_path / "out" / "planned.jsonl").unlink()  # as in folders of earlier versions
    code, out, err = robnas(capsys, *arguments, "--runs", "5", "--json")
    assert ": 3 runs from seed 0, then 4 runs from seed 0, then 5 runs" in err
    assert json.loads(out)["planned"][0].startswith("Planned last")


def test_a_folder_of_another_version_of_the_partition_stays_as_it_is(where, tmp_path, capsys):
    arguments = ("search", *where, "--algorithm", "random-search", "--budget", "5", "--out", str(tmp_path / "out"))
    assert robnas(capsys, *arguments, "--runs", "3", "--partition", "effective@1")[::2] == (0, "")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    code, out, err = robnas(capsys, *arguments, "--runs", "4", "--partition", "effective")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "another version of the partition" in err
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_the_comparisons_of_every_checkpoint_are_printed_as_json(where, capsys):
    algorithms = ("--algorithm", "random-search", "--algorithm", "local-search")
    _, out, _ = robnas(capsys, "search", *where, *algorithms, *PLAN, "--checkpoint", "10", "--json")
    facts = json.loads(out)
    assert [test["budget"] for test in facts["tests"]] == [10, 40]
    assert [ranking["budget"] for ranking in facts["rankings"]] == [10, 40]


def test_a_smaller_budget_than_that_of_the_file_leaves_out_its_larger_checkpoints(path, tmp_path, capsys):
    config = tmp_path / "compare.toml"
    config.write_text(
        f'table = "{path}"\nbudget = 30\nruns = 3\ncheckpoints = [5, 20]\n'
        '[[task]]\ndataset = "cifar10"\nmetric = "clean"\nsplit = "validation"\n[[algorithm]]\nname = "random-search"\n'
    )
    code, out, err = robnas(capsys, "search", "--config", str(config), "--budget", "10", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["results"][0]["checkpoints"] == [5, 10]


@pytest.mark.parametrize("entry", ["checkpoints = 10", 'checkpoints = ["20"]', "[task]", "[algorithm]"])
def test_a_malformed_file_is_one_line(path, tmp_path, capsys, entry):
    config = tmp_path / "wrong.toml"
    config.write_text(f'table = "{path}"\nbudget = 30\nruns = 3\n{entry}\n')
    for arguments in ((), ("--budget", "20")):
        code, out, err = robnas(capsys, "search", "--config", str(config), *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)


def test_selection_on_test_images_is_said(path, capsys):
    arguments = ("--table", path, "--dataset", "cifar10", "--metric", "clean", "--split", "test")
    code, _, err = robnas(capsys, "search", *arguments, "--algorithm", "random-search", *PLAN)
    assert code == 0
    assert err.startswith("oracle selection: the search sees cifar10 test clean, measured on test images; ")


def test_several_objectives_noise_and_transfer(path, where, capsys):
    code, out, err = robnas(
        capsys, "search", *where, "--metric", "clean", "--cost", "macs", "--algorithm", "nsga2", "--algorithm",
        "random-search", "--algorithm", "local-search", *PLAN, "--json",
    )  # fmt: skip
    assert code == 0
    assert err.startswith("left out: local-search on cifar10 validation pgd@8/255 × clean × macs: objectives of local-")
    facts = json.loads(out)
    assert facts["results"][0]["several"] is True
    assert len(facts["results"][0]["fronts"]) == 6
    assert facts["rankings"][0]["blocks"] == 6
    assert facts["tests"][0]["runs"] == 6
    code, out, _ = robnas(
        capsys, "search", *where, *RE, *PLAN, "--noise", "gaussian", "--report-dataset", "other", "--report-metric",
        "clean", "--report-split", "test", "--partition", "effective", "--max-parameters", "1000000", "--json",
    )  # fmt: skip
    assert code == 0
    task = json.loads(out)["results"][0]["task"]
    assert (task["reported"], task["noise"], task["partition"]) == (["other test clean"], "gaussian", "effective")
    assert task["max_parameters"] == 1_000_000
    code, out, _ = robnas(
        capsys, "search", *where, *RE, *PLAN, "--max-parameters", "1000000", "--count", "all", "--json"
    )
    assert (code, json.loads(out)["results"][0]["task"]["count"]) == (0, "all")


def test_a_file_of_algorithms_and_tasks_writes_a_report_and_goes_on(path, tmp_path, capsys):
    config = tmp_path / "compare.toml"
    config.write_text(
        f'table = "{path}"\nbudget = 30\nruns = 3\n'
        '[[task]]\ndataset = ["cifar10", "other"]\nmetric = "clean"\nsplit = "validation"\n'
        '[[algorithm]]\nname = "random-search"\n[[algorithm]]\nname = "local-search"\n'
    )
    out_dir = tmp_path / "out"
    code, first, err = robnas(capsys, "search", "--config", str(config), "--out", str(out_dir), "--seed", "4", "--json")
    assert code == 0, err
    names = {path.name for path in out_dir.iterdir()}
    assert {"report.md", "summary.csv", "tests.csv", "curves.png", "ranks-30.png", "results"} <= names
    assert len(list((out_dir / "results").iterdir())) == 4
    assert json.loads(first)["results"][0]["seed"] == 4
    (out_dir / "report.md").unlink()
    _, again, _ = robnas(capsys, "search", "--config", str(config), "--out", str(out_dir), "--seed", "4", "--json")
    assert again == first
    assert (out_dir / "report.md").exists()


def test_failed_runs_are_named_the_others_reported_and_the_exit_code_tells(where, capsys, monkeypatch):
    from robnas.search import SEARCHERS
    from tests.search.test_repeat import Fragile

    monkeypatch.setitem(SEARCHERS, "fragile", Fragile)
    code, out, err = robnas(capsys, "search", *where, "--algorithm", "fragile", "--budget", "8", "--runs", "12")
    assert code == 1
    failed = err.splitlines()
    assert all("failed: Fragile" in line or "failed: fragile on " in line for line in failed)
    assert 0 < len(failed) < 12
    assert failed[0].endswith("ZeroDivisionError (a bug in two lines)")
    assert "fragile" in out


def test_an_algorithm_of_which_every_run_fails_is_named_and_the_others_are_reported(
    where, tmp_path, capsys, monkeypatch
):
    from robnas.search import SEARCHERS
    from tests.search.test_repeat import Fragile

    broken = dataclasses.make_dataclass("Broken", [("parity", int, 1)], bases=(Fragile,), frozen=True)
    monkeypatch.setitem(SEARCHERS, "fragile", broken)
    out_dir = tmp_path / "out"
    arguments = ("search", *where, "--algorithm", "fragile", "--algorithm", "random-search", *PLAN)
    code, out, err = robnas(capsys, *arguments, "--out", str(out_dir))
    assert code == 1
    assert err.count("failed: fragile on ") == 6
    lines = [line.split() for line in out.splitlines()]
    assert lines[3][:4] == ["fragile", "every", "run", "failed"]
    assert lines[2][0] == "random-search"
    assert "every run failed" in (out_dir / "report.md").read_text()
    code, out, _ = robnas(capsys, *arguments, "--json")
    assert code == 1
    assert [row["runs"] for row in json.loads(out)["summary"]] == [0, 6]
    assert "NaN" not in out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "--dataset: expected a value, got none; or --config with a TOML file"),
        (("--table", "x.parquet", "--dataset", "cifar10"), "--algorithm: expected one of random-search, local-search"),
        (("W", *RE, "--runs", "3"), "--budget: expected a value, got none"),
        (("W", *RE, "--budget", "0", "--runs", "3"), "budget: expected at least 1, got 0"),
        (
            ("W", *RE, "--budget", "7000", "--runs", "3"),
            "budget: expected at most 6,466, the distinct architectures of",
        ),
        (("W", *RE, "--set", "sample=40", *PLAN), "sample: expected at most the population, 30, got 40"),
        (("W", *RE, "--set", "sample", *PLAN), "--set: expected NAME=VALUE, such as population=30, got 'sample'"),
        (("W", *RE, "--algorithm", "nsga2", *PLAN), "--set: expected one --algorithm, got 2; use --config"),
        (("W", "--algorithm", "random", *PLAN), "algorithm: expected one of random-search"),
        (
            ("W", "--metric", "apgd@1", "--algorithm", "nsga2", *PLAN),
            "metric of table synthetic: expected one of clean",
        ),
        (("W", *RE, *PLAN, "--jobs", "0"), "jobs: expected at least 1, got 0"),
        (
            ("W", *RE, *PLAN, "--noise", "loud"),
            "noise: expected one of none, seeds, gaussian, local, predictive, got 'loud'",
        ),
        (("--config", "none.toml"), "none.toml: expected a TOML file, got FileNotFoundError"),
        (("W", "--config", "none.toml"), "--config: expected no further choice of tasks and algorithms, got --dataset"),
    ],
)
def test_bad_input_is_one_line(where, capsys, arguments, text):
    given = [part for argument in arguments for part in (where if argument == "W" else (argument,))]
    code, out, err = robnas(capsys, "search", *given)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1


def test_table_2_finds_the_published_rows_of_random_and_local_search(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    published = str(shared_file("data", "published", "acc.json").parent)
    assert robnas(capsys, "fetch", "nas-robbench-201", "--from", published)[0] == 0
    monkeypatch.setattr("robnas.paper._table2.RUNS", 60)
    code, out, err = robnas(capsys, "reproduce", "table2", "--out", str(tmp_path / "out"), "--json")
    assert code == 0, err
    assert [path.rpartition("/")[2] for path in json.loads(out)["files"]] == [
        "table2.csv", "table2.png", "table2.svg", "table2.md",
    ]  # fmt: skip
    header, *lines = (tmp_path / "out" / "table2.csv").read_text().splitlines()
    rows = {
        tuple(line.split(",")[:2]): dict(zip(header.split(","), line.split(","), strict=True)) for line in lines[2:]
    }
    assert len(rows) == 12
    for (criterion, name), row in rows.items():
        for metric in ("clean", "fgsm@3/255", "pgd@3/255", "fgsm@8/255", "pgd@8/255"):
            gap = abs(float(row[metric]) - float(row[f"{metric}_recalled"]))
            assert gap < 0.006, (criterion, name, metric)
            if name == "local-search-first":
                assert gap < 0.0011, (criterion, metric)
    oracle = lines[0].split(",")
    assert oracle[1] == "oracle per metric"
    assert [float(value) for value in oracle[2::4]] == pytest.approx([0.7956, 0.6973, 0.6924, 0.5351, 0.4811], abs=6e-5)
    assert lines[1].split(",")[1:3] == ['"best architecture by pgd@8/255', ' 323133"']
    page = (tmp_path / "out" / "table2.md").read_text()
    assert "fgsm@3/255, fgsm@8/255, pgd@8/255 exceed its maxima" in page
    assert "**Oracle selection: the search sees cifar10 test clean, cifar10 test fgsm@8/255, cifar10 test pgd@" in page
    assert "recalled and was not seen in its text" in page
    assert "taken to be 60 too" in page
    assert err.startswith("oracle selection: the search sees cifar10 test clean, cifar10 test fgsm@8/255, cifar10 test")


def test_local_search_finds_the_best_architectures_of_the_published_table(tmp_path, monkeypatch):
    from robnas.benchmarks import fetch
    from robnas.search import LocalSearch, Task, repeat

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    table = fetch("nas-robbench-201", shared_file("data", "published", "acc.json").parent)
    for metric, code in (("pgd@8/255", "323133"), ("clean", "333133")):
        result = repeat(LocalSearch(), Task.named(table, "cifar10", metric), budget=300, runs=20)
        assert result.found_best > 0.9
        assert {result.architectures[run] for run in np.flatnonzero(result.at(300) == 0)} == {code}


def test_regret_against_the_expected_best_and_pooled_local_noise_are_said(tmp_path, capsys):
    rows, rng = synthetic().rows[:60], np.random.default_rng(0)
    column = Column("mine", "test", "clean", rng.uniform(0.2, 0.8, (60, 2)), (1, 2))
    write_table(Table("small", rows, [column]), tmp_path / "small.parquet")
    where = ("--table", str(tmp_path / "small.parquet"), "--dataset", "mine", "--metric", "clean")
    plan = ("--algorithm", "random-search", "--budget", "10", "--runs", "2", "--noise", "local", "--regret", "expected")
    code, out, err = robnas(capsys, "search", *where, *plan, "--out", str(tmp_path / "out"))
    assert code == 0, err
    assert "[average rank], against the expected best " in out.splitlines()[0]
    note = "noise of mine test clean: pooled over the 60 architectures that were trained several times"
    assert note in err
    report = (tmp_path / "out" / "report.md").read_text()
    assert note in report
    assert "against the expected best " in report
    assert "of 60 architectures of small" in report
    summary = json.loads(robnas(capsys, "search", *where, *plan, "--json")[1])["summary"]
    assert summary[0]["optimum"].startswith("expected best ")
    assert summary[0]["optimum"].endswith(" of 60 architectures of small")


# columns with a unit


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    """The table joined with what others measured: a latency in ms and a training time in s."""
    path, table = tmp_path_factory.mktemp("costs") / "everything.parquet", synthetic()
    rows = np.arange(len(table), dtype=np.float64)[:, None]
    latency = Column("cifar10", "test", "latency:pixel3", 2 + rows / 1000, unit="ms", direction="minimise", source="hw")
    seconds = Column("cifar10", "test", "training_time", 1000 + rows, unit="s", direction="minimise")
    write_table(Table("everything", table.rows, [*table.columns, latency, seconds], partition="official"), path)
    return ("--table", str(path), "--dataset", "cifar10")


CHANCE = ("--algorithm", "random-search", "--algorithm", "local-search", "--budget", "20", "--runs", "4")


def test_the_most_robust_under_5_ms(costs, capsys, tmp_path):
    """And what the folder keeps is found again."""
    where = (*costs, "--metric", "pgd@8/255", "--split", "test", "--constraint", "latency:pixel3 <= 5 ms", *CHANCE)
    code, out, err = robnas(capsys, "search", *where, "--out", tmp_path / "out", "--json")
    assert code == 0, err
    assert "constraint latency:pixel3 at most 5 ms: kept by 3,001 of 6,466 architectures" in err
    facts = json.loads(out)
    for result in facts["results"]:
        assert result["task"]["optimum"]["architectures"] == 3001
        assert result["task"]["constraints"][0]["column"] == "hw:cifar10 test latency:pixel3"
        found = [synthetic().row(text) for text in result["architectures"]]
        assert max(found) <= 3000
    assert len(list((tmp_path / "out/results").glob("*.json"))) == 2
    again = json.loads(robnas(capsys, "search", *where, "--out", tmp_path / "out", "--json")[1])
    assert again["results"] == facts["results"]


def test_a_minimised_metric_is_told_in_its_unit(costs, capsys, tmp_path):
    where = (*costs, "--metric", "training_time", *CHANCE)
    code, out, err = robnas(capsys, "search", *where, "--out", tmp_path)
    assert code == 0
    assert err.startswith("costs and scores are those of the one architecture of its official class that the table")
    assert err.count("\n") == 1
    lines = out.splitlines()
    assert lines[0] == (
        "cifar10 test training_time: mean regret, s ± standard error of 4 runs [average rank], against the lowest "
        "table value 1,000 s of 6,466 architectures of everything"
    )
    assert any("differences up to ±6.465 s do not matter" in line for line in lines)
    regret = float(lines[2].split()[1])
    row = json.loads(robnas(capsys, "search", *where, "--json")[1])["summary"][0]
    assert (row["unit"], regret) == ("s", pytest.approx(min(row["mean_regret"], regret), rel=1e-3))
    page = (tmp_path / "report.md").read_text()
    assert "Best table value per metric: cifar10 test training_time 1000 s." in page
    assert "of costs in their unit, s)" in page


def test_an_accuracy_and_a_cost_make_a_front(costs, capsys, tmp_path):
    config = tmp_path / "search.toml"
    config.write_text(
        f"""
        table = "{costs[1]}"
        budget = 20
        runs = 3
        [[task]]
        dataset = "cifar10"
        split = "test"
        metrics = ["pgd@8/255", "latency:pixel3"]
        constraints = ["training_time <= 5000", "parameters <= 1e6"]
        [[algorithm]]
        name = "nsga2"
        population = 6
        """
    )
    code, out, err = robnas(capsys, "search", "--config", config, "--json")
    assert code == 0, err
    (result,) = json.loads(out)["results"]
    assert result["task"]["kinds"] == {"hw:cifar10 test latency:pixel3": {"unit": "ms", "direction": "minimise"}}
    assert all(point[1] <= -2 for front in result["fronts"] for point in front)
    code, out, _ = robnas(capsys, "search", "--config", config)
    assert "share of hypervolume missing, %" in out.splitlines()[0]


@pytest.mark.parametrize(
    ("constraint", "text"),
    [
        ("latency:pixel3 <= 1", "expected an architecture that keeps it, got none of 6,466, which have 2 to 8.465 ms"),
        ("latency:pixel3 <= 5 s", "constraint latency:pixel3, unit: expected ms, got 's'"),
        ("latency:pixel3 = 5", "constraint: expected NAME <= NUMBER or NAME >= NUMBER, such as latency:pixel3 <= 5"),
        ("latency <= 5", "constraint latency: expected one of"),
    ],
)
def test_a_constraint_that_cannot_be_kept_costs_one_line(costs, constraint, text, capsys):
    where = (*costs, "--metric", "pgd@8/255", "--split", "test", "--constraint", constraint, *CHANCE)
    code, _, err = robnas(capsys, "search", *where)
    assert (code, len(err.splitlines())) == (2, 1)
    assert text in err

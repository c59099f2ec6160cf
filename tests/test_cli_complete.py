"""`robnas complete`, and what commands say of the table that it writes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, predicted_rows, read_table, write_table
from robnas.cli import main
from robnas.records import Record, RecordStore
from robnas.spaces import SPACES
from tests.benchmarks.completed import COUNT, MEASURED, SD, completed, measured

SPACE = SPACES["nas-bench-201"]
PGD = ["--dataset", "digits", "--metric", "pgd@8/255", "--split", "test"]


def robnas(capsys, *words, code=0):
    """What a command prints, and what it complains of."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    told = capsys.readouterr()
    assert ended.value.code == code, told.err
    return told.err if code else told.out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A lab's table, a completed one, and a list of architectures to predict."""
    place, table = tmp_path_factory.mktemp("complete"), completed()
    write_table(measured(table), place / "lab.parquet")
    write_table(table, place / "completed.parquet")
    (place / "list.txt").write_text("\n".join([*table.texts, "", "333333"]) + "\n", encoding="utf-8")
    return place


def test_a_table_is_completed_and_the_command_says_what_it_predicted(folder, capsys):
    out = folder / "found.parquet"
    listed = ["--architectures", folder / "list.txt"]
    text = robnas(capsys, "complete", folder / "lab.parquet", "--out", out, *listed)
    assert (
        f"{MEASURED} architectures from completed and {COUNT + 1 - MEASURED} others, one per class of identical: {out}"
        in text
    )
    assert "digits test clean: 30 measured, 51 predicted, median ±" in text
    found, lab = read_table(out), read_table(folder / "lab.parquet")
    assert [int(predicted_rows(column).sum()) for column in found.columns] == [COUNT + 1 - MEASURED] * 2
    for before, after in zip(lab.columns, found.columns, strict=True):
        np.testing.assert_array_equal(after.values[:MEASURED], before.values)
    assert found.provenance["completed"]["columns"]["digits test clean"]["model"] == "gaussian-process"
    once = out.read_bytes()
    robnas(capsys, "complete", folder / "lab.parquet", "--out", out, *listed)
    assert out.read_bytes() == once


def test_networks_of_two_sizes_are_each_known_by_their_own_structure(tmp_path, folder, capsys):
    """The mean field of a network of one cell per stage is not that of five; without --information as in Python."""
    lab = read_table(folder / "lab.parquet")
    first = lab.columns[0]
    sizes = {cells: SPACE.configure(channels=8, cells=cells) for cells in (1, 5)}
    columns = [replace(first, space=space.key) for space in sizes.values()]
    write_table(Table("lab", lab.texts, columns, space=SPACE), tmp_path / "sizes.parquet")
    out = tmp_path / "found.parquet"
    robnas(capsys, "complete", tmp_path / "sizes.parquet", "--out", out, "--architectures", folder / "list.txt")
    means = [column.predicted for column in read_table(out).columns]
    assert np.abs(means[0] - means[1])[MEASURED:].max() > 1e-6
    for column, mean in zip(read_table(tmp_path / "sizes.parquet").columns, means, strict=True):
        write_table(Table("lab", lab.texts, [column], space=SPACE), tmp_path / "one.parquet")
        robnas(capsys, "complete", tmp_path / "one.parquet", "--out", out, "--architectures", folder / "list.txt")
        np.testing.assert_allclose(read_table(out).columns[0].predicted, mean, atol=1e-6)


def test_a_part_of_a_completed_table_is_completed_again(tmp_path, folder, capsys):
    """Its other columns have another name there than in what the table says of how they were completed."""
    whole = read_table(folder / "completed.parquet")
    columns = [replace(column, beta=beta) for beta in (0, 1) for column in whole.columns]
    part = Table("completed", whole.texts, columns, space=SPACE, provenance=whole.provenance).select(beta=1)
    write_table(part, tmp_path / "part.parquet")
    told = json.loads(robnas(capsys, "complete", tmp_path / "part.parquet", "--out", tmp_path / "found.parquet",
                             "--architectures", folder / "list.txt", *PGD, "--json"))  # fmt: skip
    assert [one["name"] for one in told["columns"]] == [column.name for column in part.columns]
    unsure = [replace(column, sd=None) for column in part.columns]
    write_table(Table("part", part.texts, unsure, space=SPACE), tmp_path / "part.parquet")
    text = robnas(capsys, "complete", tmp_path / "part.parquet", "--out", tmp_path / "found.parquet",
                  "--architectures", folder / "list.txt", *PGD)  # fmt: skip
    assert f"digits test clean: {MEASURED} measured, {COUNT - MEASURED} predicted\n" in text


def test_one_column_is_completed_where_it_is_named(folder, capsys):
    out = folder / "one.parquet"
    told = json.loads(robnas(capsys, "complete", folder / "lab.parquet", "--out", out, "--architectures",
                             folder / "list.txt", *PGD, "--level", "0.8", "--json"))  # fmt: skip
    (facts,) = told["columns"]
    assert (facts["metric"], facts["measured"], facts["predicted"], facts["level"]) == ("pgd@8/255", 30, 51, 0.8)
    assert facts["information"] == ["structure"]
    assert (told["partition"], told["architectures"], told["not_completed"]) == ("identical", 81, {})
    clean, attacked = read_table(out).columns
    assert clean.predicted is None
    assert np.isnan(clean.mean[MEASURED:]).all()
    assert attacked.predicted is not None


def test_one_column_of_a_joined_table_is_completed_beside_what_was_predicted_before(folder, capsys):
    whole = read_table(folder / "completed.parquet")
    clean = replace(whole.columns[0], metric="fgsm@8/255", predicted=None, sd=None)
    unsure = replace(whole.columns[0], metric="square@8/255", sd=None)
    joined = whole.join(Table("other", whole.architectures, [clean, unsure]))
    write_table(joined, folder / "joined.parquet")
    words = ["complete", folder / "joined.parquet", "--out", folder / "more.parquet", "--architectures",
             folder / "list.txt", "--metric", "fgsm@8/255"]  # fmt: skip
    text = robnas(capsys, *words)
    assert f"other:digits test fgsm@8/255: {MEASURED} measured, " in text
    assert f"completed:digits test clean: {MEASURED} measured, {COUNT - MEASURED} predicted, median ±" in text
    assert f"other:digits test square@8/255: {MEASURED} measured, {COUNT - MEASURED} predicted\n" in text
    told = json.loads(robnas(capsys, *words, "--json"))
    assert ["model" in one for one in told["columns"]] == [False, False, True, False]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["--metric", "pgd@4/255"],
            "columns to complete of table completed: expected one of digits test clean, digits test "
            "pgd@8/255, got none of pgd@4/255",
        ),
        (["--dataset", "cifar10"], "got none of cifar10"),
        (["--model", "oracle"], "surrogate: expected one of"),
        (["--information", "stars"], "information: expected one of structure, scores:FILE"),
        (["--information", "columns:digits::digits::pgd@4/255::test"], "metric of table digits: expected"),
        (["--level", "1.5"], "level of intervals: expected a number between 0 and 1, got 1.5"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(folder, capsys, words, text):
    out = folder / "none.parquet"
    err = robnas(capsys, "complete", folder / "lab.parquet", "--out", out, "--architectures", folder / "list.txt",
                 *words, code=2)  # fmt: skip
    assert text in err
    assert err.count("\n") == 1
    assert not out.exists()


def test_bad_input_is_refused(folder, capsys, tmp_path):
    lab = folder / "lab.parquet"
    out = robnas(capsys, "complete", lab, "--out", "table.txt", code=2)
    assert "--out: expected a file ending in .parquet, .csv or .json, got 'table.txt'" in out
    (tmp_path / "odd.txt").write_text("323133\nD1=4\n", encoding="utf-8")
    out = robnas(capsys, "complete", lab, "--out", tmp_path / "a.parquet", "--architectures", tmp_path / "odd.txt",
                 code=2)  # fmt: skip
    assert "odd.txt, line 2: expected an architecture of space nas-bench-201, got architecture, character 1" in out
    out = robnas(capsys, "complete", lab, "--out", tmp_path / "a.parquet", "--architectures", tmp_path / "no", code=2)
    assert out.startswith("error: --architectures: expected a file ")
    few = measured(completed())
    few = Table("few", few.architectures[:3], [column.take(np.arange(3)) for column in few.columns])
    write_table(few, tmp_path / "few.parquet")
    out = robnas(capsys, "complete", tmp_path / "few.parquet", "--out", tmp_path / "a.parquet", code=2)
    assert "at least" in out
    assert not (tmp_path / "a.parquet").exists()


def test_a_query_says_predicted_and_how_sure(folder, capsys):
    table = read_table(folder / "completed.parquet")
    row, value = MEASURED, 100 * table.columns[1].mean[MEASURED]
    words = ["query", table.texts[row], "--table", folder / "completed.parquet"]
    text = robnas(capsys, *words, *PGD)
    assert f"{table.texts[row]} digits test pgd@8/255: predicted {value:.2f} % ±2.00, not measured\n" in text
    assert "50 of these values are predicted, and no noise tells which ranks are possible" in text
    assert f"{value - 2:.2f} to {value + 2:.2f} %: one standard deviation of what one training would measure" in text
    assert "run" not in text
    facts = json.loads(robnas(capsys, *words, *PGD, "--json"))
    assert (facts["measured"], facts["sd"], facts["runs"], facts["predicted"]) == (False, SD, 0, COUNT - MEASURED)
    assert "standard_error" not in facts
    told = robnas(capsys, *words, "--all")
    assert f"~{value:.2f} %  ±2.00" in told
    groups = json.loads(robnas(capsys, *words, "--all", "--json"))["groups"]
    assert {known["measured"] for group in groups for known in group["values"]} == {False}
    err = robnas(capsys, *words, *PGD, "--seed", "0", code=2)
    assert "expected a measured value, got a missing one" in err


def test_a_measured_value_is_told_as_ever(folder, capsys):
    table = read_table(folder / "completed.parquet")
    words = [table.texts[0], *PGD, "--table"]
    facts, alone = (json.loads(robnas(capsys, "query", *words, folder / name, "--json"))
                    for name in ("completed.parquet", "lab.parquet"))  # fmt: skip
    for key in ("value", "standard_error", "error_of", "low", "high", "runs", "measured", "constant"):
        assert facts[key] == alone[key]
    assert (facts["measured"], facts["sd"]) == (True, None)
    assert (facts["of"], alone["of"]) == (COUNT, MEASURED)
    assert "rank_low" not in facts
    assert "(mean of 3 runs)" in robnas(capsys, "query", *words, folder / "completed.parquet")


def test_tables_and_joins_count_what_is_predicted(folder, capsys):
    text = robnas(capsys, "tables", folder / "completed.parquet")
    assert "clean (3 runs, 1,000 images, 30 measured and 50 predicted)" in text
    facts = json.loads(robnas(capsys, "tables", folder / "completed.parquet", "--json"))
    assert [(one["measured"], one["predicted"]) for one in facts["columns"]] == [(30, 50)] * 2
    out = folder / "joined.parquet"
    text = robnas(capsys, "join", folder / "lab.parquet", folder / "completed.parquet", "--out", out)
    assert "predicted" not in text
    joined = read_table(out)
    assert all(predicted_rows(column).sum() == 0 for column in joined.columns)  # the lab holds measured rows only
    text = robnas(capsys, "join", *[folder / "completed.parquet"] * 2, "--out", out)
    assert text.count("    2 columns hold predicted values beside measured ones\n") == 2


def test_a_search_draws_from_predictions_and_flags_its_regrets(folder, capsys):
    words = ["search", "--table", folder / "completed.parquet", *PGD, "--algorithm", "random-search", "--budget", "5",
             "--runs", "2", "--noise", "predictive"]  # fmt: skip
    text = robnas(capsys, *words)
    assert "of 80 architectures of completed, 50 of them predicted" in text
    (result,) = json.loads(robnas(capsys, *words, "--json"))["results"]
    assert result["task"]["noise"] == "predictive"
    assert result["task"]["optimum"]["predicted"] == COUNT - MEASURED
    err = robnas(capsys, *words[:2], folder / "lab.parquet", *words[3:], code=2)
    assert "expected predicted values, got measured ones only; robnas complete" in err


def test_a_cost_is_predicted_in_its_unit(tmp_path, capsys):
    table = measured(completed())
    latency = Column("digits", "test", "latency:mine", 10 * table.columns[0].measured_mean[:, None], unit="ms",
                     direction="minimise", predicted=None)  # fmt: skip
    write_table(Table("lab", table.architectures, [latency]), tmp_path / "lab.parquet")
    (tmp_path / "list.txt").write_text("333333\n", encoding="utf-8")
    out = tmp_path / "c.parquet"
    text = robnas(capsys, "complete", tmp_path / "lab.parquet", "--out", out, "--architectures", tmp_path / "list.txt")
    assert "digits test latency:mine: 30 measured, 1 predicted, median ±" in text
    assert text.rstrip().endswith(" ms")
    told = robnas(capsys, "query", "333333", "--table", out, "--dataset", "digits", "--metric", "latency:mine")
    assert "333333 digits test latency:mine: predicted " in told
    assert " ms ±" in told


def test_a_store_is_completed_and_what_is_measured_in_several_ways_is_left_out(tmp_path, capsys):
    record = Record(
        architecture=SPACE.parse("323133"), dataset_hash="d" * 16, split="test", recipe_hash="r" * 16, seed=0,
        metric="clean", attack_hash="", images=100, dataset="digits", value=0.5, seconds=1.0, torch_version="2",
        device="cpu",
    )  # fmt: skip
    architectures = SPACE.sample(np.random.default_rng(0), 12)
    records = [replace(record, architecture=arch, value=0.3 + 0.02 * n) for n, arch in enumerate(architectures)]
    attacked = [replace(one, metric="pgd@8/255", attack_hash=("a" if n % 2 else "b") * 16) for n, one in
                enumerate(records)]  # fmt: skip
    with RecordStore(f"sqlite:///{tmp_path}/runs.db") as store:
        store.add([*records, *attacked])
    (tmp_path / "list.txt").write_text("333333\n", encoding="utf-8")
    words = ["complete", tmp_path / "runs.db", "--out", tmp_path / "c.parquet", "--architectures",
             tmp_path / "list.txt", "--json"]  # fmt: skip
    told = json.loads(robnas(capsys, *words))
    assert [one["name"] for one in told["columns"]] == ["digits test clean"]
    assert "digits test pgd@8/255" in told["left_out"][0]
    told = json.loads(robnas(capsys, *words, "--attack", "a"))
    assert [(one["measured"], one["predicted"]) for one in told["columns"]] == [(12, 1), (6, 7)]
    assert told["left_out"] == []

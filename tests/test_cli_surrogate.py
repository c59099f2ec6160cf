import json

import pytest

from robnas.benchmarks import write_table
from robnas.records import Record, RecordStore
from tests.surrogates.small import cells
from tests.test_cli import robnas

ASSESS = ("surrogate", "assess", "t.parquet", "--dataset", "first", "--metric", "pgd@8/255", "--split", "test")
KEYS = (
    "spearman", "top_decile_spearman", "r2", "mae", "regret_top10", "coverage_90", "coverage_90_top",
    "coverage_90_min", "width_90", "median_width_90",
)  # fmt: skip


@pytest.fixture(autouse=True)
def table(tmp_path, monkeypatch):
    """A small table, here."""
    monkeypatch.chdir(tmp_path)
    write_table(cells(200), "t.parquet")


def test_an_assessment_as_json_has_every_number_with_its_deviation(capsys):
    code, out, err = robnas(capsys, *ASSESS, "--train", "20", "--splits", "2", "--design", "random", "--json")
    assert code == 0, err
    facts = json.loads(out)
    assert {*KEYS, *(f"{key}_sd" for key in KEYS)} <= set(facts)
    assert all(isinstance(facts[key], float) for key in KEYS)
    assert 0 < facts["mae"] < 1
    assert facts["coverage_90_min"] <= facts["coverage_90"] <= 1
    assert facts["ceiling"]["spearman"] == pytest.approx(0.99, abs=0.01)
    assert (facts["train"], facts["splits"], facts["design"]) == (20, 2, "random")
    assert facts["information"] == ["structure"]


def test_an_assessment_for_people_has_a_line_for_each_number_and_a_picture(capsys, tmp_path):
    picture = tmp_path / "surrogate.svg"
    given = ("--train", "20", "--splits", "1", "--design", "random", "--picture", str(picture))
    code, out, err = robnas(capsys, *ASSESS, *given)
    assert code == 0, err
    assert "small, first test pgd@8/255: 20 known values, design random, gaussian-process on structure" in out
    assert "mean absolute error, points" in out
    assert "with the noise of trainings at best 0.9" in out
    assert f"picture  {picture}" in out
    assert "at best, with the noise of trainings" in picture.read_text()


def test_what_is_nearly_the_answer_is_refused_unless_it_is_wanted(capsys):
    column = ("--information", "structure", "--information", "columns:t.parquet::first::clean::test")
    code, out, err = robnas(capsys, *ASSESS, "--train", "20", *column)
    assert code == 2
    assert out == ""
    assert "information: expected columns of another data set than first, or of another table, got 'columns:t.p" in err
    assert "--same-dataset accepts it" in err
    given = ("--train", "20", "--splits", "1", "--design", "random", "--same-dataset", "--json", *column)
    code, out, err = robnas(capsys, *ASSESS, *given)
    assert code == 0, err
    assert json.loads(out)["information"] == ["structure", "columns:t.parquet::first::clean::test"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("--train", "3"), "at least 5"),
        (("--train", "100000"), "train: expected at most 1"),
        (("--picture", "p.jpg"), "--picture: expected a file ending in .png or .svg, got 'p.jpg'"),
        (("--information", "nothing"), "information: expected one of structure, scores:FILE, columns:TABLE::DATASET"),
        (("--design", "dense"), "design: expected one of random, spread, active, got 'dense'"),
        (("--beta", "0.5"), "beta"),
    ],
)
def test_bad_input_is_one_line(capsys, given, text):
    code, out, err = robnas(capsys, *ASSESS, "--splits", "1", *given)
    assert code == 2
    assert out == ""
    assert text in err
    assert len(err.splitlines()) == 1


def test_a_store_of_several_recipes_is_asked_for_one(capsys):
    first, second = "a" * 16, "b" * 16
    table = cells(60)
    records = [
        Record(
            architecture=arch, dataset_hash="d" * 16, split="test", recipe_hash=recipe, seed=0, metric="clean",
            attack_hash="", images=100, dataset="first", value=float(value), seconds=1.0, torch_version="2",
            device="cpu",
        )
        for arch, value in zip(table.architectures, table.column("first", "clean", "test").mean, strict=True)
        for recipe in (first, second)
    ]  # fmt: skip
    with RecordStore("sqlite:///runs.db") as store:
        store.add(records, {first: {"name": "short"}, second: {"name": "long"}})
    named = ("--dataset", "first", "--metric", "clean", "--split", "test")
    ask = ("surrogate", "assess", "runs.db", *named, "--train", "20", "--splits", "1", "--json")
    fill = ("complete", "runs.db", "--out", "c.parquet")
    for words in (ask, fill, (*fill, *named), (*fill, "--metric", "clean")):
        code, _, err = robnas(capsys, *words)
        assert code == 2
        assert "first test clean: expected records of one recipe, got aaaaaaaa (short), bbbbbbbb (long)" in err
        assert len(err.splitlines()) == 1
    code, out, err = robnas(capsys, *ask, "--recipe", "long")
    assert code == 0, err
    assert json.loads(out)["held"] > 20

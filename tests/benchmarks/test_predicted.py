"""Values that were predicted stand beside measured ones, and are never taken for these."""

import copy
import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robnas.benchmarks import (
    Column,
    PredictedValue,
    Table,
    Value,
    load,
    read_rows,
    write_croissant,
    write_rows,
    write_table,
)
from robnas.errors import InputError
from tests.data.conftest import refused

NAN = math.nan
CODES = ["323133", "333333", "111111", "222222"]
CLEAN = {"dataset": "digits", "metric": "clean", "split": "test"}
VALUES = [[0.6, 0.64], [NAN, NAN], [0.5, NAN], [NAN, NAN]]


def completed(**changes):
    """Two rows are measured, the second is predicted, the last is missing."""
    given = {"predicted": [0.1, 0.9, 0.2, NAN], "sd": [0.5, 0.03, 0.5, NAN]} | changes
    return Table("completed", CODES, [Column("digits", "test", "clean", VALUES, (0, 1), **given)])


def test_a_mean_is_measured_where_it_can_be_and_says_so_where_it_is_not():
    table = completed()
    (column,) = table.columns
    assert column.measured.tolist() == [True, False, True, False]
    assert column.counts.tolist() == [2, 0, 1, 0]
    np.testing.assert_allclose(column.mean, [0.62, 0.9, 0.5, NAN])
    np.testing.assert_allclose(column.measured_mean, [0.62, NAN, 0.5, NAN])
    np.testing.assert_array_equal(column.predicted, [NAN, 0.9, NAN, NAN])
    np.testing.assert_array_equal(column.sd, [NAN, 0.03, NAN, NAN])
    found = table.query("333333", **CLEAN, seed="mean")
    assert (found, type(found), found.runs, found.sd) == (0.9, PredictedValue, 0, 0.03)
    assert isinstance(found, Value)
    assert type(table.query("111111", **CLEAN, seed="mean")) is Value
    assert [(arch.text, type(value)) for arch, value in table.best("digits", "clean", split="test", count=2)] == [
        ("333333", PredictedValue), ("323133", Value)
    ]  # fmt: skip
    for same in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert (same, type(same), same.runs, same.sd) == (0.9, PredictedValue, 0, 0.03)


def test_a_table_knows_what_was_measured():
    table = completed()
    assert [table.is_measured(code, **CLEAN) for code in CODES] == [True, False, True, False]
    assert [table.is_measured(code, **CLEAN, seed=1) for code in CODES] == [True, False, False, False]
    with refused("^seed of digits test clean: expected 'mean' or one of: 0, 1, got 2$", InputError):
        table.is_measured("323133", **CLEAN, seed=2)
    with refused("^architecture 444444: expected one of the 4 that table completed holds", InputError):
        table.is_measured("444444", **CLEAN)


def test_a_prediction_is_never_a_run():
    table = completed()
    for seed in (0, 1):
        with refused("^digits test clean of 333333: expected a measured value, got a missing one$", InputError):
            table.query("333333", **CLEAN, seed=seed)
        assert np.isnan(table.values("digits", "clean", split="test", seed=seed)[1])
    with refused("^digits test clean of 333333: expected a measured value", InputError):
        table.query("333333", **CLEAN, seed="random", rng=np.random.default_rng(0))
    with refused("^digits test clean of 222222: expected a measured value, got a missing one$", InputError):
        table.query("222222", **CLEAN, seed="mean")
    assert table.noise("digits", "clean", split="test").run_sd == pytest.approx(0.04 / 2**0.5)


def test_a_table_with_nothing_to_complete_is_one_that_was_measured():
    (column,) = completed(predicted=[0.1, NAN, 0.2, NAN], sd=None).columns
    assert (column.predicted, column.sd) == (None, None)


def test_a_prediction_may_have_no_sd():
    found = completed(sd=None).query("333333", **CLEAN, seed="mean")
    assert (type(found), found.runs) == (PredictedValue, 0)
    assert math.isnan(found.sd)


def test_rows_keep_their_predictions():
    (column,) = completed().columns
    part = column.take(np.array([1, 0]))
    np.testing.assert_array_equal(part.predicted, [0.9, NAN])
    np.testing.assert_array_equal(part.sd, [0.03, NAN])
    other = Table("other", CODES[1:2], [Column("digits", "test", "clean", [[0.3]])])
    both = completed().join(other)
    assert type(both.query("333333", **CLEAN | {"metric": "completed:clean"}, seed="mean")) is PredictedValue
    assert not completed().select("digits").is_measured("333333", **CLEAN)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"predicted": [0.9]}, r"predicted: expected shape \(4,\), got shape \(1,\)"),
        ({"sd": [[0.1]] * 4}, r"sd: expected shape \(4,\), got shape \(4, 1\)"),
        ({"predicted": [0, math.inf, 0, 0]}, "predicted: expected finite numbers, got others"),
        ({"sd": [0, -0.1, 0, 0]}, "sd: expected finite numbers from 0 on, got others"),
        ({"predicted": ["much"] * 4}, "predicted: expected rows of numbers, got "),
        ({"predicted": None}, "sd: expected none without predicted values, got some"),
    ],
)
def test_predictions_that_are_none_are_refused(changes, text):
    with refused(f"^column digits test clean, {text}", InputError):
        completed(**changes)


def test_a_predicted_accuracy_is_a_share():
    with refused(r"^column digits test clean: expected accuracies in \[0, 1\], got 1.2$", InputError):
        completed(predicted=[0.1, 1.2, 0.1, NAN])


# files


@pytest.mark.parametrize("sd", [None, [0.5, 0.03, 0.5, NAN]])
def test_a_file_keeps_what_was_predicted(sd, tmp_path):
    table, path = completed(sd=sd), tmp_path / "completed.parquet"
    write_table(table, path)
    schema = pq.read_schema(path)
    assert json.loads(schema.metadata[b"robnas"])["schema_version"] == 5
    assert schema.names == ["architecture", "digits test clean 0", "digits test clean 1"] + [
        f"digits test clean:{part}" for part in ("predicted", "sd", "measured")
    ]
    assert pq.read_table(path)["digits test clean:measured"].to_pylist() == [True, False, True, False]
    assert pq.read_table(path)["digits test clean 0"].to_pylist() == [0.6, None, 0.5, None]
    assert pq.read_table(path)["digits test clean:sd"].to_pylist() == [None, 0.03 if sd else None, None, None]
    found = load(path)
    check_same(found, table)
    assert found.columns[0].seeds == (0, 1)
    write_croissant(path)
    fields = {
        one["name"]: one
        for one in json.loads((tmp_path / "completed.croissant.json").read_text())["recordSet"][0]["field"]
    }
    assert fields["digits test clean:measured"]["dataType"] == "sc:Boolean"
    assert "predicted where it was not measured" in fields["digits test clean:predicted"]["description"]


def check_same(found, table):
    for ours, theirs in zip(table.columns, found.columns, strict=True):
        np.testing.assert_allclose(ours.mean, theirs.mean, rtol=0, atol=1e-15)
        for part in ("measured", "predicted", "sd"):
            assert (getattr(ours, part) is None) == (getattr(theirs, part) is None)
            if getattr(ours, part) is not None:
                np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))


@pytest.mark.parametrize("suffix", [".csv", ".json"])
@pytest.mark.parametrize("dataset", [None, "digits"])
def test_what_is_written_for_others_says_what_was_predicted(suffix, dataset, tmp_path):
    cost = Column("digits", "test", "latency", [[5.5], [NAN], [NAN], [2.5]], unit="ms", direction="minimise",
                  predicted=[NAN, 7.5, 8.5, NAN], sd=[NAN, 2.0, 3.0, NAN])  # fmt: skip
    varied = [replace(completed().columns[0], metric="pgd@8/255", beta=beta) for beta in (0, 0.5)]
    table = Table("completed", CODES, [*completed().columns, cost, *varied])
    path = tmp_path / f"completed{suffix}"
    write_rows(table, path, dataset)
    found = read_rows(path, dataset=dataset, split="test")
    assert [(one.metric, one.beta, one.unit) for one in found.columns] == [
        (one.metric, one.beta, one.unit) for one in table.columns
    ]
    check_same(found, table)
    header = read_header(path)
    name = "clean" if dataset else "digits test clean"
    assert header[header.index(name) :][:3] == [name, f"{name}:sd", f"{name}:measured"]


def read_header(path):
    return (
        path.read_text().splitlines()[0].split(",") if path.suffix == ".csv" else list(json.loads(path.read_text())[0])
    )


def test_a_frame_says_what_was_predicted():
    frame = completed().to_pandas("digits", split="test")
    assert frame["clean:measured"].tolist() == [True, False, True, False]
    assert frame["clean"].tolist()[:3] == pytest.approx([0.62, 0.9, 0.5])
    assert "clean:sd" not in completed().to_pandas("digits", split="test", seed=0).columns


@pytest.mark.parametrize("flags", [("True", "False"), ("true", "false"), ("1", "0")])
def test_flags_are_read_in_whatever_spelling(flags, tmp_path):
    found = load(
        write(
            tmp_path, f"architecture,d test clean,d test clean:measured\n323133,0.5,{flags[0]}\n333333,0.4,{flags[1]}\n"
        )
    )
    assert [found.is_measured(code, dataset="d", metric="clean", split="test") for code in CODES[:2]] == [True, False]
    assert found.peek("333333", dataset="d", metric="clean", split="test", seed="mean") == 0.4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("d test clean,d test clean:measured\n323133,0.5,maybe", "^[^ ]*, row 1: expected true or false .*'maybe'$"),
        ("d test clean,d test clean:sd\n323133,0.5,0.1", "a column d test clean:measured beside d test clean:sd"),
        (
            "d test clean,d test clean:measured\n323133,,True",
            "row 1: expected a value of d test clean, which was measured",
        ),
        (
            "d test clean,d test clean:sd,d test clean:measured\n323133,0.5,-1,0",
            "sd: expected finite numbers from 0 on",
        ),
        ("d test clean 0,d test clean 1,d test clean 0:measured\n323133,0.5,0.5,1", "expected one column of means"),
    ],
)
def test_what_does_not_fit_what_was_predicted_is_refused(text, said, tmp_path):
    with refused(said):
        load(write(tmp_path, f"architecture,{text}\n"))


def write(tmp_path, text):
    path = tmp_path / "own.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("lie", ["measured", "predicted"])
def test_a_file_that_says_that_it_measured_what_it_did_not_is_refused(lie, tmp_path):
    path = tmp_path / "completed.parquet"
    write_table(completed(), path)
    table = pq.read_table(path)
    place = table.column_names.index(f"digits test clean:{lie}")
    false = pa.array([True] * 4) if lie == "measured" else pa.array([0.5, 0.9, None, None])
    pq.write_table(table.set_column(place, table.field(place), false), path)
    with refused("says that it measured what it did not"):
        load(path)


def test_a_changed_prediction_is_damage(tmp_path):
    path = tmp_path / "completed.parquet"
    write_table(completed(), path)
    table = pq.read_table(path)
    for name, value in (("predicted", 0.8), ("sd", 0.01)):
        place = table.column_names.index(f"digits test clean:{name}")
        changed = table.set_column(place, table.field(place), pa.array([None, value, None, None], pa.float64()))
        pq.write_table(changed, path)
        with refused("completed.parquet: .*(content|changed|damaged)"):
            load(path)

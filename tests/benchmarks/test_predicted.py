"""Values that were predicted stand beside measured ones, and are never taken for these."""

import copy
import math
import pickle

import numpy as np
import pytest

from robnas.benchmarks import Column, PredictedValue, Table, Value
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

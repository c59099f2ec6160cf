"""The answer is no information: not under another name, in another unit, as one run, or as a score."""

from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, scores_of
from robnas.errors import InputError
from robnas.surrogates import ColumnValues, ScoreValues, assess, complete
from tests.surrogates.small import cells

TABLE = cells(100)
TARGET = TABLE.column("first", "pgd@8/255", "test")
CLEAN = TABLE.column("first", "clean", "test")
FIRST = {"dataset": "first", "metric": "pgd@8/255", "split": "test"}


def elsewhere(column, rows=slice(None)):
    """A column of a file of another name, as information."""
    table = Table("elsewhere", TABLE.architectures[rows], [column.take(np.arange(100)[rows])])
    return ColumnValues("columns:x", table, table.columns[0])


@pytest.mark.parametrize(
    "copy",
    [
        replace(TARGET, dataset="other"),
        replace(TARGET, values=TARGET.values[:, :1], seeds=(0,)),
        replace(TARGET, values=TARGET.values[:, 1:], seeds=(), dataset="other", metric="clean"),
        replace(TARGET, values=np.round(TARGET.values, 4)),
        replace(TARGET, values=100 * TARGET.values, metric="accuracy", unit="%"),
        replace(TARGET, values=1 - TARGET.values, metric="error", direction="minimise"),
    ],
)
def test_the_predicted_column_is_known_by_its_values(copy):
    for information in (elsewhere(copy), elsewhere(copy, slice(40, 80))):
        with pytest.raises(InputError, match="information: expected another column than the predicted one, got 'colu"):
            assess(TABLE, **FIRST, train=20, splits=1, information=[information], same_dataset=True)
    part = Table("lab", TABLE.architectures[:50], [TARGET.take(np.arange(50))])
    with pytest.raises(InputError, match="expected another column than the predicted one"):
        complete(part, architectures=TABLE.architectures, information=[elsewhere(copy)])


@pytest.mark.parametrize("copy", [CLEAN, replace(CLEAN, values=CLEAN.values[:, :1], seeds=(0,))])
def test_a_column_of_the_same_networks_is_known_in_a_file_that_lacks_the_predicted_one(copy):
    with pytest.raises(InputError, match="expected columns of another data set than first, or of another table"):
        assess(TABLE, **FIRST, train=20, splits=1, information=[elsewhere(copy)])
    assert assess(TABLE, **FIRST, train=20, splits=1, information=[elsewhere(copy)], same_dataset=True).held


def test_the_same_networks_trained_again_elsewhere_and_equal_costs_are_information():
    away = np.random.default_rng(1).normal(0, 0.01, TARGET.values.shape)
    again = replace(TARGET, values=np.clip(TARGET.values + away, 0, 1))
    assert assess(TABLE, **FIRST, train=20, splits=1, information=[elsewhere(again)]).held
    cost = elsewhere(TABLE.column("first", "latency:cpu", "test"))
    assert assess(TABLE, **FIRST, train=20, splits=1, information=[cost]).held


def test_small_costs_are_told_apart():
    seconds = [
        Column("first", "test", f"latency:{name}", 1e-8 * values[:, None], unit="s", direction="minimise")
        for name, values in (("here", CLEAN.mean), ("there", np.sqrt(CLEAN.mean)))
    ]
    table = Table("costs", TABLE.architectures, seconds)
    given = {"dataset": "first", "metric": "latency:here", "split": "test", "train": 20, "splits": 1}
    here, there = (ColumnValues("columns:x", table, one) for one in table.columns)
    assert assess(table, **given, information=[there], same_dataset=True).held
    with pytest.raises(InputError, match="expected another column than the predicted one"):
        assess(table, **given, information=[here], same_dataset=True)


def test_scores_that_are_the_answer_are_refused():
    score = Column("first", "test", "score", CLEAN.values, CLEAN.seeds, unit="nats")
    table = Table("scores", TABLE.architectures, [score])
    scores = ScoreValues("scores:x", scores_of(table))
    with pytest.raises(InputError, match="expected another column than the predicted one, got 'scores:x'"):
        assess(table, dataset="first", metric="score", split="test", train=20, splits=1, information=[scores])
    with pytest.raises(InputError, match="expected another column than the predicted one, got 'scores:x'"):
        assess(TABLE, **FIRST | {"metric": "clean"}, train=20, splits=1, information=[scores])
    assert assess(TABLE, **FIRST | {"dataset": "second"}, train=20, splits=1, information=[scores]).held


def test_predicted_scores_are_no_information():
    values = np.where(np.arange(100)[:, None] < 60, CLEAN.measured_mean[:, None], np.nan)
    score = Column("first", "test", "score", values, unit="nats", predicted=CLEAN.mean)
    found = scores_of(Table("completed", TABLE.architectures, [score]))
    assert found.codes == TABLE.texts[:60]

"""Statistics of trainings look at measured values alone, and say of all others that they are predicted."""

from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import (
    Claim,
    Column,
    PredictedValue,
    Scores,
    Table,
    Value,
    check_claim,
    expected_accuracies,
    measured_column,
    measured_only,
    predicted_rows,
)
from robnas.benchmarks.adapters import NaslibGraph, NatsBench, RobustnessDataset
from robnas.errors import InputError
from robnas.statistics import (
    card,
    constant_rows,
    data_quality,
    join,
    known_noise,
    leaderboard,
    rank_set,
    rank_sets,
    shown_noise,
    standard_errors,
    table_ceiling,
    tied_with_best,
)
from tests.benchmarks.completed import CLEAN, COUNT, MEASURED, SD, completed, measured
from tests.data.conftest import refused


@pytest.fixture(scope="module")
def table():
    return completed()


def test_the_noise_of_a_training_is_that_of_measured_ones(table):
    own = measured(table)
    for column, alone in zip(table.columns, own.columns, strict=True):
        assert known_noise(table, column) == known_noise(own, alone)
        assert shown_noise(table, column).run_sd == shown_noise(own, alone).run_sd
    assert table.local_noise(**CLEAN).groups == MEASURED


def test_networks_that_are_one_are_no_repeated_trainings_where_they_are_predicted():
    codes = ["000000", "000014", "323133"]  # the first two are one network
    column = Column("digits", "test", "clean", [[0.5], [np.nan], [0.6]], predicted=[0.9, 0.9, 0.9], sd=[0.1] * 3)
    with pytest.raises(InputError, match="two rows that are the same network"):
        Table("twins", codes, [column]).noise(**CLEAN)


def test_errors_are_those_of_trainings_or_of_the_prediction(table):
    column = table.columns[0]
    errors, _ = standard_errors(table, column)
    alone, _ = standard_errors(measured(table), measured(table).columns[0])
    np.testing.assert_array_equal(errors[:MEASURED], alone)
    assert set(errors[MEASURED:]) == {SD}
    unknown = completed(sd=None, seeds=(0,))
    errors, source = standard_errors(unknown, unknown.columns[0])
    assert source == "images"
    assert np.isnan(errors[MEASURED:]).all()
    assert not np.isnan(errors[:MEASURED]).any()


def test_a_leaderboard_says_which_values_are_predicted(table):
    rows = leaderboard(table, "digits", "test", "pgd@8/255")
    assert len(rows) == COUNT
    assert [row.rank for row in rows] == sorted(row.rank for row in rows)
    for row in rows:
        where = table.row(row.architecture)
        entry = row.entries["pgd@8/255"]
        assert entry.measured is (where < MEASURED)
        assert entry.runs == (3 if entry.measured else 0)
        assert entry.measured or entry.error == SD
        assert entry.measured or row.constant is None
    assert not rows[0].entries["pgd@8/255"].measured


def test_no_noise_tells_the_ranks_of_what_is_predicted(table):
    what = "^ranks by digits test clean that the noise leaves possible: expected measured values, got 50 predicted "
    for asked in (rank_set, rank_sets):
        with refused(what + r"ones; robnas\.benchmarks\.measured_only\(table\) is without them$", InputError):
            asked(table, table.architectures[0] if asked is rank_set else None, **CLEAN)
    with pytest.raises(InputError, match="expected measured values"):
        tied_with_best(table, **CLEAN)
    found = rank_set(measured_only(table), table.architectures[0], **CLEAN)
    assert found.count == MEASURED
    assert found == rank_set(measured(table), table.architectures[0], **CLEAN)


def test_expected_accuracies_are_of_trainings(table):
    with refused("^expected accuracies of digits test clean: expected measured values, got 50 predicted", InputError):
        expected_accuracies(table, table.columns[0])
    expected_accuracies(table, measured_column(table.columns[0]))


def test_a_ceiling_is_that_of_measured_values(table):
    found, alone = (table_ceiling(one, one.columns[0], np.random.default_rng(0)) for one in (table, measured(table)))
    assert found == alone


def test_predicted_values_are_not_doubted_and_no_network_is_constant_by_them(table):
    clean, attacked = table.columns
    wrong = replace(attacked, predicted=np.full(COUNT, 0.95))  # more than without an attack
    assert data_quality(Table("odd", table.architectures, [clean, wrong])) == data_quality(measured(table))
    low = [replace(column, predicted=np.full(COUNT, 0.1)) for column in table.columns]
    assert not constant_rows(Table("low", table.architectures, low), "digits", "test").any()


def test_scores_are_not_correlated_with_what_was_made_of_scores(table):
    codes = tuple(arch.text for arch in table.architectures)
    scores = Scores(codes, ("mine",), np.arange(COUNT, dtype=float)[:, None], np.zeros((COUNT, 1)), {}, {})
    found = join([scores], table, "digits", "test")
    known = {code for code, value in zip(found.codes, found.truth["clean"], strict=True) if not np.isnan(value)}
    assert known == {arch.text for arch in table.architectures[:MEASURED]}


def test_a_card_says_what_is_predicted(table):
    for row, is_measured in ((0, True), (MEASURED, False)):
        found = card(table, table.architectures[row])
        for known in (one for group in found.groups for one in group.known):
            assert known.measured is is_measured
            assert (known.runs, len(known.seeds)) == ((3, 3) if is_measured else (0, 0))
            assert known.of == COUNT
            assert known.ranks is None
            assert known.sd == (None if is_measured else SD)
            assert (known.standard_error is None) is not is_measured


def test_a_published_row_is_compared_with_what_was_measured(table):
    best = int(np.argmax(table.columns[0].mean))
    assert predicted_rows(table.columns[0])[best]
    value = float(table.columns[0].mean[best])
    claim = Claim.of("mine", {"clean": f"{value:.4f}"})
    found = check_claim(table, claim, dataset="digits", split="test")
    assert found.architectures == ()
    assert len(found.undecided) == COUNT - MEASURED
    assert found.beyond == ("clean",)


def test_the_calls_of_others_are_not_answered_by_predictions(table):
    arch = table.architectures[0]
    for make in (
        lambda one: NaslibGraph(one, arch, metric="clean"),
        lambda one: NatsBench(one, metric="clean", split="test"),
        RobustnessDataset,
    ):
        with refused(
            "^table completed, digits test clean: expected measured values, got 50 predicted ones", InputError
        ):
            make(table)


def test_a_front_says_which_of_its_values_are_predicted(table):
    (first, values), *_ = table.pareto("digits", "clean", "pgd@8/255", split="test")
    row = table.row(first)
    assert row >= MEASURED
    assert [type(value) for value in values] == [PredictedValue] * 2
    assert values == tuple(column.mean[row] for column in table.columns)
    assert all(type(value) is Value for _, found in measured(table).pareto("digits", "clean", "pgd@8/255", split="test")
               for value in found)  # fmt: skip

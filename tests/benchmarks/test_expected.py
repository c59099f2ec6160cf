import numpy as np
import pytest

from robnas.benchmarks import Column, duplicate_groups, expected_accuracies
from robnas.errors import InputError
from robnas.spaces import partition


def rows_with_twins(count=900):
    """Rows of the published kind, those first that are the same network as another."""
    rows = np.array([arch.index for arch in partition("official").representatives()])
    group = duplicate_groups(rows)
    twins = np.bincount(group)[group] > 1
    return np.sort(rows[np.argsort(~twins, kind="stable")][:count])


def simulated(rows, sd, seed=0, runs=1):
    network = np.unique(duplicate_groups(rows), return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    truth = (0.3 + 0.05 * rng.normal(size=network.max() + 1))[network]
    values = truth + sd / np.sqrt(runs) * rng.normal(size=len(rows))
    return truth, Column("mine", "test", "clean", values[:, None], runs=runs)


def test_expected_accuracies_are_nearer_to_the_truth_and_the_highest_loses_its_luck():
    rows = rows_with_twins()
    truth, column = simulated(rows, 0.03)
    found = expected_accuracies(rows, column)
    before, after = (np.sqrt(np.mean((values - truth) ** 2)) for values in (column.mean, found.means))
    assert after < 0.75 * before
    assert found.means.max() <= found.best() < column.mean.max() - 0.02
    assert found.best() == pytest.approx(truth.max(), abs=0.02)


def test_rows_that_are_the_same_network_have_one_expected_accuracy_of_all_their_trainings():
    rows = rows_with_twins()
    _, column = simulated(rows, 0.03)
    found = expected_accuracies(rows, column)
    group = np.unique(duplicate_groups(rows), return_inverse=True)[1]
    assert len(np.unique(found.means)) <= group.max() + 1
    for number in np.flatnonzero(np.bincount(group) > 2)[:5]:
        assert np.ptp(found.means[group == number]) == 0


def test_networks_that_shared_their_seeds_are_no_further_evidence_for_each_other():
    rows = rows_with_twins()
    truth, _ = simulated(rows, 0.03)
    values = truth[:, None] + 0.03 * np.random.default_rng(5).normal(size=(len(rows), 2))
    found = expected_accuracies(rows, Column("mine", "test", "clean", values, (1, 2)))
    group = np.unique(duplicate_groups(rows), return_inverse=True)[1]
    several = np.flatnonzero(np.bincount(group) > 1)
    assert all(np.ptp(found.means[group == number]) > 0 for number in several[:5])


def test_more_runs_are_believed_more():
    rows = rows_with_twins()
    gaps = []
    for runs in (1, 9):
        _, column = simulated(rows, 0.03, runs=runs)
        gaps.append(np.abs(expected_accuracies(rows, column).means - column.mean).mean())
    assert gaps[1] < 0.4 * gaps[0]


def test_missing_values_have_no_expectation_and_do_not_compete():
    rows = rows_with_twins(200)
    _, column = simulated(rows, 0.01)
    values = column.values.copy()
    values[[3, 7]] = np.nan
    found = expected_accuracies(rows, Column("mine", "test", "clean", values))
    assert np.flatnonzero(np.isnan(found.means)).tolist() == [3, 7]
    low = found.means < np.nanmedian(found.means)
    assert np.nanmax(found.means[low]) <= found.best(low) < found.best()


def test_without_noise_the_values_are_what_is_expected():
    rows = rows_with_twins(50)
    truth, column = simulated(rows, 0.0)
    found = expected_accuracies(rows, column)
    assert np.array_equal(found.means, truth)
    assert found.best() == pytest.approx(truth.max(), abs=1e-12)


def test_without_repeated_trainings_nothing_is_known_of_the_noise():
    column = Column("mine", "test", "clean", np.array([[0.1], [0.2]]))
    with pytest.raises(InputError, match="noise of mine test clean: expected two rows that are the same network"):
        expected_accuracies(np.array([0, 700]), column)


def test_of_few_repetitions_nothing_is_believed():
    values = np.array([[0.1, 0.2], [0.3, 0.3], [0.5, np.nan], [0.4, 0.5], [0.2, 0.3]])
    with pytest.raises(InputError, match="noise of mine test clean: expected at least 5 repeated trainings, got 4"):
        expected_accuracies(np.array([0, 7, 70, 700, 7000]), Column("mine", "test", "clean", values, (1, 2)))

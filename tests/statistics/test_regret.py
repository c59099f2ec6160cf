"""Small versions of experiments/simulations/regret.py: regrets beside the true ones."""

from itertools import product

import numpy as np
import pytest

import robnas
from robnas.benchmarks import Column, Table, deconvolve, duplicate_groups
from robnas.search import Task
from tests.benchmarks.test_expected import rows_with_twins

SD = 0.01
"""Of one training; a value is the mean of 3."""


def simulated(rows, seed):
    """True accuracies, many of them near the best, the same for networks that are the same; and tasks on a table."""
    network = np.unique(duplicate_groups(rows), return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    truth = (0.2 + 0.28 * rng.beta(4, 2, network.max() + 1))[network]
    values = truth + SD / np.sqrt(3) * rng.normal(size=len(rows))
    table = Table("simulated", rows, [Column("mine", "test", "clean", values[:, None], runs=3)])
    return truth, values, [Task.named(table, "mine", "clean", regret=name) for name in ("table", "expected")], rng


@pytest.fixture(scope="module")
def regrets():
    """Of 40 simulated tables: what is true, told against the table, against the expected best; by way of choosing."""
    rows, found = rows_with_twins(), {"highest": [], "of 100": [], "of 100, noisy": []}
    for seed in range(40):
        truth, values, tasks, rng = simulated(rows, seed)
        drawn = np.stack([rng.choice(len(rows), 100, replace=False) for _ in range(10)])
        seen = values[drawn] + SD * rng.normal(size=drawn.shape)
        chosen = [[values.argmax()], *(drawn[range(10), v.argmax(axis=1)] for v in (values[drawn], seen))]
        for choice, places in zip(found, chosen, strict=True):
            told = [task.scale.best[0] - task.outcomes[places, 0].mean() for task in tasks]
            found[choice].append([truth.max() - truth[places].mean(), *told])
    return {choice: np.array(rows) / (SD / np.sqrt(3)) for choice, rows in found.items()}


def bias(told):
    """Mean error in standard deviations of a table value, and its standard error."""
    return told.mean(), told.std(ddof=1) / np.sqrt(len(told))


@pytest.mark.parametrize("choice", ["highest", "of 100", "of 100, noisy"])
def test_regret_against_the_expected_best_is_unbiased(regrets, choice):
    true, _, expected = regrets[choice].T
    mean, error = bias(expected - true)
    assert error < 0.2
    assert abs(mean) < 0.25


def test_regret_against_the_highest_table_value_says_that_the_winner_has_none(regrets):
    true, table, _ = regrets["highest"].T
    assert (table == 0).all()
    mean, error = bias(table - true)
    assert mean + 4 * error < 0


def test_regret_against_the_highest_table_value_is_too_high_where_the_choice_was_noisy(regrets):
    true, table, _ = regrets["of 100, noisy"].T
    mean, error = bias(table - true)
    assert mean > 3 * error


def test_the_highest_value_is_optimistic_and_the_expected_one_is_not():
    rows, gaps = rows_with_twins(), []
    for seed in range(30):
        truth, values, tasks, _ = simulated(rows, seed)
        winner = int(values.argmax())
        gaps.append([task.outcomes[winner, 0] - truth[winner] for task in tasks])
    table, expected = np.array(gaps).T / (SD / np.sqrt(3))
    mean, error = bias(table)
    assert mean > 3 * error
    assert abs(bias(expected)[0]) < 0.5 * mean


def test_a_second_training_shows_what_is_expected_of_the_best_by_the_first():
    """The bundled table: its architectures with three seeds, the best of which by one of them are trained again."""
    table, gaps = robnas.load("digits"), []
    for split, metric in product(("validation", "test"), ("clean", "pgd@32/255")):
        column = table.column("digits", metric, split)
        first = np.take_along_axis(column.values, (~np.isnan(column.values)).argmax(axis=1)[:, None], axis=1)[:, 0]
        sds = table.local_noise("digits", metric, split=split).run_sd_at(first)
        again = ~np.isnan(column.values).any(axis=1)
        expected = deconvolve(first, sds, iterations=20).posterior_mean(first[again], sds[again])
        second, first = column.values[again, 1:].mean(axis=1), first[again]
        best = np.argsort(-first)[:50]
        gaps.append([(first - second)[best].mean(), (expected - second)[best].mean()])
    luck, left = np.mean(gaps, axis=0)
    assert luck > 0.01
    assert abs(left) < 0.4 * luck

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, measured_column
from robnas.spaces import sample
from robnas.statistics import prediction_ceiling, table_ceiling
from robnas.surrogates import Prediction, accuracy_of
from tests.benchmarks.completed import completed


def made(sd, seeds=(0, 1, 2), count=1000, seed=0):
    """A table whose true means are known, and those."""
    rng = np.random.default_rng(seed)
    archs = sample(rng, count, "official")
    true = rng.beta(4, 3, count) * 0.5 + 0.2
    values = true[:, None] + sd * rng.standard_normal((count, len(seeds)))
    return Table("made", archs, [Column("cifar10", "test", "clean", np.clip(values, 0, 1), seeds)]), true


@pytest.mark.parametrize("sd", [0.005, 0.02])
def test_the_ceiling_is_what_the_true_means_reach(sd):
    table, true = made(sd)
    column = table.columns[0]
    reached = accuracy_of(column.mean, Prediction(true, true, true, true, 0.9), sign=1, rng=np.random.default_rng(0))
    found = prediction_ceiling(table, column, np.random.default_rng(0))
    for name, off in {"spearman": 0.003, "r2": 0.01, "mae": 0.0005, "top_decile_spearman": 0.1}.items():
        assert found[name] == pytest.approx(reached[name], abs=off), name
    assert found["spearman"] == pytest.approx(table_ceiling(table, column, np.random.default_rng(0)).value, abs=0.003)


def test_what_the_best_are_worth_is_not_told_where_noise_alone_parts_them():
    table, _ = made(0.15)
    found = prediction_ceiling(table, table.columns[0], np.random.default_rng(0))
    assert found.keys() == {"spearman", "r2", "mae"}


def test_without_repeated_trainings_there_is_no_ceiling():
    table, _ = made(0.01, seeds=(0,))
    assert prediction_ceiling(table, table.columns[0], np.random.default_rng(0)) is None


def test_the_ceiling_of_a_completed_table_is_that_of_its_measured_values():
    table = completed()
    ours, alone = (
        prediction_ceiling(table, column, np.random.default_rng(0))
        for column in (table.columns[0], measured_column(table.columns[0]))
    )
    assert ours is not None
    assert ours == alone

"""Searches on a completed table: predicted values may be drawn, measured ones stay, regrets are flagged."""

import numpy as np
import pytest

from robnas.benchmarks import CurveColumn, Table
from robnas.errors import InputError
from robnas.search import Experiment, RandomSearch, Repetitions, SuccessiveHalving, Task, is_optimum, run
from tests.benchmarks.completed import CLEAN, COUNT, MEASURED, SD, completed, measured
from tests.data.conftest import refused


@pytest.fixture(scope="module")
def table():
    return completed()


def task(table, metric="clean", **settings):
    return Task.named(table, "digits", metric, split="test", **settings)


def told(task, seed):
    """What a run is told of each row."""
    return task._told(seed)[:, 0]


def test_a_run_draws_what_was_predicted_and_keeps_what_was_measured(table):
    column = table.columns[0]
    found = np.array([told(task(table, noise="predictive"), seed) for seed in range(400)])
    np.testing.assert_array_equal(found[:, :MEASURED], np.tile(column.measured_mean[:MEASURED], (400, 1)))
    drawn = found[:, MEASURED:] - column.predicted[MEASURED:]
    assert drawn.std() == pytest.approx(SD, rel=0.02)
    assert abs(drawn.mean()) < 0.001
    assert len(np.unique(found[:, MEASURED])) == 400


def test_accuracies_are_drawn_within_their_scale():
    found = np.array([told(task(completed(sd=2.0), noise="predictive"), seed) for seed in range(3)])
    assert (found.min(), found.max()) == (0, 1)


def test_a_seed_draws_the_same_for_every_algorithm(table):
    noisy = task(table, noise="predictive")
    np.testing.assert_array_equal(told(noisy, 3), told(noisy, 3))
    assert (told(noisy, 3)[MEASURED:] != told(noisy, 4)[MEASURED:]).all()
    trace = run(RandomSearch(), noisy, 20, seed=3)
    rows = [table.row(arch) for arch in trace.architectures]
    np.testing.assert_array_equal(trace.values[:, 0], told(noisy, 3)[rows])
    np.testing.assert_array_equal(trace.outcomes[:, 0], table.columns[0].mean[rows])  # judged by the table


def test_several_metrics_are_drawn_apart(table):
    both = task(table, ("clean", "pgd@8/255"), noise="predictive")
    off = both._told(0) - both.answers
    assert (off[:MEASURED] == 0).all()
    assert abs(np.corrcoef(off[MEASURED:].T)[0, 1]) < 0.5


def test_predictive_noise_needs_predicted_values_with_a_deviation(table):
    with refused("^predictive noise of digits test clean: expected predicted values, got measured ones only; robnas "
                 "complete predicts what a table lacks$", InputError):  # fmt: skip
        task(measured(table), noise="predictive").check()
    with refused("^noise of digits test clean: expected values with a standard deviation, got predicted ones without$",
                 InputError):  # fmt: skip
        task(completed(sd=None), noise="predictive").check()


@pytest.mark.parametrize("settings", [{"noise": "seeds"}, {"seed": 1}, {"seed": 1, "noise": "gaussian"}])
def test_what_is_predicted_has_no_runs_of_its_own(table, settings):
    with refused("^single runs of digits test clean: expected measured values, got 50 predicted ones", InputError):
        task(table, **settings)


def test_a_named_run_leaves_nothing_to_predict(table):
    with refused("^noise: expected none, gaussian or local where a seed is named, got 'predictive'$", InputError):
        task(table, seed=0, noise="predictive")


@pytest.mark.parametrize("noise", ["gaussian", "local"])
def test_the_noise_of_trainings_is_measured_and_added_to_all(table, noise):
    found, alone = task(table, noise=noise), task(measured(table), noise=noise)
    np.testing.assert_array_equal(found.noise_sd[:MEASURED], alone.noise_sd)
    assert (told(found, 0) != table.columns[0].mean).all()


def test_regrets_against_predicted_values_say_so(table):
    own = task(table)
    assert own.optimum["predicted"] == COUNT - MEASURED
    assert own.optimum["architectures"] == COUNT
    assert own.notes == ("50 of 80 values of digits test clean are predicted, not measured: regrets and the best are "
                         "estimates",)  # fmt: skip
    trace = run(RandomSearch(), own, 10, seed=0)
    assert "of 80 architectures of completed, 50 of them predicted" in str(trace)
    alone = task(measured(table))
    assert "predicted" not in alone.optimum
    assert alone.notes == ()
    kept = task(table, constraints=("pgd@8/255 >= 0.0",))
    assert len(kept.notes) == 3


def test_a_result_keeps_what_its_optimum_is_made_of(table, tmp_path):
    repetitions = Repetitions(5, 2)
    for noise in ("none", "predictive"):
        experiment = Experiment.of({"random": RandomSearch()}, [task(table, noise=noise)], repetitions)
        (first,) = experiment.run(1, tmp_path / noise)
        (again,) = experiment.run(1, tmp_path / noise)  # read back
        assert again.optimum == first.optimum
        assert "50 of them predicted" in again.optimum
        assert experiment.notes
    assert not is_optimum({"is": "highest table value", "value": 0.5, "architectures": 3, "predicted": "all"})


def test_other_predictions_are_another_search(table, tmp_path):
    repetitions = Repetitions(5, 3)
    found = [
        next(iter(Experiment.of({"random": RandomSearch()}, [task(one)], repetitions).run(1, tmp_path)))
        for one in (table, shifted(table))
    ]
    assert not np.array_equal(found[0].regrets, found[1].regrets)


def shifted(table):
    """Other predictions of the same."""
    from dataclasses import replace

    columns = [replace(one, predicted=np.linspace(0, 0.9, COUNT), sd=one.sd) for one in table.columns]
    return Table(table.name, table.architectures, columns)


def test_the_expected_best_is_not_told_from_predictions(table):
    with refused("^expected accuracies of digits test clean: expected measured values, got 50 predicted", InputError):
        task(table, regret="expected").check()


def test_learning_curves_do_not_answer_for_what_is_predicted(table):
    runs = np.full((COUNT, 3, 2), 0.3)
    runs[MEASURED:] = np.nan
    curve = CurveColumn("digits", "test", "clean", (1, 2), runs, (0, 1, 2))
    whole = Table("curves", table.architectures, table.columns, curves=[curve])
    assert task(whole).classes.epochs == ()
    with pytest.raises(InputError, match="values of digits test clean are predicted, of which there are no learning"):
        run(SuccessiveHalving(), task(whole), 20, seed=0)
    assert CLEAN["metric"] == "clean"

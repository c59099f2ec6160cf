import functools
import json

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, expected_accuracies
from robnas.errors import InputError
from robnas.search import Experiment, RandomSearch, Repetitions, Result, Task, optimum_text, repeat, run
from tests.search.conftest import partial_table, synthetic


@functools.cache
def part():
    """Every ninth row of the synthetic table."""
    whole = synthetic()
    columns = [Column(c.dataset, c.split, c.metric, c.values[::9], c.seeds, c.runs) for c in whole.columns]
    return Table("part", whole.rows[::9], columns, partition="official")


@pytest.fixture(scope="module")
def expected():
    """Sees one seed's noise, is judged by the expected accuracies of the validation column."""
    return Task.named(part(), "cifar10", "pgd@8/255", split="validation", noise="seeds", regret="expected")


def test_what_is_chosen_and_the_best_are_judged_by_their_expected_accuracies(expected):
    table, column = expected.table, expected.reported[0]
    known = expected_accuracies(table.rows, column)
    trace = run(RandomSearch(), expected, 40, seed=1)
    rows = [table.row(arch) for arch in trace.architectures]
    assert np.array_equal(trace.outcomes[:, 0], known.means[rows])
    assert trace.regret == pytest.approx(known.best() - known.means[rows][trace.incumbents], abs=1e-15)
    assert known.best() < column.mean.max()


def test_what_a_search_sees_does_not_depend_on_what_the_regret_is_against(expected):
    other = Task.named(part(), "cifar10", "pgd@8/255", split="validation", noise="seeds")
    first, second = (run(RandomSearch(), task, 40, seed=1) for task in (expected, other))
    assert np.array_equal(first.values, second.values)
    assert np.array_equal(first.indices, second.indices)


def test_the_best_is_found_where_nothing_has_a_higher_expected_accuracy(expected):
    means = expected.outcomes[:, 0]
    best = expected.table.architectures[int(np.nanargmax(means))].code
    assert expected.least == pytest.approx(expected.scale.best[0] - np.nanmax(means))
    assert expected.least >= 0
    result = repeat(RandomSearch(), expected, 300, 6)
    assert result.found_best == np.mean([code == best for code in result.architectures])
    assert 0 < result.found_best < 1
    assert result.regrets[:, -1].min() == pytest.approx(result.least)


def test_of_constrained_architectures_the_best_is_among_those_that_are_allowed():
    settings = {"split": "validation", "regret": "expected"}
    free = Task.named(part(), "cifar10", "clean", **settings)
    bound = Task.named(part(), "cifar10", "clean", max_parameters=300_000, **settings)
    known = expected_accuracies(bound.table.rows, bound.reported[0])
    assert bound.scale.best[0] == known.best(bound.allowed) < free.scale.best[0]
    assert bound.least >= 0
    assert bound.optimum["architectures"] == bound.allowed.sum()


def test_every_result_names_its_optimum_and_the_sample_that_it_is_of(expected):
    texts = {}
    for task in (Task.named(part(), "cifar10", "clean", split="test"), expected):
        result = repeat(RandomSearch(), task, 5, 2)
        kept = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert kept["task"]["regret"] == task.regret
        assert kept["task"]["optimum"]["value"] == pytest.approx(result.oracle[0], abs=1e-12)
        assert Result.from_dict(kept).optimum == result.optimum
        assert result.optimum in str(run(RandomSearch(), task, 5, 0))
        texts[task.regret] = result.optimum
    best = part().best("cifar10", "clean", split="test")[0][1]
    assert texts["table"] == f"highest table value {100 * best:.2f} % of 719 architectures of part"
    assert texts["expected"].startswith("expected best 47.")


def test_missing_values_do_not_count_into_the_sample():
    task = Task.named(partial_table(missing=[0, 3]), "cifar10", "clean")
    assert task.optimum == {"is": "highest table value", "value": pytest.approx(0.9), "architectures": 198}


def test_of_several_objectives_the_optimum_is_a_front(several):
    assert several.optimum == {"is": "front of the table values", "value": None, "architectures": 6466}
    assert optimum_text(several.to_dict()) == "front of the table values of 6,466 architectures of synthetic"


def test_results_that_were_kept_before_they_named_an_optimum_are_of_the_table_values(task):
    kept = repeat(RandomSearch(), task, 5, 2).to_dict()
    del kept["least"], kept["task"]["regret"], kept["task"]["optimum"]
    old = Result.from_dict(kept)
    assert (old.optimum, old.least) == ("highest table value of synthetic", 0)


@pytest.mark.parametrize(
    "optimum",
    [
        "expected best",
        {"is": "expected best", "value": 0.5},
        {"is": "\x1b[2J", "value": 0.5, "architectures": 3},
        {"is": "expected best", "value": float("nan"), "architectures": 3},
        {"is": "expected best", "value": 0.5, "architectures": "many"},
    ],
)
def test_an_optimum_that_is_none_is_refused(task, optimum):
    kept = repeat(RandomSearch(), task, 5, 2).to_dict()
    kept["task"]["optimum"] = optimum
    with pytest.raises(ValueError, match="numbers that do not belong together"):
        Result.from_dict(kept)


def test_regrets_against_another_optimum_are_kept_apart(tmp_path):
    repetitions = Repetitions(5, 2)
    tasks = [
        Task.named(part(), "cifar10", "clean", split="validation", regret=regret, name="one")
        for regret in ("table", "expected")
    ]
    for number, task in enumerate(tasks, start=1):
        list(Experiment.of({"chance": RandomSearch()}, [task], repetitions).run(out=tmp_path))
        assert len(list(tmp_path.iterdir())) == number


def test_a_file_may_name_what_regrets_are_against(tmp_path):
    path = tmp_path / "compare.toml"
    path.write_text(
        'table = "digits"\nbudget = 5\nruns = 2\n[[task]]\ndataset = "digits"\nmetric = "clean"\nsplit = "test"\n'
        'regret = "expected"\n[[algorithm]]\nname = "random-search"\n'
    )
    (case,) = Experiment.read(path).cases
    assert case.task.regret == "expected"
    assert case.task.name == "digits test clean, against the expected best"


def test_what_has_no_expected_best_says_so():
    with pytest.raises(InputError, match="regret: expected table for several objectives, got 'expected'"):
        Task.named(synthetic(), "cifar10", "clean", split="test", costs=("macs",), regret="expected")
    with pytest.raises(InputError, match="regret: expected one of table, expected, got 'best'"):
        Task.named(synthetic(), "cifar10", "clean", split="test", regret="best")
    alone = Table("alone", [0, 7, 700], [Column("mine", "test", "clean", np.array([[0.1], [0.2], [0.3]]))])
    with pytest.raises(InputError, match="noise of mine test clean: expected two rows that are the same network"):
        Task.named(alone, "mine", "clean", regret="expected").check()


def test_local_noise_of_few_repeated_trainings_is_pooled_and_said(tmp_path):
    whole = part().column("cifar10", "clean", "validation")
    values = whole.values.copy()
    values[150:, 1:] = np.nan
    table = Table("few", part().rows, [Column("cifar10", "validation", "clean", values, whole.seeds)])
    note = (
        "noise of cifar10 validation clean: pooled over the 150 architectures that were trained several times, "
        "too few to tell it by their accuracy"
    )
    local, pooled = (Task.named(table, "cifar10", "clean", noise=noise) for noise in ("local", "gaussian"))
    assert (local.notes, pooled.notes) == ((note,), ())
    assert local.noise_sd == pytest.approx(pooled.noise_sd)
    both = Task.named(table, "cifar10", "clean", noise="local", regret="expected")
    assert both.notes == (note,)
    assert Experiment.of({"chance": RandomSearch()}, [local, both], Repetitions(5, 2)).notes == (note,)
    assert Task.named(part(), "cifar10", "clean", split="validation", noise="local", regret="expected").notes == ()


def test_nearly_the_best_is_counted_from_the_least_regret_that_there_is():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.4, 0.5, 80)[:, None]
    values = truth + rng.normal(0, 0.05, (80, 2))  # nobody knows which is the best
    rows = synthetic().rows[:80]
    table = Table("unsure", rows, [Column("mine", "test", "clean", values, (1, 2))])
    task = Task.named(table, "mine", "clean", regret="expected")
    assert task.least > 0.01 * task.scale.best[0]
    result = repeat(RandomSearch(), task, 80, 2)
    assert result.found_best == 1
    assert None not in result.reached

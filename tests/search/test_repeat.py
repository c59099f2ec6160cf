import dataclasses
import json
import os
import re
import signal

import numpy as np
import pytest
from optuna.samplers.nsgaii import UniformCrossover

from robnas.benchmarks import Column, Table
from robnas.errors import InputError, RobnasError
from robnas.search import (
    SEARCHERS,
    Case,
    Experiment,
    LocalSearch,
    Loop,
    Optuna,
    ProxySearch,
    RandomSearch,
    RegularizedEvolution,
    Repetitions,
    Task,
    charged_by,
    repeat,
    repeat_all,
    run,
    searcher,
)
from robnas.search._experiment import _is_plain
from robnas.search._result import Result
from robnas.search._run import settings_of
from tests.search.conftest import partial_table, synthetic


@dataclasses.dataclass(frozen=True)
class Fragile:
    """Random search that raises in some runs: those whose first draw is even."""

    parity: int = 2

    def start(self, space, rng):
        return Loop(self._steps(space, rng))

    def _steps(self, space, rng):
        first = space.random(rng)
        yield first
        if first.index % self.parity == 0:
            raise ZeroDivisionError("a bug\nin two lines")
        while True:
            yield space.random(rng)


@dataclasses.dataclass(frozen=True)
class Killer:
    """Ends its own process."""

    def start(self, space, rng):
        return Loop(self._steps(space, rng))

    def _steps(self, space, rng):
        yield space.random(rng)
        os.kill(os.getpid(), signal.SIGKILL)


def same(first, second):
    return json.dumps(first.to_dict()) == json.dumps(second.to_dict())


def test_the_share_of_runs_without_regret_is_that_of_their_ends(noisy):
    result = repeat(RandomSearch(), noisy, 20, 4, seed=0, checkpoints=(10,))
    for last, share in (([0.0, 0.1, 0.0, 0.0], 0.75), ([0.1] * 4, 0.0), ([1e-13, 1e-3, 0.1, 0.2], 0.25)):
        regrets = np.column_stack([[0.0, 0.0, 0.3, 0.3], last])
        assert dataclasses.replace(result, regrets=regrets).found_best == share


def test_means_and_deviations_are_those_of_the_single_runs(noisy):
    result = repeat(RegularizedEvolution(), noisy, 50, 12, seed=3, checkpoints=(10, 20))
    traces = [run(RegularizedEvolution(), noisy, 50, seed) for seed in range(3, 15)]
    regrets = np.array([trace.regret for trace in traces])
    assert result.mean == pytest.approx(regrets.mean(axis=0), abs=1e-15)
    assert result.sd == pytest.approx(regrets.std(axis=0, ddof=1), abs=1e-15)
    assert result.standard_error == pytest.approx(result.sd / np.sqrt(12))
    assert result.checkpoints == (10, 20, 50)
    assert np.array_equal(result.regrets, regrets[:, [9, 19, 49]])
    assert np.array_equal(result.at(20), regrets[:, 19])
    assert result.seeds == tuple(range(3, 15))
    assert result.architectures == tuple(trace.best.code for trace in traces)
    assert result.outcomes.tolist() == [trace.outcomes[trace.incumbents[-1]].tolist() for trace in traces]
    assert result.counts["duplicates"] == np.mean([trace.duplicates for trace in traces])
    assert result.oracle == (noisy.answers.max(),)
    with pytest.raises(InputError, match="checkpoint: expected one of 10, 20, 50, got 30"):
        result.at(30)


def test_a_run_that_ends_early_keeps_its_last_regret(task):
    result = repeat(LocalSearch(restarts=False), task, 600, 4)
    trace = run(LocalSearch(restarts=False), task, 600, 0)
    assert len(trace) < 600
    assert result.at(600)[0] == trace.regret[-1]
    assert result.counts["finished"] == 1


@pytest.mark.parametrize("jobs", [2, 3])
def test_the_result_does_not_depend_on_the_number_of_jobs(noisy, several, jobs):
    cases = [Case(RegularizedEvolution(), noisy), Case(LocalSearch(), noisy), Case(RandomSearch(), several, "chance")]
    repetitions, told = Repetitions(25, 13, checkpoints=(5,)), []
    one = list(repeat_all(cases, repetitions))
    many = list(
        repeat_all(cases, repetitions, jobs=jobs, progress=lambda done, total, text: told.append((done, total, text)))
    )
    assert all(same(a, b) for a, b in zip(one, many, strict=True))
    assert [result.algorithm for result in many] == ["regularized-evolution", "local-search", "chance"]
    assert [done for done, _, _ in told] == list(range(1, 40))
    assert told[-1][1:] == (39, f"chance on {several.name}")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_raises_is_reported_with_its_seed_and_the_others_finish(task, jobs):
    result = repeat(Fragile(), task, 10, 16, jobs=jobs)
    failed = [failure.seed for failure in result.failures]
    assert 0 < len(failed) < 16
    assert sorted([*failed, *result.seeds]) == list(range(16))
    assert {failure.error for failure in result.failures} == {"ZeroDivisionError (a bug in two lines)"}
    whole = repeat(Fragile(10**6), task, 10, 16)
    kept = [place for place in range(16) if place not in failed]
    assert np.array_equal(result.at(10), whole.at(10)[kept])


def test_when_every_run_fails_the_first_error_is_raised(task):
    with pytest.raises(
        InputError, match=r"Fragile on .*: expected a run that finishes, got none of 3; seed 5: ZeroDiv"
    ):
        repeat(Fragile(1), task, 10, 3, seed=5)


def test_a_pair_in_which_every_run_fails_does_not_stop_the_others(task):
    broken, sound = repeat_all(
        [Case(Fragile(1), task), Case(RandomSearch(), task)], Repetitions(10, 3, checkpoints=(5,))
    )
    assert (broken.seeds, len(broken.failures), broken.mean.shape, broken.regrets.shape) == ((), 3, (0,), (0, 2))
    assert broken.found_best == 0
    assert sound.seeds == (0, 1, 2)
    assert same(Result.from_dict(json.loads(json.dumps(broken.to_dict(), allow_nan=False))), broken)


def test_kept_results_of_another_version_are_not_taken(task, tmp_path, monkeypatch):
    experiment = Experiment.of({"chance": RandomSearch()}, [task], Repetitions(5, 2))
    for number, (name, value) in enumerate((("FORMAT", 1), ("FORMAT", 2), ("__version__", "9")), start=1):
        monkeypatch.setattr(f"robnas.search._experiment.{name}", value)
        for _ in range(2):
            list(experiment.run(out=tmp_path))
        assert len(list(tmp_path.iterdir())) == number


def test_a_process_that_is_killed_is_an_error_not_a_wait_for_ever(task):
    with pytest.raises(RobnasError, match=r"a search process died, for want of memory or .*; use fewer jobs"):
        repeat(Killer(), task, 10, 12, jobs=2)


def test_an_algorithm_that_cannot_travel_needs_one_job(task):
    @dataclasses.dataclass(frozen=True)
    class Local:
        def start(self, space, rng):
            return RandomSearch().start(space, rng)

    assert repeat(Local(), task, 5, 2).runs == 2
    with pytest.raises(InputError, match="jobs: expected 1 for an algorithm that cannot travel between processes, got"):
        repeat(Local(), task, 5, 2, jobs=2)


def test_what_is_kept_of_a_run_does_not_grow_with_its_budget(task):
    import pickle

    sizes = []
    for budget in (20, 400):
        results = [repeat(RandomSearch(), task, budget, runs) for runs in (10, 60)]
        sizes.append((len(pickle.dumps(results[1])) - len(pickle.dumps(results[0]))) / 50)
    assert max(sizes) < 120  # bytes per run
    assert abs(sizes[1] - sizes[0]) < 10


@pytest.mark.parametrize(
    ("repetitions", "text"),
    [
        ((0, 1), "budget: expected at least 1"),
        ((5, 0), "runs: expected at least 1"),
        ((5, 1, -1), "seed: expected at least 0"),
        ((5, 1, 0, (6,)), r"checkpoint of a budget of 5: expected a number in \[1, 5\], got 6"),
    ],
)
def test_impossible_plans_are_refused(repetitions, text):
    with pytest.raises(InputError, match=text):
        Repetitions(*repetitions)


def test_wrong_budgets_and_jobs_are_refused_before_anything_runs(task):
    with pytest.raises(InputError, match="budget: expected at most 6,466"):
        repeat(RandomSearch(), task, 7000, 3)
    with pytest.raises(InputError, match="jobs: expected at least 1, got 0"):
        repeat(RandomSearch(), task, 5, 3, jobs=0)


def test_noise_that_the_table_cannot_give_is_refused_before_anything_runs(task):
    impossible = Task.named(synthetic(), "cifar10", "clean", split="test", noise="seeds")
    told = []
    cases = [Case(RandomSearch(), task), Case(RandomSearch(), impossible)]
    with pytest.raises(InputError, match=r"^noise of cifar10 test clean: expected none or gaussian"):
        list(repeat_all(cases, Repetitions(5, 3), progress=lambda *facts: told.append(facts)))
    assert told == []


# experiments

TOML = """
table = "synthetic"
budget = 30
checkpoints = [10]
runs = 4

[[task]]
dataset = ["cifar10", "other"]
metric = ["clean", "pgd@8/255"]
noise = ["none", "gaussian"]
split = "validation"

[[task]]
name = "front"
dataset = "cifar10"
metrics = ["clean", "pgd@8/255"]
costs = ["macs"]
split = "validation"

[[algorithm]]
name = "local-search"
improvement = "first"

[[algorithm]]
name = "local-search"

[[algorithm]]
name = "nsga2"
label = "mine"
population = 10
tasks = ["front"]
"""


@pytest.fixture
def loaded(monkeypatch):
    monkeypatch.setattr("robnas.search._experiment.load", lambda name, **_: {"synthetic": synthetic()}[name])


@pytest.fixture
def config(tmp_path, loaded):
    path = tmp_path / "experiment.toml"
    path.write_text(TOML)
    return path


def test_a_file_gives_every_combination(config):
    experiment = Experiment.read(config)
    assert experiment.repetitions == Repetitions(30, 4, 0, (10, 30))
    pairs = [(case.label, case.task.name) for case in experiment.cases]
    assert len(pairs) == 2 * 8 + 1
    assert pairs[0] == ("local-search (improvement=first)", "cifar10 validation clean")
    assert pairs[1][0] == "local-search"
    assert pairs[-1] == ("mine", "front")
    names = list(dict.fromkeys(name for _, name in pairs))
    assert names[:3] == [
        "cifar10 validation clean", "cifar10 validation clean, gaussian noise", "cifar10 validation pgd@8/255",
    ]  # fmt: skip
    assert len(experiment.left_out) == 2
    assert experiment.left_out[1].startswith("local-search on front: objectives of local-search: expected one, got 3")
    changed = Experiment.read(config, {"budget": 12, "runs": 2, "seed": 7, "checkpoints": None})
    assert changed.repetitions == Repetitions(12, 2, 7, (10, 12))


def test_a_smaller_budget_leaves_out_the_checkpoints_of_the_file_above_it(config):
    assert Experiment.read(config, {"budget": 6}).repetitions.checkpoints == (6,)
    assert Experiment.read(config, {"budget": 6, "checkpoints": [3]}).repetitions.checkpoints == (3, 6)
    with pytest.raises(InputError, match=r"checkpoint of a budget of 6: expected a number in \[1, 6\], got 9"):
        Experiment.read(config, {"budget": 6, "checkpoints": [9]})
    config.write_text(TOML.replace("[10]", "[40]"))
    with pytest.raises(InputError, match=r"checkpoint of a budget of 30: expected a number in \[1, 30\], got 40"):
        Experiment.read(config)


def test_finished_cells_are_found_again_and_everything_that_decides_them_is_in_their_name(tmp_path, monkeypatch, task):
    repetitions, out = Repetitions(12, 3), tmp_path / "results"
    experiment = Experiment.of({"random-search": RandomSearch(), "local-search": LocalSearch()}, [task], repetitions)
    first = list(experiment.run(out=out))
    files = sorted(out.iterdir())
    assert len(files) == 2
    monkeypatch.setattr("robnas.search._experiment.repeat_all", lambda cases, *a, **k: iter([] if not cases else None))
    again = list(experiment.run(out=out))
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    assert isinstance(again[0], Result)
    monkeypatch.undo()
    others = [
        ({"random-search": RandomSearch("classes")}, task, repetitions),
        (
            {"random-search": RandomSearch()},
            Task.named(synthetic(), "cifar10", "clean", split="validation"),
            repetitions,
        ),
        ({"random-search": RandomSearch()}, task, Repetitions(13, 3)),
        ({"random-search": RandomSearch()}, task, Repetitions(12, 3, 1)),
        ({"random-search": RandomSearch()}, task, Repetitions(12, 3, 0, (4,))),
    ]
    for algorithms, other, other_plan in others:
        list(Experiment.of(algorithms, [other], other_plan).run(out=out))
    assert len(list(out.iterdir())) == 2 + len(others)
    files[0].write_text("{")  # damaged
    assert all(same(a, b) for a, b in zip(first, experiment.run(out=out), strict=True))


def test_an_interrupted_experiment_goes_on_with_what_is_finished(tmp_path, task):
    experiment = Experiment.of({"a": RandomSearch(), "b": LocalSearch()}, [task], Repetitions(10, 3))
    results = experiment.run(out=tmp_path)
    next(results)
    results.close()
    assert len(list(tmp_path.iterdir())) == 1
    told = []
    finished = list(experiment.run(out=tmp_path, progress=lambda done, total, text: told.append(total)))
    assert [result.algorithm for result in finished] == ["a", "b"]
    assert set(told) == {3}


def test_a_folder_of_another_version_of_the_partition_is_refused_in_one_line(tmp_path, task):
    def experiment(partition):
        other = dataclasses.replace(task, partition=partition, name="t")
        return Experiment.of({"chance": RandomSearch()}, [other], Repetitions(5, 2))

    (old,) = experiment("effective@1").run(out=tmp_path)
    assert (old.task["partition"], "partition_version" in old.task) == ("effective", False)
    assert charged_by(old.task) == "effective@1"
    text = (
        f"search folder {tmp_path}: expected results charged once per class of effective, got of effective@1, another "
        f"version of the partition, in {next(tmp_path.iterdir()).name}; choose another folder, or search with "
        "partition effective@1"
    )
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        list(experiment("effective").run(out=tmp_path))
    list(experiment("effective@1").run(out=tmp_path))
    list(experiment("official").run(out=tmp_path))
    assert len(list(tmp_path.iterdir())) == 2
    (new,) = experiment("effective").run(out=tmp_path / "new")
    assert (new.task["partition"], new.task["partition_version"]) == ("effective", 2)
    assert charged_by(new.task) == "effective"


def test_an_algorithm_of_ones_own_is_never_taken_from_a_file_whatever_its_name(tmp_path, task, monkeypatch):
    monkeypatch.setitem(SEARCHERS, "mine", Fragile)
    list(Experiment.of({"mine": searcher("mine", {"parity": 10**6})}, [task], Repetitions(10, 3)).run(out=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "algorithm",
    [
        ProxySearch(lambda arch: float(arch.index)),
        Optuna("nsga2", {"after_trial_strategy": lambda *facts: None}),
        Optuna("nsga2", {"crossover": UniformCrossover()}),
    ],
)
def test_an_algorithm_with_a_function_among_its_settings_is_never_taken_from_a_file(algorithm, tmp_path, task):
    list(Experiment.of({"mine": algorithm}, [task], Repetitions(3, 1)).run(out=tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert not _is_plain({"deep": [1, {"inside": (print,)}]})


def test_settings_show_what_is_inside_of_lists():
    assert settings_of(Optuna("tpe", {"shares": [0.1, (1, 2)]}))["options"] == {"shares": [0.1, [1, 2]]}


def test_other_trainings_of_equal_means_make_another_result(tmp_path):
    table = partial_table(40)
    for spread in (0.0, 0.01):
        mean = table.columns[0].values
        trainings = Column("cifar10", "test", "clean", np.hstack([mean - spread, mean + spread]), (1, 2))
        task = Task.named(Table("partial", table.rows, [trainings]), "cifar10", "clean", noise="seeds")
        list(Experiment.of({"chance": RandomSearch()}, [task], Repetitions(5, 2)).run(out=tmp_path))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("budget = 30", "budgets = 30"), "entry of .*: expected one of table, budget, .* did you mean budget"),
        (("runs = 4", ""), "entry runs of .*: expected a value, got none"),
        (("budget = 30", "budget = 0"), "budget: expected at least 1, got 0"),
        (('metric = ["clean", "pgd@8/255"]', ""), r"\[\[task\]\]: expected metric, or metrics for several objectives"),
        (("costs", "cost"), r"entry of \[\[task\]\]: expected one of .* did you mean costs"),
        (('name = "nsga2"', 'name = "nsga3"'), "algorithm: expected one of .* did you mean nsga2"),
        (('tasks = ["front"]', 'tasks = ["back"]'), r"tasks of \[\[algorithm\]\]: expected one of cifar10"),
        (('improvement = "first"', ""), r"\[\[algorithm\]\]: expected different labels, got 'local-search'; give each"),
        (("budget = 30", "budget ="), "expected a TOML file, got TOMLDecodeError"),
        (("[10]", "10"), r"entry checkpoints of .*: expected a list of whole numbers, got 10"),
        (("[10]", '["x"]'), r"checkpoint: expected a whole number, got 'x'"),
        (("budget = 30", 'budget = "x"'), r"budget: expected a whole number, got 'x'"),
        (('"synthetic"', "5"), r"entry table of .*: expected a text, got 5"),
        (('metric = ["clean", "pgd@8/255"]', "metric = 5"), r"entry metric of \[\[task\]\]: expected a text, or a"),
        (('metric = ["clean", "pgd@8/255"]', "metric = []"), r"\[\[task\]\]: expected at least one dataset, metric"),
        (('"clean", "pgd@8/255"]\ncosts', '"clean", 5]\ncosts'), r"entry metrics of \[\[task\]\]: expected a text, or"),
        (('costs = ["macs"]', "costs = 3"), r"entry costs of \[\[task\]\]: expected a text, or a list of texts, got 3"),
        (('costs = ["macs"]', 'costs = "time"'), r"cost: expected one of parameters, macs, got 'time'"),
        (('name = "front"', "name = 7"), r"entry name of \[\[task\]\]: expected a text, got 7"),
        (('costs = ["macs"]', 'max_parameters = "x"'), r"max_parameters: expected a whole number, got 'x'"),
        (('label = "mine"', "label = 3"), r"entry label of \[\[algorithm\]\]: expected a text, got 3"),
        (('tasks = ["front"]', "tasks = 3"), r"entry tasks of \[\[algorithm\]\]: expected a text, or a list of texts"),
        (("population = 10", "crossover = [1]"), r"nsga2 crossover: expected a number, got \[1\]"),
        (('improvement = "first"', "restarts = 3"), r"local-search restarts: expected true or false, got 3"),
    ],
)  # fmt: skip
def test_bad_files_say_what_to_change(config, change, text):
    config.write_text(TOML.replace(*change))
    with pytest.raises(InputError, match=text):
        Experiment.read(config)


@pytest.mark.parametrize("name", ["task", "algorithm"])
@pytest.mark.parametrize("entry", ["{x} = 3", "{x} = [3]", "[{x}]\nname = 'y'"])
def test_tables_under_one_bracket_say_what_to_change(config, name, entry):
    first = 'table = "synthetic"\nbudget = 30\nruns = 4\n'
    other = {"task": '[[algorithm]]\nname = "nsga2"\n', "algorithm": '[[task]]\nmetric = "clean"\n'}[name]
    config.write_text(f"{first}{entry.format(x=name)}\n{other}")
    with pytest.raises(InputError, match=rf"entry {name} of .*: expected tables under \[\[{name}\]\], got"):
        Experiment.read(config)


def test_a_single_cost_or_task_of_a_file_may_be_a_text(config):
    plain = Experiment.read(config)
    config.write_text(TOML.replace('["macs"]', '"macs"').replace('tasks = ["front"]', 'tasks = "front"'))
    assert [case.task.to_dict() for case in Experiment.read(config).cases] == [c.task.to_dict() for c in plain.cases]


def test_two_tasks_of_one_name_are_refused(task):
    with pytest.raises(InputError, match="tasks: expected different names, got 'cifar10 validation pgd@8/255'; give"):
        Experiment.of({"chance": RandomSearch()}, [task, task], Repetitions(5, 2))
    others = [{"partition": "effective"}, {"max_parameters": 10**6}, {"seed": 2}, {"noise": "local"}]
    tasks = [Task.named(synthetic(), "cifar10", "pgd@8/255", split="validation", **other) for other in others]
    assert len({one.name for one in (task, *tasks)}) == 5


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.toml: expected a TOML file, got FileNotFoundError"):
        Experiment.read(tmp_path / "none.toml")


def test_an_experiment_without_a_pair_says_why(several):
    with pytest.raises(InputError, match="expected one, got 3"):
        Experiment.of(
            {"local-search": LocalSearch(), "evolution": RegularizedEvolution()}, [several], Repetitions(5, 2)
        )

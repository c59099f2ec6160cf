import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.networks import count as counted
from robnas.search import LocalSearch, Loop, RandomSearch, RegularizedEvolution, Task, repeat, run
from robnas.search._classes import Classes
from robnas.search._dominance import domination_ranks
from robnas.spaces import Architecture, partition
from tests.search.conftest import everything, partial_table, synthetic


@dataclasses.dataclass(frozen=True)
class Asks:
    """Asks for what it is given, then for nothing."""

    codes: tuple

    def start(self, space, rng):
        self.heard.clear()
        return Loop(self._steps())

    @property
    def heard(self):
        return _HEARD

    def _steps(self):
        for code in self.codes:
            values = yield Architecture(code) if isinstance(code, str) else code
            _HEARD.append((code, values))


_HEARD = []


# charging


def test_a_class_is_charged_once_and_repetitions_get_the_same_answer(noisy):
    trace = run(Asks(("323133", "323133", "333333", "403000", "000000", "323133")), noisy, budget=10, seed=0)
    assert [arch.code for arch in trace.architectures] == ["323133", "333333", "403000"]  # 403000 carries nothing
    assert trace.questions.tolist() == [1, 3, 4]
    assert (trace.duplicates, trace.stopped, len(trace)) == (3, "finished", 3)
    heard = dict(_HEARD)
    assert heard["403000"] == heard["000000"]
    assert [values for code, values in _HEARD if code == "323133"] == [heard["323133"]] * 3


@pytest.mark.parametrize(("name", "charged"), [("official", 3), ("effective", 2), ("identical", 3)])
def test_the_partition_decides_what_is_charged_once(name, charged):
    cells = next(
        (a, b) for a in everything()[::7] for b in partition("effective").members(a)
        if not partition("official").same(a, b) and not partition("identical").same(a, b)
    )  # fmt: skip
    task = Task.named(synthetic(), "cifar10", "clean", split="test", partition=name)
    trace = run(Asks((*(arch.code for arch in cells), "333333")), task, budget=5, seed=0)
    assert len(trace) == charged
    assert trace.task["partition"] == name
    assert task.size == partition(name).count


@pytest.mark.parametrize("name", ["effective", "identical"])
def test_a_row_of_the_class_answers_where_the_table_leads_to_another_network(name):
    table, classes = synthetic(), partition(name).class_of
    space = Classes(table, name)
    rows = np.array([space.row_of(arch) for arch in everything()])
    held = np.isin(classes, classes[table.rows])
    assert (classes[table.rows[rows]] == classes)[held].all()
    assert (rows == table.row_of())[~held].all()
    declared = classes[table.rows[table.row_of()]] == classes
    assert (rows == table.row_of())[declared].all()
    assert (~declared & held).any()
    earlier = Classes(table, f"{name}@1")
    assert [earlier.row_of(arch) for arch in everything()] == table.row_of().tolist()


def test_no_run_exceeds_its_budget_and_the_trace_says_why_it_stopped(task):
    trace = run(RegularizedEvolution(), task, budget=40, seed=1)
    assert (len(trace), trace.stopped) == (40, "budget")
    ended = run(LocalSearch(restarts=False), task, budget=6000, seed=1)
    assert ended.stopped == "finished"
    assert len(ended) < 400


def test_an_algorithm_that_only_repeats_itself_is_stopped(task, monkeypatch):
    monkeypatch.setattr("robnas.search._run._STALLED", 50)

    class Stuck:
        name = "stuck"

        def start(self, space, rng):
            return self

        def ask(self):
            return Architecture("333333")

        def tell(self, arch, values):
            pass

    trace = run(Stuck(), task, budget=5, seed=0)
    assert (trace.stopped, len(trace), trace.duplicates) == ("stalled", 1, 51)


def test_a_failed_training_is_charged_and_told_as_minus_infinity():
    table = partial_table(missing=[0])
    codes = [arch.code for arch in table.architectures]
    task = Task.named(table, "cifar10", "clean")
    trace = run(Asks((codes[0], codes[1], codes[0])), task, budget=3, seed=0)
    assert _HEARD[0] == (codes[0], (-math.inf,))
    assert (len(trace), trace.failed, trace.duplicates) == (2, 1, 1)
    assert trace.regret[0] == pytest.approx(0.9 - table.columns[0].values[1, 0])  # nothing found: the whole range
    assert trace.best.code == codes[1]


def test_a_failed_training_is_minus_infinity_in_every_objective_so_that_a_cheap_one_is_dominated():
    table = partial_table(missing=[0])
    codes = [arch.code for arch in table.architectures]
    trace = run(Asks((codes[0], codes[1])), Task.named(table, "cifar10", "clean", costs=("macs",)), budget=2, seed=0)
    assert trace.values[0].tolist() == [-math.inf, -math.inf]
    assert np.isfinite(trace.values[1]).all()
    assert (trace.failed, trace.front.tolist()) == (1, [1])
    assert domination_ranks(trace.values).tolist() == [1, 0]


def test_costs_and_constraints_count_live_edges_unless_told_otherwise():
    table = synthetic()
    live, every = (
        Task.named(table, "cifar10", "clean", split="test", costs=("macs",), max_parameters=80_000, count=count)
        for count in ("live", "all")
    )
    assert (live.size, every.size) == (145, 127)
    for task, key in ((live, True), (every, False)):
        for place in range(0, len(table), 500):
            found = counted(table.architectures[place], live=key)
            costs = task.costs_of_rows
            assert (costs["parameters"][place], costs["macs"][place]) == (found.parameters, found.macs)
    assert "count" not in live.to_dict()
    assert every.to_dict()["count"] == "all"
    assert every.name == f"{live.name}, every edge counted"
    with pytest.raises(InputError, match="count: expected one of live, all, got 'dead'"):
        Task.named(table, "cifar10", "clean", split="test", count="dead")


def test_an_infeasible_architecture_is_refused_free_and_never_counts():
    task = Task.named(synthetic(), "cifar10", "clean", split="test", max_parameters=800_000)
    trace = run(Asks(("333333", "111111", "333333", "222222")), task, budget=3, seed=0)
    assert [arch.code for arch in trace.architectures] == ["111111", "222222"]
    assert trace.infeasible == 2
    assert _HEARD[0] == ("333333", (-math.inf,))
    assert task.size < synthetic().column("cifar10", "clean", "test").values.size
    found = run(LocalSearch(), task, budget=400, seed=0)
    assert found.infeasible == 0  # what is known for free is not asked
    assert task.costs_of_rows["parameters"][[task.table.row(arch) for arch in found.architectures]].max() <= 800_000
    assert found.regret[-1] >= 0


# what is seen and what is reported


def test_the_incumbent_is_chosen_by_what_is_seen_and_judged_by_what_is_reported(noisy):
    trace = run(RandomSearch(), noisy, budget=60, seed=3)
    seen, clean = trace.values[:, 0], noisy.answers[:, 0]
    rows = [noisy.table.row(arch) for arch in trace.architectures]
    assert not np.allclose(seen, clean[rows])
    for query in range(60):
        best = int(np.argmax(seen[: query + 1]))
        assert trace.incumbents[query] == best
        assert trace.incumbent[query] == seen[best]
        assert trace.regret[query] == pytest.approx(clean.max() - clean[rows[best]], abs=1e-15)
    assert trace.best == trace.architectures[int(np.argmax(seen))]


def test_gaussian_noise_has_the_measured_size_and_depends_on_seed_and_architecture_only(noisy):
    sd = noisy.table.noise("cifar10", "pgd@8/255", split="validation").run_sd
    gaps = noisy.answers_of_run(np.random.default_rng(0)) - noisy.answers
    assert gaps.std() == pytest.approx(sd, rel=0.03)
    one, other = (run(algorithm, noisy, 300, seed=5) for algorithm in (RandomSearch(), LocalSearch()))
    first, second = (
        dict(zip((noisy.table.row(a) for a in trace.architectures), trace.values[:, 0], strict=True))
        for trace in (one, other)
    )
    both = set(first) & set(second)
    assert len(both) > 3
    assert all(first[row] == second[row] for row in both)
    assert run(RandomSearch(), noisy, 300, seed=6).values[0, 0] not in second.values()


def test_local_noise_is_that_of_similar_accuracies(table):
    task = Task.named(table, "cifar10", "clean", split="validation", noise="local")
    expected = table.local_noise("cifar10", "clean", split="validation").run_sd_at(task.answers[:, 0])
    assert np.array_equal(task.noise_sd[:, 0], expected)


def test_seed_noise_is_one_run_of_the_table_the_same_for_all_metrics(table):
    task = Task.named(table, "cifar10", ("clean", "pgd@8/255"), split="validation", noise="seeds")
    drawn = task.answers_of_run(np.random.default_rng(0))
    runs = np.stack([column.values for column in task.seen], axis=2)  # (rows, seeds, metrics)
    matches = (runs == drawn[:, None]).all(axis=2)
    assert (matches.sum(axis=1) == 1).all()
    assert np.allclose(matches.mean(axis=0), 1 / 3, atol=0.03)
    one = Task.named(table, "cifar10", "clean", split="validation", seed=2)
    assert np.array_equal(one.answers[:, 0], one.seen[0].values[:, 1])


def test_transfer_reports_another_data_set_and_metric(table):
    task = Task.named(
        table, "cifar10", "pgd@8/255", split="validation", report_dataset="other",
        report_metrics=["clean", "pgd@8/255"], report_split="test",
    )  # fmt: skip
    trace = run(LocalSearch(), task, budget=200, seed=0)
    row = table.row(trace.best)
    assert trace.outcomes[trace.incumbents[-1]].tolist() == [
        table.column("other", metric, "test").values[row, 0] for metric in ("clean", "pgd@8/255")
    ]
    assert trace.regret[-1] == pytest.approx(
        table.column("other", "clean", "test").values.max() - trace.outcomes[trace.incumbents[-1], 0]
    )
    assert trace.task["name"] == "cifar10 validation pgd@8/255 → other test clean × pgd@8/255"


def test_searching_on_test_images_is_recorded_as_oracle_selection(table):
    on_test = run(RandomSearch(), table.objective("cifar10", "clean", split="test"), 5, seed=0)
    assert on_test.oracle_selection == ("cifar10 test clean",)
    assert "oracle selection on cifar10 test clean" in str(on_test)
    on_validation = run(RandomSearch(), table.objective("cifar10", "clean", split="validation"), 5, seed=0)
    assert on_validation.oracle_selection == ()
    assert "oracle" not in str(on_validation)


def test_an_objective_of_the_table_becomes_a_task_with_its_seed(table):
    of = table.objective("cifar10", "clean", split="validation", seed=3)
    assert (Task.of(of).seed, Task.of(of).noise) == (3, "none")
    random = table.objective("cifar10", "clean", split="validation", seed="random", rng=np.random.default_rng(0))
    assert Task.of(random).noise == "seeds"


# several objectives


def test_the_regret_of_several_objectives_is_the_hypervolume_that_is_missing(several):
    trace = run(RandomSearch(), several, budget=40, seed=0)
    assert trace.regret[0] < 1
    assert (np.diff(trace.regret) <= 1e-12).all()
    front = trace.values[trace.front]
    for point in trace.values:
        assert (front >= point).all(axis=1).any()  # nothing lies outside
    assert trace.regret[-1] == pytest.approx(1 - several.scale.share(trace.outcomes), abs=1e-12)
    all_of_it = run(RandomSearch("classes"), several, budget=several.size, seed=0)
    assert all_of_it.regret[-1] == pytest.approx(0, abs=1e-12)


def test_costs_are_those_of_live_edges_and_count_downwards(several):
    row = several.table.row("333333")
    assert several.costs_of_rows["macs"][row] == pytest.approx(220.12e6, rel=1e-4)
    assert several.costs_of_rows["parameters"][row] == 1_531_546
    assert several.answers[row, 2] == -several.costs_of_rows["macs"][row]
    dead = several.table.row("303000")  # two 3x3 convolutions that lead nowhere
    assert several.costs_of_rows["parameters"][dead] == several.costs_of_rows["parameters"].min()


# cost


def test_simulated_hours_add_up_where_the_table_has_a_cost_model(task, table):
    from robnas.benchmarks import Table, training_hours

    assert run(RandomSearch(), task, 5, seed=0).hours is None
    published = Table("nas-robbench-201", table.rows, table.columns, partition="official")
    trace = run(RandomSearch(), published.objective("cifar10", "clean", split="test"), 20, seed=0)
    trained = [published.architectures[published.row(arch)] for arch in trace.architectures]
    assert trace.hours == pytest.approx(np.cumsum([training_hours(arch, "cifar10") for arch in trained]))
    elsewhere = Task.named(published, "other", "clean", split="test")
    assert elsewhere.hours is None


# determinism, form


def test_a_trace_depends_on_the_seed_alone(task):
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    first, again = (run(RegularizedEvolution(), task, 60, seed=9) for _ in range(2))
    assert first.to_dict() == again.to_dict()
    assert run(RegularizedEvolution(), task, 60, seed=10).to_dict() != first.to_dict()
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    text = json.dumps(first.to_dict(), allow_nan=False)
    assert json.loads(text)["settings"] == {"population": 30, "sample": 10}


def test_no_torch_no_sklearn_and_no_optuna_is_imported():
    code = (
        "import sys, robnas.search as s; from tests.search.conftest import synthetic; "
        "t = synthetic().objective('cifar10', 'clean', split='test'); s.run(s.RegularizedEvolution(), t, 40, 0); "
        "heavy = {'torch', 'sklearn', 'optuna', 'ray', 'pandas', 'matplotlib'}; "
        "print(sorted(heavy & set(sys.modules))); "
        "s.run(s.Bananas(ensemble=1), t, 12, 0); s.run(s.Optuna('tpe'), t, 12, 0); "
        "print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.split("\n")[:2] == ["[]", "False"], out.stdout


# bad input


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (0, "budget: expected at least 1, got 0"),
        (
            6467,
            "budget: expected at most 6,466, the distinct architectures of cifar10 validation pgd@8/255 under official",
        ),
        (1.5, "budget: expected a whole number, got 1.5"),
    ],
)
def test_impossible_budgets_are_refused(task, budget, text):
    with pytest.raises(InputError, match=text):
        run(RandomSearch(), task, budget, seed=0)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("333333", "Asks asked for 333333: expected an architecture that table partial holds, got another; draw from"),
        (7, "Asks asked: expected for an Architecture, or None at its end, got 7"),
        (Exception, "Asks asked: expected for an Architecture"),
    ],
)
def test_asking_outside_the_space_says_what_to_change(asked, text):
    table = partial_table()
    assert all(arch.code != "333333" for arch in table.architectures)
    with pytest.raises(InputError, match=text):
        run(Asks((asked,)), Task.named(table, "cifar10", "clean"), 5, seed=0)


@pytest.mark.parametrize(
    ("arguments", "settings", "text"),
    [
        (("cifar10", "autoattack@8/255"), {"split": "test"}, "metric of table synthetic: expected one of clean, pgd"),
        (("cifar10", "clean"), {}, "split of table synthetic: expected one of validation, test, got none; name"),
        ((None, "clean"), {}, "dataset of table synthetic: expected one of cifar10, other"),
        (("cifar10", ()), {"split": "test"}, "metric: expected at least one of clean, pgd@8/255, got none"),
        (("cifar10", "clean"), {"split": "test", "noise": "big"}, "noise: expected one of none, seeds, gaussian"),
        (("cifar10", "clean"), {"split": "test", "costs": ("time",)}, "cost: expected one of parameters, macs, got"),
        (("cifar10", "clean"), {"split": "test", "max_parameters": 0}, "max_parameters: expected at least 1, got 0"),
        (("cifar10", "clean"), {"split": "test", "partition": "all"}, "partition: expected one of official, effective"),
        (("cifar10", ("clean", "pgd@8/255")), {"split": "test", "report_metrics": "clean"},
         "reported columns: expected one per objective, 2, got 1"),
    ],
)  # fmt: skip
def test_a_task_that_cannot_be_is_refused(table, arguments, settings, text):
    with pytest.raises(InputError, match=text):
        run(RandomSearch(), Task.named(table, *arguments, **settings), 5, seed=0)


def test_noise_that_the_table_cannot_give_is_refused(table):
    with pytest.raises(
        InputError, match="expected none or gaussian, got 'seeds'; only the mean of 3 runs was published"
    ):
        run(RandomSearch(), Task.named(table, "cifar10", "clean", split="test", noise="seeds"), 5, seed=0)
    with pytest.raises(InputError, match=r"objective: expected that of Table\.objective, or a Task, got 'pgd'"):
        run(RandomSearch(), "pgd", 5, seed=0)


def test_noise_on_top_of_a_named_seed_is_not_another_seed(table):
    with pytest.raises(InputError, match="noise: expected none, gaussian or local where a seed is named, got 'seeds'"):
        Task.named(table, "cifar10", "clean", split="validation", noise="seeds", seed=1)


def test_a_front_without_volume_and_a_column_without_values_are_refused():
    table = partial_table(40, missing=range(1, 40))
    task = Task.named(table, "cifar10", "clean", costs=("macs",))
    with pytest.raises(InputError, match=r"front of .*: expected a point that is better than the table's worst in ev"):
        run(RandomSearch(), task, 5, seed=0)
    empty = Task.named(partial_table(40, missing=range(40)), "cifar10", "clean")
    with pytest.raises(InputError, match="reported values of cifar10 test clean: expected at least one per column"):
        run(RandomSearch(), empty, 5, seed=0)


def test_a_split_that_is_the_only_one_need_not_be_named():
    assert Task.named(partial_table(), "cifar10", "clean").seen[0].split == "test"


def test_a_run_charges_its_table_and_a_comparison_of_runs_charges_nothing():
    table = partial_table()
    objective = table.objective("cifar10", "clean", split="test")
    repeat(RandomSearch(), objective, 5, 3)
    assert objective.charged == table.charged == 0
    trace = run(RandomSearch(), objective, 5, seed=1)
    assert objective.charged == table.charged == len(trace) == 5
    run(RandomSearch(), objective, 5, seed=1)
    assert table.charged == 5
    for arch in trace.architectures:
        objective(arch)
    assert table.charged == 5


def test_the_front_forgets_what_is_dominated_in_what_the_search_sees(several):
    """Whatever is reported of it: by noise the first looked worse than the third, which is reported as worse."""
    trace = run(Asks(("323133", "333333", "000000")), several, budget=3, seed=0)
    reported = np.array([[0.9, 0.9, 0.9], [0.2, 0.2, 0.2], [0.5, 0.5, 0.5]])
    scale = dataclasses.replace(trace.scale, worst=np.zeros(3), best=np.ones(3), volume=1.0)
    seen = {
        "third": np.array([[1.0, 1.0, 1.0], [2.0, 0.5, 0.5], [1.0, 1.0, 2.0]]),
        "equal": np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]),
        "none": np.array([[1.0, 1.0, 1.0], [2.0, 0.5, 0.5], [0.5, 0.5, 2.0]]),
    }
    wanted = {"third": [0.9**3, 0.9**3, 0.5**3], "equal": [0.9**3] * 3, "none": [0.9**3] * 3}
    for name, values in seen.items():
        found = dataclasses.replace(trace, values=values, outcomes=reported, scale=scale)
        assert (1 - found.regret) == pytest.approx(wanted[name]), name

"""Columns with a unit and a direction as objectives and constraints: the most robust under 5 ms on a Pixel 3."""

import json
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.errors import InputError
from robnas.search import (
    NSGA2,
    Bananas,
    Constraint,
    Experiment,
    Function,
    LocalSearch,
    MORegularizedEvolution,
    Optuna,
    PredictorEvolution,
    ProxySearch,
    RandomSearch,
    RegularizedEvolution,
    Repetitions,
    Result,
    Task,
    Trace,
    repeat,
    run,
)
from robnas.spaces import SPACES, partition
from tests.search.spaces import CUBE, named, value_of

SPACE = SPACES["nas-bench-201"]
ARCHS = [SPACE.from_index(number) for number in range(27)]
LATENCY = np.array([4.0 + 3.0 * sum(map(int, arch.code)) - 0.1 * number for number, arch in enumerate(ARCHS)])
LOSS = np.array([-100.0 * value_of(arch) - 5.0 for arch in ARCHS])
"""To be minimised, below 0 everywhere."""
SECONDS = np.array([1500.0 + 40.0 * number for number in range(27)])


def table_of(**columns):
    """What was trained of 27 architectures, joined with what others measured of them."""
    values = np.array([value_of(arch) for arch in ARCHS])
    given = {
        "latency:pixel3": Column("mine", "test", "latency:pixel3", LATENCY[:, None], unit="ms", direction="minimise",
                                 source="hw"),
        "loss": Column("mine", "test", "loss", LOSS[:, None], direction="minimise"),
        "training_time": Column("mine", "test", "training_time", SECONDS[:, None], unit="s", direction="minimise"),
        "synflow": Column("mine", "test", "synflow", -SECONDS[:, None], unit="score", source="zero"),
    } | columns  # fmt: skip
    own = [Column("mine", split, "clean", values[:, None]) for split in ("validation", "test")]
    return Table("few", ARCHS, [*own, *given.values()])


TABLE = table_of()


def lacking(places):
    """The table without the latency of some architectures."""
    column = TABLE.column("mine", "latency:pixel3", "test")
    values = column.values.copy()
    values[places] = np.nan
    return table_of(**{"latency:pixel3": replace(column, values=values)})


def task_of(metrics, table=TABLE, **settings):
    return Task.named(table, "mine", metrics, split="validation" if metrics == "clean" else None, **settings)


def through_json(values):
    return json.loads(json.dumps(values))


# objectives


ALL = [
    RandomSearch(), RandomSearch("classes"), LocalSearch(), RegularizedEvolution(5, 2), Bananas(predictor="ridge"),
    PredictorEvolution(predictor="ridge"), NSGA2(population=6), MORegularizedEvolution(5, 2),
    ProxySearch(proxy=value_of), Optuna("tpe"), Optuna("cma-es"),
]  # fmt: skip
SEVERAL = [RandomSearch(), NSGA2(population=6), MORegularizedEvolution(5, 2), Optuna("tpe")]
LOWER = [*((algorithm, "loss") for algorithm in ALL), (RandomSearch(), "training_time"), (RandomSearch(), "synflow")]


@pytest.mark.parametrize(("algorithm", "metric"), LOWER, ids=named)
def test_every_algorithm_goes_down_where_lower_is_better(algorithm, metric):
    trace = run(algorithm, task_of(metric), 27, 0)
    numbers, sign = {"loss": (LOSS, -1), "training_time": (SECONDS, -1), "synflow": (-SECONDS, 1)}[metric]
    assert trace.best == ARCHS[int(np.argmax(sign * numbers))]
    assert trace.regret[-1] == 0
    assert (np.diff(trace.regret) <= 0).all()
    first = numbers[ARCHS.index(trace.architectures[0])]
    assert trace.regret[0] == pytest.approx(np.max(sign * numbers) - sign * first)


@pytest.mark.parametrize("algorithm", [RandomSearch(), RegularizedEvolution(5, 2)], ids=named)
def test_minimising_is_maximising_the_negative(algorithm):
    """The same architectures, whatever the unit and the sign."""
    up = Column("mine", "test", "gain", -1000 * LOSS[:, None], unit="W")
    traces = [run(algorithm, task_of(metric, table_of(gain=up)), 20, 3) for metric in ("loss", "gain")]
    assert traces[0].architectures == traces[1].architectures
    assert 1000 * traces[0].regret == pytest.approx(traces[1].regret)


def test_values_are_as_measured_for_people_and_higher_is_better_for_algorithms():
    trace = run(RandomSearch(), task_of("hw:latency:pixel3"), 10, 0)
    measured = [LATENCY[ARCHS.index(arch)] for arch in trace.architectures]
    frame = trace.to_pandas()
    assert trace.values[:, 0].tolist() == [-one for one in measured]
    assert frame["hw:mine test latency:pixel3"].tolist() == measured
    assert frame["reported hw:mine test latency:pixel3"].tolist() == measured
    assert frame["incumbent"].tolist() == np.minimum.accumulate(measured).tolist()
    (goal,) = trace.goals
    assert (goal.unit, goal.direction) == ("ms", "minimise")
    assert str(trace).endswith(f"ms against the lowest table value {LATENCY.min():.6g} ms of 27 architectures of few")


@pytest.mark.parametrize("algorithm", SEVERAL, ids=named)
def test_a_cost_is_minimised_beside_an_accuracy(algorithm):
    task = Task.named(TABLE, "mine", ["clean", "latency:pixel3"], split="test")
    trace = run(algorithm, task, 27, 0)
    assert trace.regret[-1] == pytest.approx(0)
    points = [(value_of(arch), -latency) for arch, latency in zip(ARCHS, LATENCY, strict=True)]
    best = {
        place for place, (clean, fast) in enumerate(points)
        if not any(a >= clean and b >= fast and (a, b) != (clean, fast) for a, b in points)
    }  # fmt: skip
    assert {ARCHS.index(trace.architectures[query]) for query in trace.front} == best
    assert task.front[:, 1].max() == -min(LATENCY[n] for n in best)


def test_a_cost_has_one_split_whichever_is_named():
    task = Task.named(TABLE, "mine", ["clean", "latency:pixel3"], split="validation")
    assert [column.split for column in task.seen] == ["validation", "test"]
    assert task.oracle_selection == ()
    assert Task.named(TABLE, "mine", "clean", split="test").oracle_selection == ("mine test clean",)


def test_costs_have_no_noise_of_trainings():
    rng = np.random.default_rng(0)
    values = np.array([value_of(arch) for arch in ARCHS])[:, None] / 2 + rng.normal(0.2, 0.01, (27, 3))
    clean = Column("mine", "test", "pgd@8/255", values, (1, 2, 3))
    table = table_of(pgd=clean)
    for noise in ("gaussian", "seeds"):
        task = Task.named(table, "mine", ["pgd@8/255", "latency:pixel3"], noise=noise)
        told = task.answers_of_run(np.random.default_rng(1))
        assert told[:, 1].tolist() == (-LATENCY).tolist()
        assert (told[:, 0] != clean.mean).any()
    one_seed = Task.named(table, "mine", ["pgd@8/255", "latency:pixel3"], seed=2)
    assert one_seed.answers[:, 1].tolist() == (-LATENCY).tolist()


def test_an_expected_best_is_of_accuracies():
    with pytest.raises(InputError, match="regret: expected table where not all that is reported are accuracies"):
        task_of("loss", regret="expected")


# constraints


@pytest.mark.parametrize("algorithm", ALL, ids=named)
def test_every_algorithm_finds_the_best_that_keeps_a_constraint_on_a_joined_column(algorithm):
    task = task_of("clean", constraints="latency:pixel3 <= 8 ms")
    kept = [arch for arch, latency in zip(ARCHS, LATENCY, strict=True) if latency <= 8]
    trace = run(algorithm, task, len(kept), 0)
    assert (set(trace.architectures), trace.infeasible, trace.regret[-1]) == (set(kept), 0, 0)
    assert trace.best == max(kept, key=value_of)
    assert task.size == len(kept)


@pytest.mark.parametrize(
    "text", ["latency:pixel3 <= 8", "hw:latency:pixel3<=8ms", "hw:mine test latency:pixel3 ≤ 8.0 ms"]
)
def test_a_constraint_may_be_written_in_several_ways(text):
    (found,) = task_of("clean", constraints=[text]).constraints
    assert (found.of, found.unit, found.at_most) == (TABLE.column("mine", "latency:pixel3", "test"), "ms", 8.0)
    assert task_of("clean", constraints=Constraint(found.name, at_most=8)).allowed.tolist() == (LATENCY <= 8).tolist()


def test_two_ends_of_one_number_are_one_constraint():
    task = task_of("clean", constraints=["training_time >= 1.6e3 s", "training_time <= 2000"])
    assert task.allowed.tolist() == [1600 <= one <= 2000 for one in SECONDS]
    assert "training_time at least 1,600 s and at most 2,000 s" in task.name


def test_sizes_are_known_for_free():
    from tests.search.conftest import synthetic

    def task(**settings):
        return Task.named(synthetic(), "cifar10", "clean", split="validation", **settings)

    small = task(constraints="parameters <= 80000")
    assert small.allowed.tolist() == task(max_parameters=80_000).allowed.tolist()
    assert small.classes.architectures == task(max_parameters=80_000).classes.architectures
    macs = task(constraints=["macs >= 8e6", "parameters <= 400000"])
    assert macs.costs_of_rows["macs"][macs.allowed].min() >= 8e6


def test_a_column_and_a_function_are_kept_together():
    few = Constraint("ones", at_most=1, of=lambda arch: arch.code.count("1"))
    task = task_of("clean", constraints=(few, Constraint("loss", at_least=-60)))
    trace = run(RandomSearch(), task, task.size, 0)
    assert set(trace.architectures) == {
        arch for arch, loss in zip(ARCHS, LOSS, strict=True) if few.allows(arch) and loss >= -60
    }


def test_the_optimum_is_that_of_what_keeps_the_constraint():
    task = task_of("training_time", constraints="latency:pixel3 <= 8")
    kept = SECONDS[LATENCY <= 8]
    assert task.optimum == {
        "is": "lowest table value", "value": kept.min(), "architectures": len(kept), "range": np.ptp(kept),
    }  # fmt: skip


@pytest.mark.parametrize("metrics", ["latency:pixel3", ["clean", "latency:pixel3"]])
def test_a_constraint_on_an_accuracy_is_measured(metrics):
    """Nobody knows it before the training: what breaks it is charged, and told as the worst."""
    clean = np.array([value_of(arch) for arch in ARCHS])
    bound = float(np.median(clean))
    task = Task.named(TABLE, "mine", metrics, split="test", constraints=f"clean >= {bound}")
    trace = run(RandomSearch() if metrics[0] == "l" else NSGA2(population=6), task, 27, 0)
    broken = clean < bound
    assert (task.size, trace.infeasible, trace.failed, trace.regret[-1]) == (27, broken.sum(), 0, pytest.approx(0))
    told = {arch: np.isfinite(row).all() for arch, row in zip(trace.architectures, trace.values, strict=True)}
    assert [told[arch] for arch in ARCHS] == (~broken).tolist()
    assert task.optimum["architectures"] == (~broken).sum()
    assert task.notes[0].endswith("the others are infeasible, and charged")
    if metrics == "latency:pixel3":
        assert task.optimum["value"] == pytest.approx(LATENCY[~broken].min())


def test_a_bound_on_test_accuracy_is_oracle_selection():
    table = table_of(own=Column("mine", "test", "pgd@8/255", LATENCY[:, None] / 100))
    task = task_of("clean", table, constraints=["pgd@8/255 >= 0.05", "latency:pixel3 <= 20", "clean >= 0.4"])
    assert task.oracle_selection == ("mine test pgd@8/255",)


def test_what_failed_is_no_broken_constraint():
    values = np.array([value_of(arch) for arch in ARCHS])
    values[3] = np.nan
    column = Column("mine", "test", "pgd@8/255", values[:, None])
    task = Task.named(table_of(pgd=column), "mine", "pgd@8/255", constraints="pgd@8/255 >= 0.5")
    trace = run(RandomSearch(), task, 27, 0)
    assert (trace.failed, trace.infeasible) == (1, (values < 0.5).sum())


@pytest.mark.parametrize(
    ("constraints", "text"),
    [
        ("latency:pixel3 <= 0.1", r"search under the constraint latency:pixel3 at most 0.1 ms: expected an archi"
         r"tecture that keeps it, got none of 27, which have 4 to \d+.\d+ ms; loosen the constraint"),
        (["latency:pixel3 <= 8", "training_time >= 1720", "training_time <= 2480"], "the constraints allow, got no"),
        ("latency:pixel3 <= 5 s", "constraint latency:pixel3, unit: expected ms, got 's'"),
        ("clean <= 80 %", r"constraint clean, unit: expected no unit: a fraction in \[0, 1\], got '%'"),
        ("latency:pixel4 <= 5", "constraint latency:pixel4: expected one of clean, hw:latency:pixel3, loss, tra"),
        ("latency:pixel3 < 5", "constraint: expected NAME <= NUMBER or NAME >= NUMBER, such as latency:pixel3 <= 5, "),
        ("latency:pixel3 <= fast", "constraint: expected NAME <= NUMBER"),
        ("latency:pixel3 <= nan", "constraint: expected NAME <= NUMBER"),
        ("1 <= latency:pixel3 <= 5", "constraint: expected NAME <= NUMBER"),
        ("<= 5", "constraint: expected NAME <= NUMBER"),
        ("clean >= 0.999", r"search under the constraint clean at least 0.999: expected .* have 0.\d+ to 0.\d+; loo"),
        (["clean >= 0.58", "synflow >= -1600"], "expected an architecture that keeps the constraints, got none of 27"),
        (["latency:pixel3 <= 5", "latency:pixel3 <= 6"], "constraints: expected different names, got 'latency:pixel3'"),
        (["latency:pixel3 <= 5", "latency:pixel3 >= 6"], "at_least: expected at most at_most, 5, got 6"),
    ],
)  # fmt: skip
def test_a_constraint_that_cannot_be_kept_is_one_clear_line(constraints, text):
    with pytest.raises(InputError, match=text):
        run(RandomSearch(), task_of("clean", constraints=constraints), 3, 0)


def test_a_latency_of_another_data_set_is_named_in_full():
    """As that of CIFAR-10 in a search on one's own images."""
    column = replace(TABLE.column("mine", "latency:pixel3", "test"), dataset="cifar10", source="hw")
    table = Table("other", ARCHS, [TABLE.column("mine", "clean", "test"), column])
    with pytest.raises(InputError, match="of other data sets there are hw:cifar10 test latency:pixel3"):
        Task.named(table, "mine", "clean", split="test", constraints="latency:pixel3 <= 8")
    task = Task.named(table, "mine", "clean", split="test", constraints="hw:cifar10 test latency:pixel3 <= 8")
    assert task.allowed.tolist() == (LATENCY <= 8).tolist()
    both = Task.named(table, "mine", ["clean", "hw:cifar10 test latency:pixel3"], split="test")
    assert [goal.unit for goal in both.goals] == ["", "ms"]


def test_the_whole_name_of_a_column_needs_no_source_where_one_has_it():
    other = Column(
        "cifar100", "test", "latency:pixel3", 2 * LATENCY[:, None], unit="ms", direction="minimise", source="hw"
    )
    task = Task.named(
        table_of(other=other), "mine", "clean", split="test", constraints="cifar100 test latency:pixel3 <= 16"
    )
    assert task.allowed.tolist() == (LATENCY <= 8).tolist()
    seen = Task.named(table_of(other=other), "mine", "cifar100 test latency:pixel3").seen
    assert [column.name for column in seen] == ["hw:cifar100 test latency:pixel3"]
    table = table_of(other=other, another=replace(other, source="zero"))
    with pytest.raises(
        InputError, match="expected the name of one column, such as hw:cifar100 test latency:pixel3 or zero:cifar100"
    ):
        Task.named(table, "mine", "clean", split="test", constraints="cifar100 test latency:pixel3 <= 16")
    with pytest.raises(InputError, match="expected the source, as in hw:latency:pixel3 or zero:latency:pixel3"):
        Task.named(table, "mine", "cifar100 test latency:pixel3")


def test_a_misspelt_constraint_is_told_what_was_meant():
    with pytest.raises(InputError, match="did you mean latency:pixel3\\?"):
        task_of("clean", constraints="latency:pixel <= 5")


def test_a_constraint_may_have_the_name_that_a_column_had_once():
    robust = Column("mine", "test", "pgd@1/255", np.linspace(0, 1, 27)[:, None])
    known = {"renamed": {"pgd@average": "pgd@1/255"}, "renamed_because": "it is no average"}
    table = Table("renamed", ARCHS, [robust, TABLE.column("mine", "clean", "test")], provenance=known)
    with pytest.warns(UserWarning, match="pgd@average: this is pgd@1/255; it is no average"):
        task = Task.named(table, "mine", "clean", constraints="pgd@average >= 0.5")
    assert task.allowed.tolist() == (robust.mean >= 0.5).tolist()


def test_in_a_table_of_classes_it_is_said_whose_costs_these_are():
    said = "costs and scores are those of the one architecture of its official class that the table holds"
    rows = [arch.index for arch in partition("official").representatives()[:40]]
    cost = Column("mine", "test", "latency:pixel3", np.arange(40.0)[:, None], unit="ms", direction="minimise")
    clean = Column("mine", "test", "clean", np.linspace(0, 1, 40)[:, None])
    table = Table("classes", rows, [clean, cost], partition="official")
    for metrics, bounds in (
        ("clean", "latency:pixel3 <= 20"),
        ("latency:pixel3", ()),
        (["clean", "latency:pixel3"], ()),
    ):
        assert said in Task.named(table, "mine", metrics, constraints=bounds).notes[-1]
    assert Task.named(table, "mine", "clean").notes == ()
    assert not any(said in note for note in Task.named(table, "mine", "clean", constraints="clean >= 0.5").notes)


def test_a_column_that_is_given_is_one_of_the_table():
    column = TABLE.column("mine", "latency:pixel3", "test")
    (found,) = task_of("clean", constraints=Constraint("mine", at_most=8, of=replace(column))).constraints
    assert (found.of, found.unit) == (column, "ms")
    for other in (replace(column, values=column.values[:7]), replace(column, values=column.values + 1)):
        with pytest.raises(InputError, match="mine, of: expected a column of table few, got hw:mine test late"):
            task_of("clean", constraints=Constraint("mine", at_most=8, of=other))


def test_a_function_knows_no_columns():
    bound = Constraint("latency:pixel3", at_most=5, of=TABLE.column("mine", "latency:pixel3", "test"))
    with pytest.raises(InputError, match="expected a function of an architecture, got a column of a table"):
        Function(value_of, CUBE, constraints=bound)


# missing values


def test_what_lacks_the_number_of_a_constraint_is_not_asked_for_and_said():
    task = task_of("clean", lacking([0, 5, 26]), constraints="latency:pixel3 <= 8")
    kept = LATENCY <= 8
    kept[[0, 5, 26]] = False
    trace = run(RandomSearch(), task, task.size, 0)
    assert (len(trace), trace.failed) == (kept.sum(), 0)
    assert set(trace.architectures) == {arch for arch, keep in zip(ARCHS, kept, strict=True) if keep}
    (note,) = task.notes
    assert note == (
        f"constraint latency:pixel3 at most 8 ms: kept by {kept.sum()} of 27 architectures; the others are not asked "
        "for, 3 of which have no value"
    )


@pytest.mark.parametrize("metrics", ["latency:pixel3", ["clean", "latency:pixel3"]])
def test_what_lacks_a_cost_is_no_failed_training(metrics):
    task = Task.named(lacking([0, 5, 26]), "mine", metrics, split="test")
    trace = run(NSGA2(population=6) if len(metrics) == 2 else RandomSearch(), task, 24, 0)
    assert (len(trace), trace.failed, trace.infeasible) == (24, 0, 0)
    assert not {ARCHS[0], ARCHS[5], ARCHS[26]} & set(trace.architectures)
    assert task.notes == ("3 of 27 architectures lack hw:mine test latency:pixel3: not asked for",)
    with pytest.raises(InputError, match="budget"):
        run(RandomSearch(), task, 25, 0)


def test_a_column_without_any_value_is_one_clear_line():
    empty = lacking(range(27))
    with pytest.raises(InputError, match="got none of 27"):
        run(RandomSearch(), task_of("latency:pixel3", empty), 3, 0)
    with pytest.raises(
        InputError, match="latency:pixel3 at most 8 ms: expected an architecture with a value, got none"
    ):
        run(RandomSearch(), task_of("clean", empty, constraints="latency:pixel3 <= 8"), 3, 0)


# results


def test_traces_and_results_are_read_back():
    metrics, bound = ["training_time", "clean", "loss"], "latency:pixel3 <= 14"
    task = Task.named(TABLE, "mine", metrics, split="test", constraints=bound)
    trace = run(NSGA2(population=4), task, 7, 0)
    again = Trace.from_dict(through_json(trace.to_dict()))
    assert again.to_dict() == trace.to_dict()
    assert again.goals == trace.goals == task.goals
    assert [(goal.unit, goal.sign) for goal in again.goals] == [("s", -1), ("", 1), ("", -1)]
    (kept,) = trace.task["constraints"]
    assert kept == {
        "name": "latency:pixel3", "unit": "ms", "at_most": 14.0, "at_least": None,
        "column": "hw:mine test latency:pixel3",
    }  # fmt: skip


def repeated(task, budget=6, runs=4):
    return repeat(RandomSearch(), task, budget, runs, checkpoints=(3,))


def test_regrets_are_in_the_unit_of_what_is_reported():
    result = repeated(task_of("training_time"))
    assert Result.from_dict(through_json(result.to_dict())).to_dict() == result.to_dict()
    assert (result.goal.unit, result.span) == ("s", np.ptp(SECONDS))
    assert result.regrets.min() >= 0
    assert result.regrets.max() > 1
    assert result.oracle == (-SECONDS.min(),)
    best = [SECONDS[ARCHS.index(SPACE.parse(text))] for text in result.architectures]
    assert result.to_pandas()["reported mine test training_time"].tolist() == best
    assert result.regrets[:, -1] == pytest.approx(np.array(best) - SECONDS.min())
    assert result.optimum == "lowest table value 1,500 s of 27 architectures of few"


def test_results_of_accuracies_are_as_they_were():
    result = repeated(task_of("clean"))
    assert "kinds" not in result.task
    assert set(result.task["optimum"]) == {"is", "value", "architectures"}
    assert (result.goal.is_accuracy, result.span) == (True, 1.0)


def test_finished_cases_are_found_again_by_what_a_constraint_says(tmp_path):
    def case(table=TABLE, **settings):
        task = task_of("clean", table, **settings)
        (result,) = Experiment.of({"random-search": RandomSearch()}, [task], Repetitions(3, 2)).run(out=tmp_path)
        return result, {path.name for path in tmp_path.iterdir()}

    first, one = case(constraints="latency:pixel3 <= 8")
    again, same = case(constraints="latency:pixel3 <= 8")
    assert (len(one), same, again.to_dict()) == (1, one, first.to_dict())
    assert len(case(constraints="latency:pixel3 <= 9")[1]) == 2
    assert len(case(lacking([3]), constraints="latency:pixel3 <= 8")[1]) == 3  # other numbers of the same name
    own = Constraint("first", at_most=0, of=lambda arch: int(arch.code[-1]))
    assert len(case(constraints=own)[1]) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"kinds": {"mine test training_time": {"unit": "s", "direction": "down"}}},
        {"kinds": {"mine test training_time": {"unit": 3}}}, {"kinds": 3},
        {"optimum": {"is": "lowest table value", "value": 1500.0, "architectures": 27, "range": -1.0}},
    ],
)  # fmt: skip
def test_a_result_of_other_kinds_is_none(change):
    values = through_json(repeated(task_of("training_time")).to_dict())
    values["task"] |= change
    with pytest.raises((ValueError, TypeError, AttributeError)):
        Result.from_dict(values)

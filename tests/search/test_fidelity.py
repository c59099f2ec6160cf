"""Algorithms that train some architectures for fewer epochs."""

import re

import numpy as np
import optuna
import pytest
from optuna.pruners._successive_halving import _is_trial_promotable_to_next_rung
from optuna.study import StudyDirection

from robnas.benchmarks import Column, CurveColumn, Table, write_table
from robnas.errors import InputError
from robnas.search import (
    ASHA,
    BOHB,
    PRUNERS,
    Classes,
    Experiment,
    Function,
    Hyperband,
    MedianStopping,
    OptunaPruner,
    Question,
    RandomSearch,
    RegularizedEvolution,
    Repetitions,
    SuccessiveHalving,
    Task,
    WaitingError,
    repeat,
    run,
    searcher,
)
from robnas.spaces import SPACES, Gene, Space
from robnas.testing import check_algorithm
from tests.search.spaces import CUBE, TOY, value_of
from tests.test_cli import robnas

LINE = Space("line", genes=(Gene("a", tuple(range(30)), ordered=True), Gene("b", tuple(range(20)))))
"""600 architectures."""
R81 = (1, 3, 9, 27, 81)


def at(arch, epochs, whole):
    """The final value with an error that is gone at the end."""
    error = np.random.default_rng([epochs, *arch.text.encode()]).normal(0, 0.2)
    return value_of(arch) + error * (1 - epochs / whole)


def function(space, epochs=R81):
    return Function(lambda arch, e: at(arch, e, epochs[-1]), space, epochs=epochs, name="curve")


def curved(space=TOY, epochs=(1, 2, 3, 4), seeds=(1, 2), metric="clean", hole=None, count=None):
    """A table with curves whose last epoch differs from the final value, as other images would make it."""
    rng, found = np.random.default_rng(1), list(space)[:count]
    shape = (len(found), len(seeds), len(epochs))
    last = np.array([value_of(arch) for arch in found])[:, None] * 0.8 + rng.uniform(0, 0.1, shape[:2])
    values = np.clip(last[:, :, None] * np.linspace(0.5, 0.95, len(epochs)) + rng.uniform(0, 0.05, shape), 0, 1)
    if hole is not None:
        values[hole] = np.nan
    columns = [Column("mine", "validation", name, last, seeds) for name in ("clean", "pgd@8/255")]
    curves = [CurveColumn("mine", "validation", metric, epochs, values, seeds)]
    return Table("curved", found, columns, space=space, curves=curves)


def task_of(table, **settings):
    return Task.named(table, "mine", "clean", split="validation", **settings)


def asked(algorithm, task, questions):
    """The values of some questions: an algorithm that asks just these."""

    class Fixed:
        name = "fixed"

        def start(self, space, rng):
            from robnas.search import Loop

            return Loop(iter_of(questions))

    return run(Fixed(), task, len(questions), 0)


def iter_of(questions):
    yield list(questions)


# a task


def test_a_task_of_a_table_with_curves_knows_their_epochs():
    assert task_of(curved()).classes.epochs == (1, 2, 3, 4)
    assert Task.named(curved(), "mine", "pgd@8/255", split="validation").classes.epochs == ()
    both = Task.named(curved(), "mine", ["clean", "pgd@8/255"], split="validation")
    assert both.classes.epochs == ()


def test_curves_answer_before_the_last_epoch_and_the_column_after_it():
    table = curved()
    arch = table.architectures[5]
    trace = asked(None, task_of(table), [Question(arch, 1), Question(arch, 3), Question(arch, 4), Question(arch)])
    curve = table.curve(arch, dataset="mine", metric="clean", split="validation", seed="mean")
    final = table.query(arch, dataset="mine", metric="clean", split="validation", seed="mean")
    assert trace.values[:, 0].tolist() == [curve[0], curve[2], final]
    assert curve[3] != final
    assert trace.fidelities.tolist() == [1, 3, 4]
    assert trace.charged.tolist() == [0.25, 0.75, 1.0]
    assert trace.duplicates == 1
    assert trace.partial == 2


def test_one_seed_and_noise_are_those_of_the_last_epoch():
    table = curved()
    arch, questions = table.architectures[5], [Question(table.architectures[5], e) for e in (1, 2, 4)]
    curve = table.curves[0].values[5]
    final = table.columns[0].values[5]
    one = asked(None, task_of(table, seed=2), questions).values[:, 0]
    assert one.tolist() == [curve[1, 0], curve[1, 1], final[1]]
    drawn = asked(None, task_of(table, noise="seeds"), questions).values[:, 0]
    assert drawn.tolist() in ([[*curve[seed, :2], final[seed]] for seed in (0, 1)])
    noisy = asked(None, task_of(table, noise="gaussian"), questions).values[:, 0]
    moved = noisy - [*curve.mean(axis=0)[:2], final.mean()]
    assert moved == pytest.approx(moved[0])
    assert abs(moved[0]) > 1e-6
    assert arch in table.architectures


def test_a_missing_point_of_a_curve_is_a_training_that_failed():
    table = curved(hole=(5, slice(None), slice(2, None)))
    trace = asked(None, task_of(table), [Question(table.architectures[5], e) for e in (2, 3)])
    assert np.isfinite(trace.values[:, 0]).tolist() == [True, False]
    assert trace.incumbents.tolist() == [0, 0]


def test_curves_leave_searches_of_whole_trainings_as_they_were():
    table = curved()
    plain = Table("curved", table.architectures, table.columns, space=TOY)
    for algorithm in (RandomSearch(), RegularizedEvolution(5, 2)):
        one, other = (run(algorithm, task_of(t), 15, 3) for t in (plain, table))
        assert one.architectures == other.architectures
        assert one.values.tolist() == other.values.tolist()
        assert one.regret.tolist() == other.regret.tolist()
        assert (one.partial, other.partial) == (0, 0)
        assert "partial" not in repeat(algorithm, task_of(table), 15, 2).counts


def test_hours_are_charged_in_proportion_and_once(monkeypatch):
    table = curved()
    task = task_of(table)
    monkeypatch.setitem(vars(task), "hours", np.full(len(table), 8.0))
    arch = table.architectures[0]
    questions = [Question(arch, 1), Question(arch, 3), Question(arch), Question(table.architectures[1])]
    assert asked(None, task, questions).hours.tolist() == [2.0, 6.0, 8.0, 16.0]


# brackets


def test_hyperband_has_the_brackets_of_the_paper():
    """Li et al. 2018, Table 1: R = 81, η = 3; and what they spend."""
    brackets = Hyperband(eta=3).plan(Classes(LINE).answering(1, R81))
    assert [list(zip(one.counts, one.epochs, strict=True)) for one in brackets] == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]
    from_the_start = [sum(n * e for n, e in zip(one.counts, one.epochs, strict=True)) for one in brackets]
    assert from_the_start == [405, 363, 351, 378, 405]
    assert [one.spent for one in brackets] == [297, 102 + 66 + 54 + 54, 135 + 90 + 54, 216 + 108, 405]
    (halving,) = SuccessiveHalving(eta=3).plan(Classes(LINE).answering(1, R81))
    assert halving == brackets[0]


def test_hyperband_has_the_brackets_of_optuna():
    """Their numbers of trainings, the epochs of their rungs, and who goes on from each, on the same curves."""
    ours = Hyperband(eta=3).plan(Classes(LINE).answering(1, R81))
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=81, reduction_factor=3)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
    study.ask().should_prune()
    trial = study.ask()
    trial.report(0.5, 0)
    trial.should_prune()
    assert [len(ours)] == [pruner._n_brackets]
    assert list(pruner._trial_allocation_budgets) == [one.counts[0] for one in ours]
    for bracket, inner in zip(ours, pruner._pruners, strict=True):
        alone = optuna.create_study(direction="maximize", pruner=inner, sampler=optuna.samplers.RandomSampler(seed=0))
        trial = alone.ask()
        rungs = []
        for epochs in range(1, 82):
            trial.report(epochs / 100, epochs)
            before = len(alone._storage.get_trial(trial._trial_id).system_attrs)
            trial.should_prune()
            if len(alone._storage.get_trial(trial._trial_id).system_attrs) > before:
                rungs.append(epochs)
        assert tuple(rungs) == bracket.epochs

    trace = run(Hyperband(eta=3), function(LINE), 20, 0)
    start = 0
    for bracket in ours:
        first = start
        for count, following in zip(bracket.counts, bracket.counts[1:], strict=False):
            values = trace.values[first : first + count, 0]
            went_on = trace.architectures[first + count : first + count + following]
            theirs = [
                trace.architectures[first + place]
                for place in range(count)
                if _is_trial_promotable_to_next_rung(values[place], values.tolist(), 3, StudyDirection.MAXIMIZE)
            ]
            assert sorted(map(str, theirs)) == sorted(map(str, went_on))
            first += count
        start = first + bracket.counts[-1]
    assert start == 121 + 49 + 21 + 10 + 5


@pytest.mark.parametrize(
    ("epochs", "eta", "least", "rungs"),
    [
        ((1, 2, 3, 4), 2, 1, (1, 2, 4)),
        ((1, 2, 3, 4), 3, 1, (1, 4)),
        ((1, 2, 3, 4), 2, 2, (2, 4)),
        ((1, 2, 3, 4), 2, 4, (4,)),
        (tuple(range(1, 101)), 3, 1, (1, 4, 11, 33, 100)),
        ((5, 10, 40, 100), 3, 1, (5, 10, 40, 100)),
        ((4, 8), 3, 1, (4, 8)),
        ((2, 4, 8), 4, 3, (8,)),
    ],
)
def test_rungs_are_the_nearest_epochs_that_there_are(epochs, eta, least, rungs):
    (bracket,) = SuccessiveHalving(eta, least).plan(Classes(LINE).answering(1, epochs))
    assert bracket.epochs == rungs
    assert bracket.counts == tuple(eta**place for place in range(len(rungs)))[::-1]


# what is asked

EVERY = [
    SuccessiveHalving(2),
    SuccessiveHalving(3, 2, configurations=5),
    Hyperband(2),
    Hyperband(2, brackets=2),
    ASHA(2),
    BOHB(2, points=3),
    MedianStopping(trainings=2),
    MedianStopping("regularized-evolution", {"population": 5, "sample": 2}),
    MedianStopping(RegularizedEvolution(5, 2, asynchronous=True)),
    OptunaPruner(algorithm="local-search"),
    *(OptunaPruner(name) for name in ("percentile", "successive-halving", "hyperband", "patient", "nop")),
]


@pytest.mark.parametrize("space", [TOY, CUBE, SPACES["nas-bench-201"]], ids=lambda space: space.name)
@pytest.mark.parametrize("algorithm", EVERY, ids=lambda one: f"{one.name}-{len(repr(one))}")
def test_every_one_keeps_the_promises_of_an_algorithm(algorithm, space):
    check_algorithm(algorithm, space, questions=30)


@pytest.mark.parametrize("algorithm", EVERY, ids=lambda one: f"{one.name}-{len(repr(one))}")
def test_no_budget_is_exceeded_and_a_training_goes_on(algorithm):
    trace = run(algorithm, function(LINE, (1, 2, 4, 8)), 8, 1)
    assert trace.charged[-1] <= 8
    added = np.diff(trace.charged, prepend=0) * 8
    trained = {}
    for arch, epochs, more in zip(trace.architectures, trace.fidelities, added, strict=True):
        assert more == pytest.approx(epochs - trained.get(arch, 0))
        trained[arch] = epochs
    assert 8 in trained.values() or algorithm.name == "optuna-pruner"


@pytest.mark.parametrize("name", ["successive-halving", "hyperband", "asha", "bohb"])
def test_no_class_begins_twice(name):
    classes = Classes(SPACES["nas-bench-201"], "official").answering(1, R81)
    objective = Function(lambda arch, e: at(arch, e, 81), classes, epochs=R81)
    trace = run(searcher(name), objective, 10, 0)
    numbers = [classes.class_of(arch) for arch in set(trace.architectures)]
    assert len(numbers) == len(set(numbers))
    assert trace.duplicates == 0


@pytest.mark.parametrize("algorithm", [SuccessiveHalving(2), Hyperband(2), ASHA(2), BOHB(2)], ids=lambda a: a.name)
def test_a_small_space_is_searched_to_its_end(algorithm):
    trace = run(algorithm, function(TOY, (1, 2, 4)), 24, 0)
    assert trace.stopped == "finished"
    assert len(set(trace.architectures)) == 24


def test_those_that_wait_for_a_rung_say_so():
    found = Hyperband(2).start(Classes(LINE).answering(1, (1, 2, 4)), np.random.default_rng(0))
    first = found.ask(100)
    assert [question.epochs for question in first] == [1] * 4
    with pytest.raises(WaitingError, match="ask: expected tell first"):
        found.ask()
    for place, question in enumerate(first):
        found.tell(question, (float(place),))
    assert found.ask(100) == (Question(first[3].architecture, 2), Question(first[2].architecture, 2))


def test_asha_promotes_when_it_can_and_else_begins_somebody_new():
    found = ASHA(2).start(Classes(LINE).answering(1, (1, 2, 4)), np.random.default_rng(0))
    one, two = found.ask(2)
    found.tell(one, (0.1,))
    assert found.ask().epochs == 1  # one of one is not half of them
    found.tell(two, (0.2,))
    up = found.ask()
    assert up == Question(two.architecture, 2)
    assert found.ask().epochs == 1
    found.tell(up, (0.3,))
    assert found.ask().epochs == 1


def test_trainings_that_failed_are_not_promoted():
    for algorithm in (ASHA(2), SuccessiveHalving(2)):
        objective = Function(lambda arch, e: -np.inf, LINE, epochs=(1, 2, 4))
        trace = run(algorithm, objective, 10, 0)
        assert set(trace.fidelities) == {1}


def test_median_stopping_stops_who_is_below_the_median_of_those_that_ended():
    found = MedianStopping(trainings=3).start(Classes(LINE).answering(1, (1, 2, 4)), np.random.default_rng(0))

    def train(*curve):
        """Epochs that are asked of one training."""
        asked = []
        for value in curve:
            question = found.ask()
            asked.append((question.architecture, question.epochs))
            found.tell(question, (value,))
        assert len({arch for arch, _ in asked}) == 1
        return [epochs for _, epochs in asked]

    for level in (0.1, 0.5, 0.9):  # whole trainings come first
        assert train(level, level, level) == [1, 2, 4]
    assert train(0.4) == [1]
    assert train(0.5, 0.3, 0.3) == [1, 2, 4]  # its best counts, and is not below
    assert train(0.6, 0.1, 0.1) == [1, 2, 4]
    assert train(0.45) == [1]
    assert train(-np.inf) == [1]


def test_an_algorithm_inside_is_told_the_last_value():
    told = []

    classes = Classes(LINE).answering(1, (1, 2, 4))
    found = MedianStopping(trainings=1).start(classes, np.random.default_rng(0))
    found._searcher.tell, tell = (lambda arch, values: (told.append(values), tell(arch, values))), found._searcher.tell
    for value in (0.5, 0.6, 0.7, 0.1):
        found.tell(found.ask(), (value,))
    assert told == [(0.7,), (0.1,)]


def test_model_of_bohb_finds_better_ones_than_chance():
    def drawn(random, seed):
        objective = Function(lambda arch, e: -abs(arch.genes["a"] - 20) - arch.genes["b"], LINE, epochs=(1, 3, 9))
        trace = run(BOHB(random=random, brackets=1), objective, 12, seed)
        return trace.values[trace.fidelities == 1, 0][9:].mean()

    assert np.mean([drawn(0.0, seed) for seed in range(4)]) > 2 + np.mean([drawn(1.0, seed) for seed in range(4)])


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_asha_trains_one_to_the_end_however_few_there_are(count):
    space = (
        Space("few", genes=(Gene("a", tuple(range(count))),)) if count > 1 else Space("one", genes=(Gene("a", (0,)),))
    )
    objective = Function(lambda arch, e: arch.genes["a"] + e / 100, space, epochs=(1, 3, 9))
    trace = run(ASHA(), objective, count, 0)
    last = trace.fidelities == 9
    assert last.sum() == 1
    assert trace.architectures[int(np.flatnonzero(last)[0])].genes["a"] == count - 1


# what does not fit


@pytest.mark.parametrize(
    "name", ["successive-halving", "hyperband", "asha", "bohb", "median-stopping", "optuna-pruner"]
)
def test_without_curves_it_is_said_in_one_line(name):
    table = curved()
    plain = Table("curved", table.architectures, table.columns, space=TOY)
    start = re.escape(f"epochs of {name}: expected an objective that knows what its trainings are after fewer epochs")
    with pytest.raises(InputError, match=f"^{start}, got whole trainings only; take a table with learning curves"):
        run(searcher(name), task_of(plain), 20, 0)
    lacking = Task.named(table, "mine", "pgd@8/255", split="validation")
    with pytest.raises(InputError, match=f"^{start}, got whole trainings only .*clean.*pgd@8/255") as caught:
        run(searcher(name), lacking, 20, 0)
    assert "\n" not in str(caught.value)
    found = Experiment.of({"random": RandomSearch(), name: searcher(name)}, [task_of(plain)], Repetitions(5, 1))
    assert len(found.cases) == len(found.left_out) == 1


@pytest.mark.parametrize(
    ("algorithm", "needed"),
    [(SuccessiveHalving(), 4), (Hyperband(), 4), (ASHA(), 4), (BOHB(), 4), (SuccessiveHalving(2, 27), 2)],
)
def test_a_budget_below_one_bracket_is_refused(algorithm, needed):
    objective = function(LINE)
    name = algorithm.name
    with pytest.raises(InputError, match=rf"^budget of {name}: expected at least {needed} trainings, .*, got \d; "):
        run(algorithm, objective, needed - 1, 0)
    assert run(algorithm, objective, needed, 0).fidelities.max() == 81
    with pytest.raises(InputError, match=rf"^budget of {name}: expected at least \d+ epochs"):
        run(algorithm, objective, 50, 0, unit="epochs")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Hyperband(eta=1), "hyperband eta: expected at least 2, got 1"),
        (lambda: ASHA(eta=2.5), "asha eta: expected a whole number, got 2.5"),
        (lambda: SuccessiveHalving(min_epochs=0), "successive-halving min_epochs: expected at least 1, got 0"),
        (lambda: BOHB(random=2.0), "bohb random: expected a number in [0, 1], got 2.0"),
        (lambda: MedianStopping("hyperband"), "median-stopping algorithm: expected one that trains to the end"),
        (lambda: MedianStopping("nothing"), "algorithm"),
        (lambda: MedianStopping(RandomSearch), "median-stopping algorithm: expected a name, or an algorithm"),
        (lambda: OptunaPruner("nothing"), f"optuna pruner: expected one of {', '.join(sorted(PRUNERS))}"[:30]),
        (lambda: OptunaPruner(options=3), "optuna options: expected arguments"),
    ],
)
def test_wrong_settings_are_refused(make, text):
    with pytest.raises(InputError, match=re.escape(text)):
        make()


def test_settings_that_the_objective_does_not_fit_are_refused():
    classes, rng = Classes(LINE).answering(1, (1, 2, 4)), np.random.default_rng(0)
    with pytest.raises(InputError, match=r"hyperband brackets, of 3: expected a number in \[1, 3\], got 4"):
        Hyperband(2, brackets=4).start(classes, rng)
    with pytest.raises(InputError, match=r"asha min_epochs: expected a number in \[1, 4\], got 5"):
        ASHA(2, min_epochs=5).start(classes, rng)
    with pytest.raises(InputError, match="optuna options of median: expected arguments of MedianPruner"):
        OptunaPruner(options={"nonsense": 1}).start(classes, rng)
    with pytest.raises(InputError, match="objectives of asha: expected one"):
        ASHA().start(classes.answering(2, (1, 2)), rng)


def test_results_say_whether_there_were_fewer_epochs():
    found = repeat(searcher("hyperband", {"eta": "2"}), task_of(curved(SPACES["nas-bench-201"], count=50)), 10, 2)
    assert found.multi_fidelity
    assert found.counts["partial"] > 0
    assert type(found).from_dict(found.to_dict()).multi_fidelity
    assert not repeat(RandomSearch(), task_of(curved(SPACES["nas-bench-201"], count=50)), 10, 2).multi_fidelity


def test_the_command_compares_by_whole_trainings_worth(tmp_path, capsys):
    path, out = tmp_path / "curved.parquet", tmp_path / "out"
    write_table(curved(SPACES["nas-bench-201"], count=60), path)

    def search(metric, algorithm, *more):
        where = ("--table", str(path), "--dataset", "mine", "--split", "validation", "--runs", "3", "--metric", metric)
        return robnas(capsys, "search", *where, "--algorithm", algorithm, *more)

    both = ("--algorithm", "random-search", "--budget", "12", "--checkpoint", "6", "--out", str(out))
    code, printed, _ = search("clean", "asha", *both)
    assert code == 0
    assert re.search("6 trainings' worth +12 trainings' worth", printed)
    assert "12 trainings' worth" in (out / "report.md").read_text()
    code, _, error = search("clean", "hyperband", "--set", "eta=2", "--budget", "1")
    assert code == 2
    assert "budget of hyperband: expected at least 2 trainings" in error
    code, _, error = search("pgd@8/255", "hyperband", "--budget", "20")
    assert code == 2
    assert "expected one of clean, got 'pgd@8/255'" in error
    code, printed, _ = search("clean", "random-search", "--budget", "12")
    assert code == 0
    assert "12 queries" in printed

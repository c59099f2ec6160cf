"""Functions of an architecture as objectives: what they may return, and what is made of it."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from robnas.errors import DivergedError, InputError
from robnas.search import (
    NSGA2,
    Classes,
    Constraint,
    Function,
    Goal,
    LocalSearch,
    MORegularizedEvolution,
    Optuna,
    RandomSearch,
    RegularizedEvolution,
    Trace,
    run,
)
from robnas.spaces import Gene, Space
from tests.search.spaces import CUBE, HUGE, TOY, named, table_of, task_of, value_of

LATENCY = Goal("latency", "ms", "minimise")
TWO = (Goal("accuracy"), LATENCY)
ONE = Space("one", genes=(Gene("only", ("x",)),))


VALUE = Goal("value")


def told(found, goals=VALUE, **settings):
    return run(RandomSearch(), Function(lambda arch: found, TOY, goals, **settings), 1, 0).values[0].tolist()


@pytest.mark.parametrize(
    "found",
    [0.5, np.float16(0.5), np.array(0.5), np.array([0.5]), [0.5], (np.array(0.5),), Fraction(1, 2), iter([0.5])],
    ids=named,
)
def test_one_number_may_come_in_many_forms(found):
    assert told(found) == [0.5]


def test_tensors_are_numbers_also_those_with_a_gradient():
    torch = pytest.importorskip("torch")
    assert told(torch.tensor(0.5, requires_grad=True)) == [0.5]
    assert told(torch.tensor([0.5])) == [0.5]
    assert told((torch.tensor(0.5), np.float32(20)), TWO) == [0.5, -20.0]
    with pytest.raises(InputError, match=r"expected a finite number \(value\), got tensor"):
        told(torch.tensor(True))


@pytest.mark.parametrize(
    "found",
    [math.nan, math.inf, "0.5", b"1", None, True, np.bool_(True), np.array([True]), np.array("0.5"), (1, 2), (), [[1]],
     10**400, 1j, {1: 1}, {1.0}, np.ma.masked, float],
    ids=lambda found: named(found)[:20],
)  # fmt: skip
def test_what_is_no_number_is_one_clear_line(found):
    with pytest.raises(InputError, match=r"function <lambda> of depth=.*: expected a finite number \(value\), got "):
        told(found)


@pytest.mark.parametrize("found", [1.0, [1], [1, 2, 3], [1, math.nan], {1.0, 2.0}, "12", [True, 1], [1, -math.inf]])
def test_of_several_goals_each_has_its_number(found):
    with pytest.raises(InputError, match=r"expected 2 finite numbers \(accuracy, latency \(ms\)\), got "):
        told(found, TWO)


def test_a_training_that_failed_is_told_and_charged():
    assert told([1, math.inf], TWO) == told([-math.inf, 1], TWO) == [-math.inf] * 2

    def diverges(arch):
        raise DivergedError(1, 1, math.nan)

    trace = run(RandomSearch(), Function(diverges, TOY), 3, 0)
    assert (len(trace), trace.failed, trace.infeasible) == (3, 3, 0)


def test_an_error_of_the_function_is_told_once_with_the_architecture():
    def broken(arch):
        raise KeyError("width")

    with pytest.raises(InputError, match=r"^function broken of depth=[^:]*: expected .*, got KeyError \('width'\); "):
        run(RandomSearch(), Function(broken, TOY), 3, 0)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"goals": None}, "goals of a function: expected at least one search.Goal, got None"),
        ({"goals": "accuracy"}, "goals of a function: expected at least one search.Goal, got 'accuracy'"),
        ({"epochs": 4}, "epochs of a function: expected ascending numbers, got 4"),
        ({"epochs": None}, "epochs of a function: expected ascending numbers, got None"),
        ({"name": "a\nb"}, "name of a function: expected a printable text"),
        ({"constraints": "latency"}, "constraint: expected NAME <= NUMBER or NAME >= NUMBER, such as "),
        ({"constraints": Constraint("value", at_most=1)}, "goals and constraints of a function: expected different"),
        ({"constraints": Constraint("none", at_most=1, of=lambda arch: 2)}, "expected an architecture that the const"),
    ],
)
def test_bad_arguments_are_one_clear_line(settings, text):
    with pytest.raises(InputError, match=text):
        Function(value_of, TOY, **settings)


# goals


def both(arch):
    return value_of(arch), 1000 * value_of(arch) + 100


@pytest.mark.parametrize("algorithm", [RandomSearch(), NSGA2(), MORegularizedEvolution(), Optuna("tpe")], ids=named)
def test_goals_may_have_any_unit_and_range(algorithm):
    trace = run(algorithm, Function(both, CUBE, TWO), 27, 0)
    assert np.array_equal(
        trace.values, [(value_of(arch), -1000 * value_of(arch) - 100) for arch in trace.architectures]
    )
    assert trace.to_pandas()["latency"].tolist() == [both(arch)[1] for arch in trace.architectures]
    assert Trace.from_dict(json.loads(json.dumps(trace.to_dict())), space=CUBE).to_dict() == trace.to_dict()


@pytest.mark.parametrize("algorithm", [LocalSearch(), RegularizedEvolution(), Optuna("tpe")], ids=named)
def test_what_is_minimised_is_searched_as_what_is_maximised(algorithm):
    up = run(algorithm, Function(value_of, CUBE), 20, 1)
    down = run(algorithm, Function(lambda arch: -value_of(arch), CUBE, LATENCY), 20, 1)
    far = run(algorithm, Function(lambda arch: 1024 * value_of(arch) - 4096, CUBE), 20, 1)
    assert up.architectures == down.architectures == far.architectures
    assert str(down).endswith(f"best latency {-up.incumbent[-1]:.4g} ms")


# constraints


def test_what_is_known_for_free_is_not_asked_for():
    asked = []

    def f(arch):
        asked.append(arch)
        return value_of(arch)

    few = Constraint("ones", at_most=1, of=lambda arch: sum(one == 1 for one in arch.genes.values()))
    objective = Function(f, CUBE, constraints=few)
    trace = run(RegularizedEvolution(), objective, 20, 0)
    assert len(set(asked)) == len(asked) == len(trace) == objective.classes.size == 20
    assert (trace.infeasible, trace.failed) == (0, 0)
    assert trace.task["constraints"] == [{"name": "ones", "unit": "", "at_most": 1, "at_least": None}]
    with pytest.raises(InputError, match="budget: expected at most 20, the distinct architectures of f, got 21"):
        run(RandomSearch(), objective, 21, 0)


def test_constraints_narrow_classes_that_are_narrow_already():
    first = Constraint("a", at_most=0, of=lambda arch: arch.genes["a"])
    classes = Classes(CUBE, allowed=lambda arch: arch.genes["b"] == 0)
    assert classes.size == 9
    narrow = Function(value_of, classes, constraints=first).classes
    assert (narrow.size, len(narrow.architectures), classes.size) == (3, 3, 9)
    assert (narrow.restricted, narrow.complete, narrow.refuses(CUBE.at([1, 0, 0]))) == (True, False, True)
    assert Function(value_of, Classes(table_of(CUBE)), constraints=first).classes.size == 9
    huge = Classes(HUGE, allowed=lambda arch: arch.genes["g0"] == 0)
    huge = huge.keeping(lambda arch: arch.genes["g1"] == 0)
    drawn = huge.random(np.random.default_rng(0))
    assert (drawn.genes["g0"], drawn.genes["g1"]) == (0, 0)


MEASURED = Constraint("latency", "ms", at_most=500)


@pytest.mark.parametrize(
    "algorithm", [RandomSearch(), RegularizedEvolution(), NSGA2(), Optuna("tpe"), LocalSearch()], ids=named
)
def test_a_measured_constraint_is_charged_and_told_as_the_worst(algorithm):
    trace = run(algorithm, Function(both, CUBE, constraints=MEASURED), 27, 0)
    broken = np.array([both(arch)[1] > 500 for arch in trace.architectures])
    assert 0 < broken.sum() < 27
    assert np.array_equal(np.isneginf(trace.values[:, 0]), broken)
    assert (len(trace), trace.infeasible, trace.failed) == (27, broken.sum(), 0)
    assert trace.incumbent[-1] == max(value for value, latency in map(both, CUBE) if latency <= 500)


def test_a_measured_constraint_needs_its_number_and_a_table_measures_none():
    expected = r"expected 2 finite numbers \(value, constraint latency at most 500 ms\), got 0.5"
    with pytest.raises(InputError, match=expected):
        told(0.5, constraints=MEASURED)
    with pytest.raises(InputError, match="expected 2 finite numbers"):
        told((0.5, math.nan), constraints=MEASURED)
    assert told((0.5, math.inf), constraints=MEASURED) == [-math.inf]
    assert told((0.5, 500), constraints=MEASURED) == [0.5]
    with pytest.raises(InputError, match="constraint latency: expected one of clean, parameters, macs, of mine, or"):
        task_of(table_of(CUBE), constraints=MEASURED)
    with pytest.raises(InputError, match="constraint latency of a=0,b=0,c=0: expected a number that is known for free"):
        MEASURED.allows(CUBE.at([0, 0, 0]))


# budgets


@pytest.mark.parametrize("unit", ["trainings", "epochs", "seconds"])
def test_budgets_and_seeds_may_be_numpy_numbers(unit):
    objective = Function(lambda arch, epochs: value_of(arch), TOY, epochs=(1, 2))
    trace = run(RandomSearch(), objective, np.int64(4), np.int64(1), unit=unit)
    assert (trace.budget, type(trace.budget), type(trace.seed)) == (4, int, int)
    json.dumps(trace.to_dict())


def test_a_budget_below_the_first_question_is_named():
    objective = Function(lambda arch, epochs: value_of(arch), TOY, epochs=(1, 4))
    with pytest.raises(
        InputError, match="budget: expected enough for the first question of random-search, 4 epochs, g"
    ):
        run(RandomSearch(), objective, 3, 0, unit="epochs")


def test_a_space_of_one_architecture_is_searched():
    for algorithm in (RandomSearch(), RegularizedEvolution(), LocalSearch(), Optuna("tpe")):
        assert len(run(algorithm, Function(value_of, ONE), 1, 0)) == 1

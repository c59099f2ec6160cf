"""What constraints leave is all that algorithms ask for."""

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.search import (
    NSGA2,
    Bananas,
    Classes,
    Constraint,
    Function,
    LocalSearch,
    MORegularizedEvolution,
    Optuna,
    PredictorEvolution,
    ProxySearch,
    RandomSearch,
    RegularizedEvolution,
    Task,
    _classes,
    _rejection,
    run,
)
from robnas.spaces import Gene, Space
from robnas.testing import check_algorithm
from tests.search.conftest import synthetic
from tests.search.spaces import CUBE, HUGE, TOY, named, table_of, task_of, value_of

ALL = [
    RandomSearch(), RandomSearch("classes"), LocalSearch(), LocalSearch("first"), RegularizedEvolution(),
    Bananas(predictor="ridge"), PredictorEvolution(predictor="ridge"), NSGA2(), MORegularizedEvolution(),
    ProxySearch(proxy=value_of), Optuna("tpe"), Optuna("nsga2"), Optuna("cma-es"),
]  # fmt: skip
SEVERAL = [RandomSearch(), NSGA2(), MORegularizedEvolution(), Optuna("tpe"), Optuna("nsga3")]


def ones(arch):
    return sum(value == 1 for value in arch.genes.values())


FEW_ONES = Constraint("ones", at_most=1, of=ones)


@pytest.mark.parametrize("algorithm", ALL, ids=named)
def test_every_algorithm_reaches_all_that_is_feasible_and_asks_for_nothing_else(algorithm):
    task = Task.named(synthetic(), "cifar10", "pgd@8/255", split="validation", max_parameters=80_000)
    trace = run(algorithm, task, 145, 0)
    assert (len(trace), trace.infeasible, trace.regret[-1]) == (145, 0, 0)


@pytest.mark.parametrize("algorithm", SEVERAL, ids=named)
def test_the_constraint_may_be_an_objective_too(algorithm):
    task = Task.named(
        synthetic(), "cifar10", "clean", split="validation", max_parameters=120_000, costs="parameters", count="all"
    )
    trace = run(algorithm, task, 150, 0)
    assert (len(trace), trace.infeasible) == (150, 0)
    assert trace.values[:, 1].min() >= -120_000


@pytest.mark.parametrize("algorithm", ALL, ids=named)
def test_a_constraint_of_ones_own_in_a_space_of_ones_own(algorithm):
    task = task_of(table_of(CUBE), constraints=FEW_ONES)
    assert task.size == sum(ones(arch) <= 1 for arch in CUBE) == 20
    trace = run(algorithm, task, 20, 0)
    assert set(trace.architectures) == {arch for arch in CUBE if ones(arch) <= 1}
    assert (trace.infeasible, trace.regret[-1]) == (0, 0)


def first_choice(space):
    """A tenth of `HUGE`, a third of `TOY`."""
    gene = space.genes[0]
    return Classes(space, allowed=lambda arch: arch.genes[gene.name] == gene.choices[0])


@pytest.mark.parametrize("algorithm", ALL, ids=named)
def test_a_space_without_a_table_is_searched_within_what_is_allowed(algorithm):
    check_algorithm(algorithm, first_choice(TOY), questions=8)


@pytest.mark.parametrize("algorithm", [RandomSearch(), RegularizedEvolution(5, 2), NSGA2(population=4)], ids=named)
def test_a_space_without_end_is_searched_within_what_is_allowed(algorithm):
    check_algorithm(algorithm, first_choice(HUGE), questions=8)


@pytest.mark.parametrize("algorithm", ALL, ids=named)
def test_one_feasible_architecture_is_found(algorithm):
    only = list(TOY)[5]
    objective = Function(value_of, Classes(TOY, allowed=lambda arch: arch == only))
    assert run(algorithm, objective, 1, 0).architectures == (only,)


def test_where_nothing_is_feasible_one_line_says_so(monkeypatch):
    monkeypatch.setattr(_rejection, "DRAWS", 300)
    with pytest.raises(InputError, match=r"search in space toy: expected an architecture that the constraints allow, "
                       "got none of 24; loosen the constraints"):  # fmt: skip
        Classes(TOY, allowed=lambda arch: False)
    for algorithm in (RandomSearch(), Optuna("tpe")):
        with pytest.raises(InputError, match="constraints allow, got none in 300 draws"):
            run(algorithm, Function(value_of, Classes(HUGE, allowed=lambda arch: False)), 3, 0)
    task = Task.named(synthetic(), "cifar10", "clean", split="test", max_parameters=10)
    with pytest.raises(InputError, match=r"max_parameters: expected at least [\d,]+, which the smallest"):
        run(RandomSearch(), task, 3, 0)


def test_of_a_class_the_members_that_are_allowed_are_left():
    cells = synthetic().space
    classes = Classes(cells, "official", allowed=lambda arch: arch.code[0] == "4")
    every = Classes(cells, "official")
    assert all(arch.code[0] == "4" for arch in classes.architectures)
    assert classes.size == len({every.class_of(arch) for arch in classes.architectures}) < every.size
    barred = cells.parse("000000")
    assert (classes.refuses(barred), barred in classes, classes.find(barred)) == (True, False, None)
    assert not classes.refuses(TOY.at([0, 0, 0]))


def test_a_constraint_that_everything_keeps_changes_no_trace():
    plain, bound = (
        Task.named(synthetic(), "cifar10", "clean", split="test", max_parameters=most) for most in (None, 10**9)
    )
    assert not bound.classes.restricted
    for algorithm in (RandomSearch(), NSGA2(), RegularizedEvolution(), Optuna("nsga2")):
        first, second = (run(algorithm, task, 40, 1) for task in (plain, bound))
        assert first.architectures == second.architectures


def test_spaces_of_many_architectures_are_not_listed_before_they_must(monkeypatch):
    monkeypatch.setattr(_classes, "_LISTED", 1_000)
    space = Space("many", genes=tuple(Gene(f"g{place}", (0, 1)) for place in range(10)))
    asked = []
    classes = Classes(space, allowed=lambda arch: asked.append(arch) is None and ones(arch) <= 2)
    rng = np.random.default_rng(0)
    assert ones(classes.random(rng)) <= 2
    assert len(asked) < 200
    assert classes.size is None
    assert len(classes.architectures) == 1 + 10 + 10 * 9 // 2
    arch = classes.architectures[0]
    assert all(ones(other) <= 2 for other in classes.neighbours(arch))
    assert ones(classes.mutate(arch, rng)) == 1


@pytest.mark.parametrize("given", [np.ones(3, bool), [True], 5], ids=str)
def test_what_is_neither_a_function_nor_a_value_per_row_is_refused(given):
    with pytest.raises(InputError, match="allowed: expected a function of an architecture"):
        Classes(TOY, allowed=given)
    with pytest.raises(InputError, match="allowed: expected a function of an architecture, or 24 truth values"):
        Classes(table_of(TOY), allowed=given)


def test_bounds_are_allowed_themselves_and_named_in_the_task():
    bound = Constraint("ones", "ops", at_least=1, at_most=2, of=ones)
    assert [bound.allows(CUBE.at(places)) for places in ([0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1])] == [
        False, True, True, False,
    ]  # fmt: skip
    task = task_of(table_of(CUBE), constraints=(bound,))
    assert task.name.endswith(", ones at least 1 ops and at most 2 ops")
    assert task.to_dict()["constraints"] == [{"name": "ones", "unit": "ops", "at_most": 2, "at_least": 1}]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"name": ""}, "constraint, name: expected a text, got ''"),
        ({"at_most": None}, "constraint ones: expected at_most, at_least or both, got neither"),
        ({"at_most": float("nan")}, "constraint ones, at_most: expected a finite number, got nan"),
        ({"at_least": 3}, "constraint ones, at_least: expected at most at_most, 1, got 3"),
        ({"of": 3}, "constraint ones, of: expected a function of an architecture, got 3"),
    ],
)
def test_a_constraint_that_cannot_be_is_refused(settings, text):
    with pytest.raises(InputError, match=text):
        Constraint(**{"name": "ones", "at_most": 1, "of": ones, **settings})


@pytest.mark.parametrize("found", ["x", float("nan"), None, True])
def test_a_function_that_gives_no_number_is_named(found):
    with pytest.raises(InputError, match="constraint odd of a=0,b=0,c=0: expected a number, got"):
        Constraint("odd", at_most=1, of=lambda arch: found).allows(CUBE.at([0, 0, 0]))
    with pytest.raises(InputError, match="constraint odd of a=0,b=0,c=0: expected a number, got an error: "):
        Constraint("odd", at_most=1, of=lambda arch: 1 / 0).allows(CUBE.at([0, 0, 0]))

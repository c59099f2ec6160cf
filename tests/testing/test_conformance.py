"""Every space × every algorithm × table, store, plan, score file, trace and explorer data."""

import pytest

from robnas.search import (
    ASHA,
    BOHB,
    NSGA2,
    SEARCHERS,
    Bananas,
    Hyperband,
    LocalSearch,
    MedianStopping,
    MORegularizedEvolution,
    Optuna,
    OptunaPruner,
    PredictorEvolution,
    ProxySearch,
    RandomSearch,
    RegularizedEvolution,
    SuccessiveHalving,
)
from robnas.testing import (
    check_algorithm,
    check_explorer_data,
    check_plan,
    check_scores,
    check_space,
    check_store,
    check_table,
    check_trace,
)
from tests.testing.spaces import TRIED

NETWORKS = {"wide-resnet": {"networks": 1, "image_size": 8}}  # the smallest has 17 million parameters
PROXIES = {"wide-resnet": ("parameters",)}


def length(arch):
    """A score that every space has."""
    return float(len(arch.text))


ALGORITHMS = {
    "random-search": RandomSearch(),
    "local-search": LocalSearch(),
    "regularized-evolution": RegularizedEvolution(5, 2),
    "bananas": Bananas(4, 4, 2, 4, 2, predictor="ridge"),
    "predictor-evolution": PredictorEvolution(4, 4, 2, 4, 1),
    "nsga2": NSGA2(population=4),
    "mo-regularized-evolution": MORegularizedEvolution(5, 2),
    "proxy-search": ProxySearch(length, pool=20, warmup=4, sample=2),
    "optuna": Optuna("random"),
    "successive-halving": SuccessiveHalving(2),
    "hyperband": Hyperband(2),
    "asha": ASHA(2),
    "bohb": BOHB(2),
    "median-stopping": MedianStopping(trainings=2),
    "optuna-pruner": OptunaPruner(),
}


@pytest.fixture(params=TRIED)
def space(request):
    return TRIED[request.param]


def test_no_algorithm_is_left_out():
    assert list(ALGORITHMS) == SEARCHERS.names()


def test_the_space(space):
    check_space(space, **NETWORKS.get(space.name, {}))


def test_tables(space, tmp_path):
    check_table(space, tmp_path)


def test_stores(space, tmp_path):
    check_store(space, tmp_path)


def test_plans(space, tmp_path):
    check_plan(space, tmp_path)


def test_score_files(space, tmp_path):
    check_scores(space, tmp_path, proxies=PROXIES.get(space.name, ("parameters", "snip")))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_searches(name, space, tmp_path):
    check_algorithm(ALGORITHMS[name], space, questions=12)
    check_trace(space, ALGORITHMS[name], count=24, budget=8)
    check_explorer_data(space, tmp_path, ALGORITHMS[name], count=24, budget=8)

import numpy as np
import pytest
from scipy.stats import kendalltau, norm, spearmanr

from robnas.benchmarks import Column, Scores, Table
from robnas.errors import InputError
from robnas.networks import count
from robnas.spaces import Architecture, partition
from robnas.statistics._scored import Bootstrap, ceiling, join, known_in, simultaneous, summarised
from tests.search.conftest import synthetic

CODES = [arch.code for arch in partition("official").representatives()][::40]


def truth(metric):
    table = synthetic()
    values = dict(zip(table.architectures, table.values("cifar10", metric, split="test"), strict=True))
    return np.array([values[Architecture(code)] for code in CODES])


def made(names, columns, epsilon="8/255", reasons=None):
    means = np.stack(columns, axis=1)
    settings = {"data": "cifar10", "threat": {"norm": "linf", "epsilon": epsilon}}
    return Scores(tuple(CODES), tuple(names), means, np.full(means.shape, np.nan), reasons or {}, settings)


def test_resampled_correlations_are_those_of_scipy():
    rng = np.random.default_rng(1)
    x, y, z = rng.integers(0, 9, size=(3, 40)).astype(float)
    x[5] = np.nan
    known, draws = known_in(x, y, z), Bootstrap(40, rng)
    index = draws.index(known)
    rho, tau, part = draws.spearman(x, y, known), draws.kendall(x, y, known), draws.partial(x, y, z, known)
    assert len(rho) == 1001
    for row in (0, 1, 500):
        a, b, c = (column[known][index[row]] for column in (x, y, z))
        assert rho[row] == pytest.approx(spearmanr(a, b).statistic)
        assert tau[row] == pytest.approx(kendalltau(a, b).statistic, rel=1e-6)
        ranks = [np.argsort(np.argsort(column)) for column in (a, b, c)]
        assert all(len(rank) == 39 for rank in ranks)
        xy, xz, yz = (spearmanr(*pair).statistic for pair in ((a, b), (a, c), (b, c)))
        assert part[row] == pytest.approx((xy - xz * yz) / ((1 - xz**2) * (1 - yz**2)) ** 0.5)
    assert (index[0] == np.arange(39)).all()
    assert index.max() == 38
    low, high = np.quantile(rho[1:], [0.025, 0.975])
    found = summarised(rho, 39)
    assert (found.value, found.low, found.high, found.count) == (rho[0], low, high, 39)


@pytest.mark.parametrize(
    ("size", "undefined", "known"), [(9, 0, False), (10, 0, True), (10, 50, True), (10, 51, False)]
)
def test_an_interval_needs_ten_architectures_and_resamples_that_are_defined(size, undefined, known):
    found = np.random.default_rng(4).normal(0.5, 0.1, size=1001)
    found[1 : 1 + undefined] = np.nan
    for one in (summarised(found, size), simultaneous(found, size, 7)):
        assert one.value == found[0]
        assert (one.low < one.value < one.high, np.isnan(one.low), np.isnan(one.high)) == (known, not known, not known)
    assert np.isnan(summarised(found, 2).value)


def test_intervals_that_hold_together_are_those_of_bonferroni():
    found = np.concatenate([[0.5], np.random.default_rng(4).normal(0.5, 0.1, size=1000)])
    single, many = simultaneous(found, 30, 1), simultaneous(found, 30, 200)
    error = found[1:].std(ddof=1)
    assert (single.low, single.high) == pytest.approx((0.5 - 1.959964 * error, 0.5 + 1.959964 * error), abs=1e-6)
    assert many.level == 1 - 0.05 / 200
    assert many.high == pytest.approx(0.5 + norm.isf(0.025 / 200) * error)


def test_many_architectures_take_fewer_resamples_and_the_other_way_to_kendall():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 1001))
    draws = Bootstrap(1001, rng)
    tau = draws.kendall(x, y, known_in(x, y))
    assert len(tau) == 201
    assert tau[0] == pytest.approx(kendalltau(x, y).statistic)


def test_each_network_of_the_table_counts_once():
    twin = next(code for code in ("000001", "000002", "000003") if code not in CODES)  # dead edges: the class of 000000
    means = np.zeros((3, 1))
    both = join([Scores(("000000", twin, "323133"), ("a",), means, means)], synthetic(), "cifar10")
    assert len(both.codes) + both.outside == 3
    full = join([made(["a"], [np.zeros(len(CODES))])], synthetic(), "cifar10")
    assert (full.codes, full.outside) == (tuple(sorted(CODES)), 0)
    assert full.parameters[0] == count(Architecture(full.codes[0]), live=True).parameters
    with pytest.raises(InputError, match="architectures: expected at least 3 that synthetic holds, got 1 of 1"):
        join([Scores(("323133",), ("a",), np.zeros((1, 1)), np.zeros((1, 1)))], synthetic(), "cifar10")
    with pytest.raises(InputError, match="expected one of cifar10, other, got 'cifar11'"):
        join([made(["a"], [np.zeros(len(CODES))])], synthetic(), "cifar11")


def test_the_ceiling_is_not_known_without_repeated_trainings():
    table = Table("once", [31, 93, 124], [Column("cifar10", "test", "clean", np.array([[0.1], [0.5], [0.7]]), (1,))])
    assert np.isnan(ceiling(table, "cifar10", "clean", np.random.default_rng(0)))


def test_the_ceiling_is_that_of_the_seeds_where_they_are_known():
    """Identical networks that share their seeds agree exactly, which says nothing about other seeds."""
    classes = partition("identical")
    groups = [group for group in map(classes.members, classes.representatives()) if len(group) > 1][:100]
    rows = [arch.index for group in groups for arch in group[:2]]
    runs = np.repeat(0.5 + np.random.default_rng(0).normal(0, 0.05, (100, 1)), 2, axis=0)
    runs = runs + np.repeat(np.random.default_rng(1).normal(0, 0.05, (100, 2)), 2, axis=0)
    for seeds, low, high in (((0, 1), 0.6, 0.9), ((0,), np.nan, np.nan), ((), 1, 1)):
        values = runs[:, : len(seeds) or 1].copy()
        values[0] += 1e-9  # the noise is not zero
        table = Table("t", rows, [Column("cifar10", "test", "clean", values, seeds)])
        found = ceiling(table, "cifar10", "clean", np.random.default_rng(0))
        assert low <= round(found, 3) <= high or np.isnan([found, low]).all()


def test_a_row_is_that_of_the_architecture_that_was_trained_where_it_has_a_score():
    """Isomorphic cells may have other scores: the first of a class is taken only where the trained one has none."""
    members = [arch.code for arch in partition("official").members(CODES[4])]
    first, last, others = members[0], members[-1], CODES[5:9]
    assert first != last
    column = Column("cifar10", "test", "clean", np.linspace(0, 1, 5)[:, None])
    table = Table("moved", [last, *others], [column], partition="official")

    def kept(*codes):
        nothing = np.full((len(codes), 1), np.nan)
        return join([Scores(codes, ("a",), np.ones((len(codes), 1)), nothing)], table, "cifar10").codes

    assert set(kept(*members, *others)) == {last, *others}
    assert set(kept(first, *others)) == {first, *others}


def test_a_table_of_costs_trained_nothing_to_be_set_against():
    table = synthetic()
    costs = [Column("cifar10", "test", "latency:pixel3", np.ones((len(table), 1)), unit="ms", direction="minimise")]
    with pytest.raises(InputError, match="expected accuracies of trained networks on cifar10 test, got none"):
        join([made(["a"], [np.zeros(len(CODES))])], Table("costs", table.rows, costs, partition="official"), "cifar10")

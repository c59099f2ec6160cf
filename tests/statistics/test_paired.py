"""Small versions of experiments/simulations/paired.py: two algorithms of which most runs are equal."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, norm, rankdata, ttest_ind, ttest_rel, wilcoxon

from robnas.search import Bananas, LocalSearch, RandomSearch, RegularizedEvolution, Task, run
from robnas.statistics._search_exact import friedman_p, signed_rank_p
from robnas.statistics._search_intervals import between_means, correlation, mean_interval, signed_rank_posterior
from tests.search.conftest import synthetic


def some_differ(values, runs=200):
    """Differences of runs of which all others are equal."""
    gaps = np.zeros(runs)
    gaps[np.random.default_rng(0).choice(runs, len(values), replace=False)] = values
    return gaps


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 12, 25, 40])
@pytest.mark.parametrize("sizes", ["equal", "different"])
def test_a_few_one_sided_pairs_among_many_equal_ones_are_as_likely_as_their_signs(count, sizes):
    values = np.ones(count) if sizes == "equal" else np.arange(1, count + 1) / 1000
    assert signed_rank_p(some_differ(values)) == pytest.approx(2 * 0.5**count, rel=1e-12)
    assert signed_rank_p(some_differ(-values, 5_000)) == pytest.approx(2 * 0.5**count, rel=1e-12)


def every_sign(gaps):
    """The p-value of all assignments of signs to the ranks of Pratt."""
    ranks = rankdata(np.abs(gaps))[gaps != 0]
    observed = abs((np.sign(gaps[gaps != 0]) * ranks).sum())
    sums = np.array(list(product([-1, 1], repeat=len(ranks)))) @ ranks
    return (np.abs(sums) >= observed - 1e-9).mean()


def test_the_signed_rank_test_is_that_of_all_signs_with_ties_and_zeros():
    rng = np.random.default_rng(1)
    for _ in range(60):
        gaps = rng.integers(-3, 4, size=rng.integers(1, 12)).astype(float)
        assert signed_rank_p(gaps) == pytest.approx(every_sign(gaps) if gaps.any() else 1.0, abs=1e-12)


def test_without_ties_it_is_scipys_exact_test_and_of_thousands_of_pairs_its_limit():
    rng = np.random.default_rng(2)
    for runs in (2, 9, 26, 50, 200):
        gaps = rng.normal(0.1, 1, runs)
        assert signed_rank_p(gaps) == pytest.approx(wilcoxon(gaps, method="exact").pvalue, rel=1e-9)
    many = rng.normal(0.02, 1, 4_000)
    assert signed_rank_p(many) == pytest.approx(wilcoxon(many, method="asymptotic").pvalue, rel=1e-3)


@pytest.mark.parametrize("differ", [4, 8, 20, 60])
def test_the_signed_rank_test_errs_in_at_most_five_percent_whatever_the_share_of_ties(differ):
    """Of 400 comparisons of equals; the normal limit errs in 12 % where 4 of 200 pairs differ."""
    rng, errors, usual = np.random.default_rng(differ), 0, 0
    for _ in range(400):
        gaps = some_differ(rng.exponential(size=differ) * rng.choice([-1, 1], differ))
        errors += signed_rank_p(gaps) <= 0.05
        ranks = rankdata(np.abs(gaps)) * np.sign(gaps)
        usual += 2 * norm.sf(abs(ranks.sum()) / np.sqrt((ranks**2).sum())) <= 0.05
    assert errors <= 400 * 0.05 + 2 * np.sqrt(400 * 0.05 * 0.95)
    if differ == 4:
        assert (errors, usual > 400 * 0.09) == (0, True)


def every_order(places):
    """Friedman's p-value of all orders within the blocks."""
    ranks = rankdata(places, axis=1)
    observed = (ranks.sum(axis=0) ** 2).sum()
    sums = [np.sum(rows, axis=0) for rows in product(*(list(permutations(row)) for row in ranks))]
    return np.mean([(one**2).sum() >= observed - 1e-9 for one in sums])


def test_friedmans_test_is_that_of_all_orders_where_few_blocks_hold_a_difference():
    rng = np.random.default_rng(3)
    for blocks, algorithms in ((2, 3), (4, 3), (3, 4), (5, 3)):
        places = rng.integers(0, 3, size=(blocks, algorithms)).astype(float)
        assert friedman_p(places) == pytest.approx(every_order(places), abs=1e-12)
        among = np.vstack([places, np.ones((150, algorithms))])
        assert friedman_p(among) == friedman_p(places)
    worse = np.zeros((200, 3))
    worse[[3, 50, 120], 1] = 1.0
    assert friedman_p(worse) == pytest.approx(3 / 27)  # chi-squared says .0498
    assert friedmanchisquare(*worse.T).pvalue < 0.05


def test_friedmans_test_of_too_many_orders_is_drawn_the_same_each_time_and_of_many_blocks_is_the_limit():
    rng = np.random.default_rng(4)
    places = rng.random((12, 8)) + np.linspace(0, 0.6, 8)
    assert friedman_p(places) == friedman_p(places) == pytest.approx(friedmanchisquare(*places.T).pvalue, abs=0.02)
    many = rng.random((20, 5))
    assert friedman_p(many) == friedmanchisquare(*many.T).pvalue
    assert friedman_p(np.ones((20, 5))) == 1.0
    two = np.array([[0.0, 1.0]] * 5 + [[1.0, 1.0]] * 90)
    assert friedman_p(two) == pytest.approx(2 * 0.5**5)


def test_without_equal_values_intervals_are_students_and_welchs():
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=12), rng.normal(0.3, 2, size=12)
    assert mean_interval(first - second) == pytest.approx(ttest_rel(first, second).confidence_interval(0.95))
    welch = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert between_means(first, second, 9.0) == pytest.approx(welch)
    assert mean_interval(np.array([1.0])) is None
    assert between_means(np.array([1.0]), second, 1.0) is None


@pytest.mark.parametrize(("runs", "share"), [(20, 0.1), (200, 0.01), (200, 0.02), (200, 0.1), (200, 1.0)])
def test_the_interval_holds_the_mean_where_most_pairs_are_equal(runs, share):
    """One-sided, exponential differences: at least .88 of 300, of 1,000 .93; Student's holds .65 to .8."""
    rng, held, usual = np.random.default_rng(6), 0, 0
    for _ in range(300):
        gaps = rng.exponential(size=runs) * (rng.random(runs) < share)
        low, high = mean_interval(gaps, 3.0)
        held += low <= share <= high
        if gaps.any():
            usual += np.ptp(ttest_rel(gaps, np.zeros(runs)).confidence_interval(0.95)) < 1e9 and (
                abs(gaps.mean() - share) <= 1.96 * gaps.std(ddof=1) / np.sqrt(runs)
            )
    assert held >= 0.88 * 300
    if share <= 0.02:
        assert usual < 0.82 * 300


def test_where_all_pairs_are_equal_the_interval_says_how_far_one_might_have_been():
    low, high = mean_interval(np.zeros(200), 0.01)
    assert low == -high
    assert 3 / 200 * 0.01 < high < 4 / 200 * 0.01  # the rule of three: at most 3 / n differ, at 95 %
    assert mean_interval(np.zeros(200)) == (0.0, 0.0)
    low, high = mean_interval(np.full(50, 0.009), 0.009)  # the one never finds the best, the other always
    assert low < 0.009 < high


def test_the_unpaired_interval_holds_the_difference_of_means():
    rng, held = np.random.default_rng(7), 0
    for _ in range(300):
        first, second = (rng.exponential(size=100) * (rng.random(100) < share) for share in (0.02, 0.1))
        low, high = between_means(first, second, 3.0)
        held += low <= -0.08 <= high
    assert held >= 0.93 * 300


def slow_posterior(gaps, rope, draws=3000):
    """The regions of the means of two values drawn from the posterior, weight by weight."""
    rng, values = np.random.default_rng(8), np.concatenate([[0.0], gaps])
    means = (values[:, None] + values) / 2
    wins = np.zeros(3)
    for weights in rng.dirichlet([0.5, *[1.0] * len(gaps)], size=draws):
        joint = np.outer(weights, weights)
        wins[
            np.argmax([joint[means < -rope].sum(), joint[np.abs(means) <= rope].sum(), joint[means > rope].sum()])
        ] += 1
    return wins / draws


def test_the_bayesian_probabilities_are_those_of_the_definition():
    rng = np.random.default_rng(9)
    for mean, rope in ((0.0, 1.0), (0.4, 0.5), (-0.3, 0.1)):
        gaps = rng.normal(mean, 1, 15)
        found = signed_rank_posterior(gaps, rope)
        assert found == pytest.approx(slow_posterior(gaps, rope), abs=0.03)
        assert sum(found) == pytest.approx(1)
        assert signed_rank_posterior(-gaps, rope) == pytest.approx(found[::-1], abs=0.03)
    assert signed_rank_posterior(np.zeros(0), 0.1) is None
    assert signed_rank_posterior(some_differ([0.01] * 4), 0.001) == (0.0, 1.0, 0.0)
    assert signed_rank_posterior(np.full(30, 0.002), 0.001)[2] > 0.99


def test_a_difference_at_the_edge_of_the_region_does_not_matter():
    assert signed_rank_posterior(np.full(30, 0.001), 0.001)[1] == 1.0
    assert signed_rank_posterior(np.full(30, 0.1 + 0.2), 0.3)[1] == 1.0
    assert signed_rank_posterior(np.zeros(30), 0.0)[1] == 1.0


def test_the_correlation_of_runs_of_equal_seed():
    first = np.array([0.1, 0.2, 0.4])
    assert correlation(first, 2 * first) == pytest.approx(1)
    assert correlation(first[:2], first[:2]) is None
    assert correlation(first, np.ones(3)) is None


def test_runs_of_equal_seed_share_the_architectures_that_they_begin_with_and_random_search_none():
    task = Task.named(synthetic(), "cifar10", "pgd@8/255", split="validation")
    algorithms = (
        RandomSearch(),
        RegularizedEvolution(population=10, sample=3),
        Bananas(predictor="ridge"),
        LocalSearch(),
    )
    for seed in range(3):
        chance, evolution, bananas, local = (
            run(algorithm, task, budget=10, seed=seed).indices.tolist() for algorithm in algorithms
        )
        assert evolution == bananas
        assert local[0] == evolution[0]
        assert not set(chance) & set(evolution)

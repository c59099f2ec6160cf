import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.search._result import Result
from robnas.statistics import attainment, average_ranks, holm, paired_tests
from robnas.statistics._search_intervals import mean_interval


def result(algorithm, regrets, task="task", seeds=None, fronts=()):
    """A result whose runs end with these regrets."""
    regrets = np.asarray(regrets, dtype=float)
    return Result(
        algorithm=algorithm, settings={}, task={"name": task, "reported": ["d s m"], "costs": []}, budget=10,
        runs=len(regrets), seed=0, checkpoints=(10,), mean=np.full(10, regrets.mean()), sd=np.zeros(10),
        seeds=tuple(range(len(regrets)) if seeds is None else seeds), regrets=regrets[:, None],
        reached=(None,) * len(regrets),
        architectures=("000000",) * len(regrets), outcomes=np.zeros((len(regrets), 1)), fronts=tuple(fronts),
        hours=None, counts={}, failures=(), oracle_selection=(), oracle=(1.0,), table_front=np.empty((0, 1)),
        several=False,
    )  # fmt: skip


def test_holm_multiplies_the_smallest_by_their_number_and_never_falls():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []
    np.testing.assert_array_equal(holm([0.01, np.nan]), [0.02, np.nan])
    with pytest.raises(InputError, match=r"p-values: expected numbers in \[0, 1\], got \[0.1, inf\]"):
        holm([0.1, np.inf])
    for wrong in (["a"], [[0.1], [0.2, 0.3]], [{}]):
        with pytest.raises(InputError, match=r"p-values: expected numbers in \[0, 1\], got \["):
            holm(wrong)
    for wrong in (0.1, [[0.1, 0.2]]):
        with pytest.raises(InputError, match=r"p-values: expected shape \(tests,\), got \("):
            holm(wrong)


def exact_wilcoxon(gaps):
    """Two-sided p-value by enumerating all signs."""
    ranks = np.argsort(np.argsort(np.abs(gaps))) + 1
    observed = abs(sum(np.sign(gaps) * ranks))
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(gaps))).reshape(len(gaps), -1)
    return float((np.abs(signs.T @ ranks) >= observed - 1e-9).mean())


def test_paired_tests_are_wilcoxons_on_equal_seeds():
    rng = np.random.default_rng(0)
    a, b, c = rng.uniform(0, 1, (3, 12))
    found = paired_tests([result("a", a), result("b", b + 0.3), result("c", c)], 10)
    assert [(test.first, test.second) for test in found] == list(combinations("abc", 2))
    for test, gaps in zip(found, (a - b - 0.3, a - c, b + 0.3 - c), strict=True):
        assert test.difference == pytest.approx(gaps.mean())
        assert test.p == pytest.approx(exact_wilcoxon(gaps), abs=1e-12)
    assert [test.adjusted for test in found] == pytest.approx(holm([test.p for test in found]))
    shuffled = result("b", (b + 0.3)[::-1], seeds=range(11, -1, -1))
    assert paired_tests([result("a", a), shuffled], 10)[0].p == pytest.approx(found[0].p)


def test_differences_that_only_rounding_tells_apart_are_ties():
    from scipy.stats import wilcoxon

    first, second = np.array([0.1, 0.2, 0.9, 0.9, 0.4, 0.6]), np.array([0.3, 0.0, 0.7, 0.1, 0.4, 0.4])
    (test,) = paired_tests([result("a", first), result("b", second)], 10)
    assert test.p == wilcoxon([-0.2, 0.2, 0.2, 0.8, 0.0, 0.2], zero_method="pratt").pvalue
    assert test.p != wilcoxon(first - second, zero_method="pratt").pvalue


@pytest.mark.parametrize(("count", "p"), [(4, 0.125), (5, 0.0625)])
def test_a_few_differing_pairs_of_many_give_the_p_value_of_their_signs(count, p):
    regrets = np.zeros(200)
    regrets[:count] = 0.001 * np.arange(1, count + 1)
    (test,) = paired_tests([result("a", regrets), result("b", np.zeros(200))], 10)
    assert (test.runs, test.equal, test.p, test.adjusted, test.family) == (200, 200 - count, p, p, 1)


def test_a_comparison_says_how_large_the_difference_is_and_whether_it_matters():
    rng = np.random.default_rng(3)
    good, bad = rng.uniform(0, 0.002, 50), rng.uniform(0.01, 0.012, 50)
    near = good + rng.uniform(0, 0.0002, 50)
    found = {
        (t.first, t.second): t
        for t in paired_tests([result(*one) for one in (("a", good), ("b", bad), ("c", near))], 10)
    }
    assert [found[pair].verdict for pair in (("a", "b"), ("b", "c"), ("a", "c"))] == ["first", "second", "equivalent"]
    test = found["a", "b"]
    assert test.difference == pytest.approx((good - bad).mean())
    assert test.low < test.difference < test.high < -test.rope == -0.001
    assert (test.first_better, test.equivalent, test.second_better) == (1.0, 0.0, 0.0)
    assert test.correlation == pytest.approx(np.corrcoef(good, bad)[0, 1])
    assert test.unpaired == pytest.approx(test.difference)
    assert test.unpaired_low < test.unpaired < test.unpaired_high
    assert (test.unit, test.family) == ("fraction of accuracy", 3)
    assert found["a", "c"].equivalent == 1.0
    assert found["a", "c"].p < 1e-6  # surely different, and by nothing that matters
    strict = paired_tests([result("a", good), result("c", near)], 10, rope=0.00001)
    assert strict[0].verdict == "first"
    for rope in (-0.1, np.nan, 2):
        with pytest.raises(InputError, match=r"rope: expected a number in \[0, 1\], got"):
            paired_tests([result("a", good), result("c", near)], 10, rope=rope)


def test_the_unpaired_difference_is_of_all_runs_and_needs_no_common_seed():
    first, second = result("a", [0.1, 0.2, 0.3], seeds=[0, 1, 2]), result("b", [0.3, 0.9], seeds=[8, 7])
    (test,) = paired_tests([first, second], 10)
    assert (test.runs, test.difference, test.low, test.first_better, test.correlation) == (0, None, None, None, None)
    assert (test.p, test.verdict) == (1.0, "undecided")
    assert test.unpaired == pytest.approx(-0.4)
    assert test.unpaired_low < -0.4 < test.unpaired_high


def test_where_every_run_found_the_best_the_interval_is_what_the_last_runs_lacked_before():
    """A point would say that no further run can miss the best."""
    late = replace(result("late", np.zeros(20)), mean=np.array([0.3, 0.1, 0.002, 0.001, *[0.0] * 6]))
    soon = replace(result("soon", np.zeros(20)), mean=np.array([0.3, 0.0004, *[0.0] * 8]))
    (test,) = paired_tests([late, soon], 10)
    low, high = mean_interval(np.zeros(20), 20 * 0.001)  # one of 20 runs lacked 0.02 after 4 queries
    assert (test.low, test.high) == pytest.approx((low, high))
    assert test.unpaired_high > test.high > 0
    assert test.verdict == "undecided"
    (never,) = paired_tests([result("a", np.zeros(20)), result("b", np.zeros(20))], 10)
    assert (never.low, never.high) == (0.0, 0.0)
    short = replace(late, checkpoints=(3, 10), regrets=np.array([[0.002, 0.0]] * 20))
    (apart,) = paired_tests([short, replace(soon, checkpoints=(3, 10), regrets=np.zeros((20, 2)))], 3)
    assert (apart.low, apart.high) == pytest.approx(mean_interval(np.full(20, 0.002), 0.002))


def test_regrets_that_are_no_numbers_and_algorithms_that_are_there_twice_are_refused():
    broken = [result("a", [0.1, np.nan, 0.2]), result("b", [0.1, 0.2, 0.2])]
    twice = [result("a", [0.1, 0.2]), result("a", [0.3, 0.2])]
    for compare in (paired_tests, average_ranks):
        with pytest.raises(
            InputError, match="regret of a on task, seed 1: expected a finite number, got nan; leave the"
        ):
            compare(broken, 10)
        with pytest.raises(InputError, match="results: expected one per algorithm and task, got two of a on task"):
            compare(twice, 10)


def test_runs_that_only_one_algorithm_finished_are_left_out():
    first, second = result("a", [0.1, 0.2, 0.3], seeds=[0, 1, 2]), result("b", [0.3, 0.9], seeds=[2, 7])
    (test,) = paired_tests([first, second], 10)
    assert (test.runs, test.difference, test.p) == (1, 0.0, 1.0)


def test_equal_runs_give_no_evidence_and_tasks_are_apart():
    same = [result("a", [0.0] * 5), result("b", [0.0] * 5), result("a", [0.0] * 5, "other")]
    found = paired_tests(same, 10)
    assert [(test.task, test.p, test.adjusted) for test in found] == [("task", 1.0, 1.0)]


def test_average_ranks_share_ties_and_sort_best_first():
    regrets = {"a": [0.1, 0.2, 0.5], "b": [0.1, 0.3, 0.4], "c": [0.9, 0.3, 0.6]}
    ranking = average_ranks([result(name, values) for name, values in regrets.items()], 10)
    assert ranking.algorithms == ("a", "b", "c")
    assert ranking.ranks == pytest.approx([(1.5 + 1 + 2) / 3, (1.5 + 2.5 + 1) / 3, (3 + 2.5 + 3) / 3])
    assert (ranking.blocks, ranking.title) == (3, "task")


@pytest.mark.parametrize(("count", "blocks", "q"), [(4, 14, 2.569), (10, 30, 3.164), (2, 20, 1.960)])
def test_the_critical_difference_is_demsars(count, blocks, q):
    """Critical values of Demšar 2006, Table 5 (a), to their three decimals."""
    rng = np.random.default_rng(0)
    ranking = average_ranks([result(str(k), rng.uniform(size=blocks)) for k in range(count)], 10)
    assert ranking.critical_difference == pytest.approx(q * math.sqrt(count * (count + 1) / (6 * blocks)), rel=3e-4)


def test_the_friedman_test_is_demsars():
    """Chi-squared of Demšar 2006, section 3.2.2, and the sign test for two."""
    from scipy.stats import chi2

    values = np.random.default_rng(1).uniform(size=(20, 4)) + np.array([0.0, 0.2, 0.4, 0.1])
    ranking = average_ranks([result(str(k), values[:, k]) for k in range(4)], 10)
    squares = sum(rank**2 for rank in ranking.ranks)
    assert ranking.p == pytest.approx(chi2.sf(12 * 20 / (4 * 5) * (squares - 4 * 25 / 4), 3))
    two = average_ranks([result("a", [0, 0, 0, 0, 0]), result("b", [1, 1, 1, 1, 1])], 10)
    assert two.p == pytest.approx(2 / 32)
    assert average_ranks([result("a", [0, 0]), result("b", [0, 0])], 10).p == 1


def test_friedmans_p_of_a_few_blocks_that_differ_is_that_of_their_orders():
    regrets = np.zeros((200, 3))
    regrets[[3, 50, 120], 1] = 0.01
    ranking = average_ranks([result(name, regrets[:, k]) for k, name in enumerate("abc")], 10)
    assert ranking.p == pytest.approx(3 / 27)  # the limit says .0498
    assert ranking.cliques == ((0, 2),)


def test_cliques_join_what_is_not_distinguished():
    regrets = np.arange(40)[:, None] * 0 + np.array([0.0, 1.0, 2.0, 3.0])
    regrets[::2, [0, 1]] = regrets[::2, [1, 0]]
    ranking = average_ranks([result(name, regrets[:, k]) for k, name in enumerate("abcd")], 10)
    assert ranking.ranks == (1.5, 1.5, 3.0, 4.0)
    assert 0 < ranking.critical_difference < 1
    assert ranking.cliques == ((0, 1),)


def test_a_seed_is_ranked_by_its_mean_rank_over_the_tasks():
    regrets = {
        "x": {"a": [0.1, 0.2, 0.3], "b": [0.2, 0.1, 0.4], "c": [0.3, 0.3, 0.1]},
        "y": {"a": [0.1, 0.2, 0.1], "b": [0.2, 0.9, 0.2], "c": [0.3, 0.3, 0.3]},
    }  # ranks of the third seed: 2, 3, 1 on x and 1, 2, 3 on y, in the mean 1.5, 2.5, 2
    results = [result(name, values, task) for task, of in regrets.items() for name, values in of.items()]
    ranking = average_ranks([*results, result("only x", [0.0] * 3, "x")], 10)
    assert (ranking.blocks, ranking.title, ranking.budget) == (3, "2 tasks", 10)
    assert dict(zip(ranking.algorithms, ranking.ranks, strict=True)) == pytest.approx({"a": 1, "b": 7 / 3, "c": 8 / 3})


def test_a_task_that_is_there_several_times_is_no_further_evidence():
    regrets = dict(zip("abc", np.random.default_rng(2).uniform(size=(3, 12)), strict=True))
    once, often = (
        average_ranks([result(name, regrets[name], task) for task in tasks for name in "abc"], 10, title="ranks")
        for tasks in (("x",), ("x", "y", "z", "u"))
    )
    assert once == often


def test_a_seed_counts_where_every_algorithm_finished_every_task():
    drawn = np.random.default_rng(2).uniform(size=(2, 2, 6))
    results = [result(name, drawn[i, j], task) for i, task in enumerate("xy") for j, name in enumerate("ab")]
    results[3] = result("b", drawn[1, 1][1:], "y", seeds=range(1, 6))
    assert average_ranks(results, 10).blocks == 5


def test_too_few_algorithms_runs_or_checkpoints_to_rank_are_refused():
    with pytest.raises(InputError, match="ranking: expected at least 2 algorithms on the same tasks, got 1"):
        average_ranks([result("a", [0.1, 0.2])], 10)
    with pytest.raises(InputError, match="ranking: expected at least 2 complete runs, got 1"):
        average_ranks([result("a", [0.1]), result("b", [0.2])], 10)
    with pytest.raises(InputError, match="checkpoint: expected one of 10, got 5"):
        average_ranks([result("a", [0.1, 0.2]), result("b", [0.2, 0.2])], 5)


def slow_attainment(fronts, x, share):
    """Highest y that at least a share of the runs attain together with x."""
    reached = sorted((max([b for a, b in front if a >= x], default=-math.inf) for front in fronts), reverse=True)
    return reached[max(math.ceil(share * len(fronts)), 1) - 1]


def test_attainment_is_what_a_share_of_the_runs_dominates():
    rng = np.random.default_rng(3)
    fronts = [rng.integers(0, 9, size=(size, 2)).astype(float) for size in (4, 1, 7, 3)] + [np.empty((0, 2))]
    shares = [0.2, 0.5, 0.75, 1.0]
    x, curves = attainment(fronts, shares)
    assert (np.diff(x) > 0).all()
    for share, curve in zip(shares, curves, strict=True):
        assert curve.tolist() == [slow_attainment(fronts, value, share) for value in x]
        assert (np.diff(curve[np.isfinite(curve)]) <= 0).all()
    assert not np.isfinite(curves[-1]).any()  # one run found nothing


@pytest.mark.parametrize(
    ("fronts", "shares", "text"),
    [
        ([], [0.5], "fronts: expected those of at least one run, got none"),
        ([[[1.0, 2.0]]], [0.0], r"share of the runs: expected a number in"),
        ([[[1.0, 2.0]]], [1.5], "share of the runs: expected a number in"),
        ([[[1.0, 2.0]]], [np.nan], "share of the runs: expected a number in"),
        ([[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]], [0.5], r"front of a run: expected shape \(points, 2\), got \(2, 3\)"),
        ([[1.0, 2.0]], [0.5], r"front of a run: expected shape \(points, 2\), got \(2,\)"),
        ([[[1.0, 2.0], [3.0]]], [0.5], r"front of a run: expected shape \(points, 2\), got \[\[1.0, 2.0\], \[3.0\]\]"),
        ([[[np.inf, 2.0]]], [0.5], "front of a run: expected points below infinity, got an infinite point"),
    ],
)
def test_fronts_without_runs_of_other_shapes_and_shares_of_nothing_are_refused(fronts, shares, text):
    with pytest.raises(InputError, match=text):
        attainment(fronts, shares)


def test_points_that_are_no_numbers_and_runs_without_points_attain_nothing():
    x, (curve,) = attainment([[[1.0, 2.0], [np.nan, 9.0], [3.0, -np.inf]], []], [0.5])
    assert (x.tolist(), curve.tolist()) == ([1.0], [2.0])
    x, curves = attainment([[], np.empty((0, 2))], [0.5, 1.0])
    assert (x.shape, curves.shape) == ((0,), (2, 0))

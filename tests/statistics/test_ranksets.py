"""Sets of ranks hold what they promise: for one architecture, for all at once, on average, and the best."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from robnas.benchmarks import Column, LocalNoise, Noise, Table, competition_ranks
from robnas.errors import InputError
from robnas.statistics import critical_values, rank_set, rank_sets, tied_with_best
from robnas.statistics._rank_critical import (
    all_against_all,
    bonferroni,
    each_against_all,
    one_against_all,
    stepdown_all,
)
from robnas.statistics._rank_posterior import Posterior, posterior

WHERE = {"dataset": "digits", "metric": "clean", "split": "test"}
SD = 0.01
KNOWN = 10**6
NOISE = Noise(SD, SD, groups=KNOWN, members=2 * KNOWN, source="seeds")


def rng(seed=0):
    return np.random.default_rng(seed)


def table(values):
    return Table("t", list(range(len(values))), [Column("digits", "test", "clean", np.reshape(values, (-1, 1)))])


def bounds(values, method, noise=NOISE, **options):
    return np.array([(s.low, s.high) for s in rank_sets(table(values), **WHERE, noise=noise, method=method, **options)])


def tie_range(truth):
    """Lowest and highest rank that true ties leave open."""
    return competition_ranks(truth), len(truth) + 1 - competition_ranks(-truth)


def draws(truth, count, seed=1):
    return [truth + error for error in rng(seed).normal(0, SD, (count, len(truth)))]


def test_a_marginal_set_keeps_its_level_for_one_architecture_and_not_for_all_at_once():
    """Equal means, 50 of them: exactly 95 % for one; all together about half, with the best of the draw among them."""
    found = np.array([bounds(values, "marginal") for values in draws(np.full(50, 0.5), 300)])
    whole = (found == [1, 50]).all(axis=2)
    assert whole[:, 0].mean() == pytest.approx(0.95, abs=0.03)
    assert 0.4 < whole.all(axis=1).mean() < 0.65


@pytest.mark.parametrize("clusters", [1, 2])
def test_simultaneous_sets_keep_their_level_for_all_at_once(clusters):
    """Equal means, and two clusters far apart, where nothing is left to spare."""
    truth = 0.3 + 0.2 * (np.arange(8) % clusters)
    low, high = tie_range(truth)
    held = []
    for values in draws(truth, 80, seed=2):
        found = bounds(values, "simultaneous")
        held.append(((found[:, 0] <= low) & (found[:, 1] >= high)).all())
    assert np.mean(held) >= 0.91
    assert np.mean(held) < 1 or clusters == 2


def test_stepwise_sets_keep_their_level_and_are_never_wider():
    """Two clusters far apart: the other one is decided, so that less is tested."""
    truth = 0.3 + 0.2 * (np.arange(20) % 2)
    held, narrower = [], 0
    for values in draws(truth, 60, seed=3):
        one, step = (
            rank_set(table(values), table(values).architectures[0], **WHERE, noise=NOISE, method=method)
            for method in ("marginal", "stepwise")
        )
        assert one.low <= step.low
        assert step.high <= one.high
        held.append(step.low <= 11 and step.high == 20)  # of the lower cluster
        narrower += (step.low, step.high) != (one.low, one.high)
    assert np.mean(held) >= 0.92
    spread = rng(4).uniform(0.2, 0.8, 60)
    widths = [np.ptp(bounds(spread, method), axis=1).sum() for method in ("marginal", "stepwise")]
    assert widths[1] < widths[0]


def test_where_neighbours_are_close_confidence_sets_hold_nearly_always_and_posteriors_as_often_as_they_say():
    """Normal means: the confidence sets cover far more than 95 %, those of empirical Bayes 95 % and half as wide."""
    truth = rng(5).normal(0.5, 4 * SD, 600)
    low, high = tie_range(truth)
    held, width = {}, {}
    for method in ("marginal", "bayes"):
        found = np.array([bounds(values, method) for values in draws(truth, 5, seed=6)])
        held[method] = ((found[..., 0] <= low) & (found[..., 1] >= high)).mean()
        width[method] = np.diff(found, axis=2).mean()
    assert held["marginal"] > 0.995
    assert held["bayes"] == pytest.approx(0.95, abs=0.02)
    assert width["bayes"] < 0.55 * width["marginal"]


def test_posterior_sets_hold_on_average_where_the_noise_changes_with_the_value():
    """Noise that falls with the accuracy, which `LocalNoise` knows."""
    level = np.linspace(0.2, 0.9, 300)
    noise = LocalNoise(level, (0.03 - 0.027 * (level - 0.2) / 0.7) ** 2, 100, KNOWN, 300, 600, "seeds")
    truth = rng(7).uniform(0.3, 0.8, 500)
    low, high = tie_range(truth)
    held = []
    for _ in range(4):
        values = truth + rng(len(held)).normal(size=500) * noise.run_sd_at(truth)
        found = bounds(values, "bayes", noise)
        held.append(((found[:, 0] <= low) & (found[:, 1] >= high)).mean())
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize("method", ["marginal", "bayes"])
def test_the_set_of_those_that_may_be_the_best_holds_it(method):
    """Normal means. That of empirical Bayes is smaller."""
    truth = rng(8).normal(0.5, 2 * SD, 200)
    best, held, size = int(truth.argmax()), [], []
    for values in draws(truth, 40, seed=9):
        tied = [arch.index for arch, _ in tied_with_best(table(values), **WHERE, noise=NOISE, method=method)]
        held.append(best in tied)
        size.append(len(tied))
    assert np.mean(held) >= 0.9
    assert np.mean(size) < {"marginal": 80, "bayes": 45}[method]


def test_heavy_tails_are_not_allowed_for():
    """Student's t with 3 degrees of freedom, means within two standard deviations: the best is often not covered."""
    truth, held = rng(10).normal(0.5, 2 * SD, 3000), []
    best = int(truth.argmax())
    for error in rng(11).standard_t(3, (60, 3000)) / np.sqrt(3) * SD:
        values = table(truth + error)
        held.append(rank_set(values, values.architectures[best], **WHERE, noise=NOISE).low == 1)
    assert 0.3 < np.mean(held) < 0.85


def test_the_largest_of_all_differences_is_the_studentised_range():
    for count, degrees in ((3, 10), (20, 60), (50, KNOWN)):
        expected = stats.studentized_range.ppf(0.95, count, min(degrees, 10**5)) / np.sqrt(2)
        assert all_against_all(count, degrees, 0.95) == pytest.approx(expected, abs=2e-3)


def test_stepdown_of_all_is_that_of_brute_force():
    """Of the differences that are not decided, with unequal variances; nothing decided gives no more than Tukey's."""
    values, sd = np.array([0.1, 0.1, 0.5, 0.51, 0.52, 0.9]), np.array([1, 2, 1, 3, 1, 1]) * 0.01
    found = stepdown_all(values, sd**2, KNOWN, 0.95)
    spread = np.sqrt(sd[:, None] ** 2 + sd**2)
    open_ = (values[:, None] - values <= found * spread) & ~np.eye(6, dtype=bool)
    error = rng(12).normal(size=(100_000, 6)) * sd
    largest = ((error[:, :, None] - error[:, None]) / np.where(open_, spread, np.inf)).max(axis=(1, 2))
    assert found == pytest.approx(np.quantile(largest, 0.95), abs=0.05)
    assert stepdown_all(np.zeros(40), np.ones(40), KNOWN, 0.95) <= all_against_all(40, KNOWN, 0.95)


def test_extreme_values_are_enough_to_find_the_largest_difference():
    """400 values, of which it is looked for among 128: as if all were looked at."""
    assert stepdown_all(np.zeros(400), np.ones(400), KNOWN, 0.95) == pytest.approx(
        all_against_all(400, KNOWN, 0.95), abs=0.06
    )


def fine_quadrature(own, others, degrees, critical):
    """P(all |X_j − X_0| ≤ critical·s·√(v_j + v_0)), s² ~ χ²/ν, by brute force."""
    z, scales = np.linspace(-8, 8, 2001), np.sqrt(stats.chi2.ppf((np.arange(400) + 0.5) / 400, degrees) / degrees)
    inside = []
    for scale in scales:
        shift, margin = z * np.sqrt(own), critical * scale * np.sqrt(others[:, None] + own)
        below, above = ((shift + side * margin) / np.sqrt(others[:, None]) for side in (-1, 1))
        inside.append(
            np.trapezoid(np.prod(stats.norm.cdf(above) - stats.norm.cdf(below), axis=0) * stats.norm.pdf(z), z)
        )
    return np.mean(inside)


@pytest.mark.parametrize(("own", "degrees"), [(1.0, 20), (0.05, 150), (4.0, 600)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_critical_values_are_those_of_a_finer_quadrature(own, degrees, level):
    others = np.array([0.05, 0.3, 0.3, 1.0, 2.0, 4.0])
    found = one_against_all(own, np.append(others, own), degrees, level)
    assert fine_quadrature(own, others, degrees, found) == pytest.approx(level, abs=1e-3)


def test_one_architecture_in_turn_is_each_of_all():
    variance = rng(4).choice([0.1, 1.0, 3.0], 40)
    each = each_against_all(variance, variance, 50, 0.95)
    assert each.tolist() == [one_against_all(own, variance, 50, 0.95) for own in variance]
    assert len(each_against_all(variance[:0], variance, 50, 0.95)) == 0


def test_the_bound_that_saves_comparisons_with_the_best_is_one():
    for degrees in (3, 50, KNOWN):
        exact = one_against_all(1.0, np.ones(30), degrees, 0.95, worse=True)
        assert exact <= bonferroni(30, degrees, 0.95) * (1 + 1e-3)


def test_critical_values_of_what_is_still_tested_are_those_of_simulation():
    better, worse = np.arange(30) < 10, np.arange(30) >= 20
    error = rng(13).normal(size=(100_000, 30))
    ratio = (error[:, 1:] - error[:, :1]) / np.sqrt(2)
    higher = np.where(better[1:], -np.inf, ratio).max(axis=1)
    lower = np.where(worse[1:], -np.inf, -ratio).max(axis=1)
    better, worse = better[1:], worse[1:]
    found = one_against_all(1.0, np.ones(30), KNOWN, 0.95, np.append(False, better), np.append(False, worse))
    assert found == pytest.approx(np.quantile(np.maximum(higher, lower), 0.95), abs=0.02)


def small_posterior():
    """Three rows on four points."""
    mass = np.array([[0.5, 0.5, 0, 0], [0.1, 0.4, 0.4, 0.1], [0, 0, 0.3, 0.7]])
    return Posterior(np.arange(4.0), np.zeros(3, dtype=np.intp), mass)


def test_the_probability_to_be_the_best_is_that_of_enumeration():
    """Those that tie share it: exactly for two, three are shared out with a quarter each instead of a third."""
    found, expected = small_posterior(), np.zeros(3)
    for points in itertools.product(range(4), repeat=3):
        chance = np.prod([found.mass[row, point] for row, point in enumerate(points)])
        expected += chance * (np.array(points) == max(points)) / (np.array(points) == max(points)).sum()
    assert found.best() == pytest.approx(expected, abs=0.005)


def test_points_stand_for_what_lies_around_them():
    """So no means are equal: drawn ones, anywhere between points, are the best as often as is said."""
    values = rng(20).normal(0.5, 2 * SD, 10)
    found = posterior(values, np.ones(10, dtype=int), NOISE)
    cumulated = np.cumsum(found.mass, axis=1)[:, None]
    point = found.start[:, None] + (cumulated < rng(21).uniform(size=(10, 20_000, 1))).sum(axis=2)
    drawn = point + rng(22).uniform(-0.5, 0.5, point.shape)
    best = np.bincount(drawn.argmax(axis=0), minlength=10) / 20_000
    assert found.best() == pytest.approx(best, abs=0.015)


def test_posterior_ranks_are_those_of_drawn_means():
    """Of 1,000 draws from the posterior of all means, 5 % of the ranks lie below the 90 % set, and 5 % above it."""
    values = rng(14).normal(0.5, 3 * SD, 100)
    found = posterior(values, np.ones(100, dtype=int), NOISE)
    low, high = found.ranks(np.arange(100), 0.9)
    cumulated = np.cumsum(found.mass, axis=1)
    drawn = [
        found.points[found.start + (cumulated < u[:, None]).sum(axis=1)] for u in rng(15).uniform(size=(1000, 100))
    ]
    first, last = np.array([tie_range(means) for means in drawn]).transpose(1, 0, 2)
    below, above = (first < low).mean(axis=0), (last > high).mean(axis=0)
    assert max(below.max(), above.max()) < 0.08
    assert min((first <= low).mean(axis=0).min(), (last >= high).mean(axis=0).min()) > 0.015
    inner = (values > np.quantile(values, 0.2)) & (values < np.quantile(values, 0.8))
    assert below[inner].mean() == pytest.approx(0.04, abs=0.015)


def test_the_prior_is_found_again():
    """Two clusters: half of the mass at either one, little between."""
    truth = np.where(rng(16).uniform(size=2000) < 0.3, 0.4, 0.6)
    found = posterior(truth + rng(17).normal(0, SD, 2000), np.ones(2000, dtype=int), NOISE)
    mass = np.zeros(len(found.points))
    np.add.at(mass, found.start[:, None] + np.arange(found.mass.shape[1]), found.mass / 2000)
    assert mass[found.points < 0.5].sum() == pytest.approx(0.3, abs=0.03)
    assert mass[np.abs(found.points - 0.5) < 0.08].sum() < 0.02


@dataclass(frozen=True)
class Anything:
    """A noise that is neither of the two."""

    degrees: int = KNOWN

    def run_sd_at(self, values):
        return np.where(np.asarray(values) > 0.5, 0.002, 0.02)


@pytest.mark.parametrize("method", ["marginal", "stepwise", "simultaneous", "bayes"])
def test_any_noise_will_do_and_all_sets_hold_the_own_rank(method):
    values = rng(18).uniform(0.3, 0.7, 30)
    for noise in (Anything(), NOISE, Anything(degrees=7)):
        found = bounds(values, method, noise)
        rank = competition_ranks(values)
        assert ((found[:, 0] <= rank) & (rank <= found[:, 1])).all()
    narrow, wide = np.ptp(bounds(values, method, Anything()), axis=1)[[values.argmax(), values.argmin()]]
    assert narrow < wide


@pytest.mark.parametrize("method", ["marginal", "stepwise", "simultaneous", "bayes"])
def test_without_noise_ranks_are_certain_and_equal_values_share_theirs(method):
    none = Noise(0.0, 0.0, groups=5, members=10, source="seeds")
    assert bounds([0.9, 0.5, 0.7, 0.5], method, none).tolist() == [[1, 1], [3, 4], [2, 2], [3, 4]]
    assert bounds([0.5, 0.5, 0.5], method).tolist() == [[1, 3]] * 3


def test_rows_without_a_value_do_not_count_and_runs_do():
    """One run or nine behind a value: the set of what was trained more often is narrower, with every method."""
    runs = np.full((40, 9), np.nan)
    runs[:] = np.linspace(0.4, 0.6, 40)[:, None]
    runs[::2, 1:], runs[5] = np.nan, np.nan
    made = Table("t", list(range(40)), [Column("digits", "test", "clean", runs, tuple(range(9)))])
    for method in ("marginal", "stepwise", "simultaneous", "bayes"):
        found = {s.architecture.index: s for s in rank_sets(made, **WHERE, noise=NOISE, method=method)}
        assert len(found) == 39
        assert {s.count for s in found.values()} == {39}
        assert found[21].high - found[21].low < found[20].high - found[20].low


def test_a_set_says_how_it_was_made_and_what_it_promises():
    made, said = table(np.linspace(0.4, 0.6, 9)), {}
    for method in ("marginal", "stepwise", "simultaneous", "bayes"):
        found = rank_set(made, made.architectures[3], **WHERE, noise=NOISE, method=method, level=0.9)
        assert found.method == method
        said[method] = found.guarantee
    assert said == {
        "marginal": "at least 90 %, for one architecture",
        "stepwise": "at least 90 %, for one architecture",
        "simultaneous": "at least 90 %, for all at once",
        "bayes": "about 90 %, on average over architectures",
    }


def test_sets_of_several_are_those_of_each():
    made = table(rng(19).uniform(0.4, 0.6, 30))
    several = rank_sets(made, made.architectures[::7], **WHERE, noise=NOISE)
    assert several == [rank_set(made, arch, **WHERE, noise=NOISE) for arch in made.architectures[::7]]
    told = []
    rank_sets(made, **WHERE, noise=NOISE, progress=lambda *said: told.append(said))
    assert told[-1][1:] == (30, "ranks")


MADE = table([0.5, 0.6])
LOCAL = LocalNoise(np.array([0.5]), np.array([1e-4]), 1, 5, 1, 2, "seeds")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda **o: rank_set(MADE, MADE.architectures[0], **o), {"method": "best"}),
        (lambda **o: rank_sets(MADE, **o), {"method": None}),
        (lambda **o: tied_with_best(MADE, **o), {"method": "simultaneous"}),
    ],
)
def test_unknown_methods_are_refused(call, text):
    with pytest.raises(InputError, match=r"method: expected one of marginal, .*bayes, got"):
        call(**WHERE, noise=NOISE, **text)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"level": 95}, r"confidence level: expected a number in \[0.5, 0.9999\], got 95"),
        ({"level": -1}, r"confidence level: expected a number in \[0.5, 0.9999\], got -1"),
        ({"level": np.nan}, "confidence level: expected a number in"),
        ({"level": "95 %"}, "confidence level: expected a number in .*, got '95 %'"),
        ({"level": None}, "confidence level: expected a number in .*, got None"),
        ({"level": True}, "confidence level: expected a number in .*, got True"),
        ({"noise": "local"}, "noise: expected Table.noise, Table.local_noise or one like them, got 'local'"),
        ({"noise": 0.01}, "noise: expected Table.noise"),
        ({"noise": Noise(-1.0, -1.0, 1, 2, "seeds")}, "noise: expected a finite number of at least 0, got -1"),
        ({"noise": Noise(np.nan, np.nan, 1, 2, "seeds")}, "noise: expected a finite number of at least 0, got nan"),
        ({"noise": Noise(0.1, 0.1, 2, 2, "seeds")}, "degrees of freedom of the noise: expected at least 1, got 0"),
    ],
)
@pytest.mark.parametrize("function", [rank_sets, tied_with_best, critical_values])
def test_bad_levels_and_noises_are_one_line(function, options, text):
    with pytest.raises(InputError, match=text) as caught:
        function(MADE, **WHERE, **({"noise": NOISE} | options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("noise", [NOISE, LOCAL, None])
def test_critical_values_are_all_that_a_set_is_made_of(noise):
    variance, critical = critical_values(MADE, **WHERE, noise=noise)
    values = MADE.values(**WHERE)
    for row, found in enumerate(rank_sets(MADE, **WHERE, noise=noise)):
        margin = critical[row] * np.sqrt(variance + variance[row])
        assert found.low == 1 + (values > values[row] + margin).sum()
        assert found.high == len(values) - (values < values[row] - margin).sum()


def test_values_parted_by_rounding_have_one_set_and_are_returned_as_they_are():
    """As published means went through 32-bit floats: 0.5 and 3e-8 beside it are one count of right answers."""
    values = np.array([0.3, 0.5, 0.5 + 3e-8, 0.5 - 3e-8, 0.7])
    margin = one_against_all(SD**2, np.full(6, SD**2), KNOWN, 0.95) * SD * np.sqrt(2)
    values = np.append(values, np.round(0.5 + margin, 3))
    found = rank_sets(table(values), **WHERE, noise=NOISE)
    assert len({(one.low, one.high) for one in found[1:4]}) == 1
    assert [one.value for one in found] == values.tolist()
    assert tied_with_best(table(values), **WHERE, noise=NOISE)[0][1] == 0.7


def test_one_architecture_has_no_rank_among_others():
    with pytest.raises(InputError, match="ranking: expected at least 2 architectures, got 1"):
        rank_sets(table([0.5]), **WHERE, noise=NOISE)
    assert rank_sets(MADE, [], **WHERE, noise=NOISE) == []

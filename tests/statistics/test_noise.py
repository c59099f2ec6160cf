"""The noise of a training: its interval holds what it promises, where noise differs between networks, too."""

import numpy as np
import pytest
from scipy.stats import chi2

from robnas._binomial import binomial_error
from robnas.benchmarks import Column, Noise, Repeats, Table
from robnas.statistics import data_quality, shown_noise
from tests.statistics.test_tables import twins

WHERE = {"dataset": "d", "metric": "clean", "split": "test"}
LOUD = 138.0  # times the variance of the others, of 10 networks of 641: they hold 68 % of the sum of squares


def trained(rng, groups, variance):
    """Networks trained 2 to 5 times, with their variances."""
    degrees = rng.integers(1, 5, groups)
    return Repeats(variance * rng.chisquare(degrees), degrees.astype(float))


@pytest.mark.parametrize(
    ("groups", "loud", "draws", "least"),
    [(10, 0, 200, 0.9), (80, 0, 200, 0.92), (400, 10 / 641, 100, 0.9)],
)
def test_the_interval_of_the_pooled_noise_holds_the_truth(groups, loud, draws, least):
    """95 % of the draws of networks; χ², which takes the noise to be equal for all, holds it in a fifth of them."""
    rng, held, naive = np.random.default_rng(1), 0, 0
    truth = 1e-6 * (1 + loud * (LOUD - 1))
    for _ in range(draws):
        found = trained(rng, groups, 1e-6 * np.where(rng.random(groups) < loud, LOUD, 1.0))
        low, high = found.interval()
        held += low <= truth**0.5 <= high
        ends = found.squares.sum() / chi2.ppf([0.975, 0.025], found.degrees.sum())
        naive += ends[0] <= truth <= ends[1]
    assert held >= least * draws
    assert (naive < 0.4 * draws) == (loud > 0)


def test_the_ends_of_the_interval_are_those_of_a_bootstrap_written_out():
    """Against the definition with as many draws of its own, one resample at a time."""
    rng = np.random.default_rng(2)
    found = trained(rng, 60, np.exp(rng.normal(0, 1, 60)) * 1e-6)

    def measured(squares, degrees):
        variance = squares.sum() / degrees.sum()
        return np.log(variance), np.sqrt(((squares - variance * degrees) ** 2).sum()) / squares.sum()

    own, error = measured(found.squares, found.degrees)
    scores = []
    for _ in range(4000):
        chosen = rng.integers(60, size=60)
        value, its = measured(found.squares[chosen], found.degrees[chosen])
        scores.append((value - own) / its)
    expected = np.exp((own - error * np.quantile(scores, [0.975, 0.025])) / 2)
    assert found.interval() == pytest.approx(expected, rel=0.06)
    assert found.interval() == found.interval()  # the draws are the same


def test_many_networks_are_drawn_in_bundles_and_known_as_well():
    many = trained(np.random.default_rng(6), 15_625, 1e-6)
    low, high = many.interval()
    error = (2 / many.degrees.sum()) ** 0.5 / 2  # of the logarithm of the standard deviation, for normal noise
    assert (low, high) == pytest.approx(many.variance**0.5 * np.exp(1.96 * error * np.array([-1, 1])), rel=0.003)


def test_few_networks_have_the_interval_of_equal_normal_noise():
    found = Repeats(np.array([2e-4, 1e-4, 5e-4]), np.array([4.0, 2.0, 3.0]))
    expected = np.sqrt(8e-4 / chi2.ppf([0.975, 0.025], 9))
    assert found.interval() == pytest.approx(expected)
    wide = found.interval(0.99)
    assert wide[0] < expected[0] < expected[1] < wide[1]


def test_intervals_of_what_does_not_differ_and_of_what_is_not_known():
    assert Repeats(np.zeros(30), np.ones(30)).interval() == (0.0, 0.0)
    assert np.isnan(Noise(0.01, 0.01, 10, 30, "seeds").interval).all()
    one = np.zeros(30)
    one[3] = 1e-4
    low, high = Repeats(one, np.ones(30)).interval()  # all that differs is one network
    assert low <= (1e-4 / 30) ** 0.5 < high == 0.5
    same = Repeats(np.full(30, 1e-4), np.ones(30))  # as if all had one variance: then χ² knows more than they do
    assert same.interval() == pytest.approx(np.sqrt(3e-3 / chi2.ppf([0.975, 0.025], 30)))


def curved(rng, count=320):
    """Three seeds, noise that falls from 2 points at the bottom to 0.2 at the top."""
    share = np.arange(count) / count
    values = 0.3 + 0.4 * share[:, None] + rng.normal(size=(count, 3)) * 0.02 * 0.1 ** share[:, None]
    return Table("t", range(count), [Column("d", "test", "clean", values, (0, 1, 2))])


def test_the_interval_of_the_local_noise_holds_that_of_the_middle():
    rng, held = np.random.default_rng(3), 0
    for _ in range(100):
        table = curved(rng)
        low, high = shown_noise(table, table.columns[0]).interval_at(0.5)
        held += low <= 0.02 * 0.1**0.5 <= high
    assert held >= 90


def test_at_the_ends_the_local_noise_is_that_of_a_window_to_one_side():
    """So it is too large for the best where noise falls with the accuracy, by up to a third, and not too small."""
    table = curved(np.random.default_rng(4), 3000)
    noise = shown_noise(table, table.columns[0])
    assert noise.kind == "local"
    assert 1.0 < float(noise.run_sd_at(0.7)) / 0.002 < 1.3


def test_networks_that_did_not_differ_are_not_taken_for_certain():
    """40 of 120 get every image wrong with every seed: one of their twins that gets a few right is no outlier."""
    share = np.repeat(np.maximum(np.arange(60) - 20, 0) / 90, 2)[:, None]
    runs = np.where(share > 0, share + np.random.default_rng(7).normal(0, 0.002, (120, 3)), 0.0)
    runs[1] = [0.002, 0.0, 0.002]
    table = Table("t", twins(60, 2), [Column("d", "test", "pgd@8/255", np.clip(runs, 0, 1), (0, 1, 2))])
    noise = shown_noise(table, table.columns[0])
    assert noise.kind == "local"
    assert (noise.run_sd_at(np.linspace(0, 1, 101)) > 0.0005).all()
    assert noise.interval_at(0.0)[0] > 0
    assert data_quality(table) == []


def test_where_nearly_all_networks_are_constant_the_noise_is_pooled():
    values = 0.1 + np.random.default_rng(8).normal(0, 0.01, (100, 2))
    clean = Column("d", "test", "clean", values, (0, 1), facts={"num_classes": 10})
    attacked = Column("d", "test", "pgd@8/255", values, (0, 1))
    for live in (0, 20):
        robust = np.where(np.arange(100)[:, None] < live, values / 2, attacked.values)
        table = Table("t", range(100), [clean, Column("d", "test", "pgd@8/255", robust, (0, 1))])
        found = shown_noise(table, table.columns[0])
        assert (found.kind, found.groups) == ("pooled", 100)


def test_an_error_from_images_covers_at_the_ends_of_the_scale():
    """How often value ± error holds the truth: a binomial error of 0 never would where none of the images is right."""
    for images in (16, 100):
        for share in (0.5 / images, 1 / images, 0.1, 0.5, 1 - 0.5 / images):
            value = np.random.default_rng(5).binomial(images, share, 4000) / images
            held = np.abs(value - share) <= binomial_error(value, images) + 1e-12
            assert held.mean() > 0.5
    assert binomial_error(0.0, 16) == pytest.approx(np.sqrt(1 / 18 * 17 / 18 / 16))
    assert binomial_error(1.0, 16) == pytest.approx(binomial_error(0.0, 16))
    assert binomial_error(0.25, 400) == np.sqrt(0.25 * 0.75 / 400)
    assert np.isnan(binomial_error(np.nan, 16))


def test_values_that_rounding_tells_apart_have_no_noise():
    """The mean of three equal numbers may be another one: no twin is an outlier by that, and no set of ranks known."""
    values = np.repeat(np.random.default_rng(9).uniform(0.4, 0.6, (100, 1)), 3, axis=1)
    table = Table("t", twins(50, 2), [Column("d", "test", "clean", values, (0, 1, 2))])
    assert table.noise(**WHERE).run_sd == 0
    assert shown_noise(table, table.columns[0]) is None
    assert data_quality(table) == []
    values[:40] = 0.1 + 0.1 / 3  # more than a window, and the others differ
    values[40:] += np.random.default_rng(10).normal(0, 0.01, (60, 3))
    table = Table("t", range(100), [Column("d", "test", "clean", values, (0, 1, 2))])
    assert (shown_noise(table, table.columns[0]).run_sd_at([0.1, 0.5]) > 1e-3).all()


def test_networks_that_are_the_same_and_share_their_seeds_are_drawn_together():
    """60 networks in 120 rows, trained with the same three seeds, tell no more than 60 rows."""
    rng, rows, held, naive = np.random.default_rng(11), twins(60, 2), 0, 0
    truth = 0.01 * np.exp(0.3**2)  # root of the mean variance
    for _ in range(100):
        noise = rng.normal(0, 0.01 * np.exp(rng.normal(0, 0.3, 60))[:, None], (60, 3))
        table = Table("t", rows, [Column("d", "test", "clean", 0.5 + np.repeat(noise, 2, axis=0), (0, 1, 2))])
        found = table.noise(**WHERE).repeats
        ends = [given.interval() for given in (found, Repeats(found.squares, found.degrees))]
        held, naive = (count + (low <= truth <= high) for count, (low, high) in zip((held, naive), ends, strict=True))
    assert held >= 90
    assert naive <= 85


def test_rounding_is_no_attack_that_leaves_more():
    values = np.full((20, 2), 0.3)
    attacked = np.full((20, 2), 0.1 + 0.2)  # larger by the last bit
    columns = [Column("d", "test", "clean", values, (0, 1)), Column("d", "test", "pgd@8/255", attacked, (0, 1))]
    assert data_quality(Table("t", range(20), columns)) == []

import itertools
import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from robnas.statistics import CHOICES, Best, regret_interval


def top_by_hand(score, accuracy, share):
    """Sorted by accuracy; with the last one all that are as accurate; a missing score below the others."""
    order = sorted(range(len(accuracy)), key=lambda place: -accuracy[place])
    last = accuracy[order[math.ceil(share * len(order) - 1e-9) - 1]]
    chosen = [place for place in order if accuracy[place] >= last]
    low = -1e9
    return spearmanr([low if np.isnan(score[p]) else score[p] for p in chosen], [accuracy[p] for p in chosen]).statistic


def regret_by_hand(score, accuracy, first):
    """Mean over all orders that the score leaves open, by enumeration of who is chosen among those that tie."""
    if first >= len(accuracy):
        return 0.0
    filled = np.where(np.isnan(score), -np.inf, score)
    cut = np.sort(filled)[::-1][first - 1]
    sure, tied = accuracy[filled > cut], accuracy[filled == cut]
    choices = itertools.combinations(tied, first - len(sure))
    return accuracy.max() - np.mean([max([*sure, *choice]) for choice in choices])


@pytest.mark.filterwarnings("ignore:An input array is constant")
@pytest.mark.parametrize("seed", range(40))
def test_figures_about_the_best_are_those_of_enumeration(seed):
    """With ties in score and accuracy and missing scores, for the sample and a resample."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(4, 13))
    accuracy, score = rng.integers(0, 6, size).astype(float), rng.integers(0, 4, size).astype(float)
    score[rng.random(size) < 0.2] = np.nan
    index = np.stack([np.arange(size), rng.integers(0, size, size)])
    best = Best(accuracy, index)
    for first in (1, 2, 5, 20):
        halves = [index[0], index[1][: (size + 1) // 2]]
        wanted = [regret_by_hand(score[rows], accuracy[rows], first) for rows in halves]
        np.testing.assert_allclose(best.regret(score, first), wanted, atol=1e-12)
    for share in (0.5, 0.9):
        wanted = [top_by_hand(score[rows], accuracy[rows], share) for rows in index]
        np.testing.assert_allclose(best.spearman(score, share), wanted, atol=1e-12)


def test_the_best_are_the_most_accurate_and_ties_with_the_last_belong_to_them():
    accuracy = np.array([0.9, 0.8, 0.8, 0.8, 0.1, 0.1])
    best = Best(accuracy, np.arange(6)[None])
    assert best.count(1 / 6) == 1
    assert best.count(0.5) == best.count(0.4) == best.count(1 / 3) == 4
    assert best.count(1.0) == 6
    assert Best(np.arange(30.0), np.arange(30)[None]).count(0.1) == 3  # not 4 for 0.1 · 30 = 3.0000000000000004
    assert np.isnan(best.spearman(accuracy, 1 / 6)).all()
    assert best.spearman(accuracy, 0.5)[0] == pytest.approx(1)


def test_a_missing_score_is_chosen_last():
    accuracy, score = np.array([0.9, 0.5, 0.7, 0.6]), np.array([np.nan, 1.0, 0.0, -5.0])
    best = Best(accuracy, np.arange(4)[None])
    assert [best.regret(score, first)[0] for first in (1, 2, 3, 4)] == pytest.approx([0.4, 0.2, 0.2, 0.0])
    assert best.regret(np.full(4, np.nan), 1)[0] == pytest.approx(0.9 - accuracy.mean())  # any is as good


def test_many_architectures_give_what_few_give_one_by_one():
    """The order by score is cut off where no resample chooses; scores that tie are not cut apart."""
    rng = np.random.default_rng(0)
    accuracy, score = rng.random(800), rng.integers(0, 9, 800).astype(float)
    index = np.stack([np.arange(800), rng.integers(0, 800, 800), np.full(800, 3)])
    halves = [index[0], index[1, :400], index[2]]
    for first in CHOICES:
        found = Best(accuracy, index).regret(score, first)
        top = [accuracy[rows][score[rows] == score[rows].max()] for rows in halves]
        one = [accuracy[rows].max() - values.mean() for rows, values in zip(halves, top, strict=True)]
        if first == 1:
            np.testing.assert_allclose(found, one, atol=1e-12)
        assert (found >= 0).all()
        assert found[2] == pytest.approx(0, abs=1e-12)


def test_the_interval_of_a_regret_reaches_to_it():
    """One of a hundred is good, and it is the eleventh by score: half of them find it among ten more often than not."""
    accuracy, rng = np.linspace(0.2, 0.3, 100), np.random.default_rng(0)
    accuracy[89] = 0.9
    index = np.concatenate([[np.arange(100)], rng.integers(0, 100, (400, 100))])
    found = Best(accuracy, index).regret(np.arange(100.0), 10)
    interval = regret_interval(found, 100)
    assert interval.value == pytest.approx(0.6)
    assert interval.low <= interval.value <= interval.high
    assert np.isnan(regret_interval(found, 9).high)

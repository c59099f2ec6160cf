import numpy as np
import pytest
from scipy.stats import spearmanr

from robnas.errors import InputError
from robnas.statistics import beta_orders

BETAS = (0.0, 0.5, 1.0)
COUNT = 40


def found(scores, truth, *, pairs=(("term", "clean"),), rivals=None, parameters=None):
    size = np.random.default_rng(9).integers(1, 9, COUNT) if parameters is None else parameters
    rng = np.random.default_rng(0)
    return beta_orders(BETAS[: len(truth["clean"])], scores, truth, size, pairs, rivals or {}, rng=rng)


def columns(seed=1):
    rng = np.random.default_rng(seed)
    truth = rng.random((3, COUNT))
    return truth, truth + rng.normal(0, [[0.1], [0.3], [3.0]], (3, COUNT)), rng.random(COUNT)


def test_every_beta_has_its_own_order_and_its_own_gain():
    truth, score, rival = columns()
    size = np.random.default_rng(9).integers(1, 9, COUNT).astype(float)
    orders = found({"term": score}, {"clean": truth}, rivals={"term": rival}, parameters=size)
    assert [(one.score, one.metric, one.beta) for one in orders] == [("term", "clean", beta) for beta in BETAS]
    for one, values, wanted in zip(orders, score, truth, strict=True):
        xy, xz, yz = (spearmanr(*pair).statistic for pair in ((values, wanted), (values, size), (wanted, size)))
        assert one.spearman.value == pytest.approx(xy)
        assert one.given_parameters.value == pytest.approx((xy - xz * yz) / ((1 - xz**2) * (1 - yz**2)) ** 0.5)
        assert one.gain.value == pytest.approx(xy - spearmanr(rival, wanted).statistic)
        assert one.spearman.low < xy < one.spearman.high
        assert one.gain.level == pytest.approx(1 - 0.05 / 3)  # of three at once
    assert [one.better for one in orders] == ["yes", "yes", "open"]
    assert found({"term": rival[None].repeat(3, 0)}, {"clean": truth}, rivals={"term": score[0]})[0].better == "no"


def test_a_score_that_is_its_own_rival_gains_nothing():
    truth, score, _ = columns()
    first = found({"term": score[:1]}, {"clean": truth[:1]}, rivals={"term": score[0]})[0]
    assert (first.gain.value, first.gain.low, first.gain.high, first.better) == (0, 0, 0, "open")
    assert found({"term": score}, {"clean": truth})[0].better == ""  # no rival


def test_a_singular_kernel_ranks_below_all_and_is_counted():
    truth, score, rival = columns()
    score[0, :2], rival[:2] = -np.inf, np.nan
    one = found({"term": score}, {"clean": truth}, rivals={"term": rival})[0]
    lowest = np.where(np.isfinite(score[0]), score[0], score[0][2:].min() - 1)
    assert one.missing == 2
    assert one.spearman.value == pytest.approx(spearmanr(lowest, truth[0]).statistic)
    assert one.spearman.count == COUNT


def test_failed_trainings_are_left_out_at_their_beta():
    truth, score, _ = columns()
    truth[1, :3] = np.nan
    orders = found({"term": score}, {"clean": truth})
    assert [one.spearman.count for one in orders] == [COUNT, COUNT - 3, COUNT]
    assert orders[1].spearman.value == pytest.approx(spearmanr(score[1, 3:], truth[1, 3:]).statistic)


def test_unknown_parameters_leave_the_partial_correlation_out():
    truth, score, _ = columns()
    one = found({"term": score}, {"clean": truth}, parameters=np.full(COUNT, np.nan))[0]
    assert np.isnan(one.given_parameters.value)
    assert not np.isnan(one.spearman.value)


def test_a_score_may_be_called_as_a_metric():
    truth, score, _ = columns()
    one = found({"clean": score}, {"clean": truth}, pairs=[("clean", "clean")])[0]
    assert one.spearman.value == pytest.approx(spearmanr(score[0], truth[0]).statistic)


def test_what_ranks_highest_is_not_missing():
    truth, score, _ = columns()
    score[0, :3] = np.inf, -np.inf, np.nan
    assert found({"term": score}, {"clean": truth})[0].missing == 2


def test_what_does_not_fit_is_refused():
    truth, score, rival = columns()
    with pytest.raises(InputError, match=r"term: expected shape \(3, 40\), got \(2, 40\)"):
        found({"term": score[:2]}, {"clean": truth})
    with pytest.raises(InputError, match=r"term: expected shape \(40,\), got \(39,\)"):
        found({"term": score}, {"clean": truth}, rivals={"term": rival[1:]})
    with pytest.raises(InputError, match="score: expected one of term, got 'turn'"):
        found({"term": score}, {"clean": truth}, pairs=[("turn", "clean")])
    with pytest.raises(InputError, match="metric: expected one of clean, got 'robust'"):
        found({"term": score}, {"clean": truth}, pairs=[("term", "robust")])
    with pytest.raises(InputError, match="betas: expected at least one, got none"):
        found({"term": score[:0]}, {"clean": truth[:0]})
    truth[2, 2:] = np.nan
    with pytest.raises(InputError, match="architectures: expected at least 3 with clean at β = 1, got 2"):
        found({"term": score}, {"clean": truth})

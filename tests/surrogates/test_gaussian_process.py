"""The Gaussian process against a slow one, its slopes, its leave-one-out answers, and its scales."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from robnas.surrogates import GaussianProcess
from robnas.surrogates._process import Priors, _distances, _likelihood, fit_process
from robnas.surrogates._transforms import NoiseLevel, Scale

GROUPS = ("a", "a", "b")
MEMBERS = (np.array([0, 1]), np.array([2]))


def known(count=40, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, 3))
    return rows, np.sin(rows[:, 0]) + 0.3 * rows[:, 2] + 0.05 * rng.standard_normal(count)


def covariance(process, first, second):
    """Entry by entry."""
    found = np.empty((len(first), len(second)))
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            squares = ((one - other) ** 2)[:2].mean() / process.lengths[0] ** 2
            root = np.sqrt(5 * (squares + (one - other)[2] ** 2 / process.lengths[1] ** 2))
            found[i, j] = process.amplitude * (1 + root + root**2 / 3) * np.exp(-root) + 4
    return found


def test_the_process_is_a_textbook_one():
    rows, targets = known()
    noise = np.full(40, 0.01)
    process = fit_process(rows, GROUPS, targets, noise, Priors(), 0)
    new = known(7, seed=1)[0]
    inside = covariance(process, rows, rows) + np.diag(noise + process.rest)
    across = covariance(process, new, rows)
    mean, variance = process.predict(new)
    assert mean == pytest.approx(across @ np.linalg.solve(inside, targets), abs=1e-5)
    told = np.einsum("ij,ji->i", across, np.linalg.solve(inside, across.T))
    assert variance == pytest.approx(process.amplitude + 4 - told + process.rest, abs=1e-5)


def test_leaving_one_out_is_a_process_without_it():
    rows, targets = known(12)
    noise = np.linspace(0.01, 0.1, 12)
    process = fit_process(rows, GROUPS, targets, noise, Priors(), 0)
    mean, variance = process.left_out(noise)
    for out in range(12):
        rest = np.arange(12) != out
        inside = covariance(process, rows[rest], rows[rest]) + np.diag(noise[rest] + process.rest)
        across = covariance(process, rows[[out]], rows[rest])[0]
        assert mean[out] == pytest.approx(across @ np.linalg.solve(inside, targets[rest]), abs=1e-5)
        expected = process.amplitude + 4 - across @ np.linalg.solve(inside, across) + process.rest
        assert variance[out] == pytest.approx(expected, abs=1e-5)


def test_the_slope_of_the_likelihood_is_its_slope():
    rows, targets = known()
    apart = _distances(rows, rows, MEMBERS)
    given = apart, apart.reshape(2, -1), np.full((40, 40), 4.0), targets, np.full(40, 0.01)
    at = np.array([0.3, 0.9, 0.1, -3.0])
    wrong = check_grad(lambda x: _likelihood(x, *given)[0], lambda x: _likelihood(x, *given)[1], at)
    assert wrong < 1e-3


@pytest.mark.parametrize("sign", [1, -1])
def test_scales_are_undone_and_look_at_the_crowded_end(sign):
    values = sign * (1 - np.random.default_rng(0).exponential(0.1, 100))
    for scale in (Scale.plain(values), Scale.crowded(values)):
        assert scale.back(scale.forward(values)) == pytest.approx(values)
        slope = np.abs(scale.forward(values + 1e-6) - scale.forward(values - 1e-6)) / 2e-6
        assert scale.steepness(values) == pytest.approx(slope, rel=1e-3)
    assert scale.sign == sign


def test_values_upside_down_are_predicted_upside_down():
    rows, values = known()
    noise = np.full(40, 0.02)
    first, second = (
        GaussianProcess().fit(rows, each, noise, groups=GROUPS, pool=rows, seed=0).predict(rows + 0.1, 0.9)
        for each in (values, -values)
    )
    assert second.mean == pytest.approx(-first.mean, abs=1e-4)
    assert second.low == pytest.approx(-first.high, abs=1e-4)


def test_noise_is_pooled_over_similar_values_and_may_be_unknown():
    values = np.arange(100.0)
    level = NoiseLevel.of(values, np.where(values < 50, 1.0, 3.0))
    assert level.at(np.array([0.0, 99.0, 1e6])) == pytest.approx([1, 3, 3])
    assert NoiseLevel.of(values, np.full(100, np.nan)).at(values) == pytest.approx(0)


def test_more_noise_makes_a_process_trust_a_value_less():
    rows, values = known()
    noise = np.full(40, 0.01)
    odd = values.copy()
    odd[0] += 2
    said = []
    for own in (0.01, 3.0):
        noise[0] = own
        fitted = GaussianProcess().fit(rows, odd, noise, groups=GROUPS, pool=rows, seed=0)
        said.append(fitted.predict(rows[:1], 0.9).mean[0] - values[0])
    assert abs(said[1]) < abs(said[0])


def test_the_mean_is_linear_in_values_of_other_columns():
    """Far from all known rows a process falls back to its mean; with such a group the mean goes on rising."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 1))
    targets = rows[:, 0] + 0.01 * rng.standard_normal(40)
    far = np.array([[-30.0], [30.0]])
    given = (targets, np.full(40, 1e-4), Priors(), 0)
    flat, _ = fit_process(rows, ["structure/x"], *given).predict(far)
    rising, variance = fit_process(rows, ["columns:t/crowded"], *given).predict(far)
    assert np.ptp(flat) < 10
    assert np.ptp(rising) > 40
    assert (variance > 0).all()

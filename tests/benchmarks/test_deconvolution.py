import numpy as np
import pytest

from robnas.benchmarks import Deconvolved, deconvolve
from robnas.errors import InputError


def test_posteriors_are_those_of_bayes_theorem():
    prior = Deconvolved(np.array([0.0, 1.0, 3.0]), np.array([0.2, 0.5, 0.3]))
    for value, sd in ((0.4, 1.0), (5.0, 0.7), (-2.0, 0.3)):
        density = np.exp(-((value - prior.grid) ** 2) / (2 * sd**2)) * prior.weights
        expected = density / density.sum()
        assert prior.posterior([value], [sd])[0] == pytest.approx(expected, abs=1e-12)
        assert prior.posterior_mean([value], sd)[0] == pytest.approx(expected @ prior.grid, abs=1e-12)


def test_a_value_far_from_every_point_goes_to_the_nearest_that_has_weight():
    prior = Deconvolved(np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.5, 0.0]))
    assert prior.posterior([500.0, -500.0], 0.01).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_the_highest_is_the_highest_of_independent_draws():
    prior = deconvolve(np.random.default_rng(0).normal(size=200), 0.5)
    values, sds = np.array([0.5, 0.4, np.nan, 0.1, -2.0]), np.array([0.5, 0.3, 0.5, 0.8, 0.1])
    rng = np.random.default_rng(1)
    posterior = prior.posterior(values, sds)
    draws = np.stack([rng.choice(prior.grid, 40_000, p=row) for row in posterior if not np.isnan(row).any()])
    expected = draws.max(axis=0)
    error = expected.std() / 200
    assert prior.expected_highest(values, sds) == pytest.approx(expected.mean(), abs=4 * error)
    assert prior.expected_highest([0.5], 0.5) == pytest.approx(prior.posterior_mean([0.5], 0.5)[0], abs=1e-12)


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_mean_spread_and_shrinkage_of_normal_values_are_those_known_in_closed_form(noise):
    rng = np.random.default_rng(2)
    truth = rng.normal(5.0, 1.0, 4000)
    sds = noise * rng.uniform(0.7, 1.3, 4000)
    values = truth + sds * rng.normal(size=4000)
    found = deconvolve(values, sds)
    mean = found.weights @ found.grid
    assert found.weights.sum() == pytest.approx(1)
    assert mean == pytest.approx(5, abs=0.06)
    assert np.sqrt(found.weights @ (found.grid - mean) ** 2) == pytest.approx(1, abs=0.05)
    share = 1 / (1 + sds**2)
    best = 5 + share * (values - 5)  # the posterior mean where the truth is known to be normal
    means = found.posterior_mean(values, sds)
    assert np.sqrt(np.mean((means - best) ** 2)) < 0.2 * np.sqrt(np.mean((values - best) ** 2))
    assert np.mean((means - truth) ** 2) < 1.02 * np.mean((best - truth) ** 2)


def test_the_likelihood_rises_to_that_of_the_atoms_that_made_the_values():
    rng = np.random.default_rng(3)
    values = rng.choice([0.0, 3.0], 500, p=[0.3, 0.7]) + 0.5 * rng.normal(size=500)

    def log_likelihood(prior):
        density = np.exp(-((values[:, None] - prior.grid) ** 2) / 0.5) @ prior.weights
        return np.log(density).sum()

    known = Deconvolved(np.array([0.0, 3.0]), np.array([0.3, 0.7]))
    risen = [log_likelihood(deconvolve(values, 0.5, iterations=count)) for count in (1, 10, 100, 1000)]
    assert risen == sorted(risen)
    assert risen[-1] > log_likelihood(known)
    found = deconvolve(values, 0.5, iterations=1000)
    assert found.weights[found.grid < 1.5].sum() == pytest.approx(0.3, abs=0.05)


def test_values_without_a_number_are_left_out_and_have_no_mean():
    values = np.array([0.1, np.nan, 0.5, 0.3])
    found = deconvolve(values, 0.1)
    same = deconvolve(values[[0, 2, 3]], [0.1] * 3)
    assert np.array_equal(found.grid, same.grid)
    assert np.array_equal(found.weights, same.weights)
    assert np.isnan(found.posterior_mean(values, 0.1)).tolist() == [False, True, False, False]


def test_equal_values_have_one_point():
    found = deconvolve([0.5, 0.5], 0.1)
    assert (found.grid.tolist(), found.weights.tolist()) == ([0.5], [1.0])


def test_noise_that_is_tiny_beside_the_range_keeps_the_grid_small():
    found = deconvolve([0.0, 0.5, 1.0], 1e-6)
    assert len(found.grid) <= 800
    assert found.posterior_mean([0.0, 0.5, 1.0], 1e-6) == pytest.approx([0, 0.5, 1], abs=1e-3)


@pytest.mark.parametrize(
    ("values", "sds", "text"),
    [
        ([0.1, 0.2], [0.1, 0.0], "standard deviation of the noise: expected above 0, got 0.0"),
        ([0.1, 0.2], np.nan, "standard deviation of the noise: expected above 0, got nan"),
        ([0.1, 0.2], [0.1], r"values: expected shape \(n,\), and as many standard deviations or one, got shapes"),
        ([np.nan], 0.1, "values: expected at least one that is no nan, got none"),
        ([], 0.1, "values: expected at least one that is no nan, got none"),
    ],
)
def test_what_cannot_be_fitted_is_said(values, sds, text):
    with pytest.raises(InputError, match=text):
        deconvolve(values, sds)

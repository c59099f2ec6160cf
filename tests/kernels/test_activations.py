import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from robnas.kernels._activations import DUALS, one_dimensional
from robnas.spaces import ACTIVATIONS

COVARIANCES = [
    (0.8, 1.7, 0.6),
    (1.0, 1.0, -0.9),
    (0.3, 2.5, 0.0),
    (1.0, 1.0, 0.999),
    (4.0, 3.0, 2.0),
    (1e-3, 2e-3, 1e-3),
]


def pair(name, a, b, c):
    """Both expectations at the same place of arrays of variances and covariances."""
    moments = DUALS[name].moments(np.stack([a, b]))
    left, right = (moments.at(slice(side, side + 1)) for side in (0, 1))
    return [found[0] for found in DUALS[name].pair(left, right, c[None])]


def slope(name, u):
    step = 1e-6
    function = one_dimensional(name)
    return (function(u + step) - function(u - step)) / (2 * step)


def plane(f, g, a, b, c):
    """E f(u) g(v), Gauss–Legendre over both halves of each axis, so that kinks at 0 are met exactly."""
    nodes, weights = np.polynomial.legendre.leggauss(160)
    half = 4.5 * (nodes + 1)
    u = np.concatenate([-half, half]) * math.sqrt(a)
    mass = np.tile(4.5 * weights, 2) * math.sqrt(a)
    mass = mass * np.exp(-(u**2) / (2 * a)) / math.sqrt(2 * math.pi * a)
    sd = math.sqrt(b - c * c / a)
    centre = c * u / a
    inner = np.empty_like(u)
    for place, mean in enumerate(centre):
        edges = np.unique(np.clip([mean - 9 * sd, 0, mean + 9 * sd], mean - 9 * sd, mean + 9 * sd))
        total = 0.0
        for low, high in pairwise(edges):
            v = (low + high) / 2 + (high - low) / 2 * nodes
            density = np.exp(-((v - mean) ** 2) / (2 * sd**2)) / math.sqrt(2 * math.pi) / sd
            total += (high - low) / 2 * (weights * density) @ g(v)
        inner[place] = total
    return float((mass * f(u)) @ inner)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_pairs_agree_with_quadrature_in_two_dimensions(name, covariance):
    a, b, c = covariance
    both, slopes = pair(name, *(np.array([value]) for value in covariance))
    function = one_dimensional(name)
    assert both.item() == pytest.approx(plane(function, function, a, b, c), rel=1e-8, abs=1e-9)
    derivative = lambda u: slope(name, u)  # noqa: E731
    assert slopes.item() == pytest.approx(plane(derivative, derivative, a, b, c), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("a", [1e-4, 0.5, 3.0])
def test_moments_agree_with_quadrature_in_one_dimension(name, a):
    function, density = one_dimensional(name), lambda u: math.exp(-u * u / (2 * a)) / math.sqrt(2 * math.pi * a)
    moments = DUALS[name].moments(np.array([a]))
    reach = 10 * math.sqrt(a)

    def expectation(f):
        return sum(
            quad(lambda u: float(f(u)) * density(u), *ends, epsabs=1e-13)[0] for ends in ((-reach, 0), (0, reach))
        )

    assert moments.mean.item() == pytest.approx(expectation(function), abs=1e-10)
    assert moments.square.item() == pytest.approx(expectation(lambda u: function(u) ** 2), rel=1e-9)
    assert moments.slope_square.item() == pytest.approx(expectation(lambda u: slope(name, u) ** 2), rel=1e-6)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "silu"])
def test_steep_activations_agree_with_a_fine_grid(name):
    """At variance 100 the slope of tanh lives on a hundredth of the standard deviation."""
    a, c, z = 100.0, 60.0, np.linspace(-9, 9, 2001)
    mass = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    dual, u = DUALS[name], 10 * z
    moments = dual.moments(np.array([a]))
    assert moments.square.item() == pytest.approx(dual.function(u) ** 2 @ mass, rel=1e-9)
    assert moments.slope_square.item() == pytest.approx(dual.slope(u) ** 2 @ mass, rel=1e-9)
    v = (c / a) * u[:, None] + (a - c * c / a) ** 0.5 * z
    both, slopes = dual.pair(moments, moments, np.array([c]))
    assert both.item() == pytest.approx((mass * dual.function(u)) @ dual.function(v) @ mass, rel=1e-9)
    assert slopes.item() == pytest.approx((mass * dual.slope(u)) @ dual.slope(v) @ mass, rel=1e-9)
    both, slopes = dual.pair(moments, moments, np.array([a]))
    assert both.item() == pytest.approx(moments.square.item(), rel=1e-12)
    assert slopes.item() == pytest.approx(moments.slope_square.item(), rel=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_pair_of_equal_inputs_is_the_one_dimensional_moment(name):
    a = np.array([0.2, 1.0, 2.7])
    moments = DUALS[name].moments(a)
    both, slopes = pair(name, a, a, a)
    np.testing.assert_allclose(both, moments.square, rtol=1e-12)
    np.testing.assert_allclose(slopes, moments.slope_square, rtol=2e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_zero_variance_is_the_value_at_zero(name):
    zero = np.zeros(1)
    both, _ = pair(name, zero, np.ones(1), zero)
    value = float(one_dimensional(name)(np.zeros(1))[0])
    assert both.item() == pytest.approx(value * DUALS[name].moments(np.ones(1)).mean.item(), abs=1e-15)


@pytest.mark.parametrize("name", ["sin", "elu", "identity"])
@pytest.mark.parametrize("covariance", [(9.0, 9.0, 8.9), (64.0, 30.0, -20.0), (100.0, 100.0, -99.999)])
def test_large_variances_agree_with_quadrature(name, covariance):
    a, b, c = covariance
    both, slopes = pair(name, *(np.array([value]) for value in covariance))
    function = one_dimensional(name)
    assert both.item() == pytest.approx(plane(function, function, a, b, c), rel=1e-10, abs=1e-11)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("name", ["sin", "elu"])
def test_kernels_of_near_inputs_stay_positive(name):
    """Where quadrature in two dimensions is indefinite."""
    x = np.random.default_rng(0).normal(size=(40, 3)) * [1, 1, 1e-4]
    c, a = x @ x.T, (x**2).sum(1)
    moments = DUALS[name].moments(a)
    both, _ = DUALS[name].pair(moments.at(slice(None), None), moments.at(None, slice(None)), c)
    assert np.linalg.eigvalsh(both)[0] > -1e-14 * np.trace(both)

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from robnas.errors import InputError
from robnas.kernels import (
    MEASURES,
    IndefiniteKernelError,
    NTKSettings,
    RobustKernels,
    eigenvalues,
    empirical_kernels,
    generalization_bound,
    hermite_bound,
    infinite_kernels,
    infinite_ntk,
    label_alignment,
    perturbation_bound,
    schur_bound,
    unit_sphere,
    weyl_bound,
)
from robnas.kernels._activations import one_dimensional
from robnas.kernels._bounds import first_layer_coefficients
from robnas.networks import build_theory_network
from robnas.spaces import ACTIVATIONS, TheoryArchitecture, TheorySpace

BETAS = (0.0, 0.25, 0.5, 0.75, 1.0)
LABELS = np.array([0, 1, 0, 1, 1, 0, 1, 0])


def nearby(x, radius, seed):
    return unit_sphere(x + radius * unit_sphere(np.random.default_rng(seed).normal(size=x.shape)))


@pytest.fixture(scope="module")
def points():
    x = unit_sphere(np.random.default_rng(0).normal(size=(8, 6)))
    return x, nearby(x, 0.1, 1), nearby(nearby(x, 0.1, 1), 0.1, 2)


@pytest.fixture(scope="module")
def five(points):
    return infinite_kernels("fc:relu,silu,tanh:10", *points)


def jacobian(network, x):
    lines = []
    for point in torch.tensor(x):
        network.zero_grad()
        network(point[None]).sum().backward()
        lines.append(torch.cat([parameter.grad.flatten() for parameter in network.parameters()]))
    return torch.stack(lines).numpy()


@pytest.mark.parametrize("beta", BETAS)
def test_mixed_kernels_are_gram_matrices_of_mixed_jacobians(points, beta):
    network = build_theory_network("fc:relu,tanh:1", input_shape=(6,), width=20, dtype=torch.float64)
    rows = [jacobian(network, part) for part in points]
    kernels = empirical_kernels(network, *(torch.tensor(part) for part in points), settings=NTKSettings("sum"))
    for found, (first, second) in ((kernels.mixed(beta), rows[:2]), (kernels.mixed_twice(beta), rows[1:])):
        both = (1 - beta) * first + beta * second
        np.testing.assert_allclose(found, both @ both.T, rtol=1e-10)
        assert np.linalg.eigvalsh(found)[0] > 0


def test_mixtures_end_in_the_pure_kernels(five):
    np.testing.assert_array_equal(five.mixed(0), five.clean)
    np.testing.assert_array_equal(five.mixed(1), five.robust)
    np.testing.assert_array_equal(five.mixed_twice(0), five.robust)
    np.testing.assert_array_equal(five.mixed_twice(1), five.twice)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("twice", [False, True])
def test_lower_bounds_of_mixed_kernels_hold(five, beta, twice):
    lowest = eigenvalues(five.mixed_twice(beta) if twice else five.mixed(beta))[0]
    for bound in (weyl_bound, perturbation_bound):
        assert bound(five, beta, twice=twice) <= lowest * (1 + 1e-9)
    if beta == 0:
        assert weyl_bound(five, 0, twice=twice) == pytest.approx(lowest)
        assert perturbation_bound(five, 0, twice=twice) == pytest.approx(lowest)


def test_the_perturbation_bound_is_positive_for_small_perturbations(points):
    x = points[0]
    small = infinite_kernels("fc:relu,silu,tanh:10", x, nearby(x, 0.01, 1), nearby(x, 0.01, 2))
    assert 0 < perturbation_bound(small, 0.5) < eigenvalues(small.mixed(0.5))[0]


def test_lower_bounds_of_infinite_width_hold_over_the_space():
    x, positive = unit_sphere(np.random.default_rng(3).normal(size=(8, 12))), 0
    for arch in TheorySpace(4).sample(np.random.default_rng(4), 30):
        lowest = eigenvalues(infinite_ntk(arch, x))[0]
        schur, hermite = schur_bound(arch, x), hermite_bound(arch, x)
        assert 0 <= hermite <= schur * (1 + 1e-9)
        assert schur <= lowest * (1 + 1e-9)
        positive += hermite > 1e-8
    assert positive > 20


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_hermite_coefficients_agree_with_quadrature(name):
    arch = TheoryArchitecture((name, name), (0,))
    found = first_layer_coefficients(arch, 6)
    for degree in range(7):
        polynomial = np.polynomial.hermite_e.HermiteE.basis(degree)

        def integrand(z, p=polynomial):
            return float(one_dimensional(name)(np.array(z)) * p(z)) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

        wanted = sum(quad(integrand, *ends, epsabs=1e-13)[0] for ends in ((-12, 0), (0, 12)))
        assert found[degree] == pytest.approx(wanted / math.sqrt(math.factorial(degree)), abs=1e-10)


def test_label_alignment_is_that_of_the_inverse(five):
    y = np.where(LABELS == 1, 1.0, -1.0)
    wanted = y @ np.linalg.inv(five.clean) @ y
    for labels in (LABELS, y, LABELS + 5):
        assert label_alignment(five.clean, labels) == pytest.approx(wanted)
    several = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    wanted = sum(label_alignment(five.clean, several == c) for c in range(3))
    assert label_alignment(five.clean, several) == pytest.approx(wanted)


@pytest.mark.parametrize("beta", BETAS)
def test_bounds_are_the_terms_of_both_mixed_kernels(five, beta):
    bound = five.bound(LABELS, beta)
    assert bound == generalization_bound(five, LABELS, beta)
    y = np.where(LABELS == 1, 1.0, -1.0)
    for kernel, aligned, spectral in (
        (five.mixed(beta), bound.clean, bound.clean_spectral),
        (five.mixed_twice(beta), bound.robust, bound.robust_spectral),
    ):
        assert aligned == pytest.approx(math.sqrt(y @ np.linalg.inv(kernel) @ y / 8))
        assert spectral == pytest.approx(np.linalg.eigvalsh(kernel)[0] ** -0.5)
        assert aligned <= spectral


def test_a_singular_kernel_gives_infinite_bounds_and_says_so():
    five = RobustKernels(*(np.ones((3, 3)),) * 5)
    assert five.bound([0, 1, 1], 0.5).clean == math.inf
    assert five.bound([0, 1, 1], 0.5).robust_spectral == math.inf
    assert MEASURES["condition"](np.ones((3, 3)), np.array([0, 1, 1])) == -math.inf
    assert MEASURES["log-determinant"](np.ones((3, 3)), np.array([0, 1, 1])) == -math.inf


def test_measures_on_a_matrix_by_hand():
    kernel, labels = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([0, 1])
    wanted = {
        "lambda-min": 1, "condition": -3, "trace": 2, "frobenius": math.sqrt(10), "mean": 1.5,
        "log-determinant": math.log(3), "label-alignment": -1.0,
    }  # fmt: skip
    assert {name: measure(kernel, labels) for name, measure in MEASURES.items()} == pytest.approx(wanted)


def test_an_indefinite_kernel_is_reported():
    kernel, text = (
        np.diag([1.0, 1.0, -1e-3]),
        r"kernel: expected eigenvalues ≥ 0 up to rounding, got -0.001 at a trace of 2",
    )
    five = RobustKernels(*(kernel,) * 5)
    for call in (
        lambda: eigenvalues(kernel),
        lambda: label_alignment(kernel, [0, 1, 1]),
        lambda: MEASURES["lambda-min"](kernel, np.array([0, 1, 1])),
        lambda: five.bound([0, 1, 1], 0.5),
        lambda: perturbation_bound(five, 0.5),
    ):
        with pytest.raises(IndefiniteKernelError, match=text):
            call()
    assert eigenvalues(kernel, semidefinite=False)[0] == -1e-3
    assert eigenvalues(np.diag([1.0, 1.0, -1e-12]))[0] == -1e-12  # rounding: as it is, not clipped


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda five: five.mixed(1.5), r"beta: expected a number in \[0, 1\], got 1.5"),
        (lambda five: five.mixed_twice(-0.1), r"beta: expected a number in \[0, 1\], got -0.1"),
        (lambda five: weyl_bound(five, 2), r"beta: expected a number in \[0, 1\]"),
        (lambda five: perturbation_bound(five, float("nan")), r"beta: expected a number in \[0, 1\]"),
        (lambda five: five.bound(np.zeros(8), 0.5), "labels: expected at least two classes, got all equal"),
        (lambda five: five.bound([0, 1], 0.5), "labels: expected 8, one per row of the kernel, got 2"),
        (lambda five: eigenvalues(five.cross), "kernel: expected a symmetric matrix, got a difference of"),
        (lambda five: eigenvalues(np.full((2, 2), np.nan)), "kernel: expected finite entries"),
        (lambda five: eigenvalues(np.ones((2, 3))), r"kernel: expected shape \(n, n\)"),
        (lambda five: schur_bound("conv3-flat:relu,relu:1", np.ones((2, 1, 4))), "expected a fully connected one"),
        (lambda five: hermite_bound("fc:relu,relu:1", np.eye(3) * 2), "inputs: expected norm 1 each, got norms from 2"),
        (lambda five: RobustKernels.from_stack(np.ones((4, 4))), r"kernel of a stack: expected shape \(3n, 3n\)"),
        (lambda five: RobustKernels(*(np.ones((2, 2)),) * 4, np.ones((3, 3))), r"kernels: expected five of shape"),
    ],
)  # fmt: skip
def test_bad_input(five, call, text):
    with pytest.raises(InputError, match=text):
        call(five)

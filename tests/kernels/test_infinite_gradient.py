from dataclasses import dataclass

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.kernels import InfiniteKernel, NonFiniteKernelError, infinite_nngp, infinite_ntk, unit_sphere
from robnas.kernels._activations import DUALS
from robnas.kernels._dual_gradients import mean_slope, pair_gradient, square_slope
from robnas.kernels._infinite_gradient import infinite_gradient
from robnas.spaces import ACTIVATIONS

KERNELS = {"ntk": infinite_ntk, "nngp": infinite_nngp}
CASES = {
    **{f"fc:{name},{name},{name}:11": (4,) for name in ACTIVATIONS},
    "fc:relu,relu:0": (4,),
    "conv3-flat:silu,erf,leaky-relu:11": (2, 3, 2),
    "conv3-pool:gelu,relu,sigmoid:01": (2, 4),
    "conv3-pool:tanh,relu:1": (1, 3, 2),
}


def points(*shape, count=2, seed=0):
    return 1.3 * unit_sphere(np.random.default_rng(seed).normal(size=(count, *shape)))


def differences(function, x, step=1e-5):
    """Of the sum over the first dimension, by central differences, one number of x at a time."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape[1:]):
        moved = np.zeros_like(x[0])
        moved[place] = step
        found[(slice(None), *place)] = (function(x + moved) - function(x - moved)) / (2 * step)
    return found


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("arch", CASES)
def test_the_gradient_is_that_of_the_kernel(arch, kind):
    x, y = points(*CASES[arch]), points(*CASES[arch], count=3, seed=1)
    weights = np.random.default_rng(2).normal(size=(2, 3))
    found = infinite_gradient(kind, arch, x, y, weights)
    wanted = differences(lambda moved: (weights * KERNELS[kind](arch, moved, y)).sum(axis=1), x)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7 * np.abs(wanted).max())
    np.testing.assert_allclose(infinite_gradient(kind, arch, x, y, weights, memory_mib=0.3), found, rtol=1e-12)


@dataclass(frozen=True)
class Unknown:
    """An activation that has no rule."""

    name: str

    def moments(self, a):
        return DUALS[self.name].moments(a)

    def pair(self, left, right, c):
        return DUALS[self.name].pair(left, right, c)


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "tanh"])
def test_an_activation_without_a_rule_is_differentiated_by_differences(name):
    known, own = DUALS[name], Unknown(name)
    a = np.array([0.3, 1.0, 0.7, 2.0])
    moments = known.moments(a)
    left, right = moments.at(slice(0, 2), None), moments.at(None, slice(2, 4))
    c = np.array([[-0.2, 0.3], [0.6, 0.1]])
    wanted, found = pair_gradient(known, left, right, c), pair_gradient(own, left, right, c)
    for key, value in vars(wanted).items():
        np.testing.assert_allclose(vars(found)[key], value, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(mean_slope(own, moments), mean_slope(known, moments), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(square_slope(own, moments), square_slope(known, moments), rtol=1e-6)
    # Where the inputs are the same, u = v.
    same = pair_gradient(own, moments, moments, moments.variance)
    wanted = pair_gradient(known, moments, moments, moments.variance)
    if name != "relu":
        for key, value in vars(wanted).items():
            np.testing.assert_allclose(vars(same)[key], value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["tanh", "gelu", "erf", "sigmoid"])
def test_where_two_inputs_meet_a_smooth_kernel_has_its_gradient(name):
    arch, x = f"fc:{name},{name}:1", points(4)
    found = infinite_gradient("ntk", arch, x, x, np.eye(2))
    wanted = differences(lambda moved: np.diag(infinite_ntk(arch, moved, x)), x, step=1e-4)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-7)


def test_where_two_inputs_meet_the_kernel_of_relu_has_the_gradient_along_the_input():
    """Along the sphere it has a cusp: falls the same way to all sides."""
    x = points(4)
    found = infinite_gradient("ntk", "fc:relu,relu:1", x, x, np.eye(2))
    diagonal = np.diag(infinite_ntk("fc:relu,relu:1", x))
    np.testing.assert_allclose(found, diagonal[:, None] * x / (x**2).sum(axis=1, keepdims=True), rtol=1e-6)


def test_black_pixels_have_the_mean_of_both_sides():
    x, y = points(1, 4, 4, count=1), points(1, 4, 4, count=3, seed=1)
    x[..., :2, :2] = 0  # in the corner the first filter sees nothing
    for name in ("relu", "leaky-relu", "tanh"):
        arch = f"conv3-flat:{name},{name}:1"
        found = infinite_gradient("ntk", arch, x, y, np.ones((1, 3)))
        wanted = differences(lambda moved, arch=arch: infinite_ntk(arch, moved, y).sum(axis=1), x, step=1e-6)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_the_kernel_object_takes_coefficients_of_classes():
    kernel, x, y = InfiniteKernel("fc:relu,tanh:1"), points(2, 2), points(2, 2, count=3, seed=1)
    rng = np.random.default_rng(0)
    coefficients, cotangents = rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    found = kernel.gradient(x, y, coefficients, cotangents)
    wanted = differences(lambda moved: ((kernel(moved, y) @ coefficients) * cotangents).sum(axis=1), x)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def test_bad_input():
    x = points(4)
    with pytest.raises(InputError, match=r"weights: expected finite numbers of shape \(2, 2\), got shape \(3, 2\)"):
        infinite_gradient("ntk", "fc:relu,relu:1", x, x, np.ones((3, 2)))
    with pytest.raises(InputError, match=r"coefficients and cotangents: expected finite numbers of shapes \(m, cl"):
        InfiniteKernel("fc:relu,relu:1").gradient(x, x, np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(NonFiniteKernelError, match=r"expected finite entries, got an overflow"):
        infinite_gradient("ntk", "fc:gelu,gelu:1", 1e60 * x, x, np.ones((2, 2)))
    with pytest.raises(InputError, match="kind of kernel: expected one of ntk, nngp"):
        InfiniteKernel("fc:relu,relu:1", "NTK")

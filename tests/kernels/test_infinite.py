import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from robnas.errors import InputError
from robnas.kernels import NTKSettings, empirical_ntk, infinite_kernels, infinite_ntk, unit_sphere
from robnas.kernels._activations import hermite_coefficients
from robnas.kernels._recursion import checked_inputs, covariances, statistics
from robnas.networks import build_theory_network
from robnas.spaces import TheoryArchitecture

GOLDEN = json.loads((Path(__file__).parents[1] / "reference" / "neural_tangents_0_6_5.json").read_text())
SHAPES = {"fc": (5,), "conv3-flat": (2, 4), "conv3-pool": (2, 4)}
DRAWS, WIDTH = 24, 96


def points(*shape, count=3, seed=0):
    return unit_sphere(np.random.default_rng(seed).normal(size=(count, *shape)))


def finite(arch, x, draws=DRAWS, width=WIDTH):
    """Mean and standard error of the kernels of random networks."""
    found = [
        empirical_ntk(
            build_theory_network(arch, input_shape=x.shape[1:], width=width, seed=seed, dtype=torch.float64),
            torch.tensor(x),
            settings=NTKSettings(reduction="sum"),
        )
        for seed in range(draws)
    ]
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / draws**0.5


@pytest.mark.parametrize(
    "name", ["relu", "leaky-relu", "tanh", "silu", "sigmoid", "gelu", "erf", "sin", "softplus", "elu", "identity"]
)
@pytest.mark.parametrize(
    ("kind", "skips"),
    [
        ("fc", "00"),
        ("fc", "11"),
        ("fc", "01"),
        ("conv3-flat", "00"),
        ("conv3-flat", "11"),
        ("conv3-pool", "11"),
        ("conv3-pool", "01"),
    ],
)
def test_wide_networks_have_the_kernel_of_the_recursion(kind, skips, name):
    arch, x = f"{kind}:{name},{name},{name}:{skips}", points(*SHAPES[kind])
    mean, error = finite(arch, x)
    assert (np.abs(mean - infinite_ntk(arch, x)) < 4 * error).all()


@pytest.mark.parametrize(
    "arch", ["fc:relu,sigmoid,tanh:11", "conv3-flat:silu,erf,leaky-relu:10", "conv3-pool:gelu,relu,sigmoid:01"]
)
def test_activations_may_differ_from_layer_to_layer(arch):
    x = points(*SHAPES[arch.split(":")[0]])
    mean, error = finite(arch, x)
    assert (np.abs(mean - infinite_ntk(arch, x)) < 4 * error).all()


@pytest.mark.parametrize("arch", ["conv3-flat:relu,sigmoid:1", "conv3-pool:silu,relu:1"])
def test_filters_in_two_dimensions(arch):
    x = points(2, 3, 2)
    mean, error = finite(arch, x)
    assert (np.abs(mean - infinite_ntk(arch, x)) < 4 * error).all()


def test_without_the_mean_of_activations_skips_of_sigmoid_layers_are_wrong():
    arch, x = "fc:sigmoid,sigmoid,sigmoid:11", points(5)
    mean, error = finite(arch, x)
    assert (np.abs(mean - infinite_ntk(arch, x, mean_term=False)) > 4 * error).any()
    no_mean = "fc:tanh,erf,tanh:11"
    np.testing.assert_array_equal(infinite_ntk(no_mean, x), infinite_ntk(no_mean, x, mean_term=False))


@pytest.mark.parametrize("arch", GOLDEN["cases"])
def test_agrees_with_neural_tangents(arch):
    case = GOLDEN["cases"][arch]
    np.testing.assert_allclose(infinite_ntk(arch, case["inputs"]), case["ntk"], rtol=5e-8)


def written_out(arch, x):
    """The recursion of a fully connected network as formulas have it, backwards through the q_l."""
    arch = TheoryArchitecture.parse(arch)
    layers, sigmas = list(statistics(arch, x)), list(covariances(arch, x))
    from robnas.kernels._activations import DUALS

    slopes, before = [], [x @ x.T, *sigmas[:-1]]
    for name, layer, covariance in zip(arch.activations, layers, before, strict=True):
        everything = slice(None)
        sides = layer.moments.at(everything, None), layer.moments.at(None, everything)
        _, found = DUALS[name].pair(*sides, covariance)
        np.fill_diagonal(found, layer.moments.slope_square)
        slopes.append(found)
    q, total = np.ones((len(x), len(x))), sigmas[-1].copy()
    for place in reversed(range(len(layers))):
        scale = 1 if place == 0 else 1 / arch.depth**2
        total += scale * q * slopes[place] * before[place]
        q = q * (scale * slopes[place] + (arch.skips[place - 1] if place else 0))
    return total


@pytest.mark.parametrize("arch", ["fc:relu,tanh,gelu,silu:101", "fc:sigmoid,erf:1"])
def test_forward_accumulation_equals_the_backward_formula(arch):
    x = points(6, count=7)
    np.testing.assert_allclose(infinite_ntk(arch, x), written_out(arch, x), rtol=1e-12)


@pytest.mark.parametrize("arch", ["fc:relu,silu,tanh:11", "conv3-flat:relu,gelu:1", "conv3-pool:sigmoid,relu:1"])
def test_memory_decides_nothing_but_the_chunks(arch):
    x = points(*SHAPES[arch.split(":")[0]], count=9)
    wanted = infinite_ntk(arch, x)
    for memory in (0.05, 0.03):
        np.testing.assert_allclose(infinite_ntk(arch, x, memory_mib=memory), wanted, rtol=1e-13)
    order = np.random.default_rng(1).permutation(9)
    np.testing.assert_allclose(infinite_ntk(arch, x[order]), wanted[np.ix_(order, order)], rtol=1e-13)
    assert np.linalg.eigvalsh(wanted)[0] > 0


@pytest.mark.parametrize("memory", [3, 6])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_working_memory_stays_below_the_limit(activation, memory):
    x, arch = points(3, 16, 16, count=20), f"conv3-flat:{activation},{activation}:0"
    infinite_ntk(arch, x[:2])  # what is imported or made once
    tracemalloc.start()
    try:
        infinite_ntk(arch, x, memory_mib=memory)
        assert tracemalloc.get_traced_memory()[1] < memory * 2**20
    finally:
        tracemalloc.stop()


def test_coefficients_of_series_are_computed_once_per_layer(monkeypatch):
    x, calls = points(3, 8, 8, count=12), []
    found = hermite_coefficients
    monkeypatch.setattr(
        "robnas.kernels._activations.hermite_coefficients",
        lambda function, a, terms: (calls.append(a.size), found(function, a, terms))[1],
    )
    infinite_ntk("conv3-flat:tanh,tanh:1", x, memory_mib=0.6)
    assert [size for size in calls if size > 1] == [12 * 64] * 4  # of σ and its slope


def test_inputs_off_the_sphere_are_exact_or_refused():
    x = points(8)
    assert infinite_ntk("fc:tanh,tanh:0", 10 * x)[0, 0] == pytest.approx(0.373962, abs=1e-6)  # by a fine grid
    with pytest.raises(InputError, match=r"variance in front of tanh, .*: expected at most 100, got 121; scale the"):
        infinite_ntk("fc:tanh,tanh:0", 11 * x)
    assert np.isfinite(infinite_ntk("fc:relu,gelu:0", 1000 * x)).all()


@pytest.mark.parametrize("arch", ["fc:relu,silu,tanh:11", "conv3-flat:relu,gelu:1", "fc:erf,sigmoid:1"])
def test_inputs_that_no_attack_moved_give_five_equal_kernels(arch):
    x = points(*SHAPES[arch.split(":")[0]], count=5)
    five = infinite_kernels(arch, x, x, x)
    for other in (five.cross, five.robust, five.cross_twice, five.twice):
        np.testing.assert_allclose(other, five.clean, rtol=1e-11)
    np.testing.assert_allclose(five.clean, infinite_ntk(arch, x), rtol=1e-11)


def test_blocks_of_the_stack_are_kernels_between_the_parts():
    x, y, z = (points(5, count=4, seed=seed) for seed in range(3))
    five = infinite_kernels("fc:relu,tanh:1", x, y, z)
    np.testing.assert_allclose(five.cross, infinite_ntk("fc:relu,tanh:1", np.concatenate([x, y]))[:4, 4:], rtol=1e-12)
    np.testing.assert_allclose(
        five.cross_twice, infinite_ntk("fc:relu,tanh:1", np.concatenate([y, z]))[:4, 4:], rtol=1e-12
    )


def test_a_skip_raises_the_smallest_eigenvalue():
    x = points(10, count=20)
    lowest = [
        np.linalg.eigvalsh(infinite_ntk(f"fc:relu,relu,relu,relu:{skips}", x))[0] for skips in ("000", "101", "111")
    ]
    assert lowest[0] < lowest[1] < lowest[2]


@pytest.mark.parametrize(
    ("arch", "inputs", "text"),
    [
        ("fc:relu,relu:1", np.full((3, 4), np.nan), "inputs: expected finite numbers, got nan or infinity"),
        ("fc:relu,relu:1", np.ones((0, 4)), "inputs: expected at least one"),
        ("fc:relu,relu:1", np.ones(4), r"inputs: expected shape \(n, d\)"),
        ("conv3-flat:relu,relu:1", np.ones((3, 4)), r"inputs: expected shape \(n, channels, pixels\)"),
        ("fc:relu,swish:1", np.ones((3, 4)), "activation: expected one of relu, leaky-relu"),
    ],
)
def test_bad_inputs(arch, inputs, text):
    with pytest.raises(InputError, match=text):
        infinite_ntk(arch, inputs)


def test_more_bad_inputs():
    with pytest.raises(InputError, match=r"memory_mib: expected at least .* for one entry, got 0.001"):
        infinite_ntk("conv3-pool:relu,relu:1", points(1, 8, 8), memory_mib=0.001)
    with pytest.raises(InputError, match="inputs: expected finite and none zero"):
        unit_sphere(np.zeros((2, 3)))
    with pytest.raises(InputError, match="attacked inputs: expected one shape"):
        infinite_kernels("fc:relu,relu:1", points(4), points(5), points(4))
    checked = checked_inputs(TheoryArchitecture.parse("fc:relu,relu:1"), np.ones((3, 2, 2)))
    assert checked.shape == (3, 4)


def test_infinite_width_needs_no_torch():
    use = "robnas.kernels.infinite_ntk('fc:relu,tanh:1', [[1.0, 0], [0, 1]])"
    code = f"import sys, robnas; {use}; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"

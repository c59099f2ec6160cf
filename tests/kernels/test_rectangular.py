import json
from pathlib import Path

import numpy as np
import pytest
import torch

from robnas.errors import InputError
from robnas.kernels import (
    NonFiniteKernelError,
    infinite_kernels,
    infinite_nngp,
    infinite_ntk,
    schur_bound,
    unit_sphere,
)
from robnas.kernels._infinite import infinite_diagonal
from robnas.networks import build_theory_network

GOLDEN = json.loads((Path(__file__).parents[1] / "reference" / "neural_tangents_predict_0_6_5.json").read_text())
ARCHITECTURES = {
    "fc:relu,tanh,gelu:11": (5,),
    "fc:sigmoid,leaky-relu:1": (5,),
    "conv3-flat:silu,erf,leaky-relu:10": (2, 3, 4),
    "conv3-pool:gelu,relu,sigmoid:01": (2, 4),
}
KERNELS = {"ntk": infinite_ntk, "nngp": infinite_nngp}


def points(*shape, count=3, seed=0):
    return unit_sphere(np.random.default_rng(seed).normal(size=(count, *shape)))


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_kernel_of_two_samples_is_a_block_of_the_kernel_of_both(arch, kind):
    x, y = points(*ARCHITECTURES[arch], count=7), points(*ARCHITECTURES[arch], count=4, seed=1)
    whole = KERNELS[kind](arch, np.concatenate([x, y]))
    for memory in (1024, 0.05):
        np.testing.assert_allclose(KERNELS[kind](arch, x, y, memory_mib=memory), whole[:7, 7:], rtol=1e-12)
    np.testing.assert_allclose(KERNELS[kind](arch, y, x), whole[7:, :7], rtol=1e-12)
    np.testing.assert_allclose(infinite_diagonal(kind, arch, x), np.diag(whole)[:7], rtol=1e-12)


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_an_input_that_is_in_both_samples_meets_itself(arch, kind):
    """Angles of 0 have to be found as such: through arccos they would be off by 1e-8."""
    x = points(*ARCHITECTURES[arch], count=6)
    for memory in (1024, 0.05):
        np.testing.assert_allclose(KERNELS[kind](arch, x, x[::-1], memory_mib=memory)[:, ::-1], KERNELS[kind](arch, x))


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("arch", GOLDEN["cases"])
def test_agrees_with_neural_tangents(arch, kind):
    case = GOLDEN["cases"][arch]
    np.testing.assert_allclose(KERNELS[kind](arch, case["test"], case["train"]), case[kind]["cross"], rtol=1e-10)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "gelu"])
@pytest.mark.parametrize(("kind", "skips"), [("fc", "11"), ("conv3-flat", "10"), ("conv3-pool", "01")])
def test_outputs_of_wide_networks_have_the_covariance_of_the_recursion(kind, skips, name):
    """A network of many outputs is as many random read-outs of one random network."""
    arch, shape, outputs, draws = f"{kind}:{name},{name},{name}:{skips}", (5,) if kind == "fc" else (2, 4), 64, 24
    x, found = points(*shape), []
    for seed in range(draws):
        network = build_theory_network(
            arch, input_shape=shape, width=96, outputs=outputs, seed=seed, dtype=torch.double
        )
        with torch.no_grad():
            values = network(torch.tensor(x)).numpy()
        found.append(values @ values.T / outputs)
    error = np.std(found, axis=0, ddof=1) / draws**0.5
    assert (np.abs(np.mean(found, axis=0) - infinite_nngp(arch, x)) < 4 * error).all()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_one_input_has_a_kernel(arch):
    x = points(*ARCHITECTURES[arch])
    for kernel in KERNELS.values():
        wanted = kernel(arch, x)
        np.testing.assert_allclose(kernel(arch, x[:1]), wanted[:1, :1], rtol=1e-12)
        np.testing.assert_allclose(kernel(arch, x[:1], x[1:2]), wanted[:1, 1:2], rtol=1e-12)


@pytest.mark.parametrize(
    ("inputs", "others", "text"),
    [
        (np.ones((3, 4)), np.ones((3, 5)), r"inputs and others: expected inputs of one size, got shapes \(3, 4\) and"),
        (np.ones((3, 4)), np.ones((0, 4)), r"inputs: expected at least one, got shape \(0, 4\)"),
        (np.ones((3, 4)), np.full((1, 4), np.inf), "inputs: expected finite numbers"),
        (1e-80 * np.ones((3, 4)), None, "inputs: expected variances of 0 or at least 1e-140 .*; scale the inputs"),
    ],
)
def test_bad_inputs(inputs, others, text):
    with pytest.raises(InputError, match=text):
        infinite_ntk("fc:relu,relu:1", inputs, others)


@pytest.mark.parametrize("arch", ["fc:relu,relu:1", "fc:gelu,relu:0", "conv3-flat:leaky-relu,relu:1"])
@pytest.mark.parametrize("scale", [1e80, 1e120, 1e200])
def test_an_overflow_is_an_error(arch, scale):
    x = scale * points(2, 3, 4)
    for kernel in KERNELS.values():
        with pytest.raises(NonFiniteKernelError, match="kernel: expected finite entries, got an overflow; scale the"):
            kernel(arch, x)
    with pytest.raises(NonFiniteKernelError, match="an overflow"):
        infinite_diagonal("ntk", arch, 1e200 * points(2, 3, 4))


def test_an_overflow_is_an_error_of_bounds_too():
    for bound in (schur_bound, lambda arch, x: infinite_kernels(arch, x, x, x)):
        with pytest.raises(NonFiniteKernelError, match="an overflow"):
            bound("fc:relu,relu:1", 1e170 * points(4))


def test_inputs_of_nothing_but_zeros_are_no_error():
    x = np.concatenate([np.zeros((1, 4)), points(4)])
    assert not infinite_ntk("fc:relu,relu:1", x)[0].any()
    assert np.isfinite(infinite_ntk("fc:sigmoid,tanh:1", x)).all()

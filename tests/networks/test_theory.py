import copy

import numpy as np
import pytest
import torch

from robnas.errors import InputError
from robnas.networks import build_theory_network
from robnas.networks._theory import ACTIVATION_FUNCTIONS
from robnas.spaces import ACTIVATIONS


def test_fully_connected_network_is_equation_1_in_ntk_parametrisation():
    network = build_theory_network("fc:relu,tanh,gelu:10", input_shape=(3,), width=5, dtype=torch.float64)
    first, second, third = (layer.weight for layer in network.layers)
    x = torch.rand(4, 3, dtype=torch.float64)
    f1 = torch.relu(x @ first.T)
    f2 = torch.tanh(f1 @ second.T / 5**0.5) / 4 + f1
    f3 = torch.nn.functional.gelu(f2 @ third.T / 5**0.5) / 4
    torch.testing.assert_close(network(x), f3 @ network.readout.weight.T / 5**0.5)


@pytest.mark.parametrize("readout", ["flat", "pool"])
def test_convolutional_network_is_equation_2_in_ntk_parametrisation(readout):
    network = build_theory_network(f"conv3-{readout}:relu,tanh:1", input_shape=(2, 4), width=3, dtype=torch.float64)
    x = torch.rand(2, 4, dtype=torch.float64)

    def convolve(weight, values):
        """(W∗X)^{(i,j)} = Σ_u Σ_v W^{(u,i,v)} X^{(v, j+u−2)}, zeros outside."""
        result = torch.zeros(weight.shape[0], 4, dtype=torch.float64)
        for j in range(4):
            for u in range(3):
                if 0 <= j + u - 1 < 4:
                    result[:, j] += weight[:, :, u] @ values[:, j + u - 1]
        return result

    f1 = torch.relu(convolve(network.layers[0].weight, x) / 3**0.5)
    f2 = torch.tanh(convolve(network.layers[1].weight, f1) / 9**0.5) / 3 + f1
    read = f2.flatten() if readout == "flat" else f2.mean(1)
    torch.testing.assert_close(network(x[None])[0], network.readout.weight @ read / 3**0.5)


@pytest.mark.parametrize(("kind", "shape", "taps"), [("fc", (4,), 1), ("conv3-flat", (2, 4), 3)])
def test_weights_as_the_paper_draws_them_have_the_same_kernel_but_for_the_taps_of_filters(kind, shape, taps):
    """Weights W/√(κm), no factors: outputs f/√m; to filters, squared gradients κ times as large."""
    width, x = 6, torch.rand(3, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours = build_theory_network(f"{kind}:relu,leaky-relu,relu:10", input_shape=shape, width=width, dtype=torch.float64)
    paper = copy.deepcopy(ours)
    with torch.no_grad():
        for layer in paper.layers:
            layer.weight /= (taps * width) ** 0.5
        paper.readout.weight /= width**0.5
    paper._scales, paper.width = [1.0] * 3, 1
    torch.testing.assert_close(paper(x), ours(x) / width**0.5)
    found, wanted = (
        [grad.square().sum() for grad in torch.autograd.grad(network(x).sum(), list(network.parameters()))]
        for network in (paper, ours)
    )
    torch.testing.assert_close(found, [*(taps * part for part in wanted[:-1]), wanted[-1]])


def test_weights_follow_the_seed_and_nothing_else():
    def build(seed):
        return build_theory_network("conv3-flat:relu,relu:1", input_shape=(1, 4, 4), width=64, seed=seed)

    state = torch.random.get_rng_state()
    first, again, other = build(0), build(0), build(1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first.layers[1].weight, again.layers[1].weight)
    assert not torch.equal(first.layers[1].weight, other.layers[1].weight)
    assert first.layers[1].weight.std().item() == pytest.approx(1, abs=0.02)
    assert sum(p.numel() for p in first.parameters()) == 64 * 9 + 64 * 64 * 9 + 64 * 16
    assert "conv3-flat:relu,relu:1, m=64" in repr(first)


def test_activations_are_those_of_the_kernels():
    from robnas.kernels._activations import one_dimensional

    assert tuple(ACTIVATION_FUNCTIONS) == ACTIVATIONS
    u = np.linspace(-4, 4, 33)
    for name, function in ACTIVATION_FUNCTIONS.items():
        np.testing.assert_allclose(function(torch.tensor(u)).numpy(), one_dimensional(name)(u), atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"width": 0}, "width: expected at least 1, got 0"),
        ({"input_shape": (0,)}, "input shape: expected at least 1, got 0"),
        ({"input_shape": ()}, "input shape: expected at least one size"),
        (
            {"arch": "conv3-flat:relu,relu:1"},
            r"input shape: expected \(channels, pixels\) or \(channels, height, width\), got \(4,\)",
        ),
        ({"arch": "fc"}, "architecture of the theory space: expected such as"),
    ],
)
def test_bad_input(changes, text):
    with pytest.raises(InputError, match=text):
        build_theory_network(**{"arch": "fc:relu,relu:1", "input_shape": (4,), "width": 8, **changes})

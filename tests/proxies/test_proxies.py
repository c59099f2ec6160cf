"""Values: closed forms on networks of a few numbers, and a literal implementation on whole networks."""

import math

import pytest
import torch
from torch import nn

from robnas import kernels
from robnas._seeds import generator
from robnas.networks import Cell, build_network, count
from robnas.proxies import CHEAP, PROXIES, ROBUSTNESS, TRAINED, CRoZe, Probe, UndefinedScoreError
from robnas.spaces import Architecture
from tests.reference import proxies as reference
from tests.reference.network import ReferenceNetwork, copy_weights, randomize

SIZES = {"num_classes": 3, "channels": 4, "cells": 1}
GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(6, 3, 8, 8, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 0, 1, 0])
X = torch.tensor([0.5, 0.25], dtype=torch.float64)
Y = torch.tensor([0, 1])


def weights(layer, values):
    layer.weight.data = torch.tensor(values, dtype=torch.float64).view(layer.weight.shape)
    return layer


def convolution(*values, inputs=1):
    return weights(nn.Conv2d(inputs, len(values) // inputs, 1, bias=False).double(), values)


def linear(*rows):
    return weights(nn.Linear(len(rows[0]), len(rows), bias=False).double(), rows)


PIXELS = X.view(2, 1, 1, 1)


def chain(*modules, images=PIXELS, labels=Y, **options):
    return Probe(nn.Sequential(*modules), images, labels, **options)


def tiny(w=2.0, a=1.5, b=-0.5):
    """Two images of one pixel x, logits (a w x, b w x), and the gradients by hand: of a w and b w, times w or a, b."""
    z = torch.stack([a * w * X, b * w * X], 1)
    error = (z.softmax(1) - nn.functional.one_hot(Y)) / 2  # ∂L/∂logits of the mean loss
    by_a, by_b = (error * w * X[:, None]).sum(0).tolist()
    by_w = (error @ torch.tensor([a, b], dtype=torch.float64) * X).sum().item()
    return chain(convolution(w), nn.Flatten(), linear([a], [b])), error, (w, a, b), (by_w, by_a, by_b)


def test_gradient_scores_in_closed_form():
    probe, error, (w, a, b), (by_w, by_a, by_b) = tiny()
    assert PROXIES["grad_norm"](probe) == pytest.approx(abs(by_w) + math.hypot(by_a, by_b))
    assert PROXIES["plain"](probe) == pytest.approx(w * by_w + a * by_a + b * by_b)
    assert PROXIES["snip"](probe) == pytest.approx(abs(w * by_w) + abs(a * by_a) + abs(b * by_b))
    assert PROXIES["l2_norm"](probe) == pytest.approx(w + math.hypot(a, b))
    by_output = error @ torch.tensor([a, b], dtype=torch.float64)
    of_convolution = ((w * X * by_output) ** 2).mean() / 2
    logits = torch.stack([a * w * X, b * w * X], 1)
    of_linear = ((logits * error) ** 2).mean(0).sum() / 2
    assert PROXIES["fisher"](probe) == pytest.approx((of_convolution + of_linear).item())


def test_fisher_counts_a_channel_once_per_weight():
    wide = torch.cat([X.view(2, 1, 1, 1), torch.zeros(2, 1, 1, 1)], 1)  # a second input that is always 0
    one = chain(convolution(2.0), nn.Flatten(), linear([0.0], [0.0]))
    two = chain(convolution(2.0, 7.0, inputs=2), nn.Flatten(), linear([1.0], [0.0]), images=wide)
    assert PROXIES["fisher"](one) == 0
    error = (torch.stack([2 * X, 0 * X], 1).softmax(1) - nn.functional.one_hot(Y))[:, 0] / 2
    channel = ((2 * X * error) ** 2).mean().item() / 2
    assert PROXIES["fisher"](two) == pytest.approx(2 * channel + channel)


def test_grasp_in_closed_form_for_logistic_regression():
    """Logits w_k x: gradient mean x (p − y), Hessian mean x² (diag p − p pᵀ)."""
    w = torch.tensor([1.0, -2.0], dtype=torch.float64)
    p = (X[:, None] * w).softmax(1)
    gradient = (X[:, None] * (p - nn.functional.one_hot(Y))).mean(0)
    hessian = sum(x**2 * (torch.diag(row) - torch.outer(row, row)) for x, row in zip(X, p, strict=True)) / 2
    probe = chain(convolution(1.0, -2.0), nn.Flatten())
    assert PROXIES["grasp"](probe) == pytest.approx(-(w @ hessian @ gradient).item())


def test_grasp_of_what_batch_norm_makes_scale_free_is_the_squared_gradient():
    """L(cθ) = L(θ) gives Hθ = −g; the Linear behind it has weight 0, so it passes no gradient back and adds nothing."""
    torch.manual_seed(0)
    head = weights(nn.Linear(2, 2).double(), [0.0] * 4)
    body = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.BatchNorm2d(2, eps=1e-12), nn.ReLU()).double()
    network = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    assert PROXIES["grasp"](Probe(network, IMAGES[:4], LABELS[:4] % 2)) == pytest.approx(0, abs=1e-9)
    head.weight.data.normal_()
    probe = Probe(network, IMAGES[:4], LABELS[:4] % 2)
    by_body, by_head = probe.loss.weights
    step = 1e-5
    moved = Probe(network, IMAGES[:4], LABELS[:4] % 2)
    moved.layers[1].weight.data *= 1 + step
    along_head = sum(
        (a * (b - a)).sum() for a, b in zip(probe.loss.weights, moved.loss.weights, strict=True)
    ) / step  # fmt: skip
    expected = (by_body.square().sum() - along_head).item()
    assert PROXIES["grasp"](probe) == pytest.approx(expected, rel=1e-4)
    assert by_head.abs().max() > 0


def test_synflow_of_a_chain_is_one_flow_per_layer():
    """Every layer's Σ |θ·∂R/∂θ| is R = 2 (3 + 1) = 8 on an input of 1, whatever the images and the batch norm."""
    probe = chain(convolution(-2.0), nn.BatchNorm2d(1).double(), nn.Flatten(), linear([3.0], [-1.0]))
    assert PROXIES["synflow"](probe) == pytest.approx(math.log(2 * 8))


@pytest.mark.parametrize("name", ["synflow", "croze"])
def test_without_batch_norm_dead_branches_add_no_constant(name):
    network, _ = literal("023432")
    constants = [bias for cell in network.modules() if isinstance(cell, Cell) for bias in cell.biases.values()]
    found = []
    for scale in (0, 100):
        for bias in constants:
            bias.data.fill_(scale)
        found.append(PROXIES[name](Probe(network, IMAGES, LABELS)))
    assert constants
    assert found[0] == found[1]


def test_synflow_leaves_input_normalisation_out():
    first, second = (build_network("323133", **SIZES, mean=mean, std=(0.2,) * 3) for mean in ((0.1,) * 3, (0.9,) * 3))
    values = {PROXIES["synflow"](Probe(network, IMAGES, LABELS)) for network in (first, second)}
    assert len(values) == 1


def test_jacobian_scores_in_closed_form_for_a_linear_network():
    """All rows of J are alike: correlations 1, eigenvalues n and 0."""
    images = torch.rand(5, 1, 1, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 1, 1])
    probe = chain(
        convolution(2.0), nn.Flatten(), linear([1.0, 2.0, -4.0], [0.0, 1.0, 3.0]), images=images, labels=labels
    )
    k = 1e-5
    expected = -(4 * (math.log(k) + 1 / k) + math.log(5 + k) + 1 / (5 + k))
    assert PROXIES["jacov"](probe) == pytest.approx(expected, rel=1e-6)
    assert PROXIES["epe_nas"](probe) == pytest.approx((9 + 4) * math.log(1 + k))
    one = chain(convolution(2.0), nn.Flatten(), linear([1.0, 2.0, -4.0]), images=images, labels=labels * 0)
    assert PROXIES["jacobian_norm"](one) == pytest.approx(-2 * math.sqrt(1 + 4 + 16))


def test_epe_nas_of_many_classes_is_the_mean_spread_of_mean_scores():
    rows = [[1.0, 2.0, -4.0]] + [[0.0, 0.0, 0.0]] * 100
    images = torch.rand(5, 1, 1, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    probe = chain(
        convolution(2.0), nn.Flatten(), linear(*rows), images=images, labels=torch.tensor([0, 0, 0, 1, 1])
    )  # fmt: skip
    assert PROXIES["epe_nas"](probe) == pytest.approx((3 - 2) * math.log(1 + 1e-5) * 2 / 2)


def test_the_jacobian_norm_is_estimated_without_bias():
    network = build_network("323133", **SIZES, seed=1).double()
    found = [PROXIES["jacobian_norm"](Probe(network, IMAGES, LABELS, seed=seed)) ** 2 for seed in range(40)]
    probe = Probe(network, IMAGES, LABELS)
    basis = torch.eye(18, dtype=torch.float64).view(18, 6, 3)
    exact = sum(probe.pulled_back(direction).square().sum().item() for direction in basis) / 6
    mean, error = torch.tensor(found).mean().item(), torch.tensor(found).std().item() / 40**0.5
    assert abs(mean - exact) < 3 * error
    assert error < 0.1 * exact


def test_nwot_counts_units_on_which_two_images_agree():
    """Codes (1, 1) and (0, 1): agreements 2 and 1, determinant 3; a second ReLU of the same input doubles them."""
    images = torch.tensor([[1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64).view(2, 1, 1, 2)
    once = chain(convolution(1.0), nn.ReLU(), nn.Flatten(), linear([1.0, 1.0], [0.0, 1.0]), images=images)
    assert PROXIES["nwot"](once) == pytest.approx(math.log(3))

    class Fork(nn.Module):
        def forward(self, x):
            return torch.relu(x) + x.relu()

    twice = chain(convolution(1.0), Fork(), nn.Flatten(), linear([1.0, 1.0], [0.0, 1.0]), images=images)
    assert PROXIES["nwot"](twice) == pytest.approx(math.log(16 - 4))


@pytest.mark.parametrize("norm", [False, True])
def test_zen_in_closed_form(norm):
    """One convolution of weight w: |w| mean |relu(±x) − relu(±(x + 0.01 x'))|, which batch norm divides out again."""
    body = [nn.BatchNorm2d(1, eps=1e-12).double()] if norm else []
    images = torch.rand(8, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(8) % 2
    modules = (convolution(1.0), *body, nn.ReLU(), nn.Flatten(), linear([1.0] * 16, [0.0] * 16))
    probe = chain(*modules, images=images, labels=labels, seed=5)
    source = generator("cpu", 5, "proxies", "zen")
    w = torch.randn(1, generator=source).item()
    torch.randn(2, 16, generator=source)  # of the last layer
    x, change = (torch.randn(images.shape, generator=source).double() for _ in range(2))
    moved = x + 0.01 * change
    if not norm:
        difference = (w * x).relu() - (w * moved).relu()
        assert PROXIES["zen"](probe) == pytest.approx(difference.abs().sum((1, 2, 3)).mean().log().item())
        return
    sign = math.copysign(1, w)
    features = [(sign * (part - part.mean()) / part.std(correction=0)).relu() for part in (x, moved)]
    difference = (features[0] - features[1]).abs().sum((1, 2, 3)).mean().log().item()
    assert PROXIES["zen"](probe) == pytest.approx(difference + math.log(abs(w) * x.std().item()))


def test_croze_without_an_attack_counts_units():
    """All cosines are 1: 2 per unit of output, 2 per weight in front of the outputs, 1 per weight with a gradient."""
    probe = chain(convolution(1.0, 2.0), nn.Flatten(), linear([1.0, 3.0], [2.0, 1.0]))
    still = CRoZe(step=0, weight_step=0)
    assert still(probe) == pytest.approx((2 * 2) * (2 * 1) * 1 + (2 * 2) * (2 * 2) * 2)
    assert PROXIES["croze"](probe) < still(probe)


def literal(code, seed=0, cells=1):
    """A literal network with every ReLU and convolution of its own, and the package's with the same weights."""
    sizes = {**SIZES, "cells": cells, "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3)}
    torch.manual_seed(seed)
    slow = randomize(ReferenceNetwork(code, **sizes), seed).double()
    network = build_network(code, **sizes).double()
    copy_weights(network, slow)
    return network, slow.train()


@pytest.mark.parametrize("code", ["333333", "323133", "232423", "114222"])
@pytest.mark.parametrize(
    "name", ["grad_norm", "plain", "snip", "grasp", "l2_norm", "fisher", "jacov", "epe_nas", "nwot"]
)
def test_scores_are_those_of_a_literal_implementation(name, code):
    network, slow = literal(code)
    expected = getattr(reference, name)(slow, IMAGES, LABELS)
    assert PROXIES[name](Probe(network, IMAGES, LABELS)) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("name", "sign"), [("croze", 1), ("croze_released", -1)])
@pytest.mark.parametrize("code", ["333333", "323133", "114222", "023432"])  # the last with a dead branch's constant
def test_croze_in_float32_and_scaled_is_the_literal_one_in_float64(name, sign, code):
    network, slow = literal(code)
    expected = reference.croze(slow, IMAGES, LABELS, sign)
    assert PROXIES[name](Probe(network.float(), IMAGES.float(), LABELS)) == pytest.approx(expected, rel=2e-3)


def test_croze_does_not_overflow_float32_where_depth_alone_would():
    network, slow = literal("333333", cells=9)
    plain = reference.without_batch_norm(slow).float()
    assert not plain(IMAGES.float()).isfinite().all()
    expected = reference.croze(slow, IMAGES, LABELS, 1)
    assert PROXIES["croze"](Probe(network.float(), IMAGES.float(), LABELS)) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("code", ["333333", "323133", "114222", "000000", "013020", "233200"])
def test_sizes_are_those_of_the_live_network(code):
    probe = Probe(build_network(code, **SIZES), IMAGES.float(), LABELS)
    arch = Architecture(code)
    live = count(arch, **SIZES, input_size=8, live=True)
    biases = sum(bias.numel() for cells in probe.network.stages for cell in cells for bias in cell.biases.values())
    assert PROXIES["parameters"](probe) == live.parameters + biases
    assert PROXIES["macs"](probe) == live.macs
    edges = zip(arch.operations, arch.live_edges, strict=True)
    in_cell = sum(is_live and operation.startswith("nor_conv") for operation, is_live in edges)
    assert PROXIES["convolutions"](probe) == 7 + 3 * in_cell


def test_kernel_scores_are_proxies_too():
    network = build_network("323133", **SIZES).double()
    probe = Probe(network, IMAGES, LABELS, attacks=0)
    expected = kernels.KernelProbe(network, IMAGES, LABELS, attacks=0)
    for name in ("ntk-clean-lambda-min", "ntk-clean-trace"):
        assert PROXIES[name](probe) == kernels.SCORES[name](expected)
    assert set(PROXIES) == set(CHEAP) | set(ROBUSTNESS) | set(kernels.SCORES) | set(TRAINED)


def test_every_proxy_says_what_it_is():
    for name, proxy in PROXIES.items():
        assert len(proxy.__doc__) > 80, name


def test_an_undefined_score_says_why():
    disconnected = Probe(build_network("000000", **SIZES), IMAGES.float(), LABELS)
    for name in ("jacov", "epe_nas", "nwot", "synflow", "zen"):
        with pytest.raises(UndefinedScoreError, match=r"constant|singular|flows|depend"):
            PROXIES[name](disconnected)

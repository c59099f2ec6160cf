import numpy as np
import pytest
import torch

from robnas.errors import InputError
from robnas.networks import build_network, count
from robnas.spaces import EDGES, Architecture, sample
from tests.reference.network import ReferenceNetwork, copy_weights, randomize

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
# No path to the output, constants only (also convolved), all skips, all pools, dead branches of every kind.
DEGENERATE = [
    "000000", "300000", "033000", "000003", "003003", "003303", "003033", "003043", "003003", "002042", "003301",
    "003013", "301000", "111111", "444444", "100000", "000100", "000111", "300033", "033033", "403000", "003103",
    "000333", "003133", "013303", "023432", "303303", "333333", "222222", "003113",
]  # fmt: skip
RANDOM = [arch.code for arch in sample(np.random.default_rng(201), 80)]


def pair(code, channels=3, cells=1, dtype=torch.float64):
    sizes = {"num_classes": 5, "channels": channels, "cells": cells, "in_channels": 3, "mean": MEAN, "std": STD}
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(int(code, 5))
        reference = randomize(ReferenceNetwork(code, **sizes), seed=1).to(dtype)
    network = build_network(code, **sizes).to(dtype)
    copy_weights(network, reference)
    return network, reference


def outputs_and_gradient(network, images):
    images = images.clone().requires_grad_()
    logits = network(images)
    weight = torch.arange(logits.numel(), dtype=logits.dtype).view_as(logits)
    (gradient,) = torch.autograd.grad((logits * weight.sin()).sum(), images)
    return logits.detach(), gradient


@pytest.mark.parametrize("code", DEGENERATE + RANDOM)
def test_network_equals_the_literal_reference_in_training_and_evaluation(code):
    network, reference = pair(code)
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for mode in (True, False, True, False):  # evaluation uses the statistics that training left
        network.train(mode), reference.train(mode)
        ours, our_gradient = outputs_and_gradient(network, images)
        theirs, their_gradient = outputs_and_gradient(reference, images)
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(our_gradient, their_gradient, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("code", ["323133", "421211", "023432", "003033"])
def test_float32_channels_last_and_paper_size_agree_with_the_reference(code):
    network, reference = pair(code, channels=16, cells=5, dtype=torch.float32)
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    reference.train()
    for _ in range(20):  # running statistics that fit the network: without them its signal vanishes or explodes
        reference(images)
    copy_weights(network, reference)
    network = network.to(memory_format=torch.channels_last)
    network.eval(), reference.eval()
    ours, our_gradient = outputs_and_gradient(network, images.to(memory_format=torch.channels_last))
    theirs, their_gradient = outputs_and_gradient(reference, images)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    scale = their_gradient.abs().max().clamp(min=1e-12)  # zero where no path leads to the output
    torch.testing.assert_close(our_gradient / scale, their_gradient / scale, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("code", "parameters", "macs"),
    [
        ("323133", 1_073_466, 153.27),
        ("333133", 1_288_506, 184.73),
        ("421211", 129_306, 15.65),
        ("333333", 1_531_546, 220.12),
    ],
)
def test_published_counts_to_the_digit(code, parameters, macs):
    counts = count(Architecture(code))
    assert counts.parameters == parameters
    assert round(counts.macs / 1e6, 2) == macs
    assert sum(p.numel() for p in ReferenceNetwork(code).parameters()) == parameters


@pytest.mark.parametrize("code", RANDOM[:40])
def test_counts_agree_with_the_modules_that_are_built(code):
    sizes = {"channels": 4, "cells": 2, "in_channels": 1, "num_classes": 7}
    arch = Architecture(code)
    published = sum(p.numel() for p in ReferenceNetwork(code, **sizes).parameters())
    assert count(arch, input_size=8, **sizes).parameters == published
    network = build_network(arch, **sizes)
    built = sum(p.numel() for name, p in network.named_parameters() if ".biases." not in name)
    live_sources = {str(source) for (source, _), live in zip(EDGES, arch.live_edges, strict=True) if live}
    if set(network.stages[0][0].fans) == live_sources:  # no convolution of a constant, which is built but not live
        assert count(arch, input_size=8, live=True, **sizes).parameters == built


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 15])
@pytest.mark.parametrize("channels_in", [1, 3, 4])
def test_any_input_size_and_channels(size, channels_in):
    network = build_network("323143", num_classes=4, channels=2, cells=2, in_channels=channels_in).eval()
    logits = network(torch.rand(2, channels_in, size, size))
    assert logits.shape == (2, 4)
    assert logits.isfinite().all()


def test_convolutions_of_one_node_and_kernel_are_one_convolution():
    network = build_network("333133", num_classes=10, channels=4, cells=1)
    kernels = [m for m in network.stages[0].modules() if isinstance(m, torch.nn.Conv2d)]
    assert [tuple(conv.weight.shape[:2]) for conv in kernels] == [(8, 4), (8, 4), (4, 4)]


def test_dead_edges_are_not_built():
    network = build_network("300000", num_classes=10, channels=4, cells=1)
    assert not list(network.stages.parameters())


def test_seed_decides_the_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = build_network("323133", num_classes=10, channels=4, cells=1, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    again = build_network("323133", num_classes=10, channels=4, cells=1, seed=3)
    other = build_network("323133", num_classes=10, channels=4, cells=1, seed=4)
    assert torch.equal(first.stem[0].weight, again.stem[0].weight)
    assert not torch.equal(first.stem[0].weight, other.stem[0].weight)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"channels": 0}, "channels: expected at least 1, got 0"),
        ({"num_classes": 0}, "num_classes: expected at least 1"),
        ({"mean": (0.5,)}, "mean: expected 3 values, one per channel"),
        ({"std": (0.1, 0.0, 0.1)}, "std: expected values above 0"),
    ],
)
def test_bad_sizes_say_what_to_change(change, text):
    with pytest.raises(InputError, match=text):
        build_network("323133", **({"num_classes": 10} | change))

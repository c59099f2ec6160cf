import copy
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from robnas.errors import InputError
from robnas.networks import Counts, build_network, count, count_module


class Given(nn.Module):
    """Whatever a function does with the input, weights of 4 × 4 and a module."""

    def __init__(self, function, module=None):
        super().__init__()
        self.function, self.module, self.weight = function, module, nn.Parameter(torch.rand(4, 4))

    def forward(self, x):
        return self.function(self, x)


@pytest.mark.parametrize("code", ["323133", "421211", "033013", "023432", "000000"])
def test_a_module_of_nas_bench_201_has_the_macs_of_the_closed_form(code):
    sizes = {"channels": 4, "cells": 2, "num_classes": 7, "in_channels": 1}
    network = build_network(code, **sizes)
    wanted = count(code, input_size=15, live=True, **sizes)
    assert count(network, input_size=15).macs == wanted.macs
    assert count(network, input_size=15).parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (nn.Conv2d(8, 12, 3, padding=1), (8, 5, 7), 12 * 8 * 9 * 35),
        (nn.Conv2d(8, 12, 3, stride=2, dilation=2, groups=4), (8, 16, 16), 12 * 2 * 9 * 36),
        (nn.Conv2d(8, 8, 3, groups=8, bias=False), (8, 3, 3), 8 * 9),
        (nn.Conv2d(2, 3, (1, 4), padding="same", padding_mode="circular"), (2, 5, 5), 3 * 2 * 4 * 25),
        (nn.ConvTranspose2d(8, 12, 3, stride=2, groups=2), (8, 7, 7), 8 * 6 * 9 * 49),
        (nn.Conv1d(4, 5, 3), (4, 9), 5 * 4 * 3 * 7),
        (nn.Conv3d(1, 2, 2), (1, 3, 3, 3), 2 * 8 * 8),
        (nn.Linear(6, 4), (3, 5, 6), 15 * 24),
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 4)), (3, 2, 2), 48),
        (Given(lambda s, x: s.module(x, x, x), nn.MultiheadAttention(8, 2, batch_first=True)), (6, 8), 6 * 256 + 576),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (6, 8), 6 * (4 * 64 + 2 * 128) + 2 * 6 * 6 * 8),
        (nn.LSTM(4, 5, batch_first=True), (7, 4), 7 * 20 * 9),
        (nn.GRU(4, 5, batch_first=True, bidirectional=True), (7, 4), 2 * 7 * 15 * 9),
        (Given(lambda s, x: F.scaled_dot_product_attention(x, x, x)), (2, 6, 8), 2 * 2 * 6 * 6 * 8),
        (Given(lambda s, x: F.scaled_dot_product_attention(x, x, x, is_causal=True)), (2, 6, 8), 2 * 2 * 6 * 6 * 8),
        (Given(lambda s, x: s.module(x, x), nn.Bilinear(4, 4, 5)), (3, 4), 3 * 5 * 16),
        (Given(lambda s, x: x @ s.weight), (3, 4), 48),
        (Given(lambda s, x: torch.einsum("bij,jk,lk->bil", x, s.weight, s.weight)), (3, 4), 96),
        (Given(lambda s, x: torch.bmm(x, x)), (4, 4), 64),
        (Given(lambda s, x: torch.addbmm(s.weight, x, x)), (4, 4), 64),
        (Given(lambda s, x: torch.mv(s.weight, x[0])), (4,), 16),
        (Given(lambda s, x: torch.addmv(x[0], s.weight, x[0])), (4,), 16),
        (Given(lambda s, x: x @ s.weight[0]), (3, 4), 12),
        (Given(lambda s, x: torch.dot(x[0], x[0])), (4,), 4),
        (Given(lambda s, x: torch.vmap(lambda y: s.weight @ y)(x)), (4, 8), 128),
        (Given(lambda s, x: x @ torch.rand(4, 2)), (3, 4), 24),
        (Given(lambda s, x: torch.cdist(F.avg_pool1d(F.relu(x + 1), 1), torch.fft.fft2(x).real)), (4, 4), 0),
    ],
    ids=repr,
)  # fmt: skip
def test_sums_of_products_count_by_their_definition(layer, shape, macs):
    assert count_module(layer, shape).macs == macs


def test_a_shared_module_has_its_parameters_once_and_its_macs_every_time():
    layer = nn.Conv2d(3, 3, 1)
    layer.weight.requires_grad_(False)
    assert count(nn.Sequential(layer, nn.ReLU(), layer), input_size=2) == Counts(12, 2 * 9 * 4)


def test_sizes_are_those_that_are_given_or_the_modules_own():
    assert count(nn.Conv2d(5, 2, 1), input_size=(3, 7)) == Counts(12, 10 * 21)
    assert count(nn.Conv2d(5, 2, 1), in_channels=5).macs == 10 * 32 * 32
    assert count(build_network("323133", num_classes=10)) == Counts(1_073_466, 153_272_960)


class Restless(nn.Module):
    """It counts its calls, draws numbers, keeps maps and changes statistics by itself."""

    def __init__(self):
        super().__init__()
        self.norm, self.drop, self.conv = nn.BatchNorm2d(3), nn.Dropout(), nn.Conv2d(3, 4, 3)
        self.calls, self.seen, self.held = 0, [], torch.rand(2)
        self.register_buffer("total", torch.zeros(1))
        self.norm.eval()

    def forward(self, x):
        self.calls += 1
        self.seen.append(x)
        self.held = x
        self.total += 1
        self.held.add_(torch.rand(1, device="cpu").item() + random.random() + np.random.rand())  # noqa: NPY002
        return self.drop(self.conv(self.norm(x)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_module_and_the_random_numbers_stay_as_they_are(dtype):
    network = Restless().to(dtype)
    before, held = copy.deepcopy(network.state_dict()), network.held
    drawn = torch.random.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    hooked = []
    network.conv.register_forward_hook(lambda *_: hooked.append(1))
    assert count(network, input_size=4) == Counts(6 + 112, 4 * 27 * 4)
    after = network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert (network.calls, network.seen) == (0, [])
    assert network.held is held
    assert [module.training for module in network.modules()] == [True, False, True, True]
    assert all(p.device.type == "cpu" and p.requires_grad and p.grad is None for p in network.parameters())
    assert hooked == [1]
    assert torch.equal(torch.random.get_rng_state(), drawn[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == drawn[1:]  # noqa: NPY002
    assert not torch.nn.modules.module._has_any_global_hook()


def test_tensors_count_wherever_they_are_kept():
    network = Given(lambda s, x: x @ s.kept[0]["a"] @ s.graph)
    network.kept, network.graph = [{"a": torch.rand(4, 4)}], network.weight * 2
    assert count_module(network, (3, 4)).macs == 96


def test_what_is_computed_from_weights_counts_each_time():
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    assert count(layer, input_size=3) == Counts(112 + 4, 4 * 27)
    layer = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))
    assert count(layer, input_size=3).macs == 4 * 27 + 4 * 27 + 4  # σ = u·Wv


def test_compiled_and_parallel_modules_count_as_what_they_wrap():
    network = build_network("301020", num_classes=10, channels=2, cells=1)
    wanted = count(network, input_size=8)
    assert count(torch.compile(network, backend="eager"), input_size=8) == wanted
    assert count(on_a_gpu(network), input_size=8) == wanted
    assert count(torch.compile(on_a_gpu(network), backend="eager"), input_size=8) == wanted
    assert count(nn.Sequential(on_a_gpu(on_a_gpu(network))), input_size=8) == wanted


def on_a_gpu(network):
    """As it is where there is one: images go to GPU 0, and parameters are looked for there."""
    parallel = nn.DataParallel(network)
    parallel.device_ids, parallel.src_device_obj = [0], torch.device("cuda:0")
    parallel.output_device = parallel.dim = 0
    return parallel


def test_a_module_without_values_counts():
    with torch.device("meta"):
        network = nn.Linear(10_000_000, 1_000)
    assert count_module(network, (10_000_000,)) == Counts(10**10 + 1_000, 10**10)


@pytest.mark.parametrize(
    "function",
    [
        lambda s, x: x if x.sum() > 0 else x @ s.weight,
        lambda s, x: x * float(x.mean()),
        lambda s, x: x[x > 0],
        lambda s, x: torch.from_numpy(x.numpy()),
        lambda s, x: x @ torch.rand(5, 4),
        lambda s, x: s.missing,
    ],
)
def test_one_line_says_that_a_module_cannot_be_counted(function):
    text = (
        r"^network: expected a module that takes one input of shape \(3, 4\) and works by shapes, without values, got"
    )
    with pytest.raises(InputError, match=text) as error:
        count_module(Given(function), (3, 4))
    assert "\n" not in str(error.value)
    assert not torch.nn.modules.module._has_any_global_hook()


def test_parameters_without_shapes_are_refused():
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    text = "network: expected parameters that have their shapes, got 1.weight, which a first batch initialises; run"
    with pytest.raises(InputError, match=text):
        count(network)
    network(torch.rand(1, 3, 4, 4))
    assert count(network, input_size=4) == Counts(490, 480)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"channels": 16}, "channels: expected nothing beside a module, which has its own, got 16"),
        ({"live": False}, "live: expected nothing beside a module, which has its own, got False"),
        ({"in_channels": 0}, "in_channels: expected at least 1, got 0"),
        ({"input_size": 0}, "input_size: expected at least 1, got 0"),
        ({"input_size": (4, 2.5)}, "input_size: expected a whole number, got 2.5"),
        ({"in_channels": 4}, r"takes one input of shape \(4, 32, 32\) and works by shapes, without values, got Runt"),
    ],
)
def test_bad_input(options, text):
    with pytest.raises(InputError, match=text):
        count(nn.Conv2d(3, 4, 3), **options)

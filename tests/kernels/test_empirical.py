import copy
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from robnas.errors import InputError
from robnas.kernels import NonFiniteKernelError, NTKSettings, empirical_kernels, empirical_ntk
from robnas.networks import build_network
from tests.reference.jacobian import full_ntk, tenas_ntk
from tests.reference.network import ReferenceNetwork, copy_weights, randomize

SIZES = {"num_classes": 3, "channels": 3, "cells": 1, "in_channels": 2, "mean": (0.4, 0.6), "std": (0.2, 0.3)}
RAW = NTKSettings(batch_norm="eval-raw")
GENERATOR = torch.Generator().manual_seed(7)
IMAGES = torch.rand(6, 2, 8, 8, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def pair(code):
    """Our network and the literal one, which executes every edge, at the same weights."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(5)
        reference = randomize(ReferenceNetwork(code, **SIZES), seed=1).double()
    network = build_network(code, **SIZES).double()
    copy_weights(network, reference)
    return network, reference


# All operations, dead branches with constants, constants that are convolved, nothing but constants, nothing at all.
@pytest.mark.parametrize("code", ["323133", "023432", "003113", "003303", "003003", "444444", "000000", "111111"])
def test_layer_by_layer_equals_the_whole_jacobian_of_the_literal_network(code):
    network, reference = pair(code)
    wanted = full_ntk(reference, IMAGES).numpy()
    found = {
        name: empirical_ntk(network, IMAGES, LABELS, settings=with_reduction(name))
        for name in ("trace", "sum", "label", "full")
    }
    np.testing.assert_allclose(found["trace"], np.einsum("icjc->ij", wanted) / 3, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["sum"], wanted.sum(axis=(1, 3)), rtol=1e-9, atol=1e-12)
    own = wanted[np.arange(6)[:, None], LABELS[:, None], np.arange(6)[None, :], LABELS[None, :]]
    np.testing.assert_allclose(found["label"], own, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["full"], wanted.reshape(18, 18), rtol=1e-9, atol=1e-12)


def with_reduction(name, **changes):
    return NTKSettings(reduction=name, batch_norm="eval-raw", **changes)


class Mixed(nn.Module):
    """Strides, dilation, groups, padding, one dimension, biases, a layer used twice, an activation in place."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.grouped = nn.Conv2d(4, 4, (1, 3), padding=(0, 2), dilation=(1, 2), groups=2)
        self.circular = nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular")
        self.norm = nn.BatchNorm2d(4, affine=True)
        self.line = nn.Conv1d(4, 5, 3, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.tokens = nn.Linear(14, 14)
        self.norm1 = nn.BatchNorm1d(5)
        self.last = nn.Linear(5, 3)

    def forward(self, x):
        x = self.relu(self.first(x))
        x = self.norm(self.circular(self.grouped(x)))
        x = torch.tanh(self.circular(x)).flatten(2)
        x = self.relu(self.line(x))
        x = torch.tanh(self.tokens(self.tokens(x)))
        return self.last(self.norm1(x.mean(2)))


def mixed():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(2)
        network = Mixed().double()
    for name in ("norm", "norm1"):
        norm = getattr(network, name)
        norm.running_mean.fill_(0.1)
        norm.running_var.fill_(0.5)
    return network


def test_any_network_of_the_supported_layers():
    network = mixed()
    before = copy.deepcopy(network.state_dict())
    reference = mixed()
    reference.relu.inplace = False
    wanted = full_ntk(reference, IMAGES).numpy()
    found = empirical_ntk(network, IMAGES, settings=with_reduction("full"))
    np.testing.assert_allclose(found, wanted.reshape(18, 18), rtol=1e-9, atol=1e-12)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("reduction", ["trace", "full"])
@pytest.mark.parametrize("memory", [2.0, 0.6, 0.3])
def test_the_memory_limit_decides_nothing_but_passes_and_chunks(reduction, memory):
    calls = []
    for network in (pair("323133")[0], pair("003303")[0], mixed()):
        wanted = empirical_ntk(network, IMAGES, settings=with_reduction(reduction))
        found = empirical_ntk(
            network,
            IMAGES,
            settings=with_reduction(reduction, memory_mib=memory),
            progress=lambda *said: calls.append(said),
        )
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
    assert calls[-1][0] == calls[-1][1] > (1 if memory < 1 else 0)


class Allocations(TorchDispatchMode):
    """Peak of the memory of all tensors that operations inside have made."""

    def __init__(self):
        super().__init__()
        self.live, self.peak = {}, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                self.live[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        if self.size() > self.peak:
            self.live = {key: one for key, one in self.live.items() if not one[0].expired()}
            self.peak = max(self.peak, self.size())
        return result

    def size(self):
        return sum(size for _, size in self.live.values())


@pytest.mark.parametrize(
    ("reduction", "mode", "memory"),
    [
        ("trace", "eval-raw", 2.0), ("sum", "eval-raw", 1.0), ("full", "eval-raw", 1.5), ("sum", "train", 0.5),
    ],
)  # fmt: skip
def test_working_memory_stays_below_the_limit(reduction, mode, memory):
    network, images = build_network("323133", **{**SIZES, "channels": 2}), IMAGES.float()
    kernels = 5 * 8 * len(images) ** 2 * (9 if reduction == "full" else 1) * 2  # sums and their parts
    maps = 2**19 if mode == "train" else 0
    settings = NTKSettings(reduction, batch_norm=mode, memory_mib=memory)
    with Allocations() as allocations:
        empirical_kernels(network, images, images, images, settings=settings)
    weights = sum(parameter.nbytes for parameter in network.parameters())
    assert memory * 2**20 / 4 < allocations.peak < memory * 2**20 + kernels + 2 * weights + maps


def test_images_in_another_order_give_the_kernel_in_that_order():
    network, _ = pair("323133")
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    for settings in (RAW, NTKSettings()):
        wanted = empirical_ntk(network, IMAGES, settings=settings)[np.ix_(order, order)]
        np.testing.assert_allclose(empirical_ntk(network, IMAGES[order], settings=settings), wanted, rtol=1e-9)


def test_trace_is_the_mean_of_the_kernels_of_single_outputs():
    network, _ = pair("323133")
    single = [empirical_ntk(network, IMAGES, torch.full((6,), c), settings=with_reduction("label")) for c in range(3)]
    np.testing.assert_allclose(empirical_ntk(network, IMAGES, settings=RAW), np.mean(single, axis=0), rtol=1e-12)


def test_projections_estimate_the_trace_without_bias():
    network, _ = pair("222222")
    wanted = empirical_ntk(network, IMAGES, settings=RAW)
    found = [empirical_ntk(network, IMAGES, settings=with_reduction("proj", projections=6, seed=s)) for s in range(20)]
    error = np.std(found, axis=0, ddof=1) / 20**0.5
    assert (np.abs(np.mean(found, axis=0) - wanted) < 4 * error).all()
    again = empirical_ntk(network, IMAGES, settings=with_reduction("proj", projections=6, seed=3))
    np.testing.assert_array_equal(again, found[3])


def halves(network, settings):
    """The kernel of the first three images alone and as part of six."""
    calibration = IMAGES if settings.batch_norm != "train" else None
    alone = empirical_ntk(network, IMAGES[:3], settings=settings, calibration=calibration)
    return alone, empirical_ntk(network, IMAGES, settings=settings, calibration=calibration)[:3, :3]


def test_images_do_not_see_one_another_but_in_training_mode():
    network, _ = pair("323133")
    np.testing.assert_allclose(*halves(network, NTKSettings()), rtol=1e-9)
    np.testing.assert_allclose(*halves(network, RAW), rtol=1e-9)
    alone, together = halves(network, NTKSettings(batch_norm="train"))
    assert np.abs(alone / together - 1).max() > 0.01


def test_calibration_sets_the_statistics_of_its_images():
    network, _ = pair("323133")
    by_hand = copy.deepcopy(network).train()
    for module in by_hand.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        by_hand(IMAGES)
    wanted = empirical_ntk(by_hand, IMAGES[:3], settings=RAW)
    np.testing.assert_allclose(empirical_ntk(network, IMAGES[:3], calibration=IMAGES), wanted, rtol=1e-9)


@pytest.mark.parametrize("memory", [1024, 0.2])
def test_te_nas_mode_equals_its_procedure_on_the_literal_network(memory):
    network, reference = pair("323133")
    wanted = tenas_ntk(reference, IMAGES).numpy()
    settings = NTKSettings(reduction="sum", batch_norm="train", parameters="weights", memory_mib=memory)
    found = empirical_ntk(network, IMAGES, settings=settings)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    condition = np.linalg.eigvalsh(found)
    assert condition[-1] / condition[0] == pytest.approx(np.linalg.cond(wanted), rel=1e-6)


@pytest.mark.parametrize("mode", ["calibrated-eval", "eval-raw"])
def test_a_stack_gives_the_kernels_of_its_parts(mode):
    network, _ = pair("323133")
    settings = NTKSettings(batch_norm=mode)
    parts = [IMAGES[:2], IMAGES[2:4], IMAGES[4:]]
    five = empirical_kernels(network, *parts, settings=settings, calibration=IMAGES)
    whole = empirical_ntk(network, IMAGES, settings=settings)
    blocks = (five.clean, five.cross, five.robust, five.cross_twice, five.twice)
    for block, (i, j) in zip(blocks, ((0, 0), (0, 2), (2, 2), (2, 4), (4, 4)), strict=True):
        np.testing.assert_allclose(block, whole[i : i + 2, j : j + 2], rtol=1e-9)


def test_gradients_in_float64_on_demand():
    network, _ = pair("323133")
    wanted = empirical_ntk(network, IMAGES)
    single = empirical_ntk(network.float(), IMAGES)
    double = empirical_ntk(network, IMAGES, settings=NTKSettings(float64=True))
    assert 1e-9 < np.abs(single / wanted - 1).max() < 1e-3
    assert np.abs(double / wanted - 1).max() < np.abs(single / wanted - 1).max()
    assert next(network.parameters()).dtype == torch.float32


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(self.a(x))


class PastCalls(nn.Module):
    """A weight is used outside its layer, which is called as well or not."""

    def __init__(self, called):
        super().__init__()
        self.a, self.b, self.called = nn.Linear(2, 2, bias=False), nn.Linear(2, 2), called

    def forward(self, x):
        return self.b(nn.functional.linear(self.a(x) if self.called else x, self.a.weight))


class Unused(nn.Module):
    """A layer that is not part of the function."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x):
        return self.b(x)


class Scale(nn.Module):
    """A layer without a rule."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, x):
        return x * self.factor


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x):
        return self.b(self.a(x)).relu_()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_kernels_of_networks_in_half_precision_are_computed_in_float32(dtype):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)).to(dtype)
    images = torch.rand(3, 1, 4, 4)
    np.testing.assert_array_equal(empirical_ntk(network, images), empirical_ntk(copy.deepcopy(network).float(), images))
    assert next(network.parameters()).dtype == dtype


@pytest.mark.parametrize("mode", ["calibrated-eval", "eval-raw", "train"])
def test_a_network_that_does_not_take_the_images_is_refused_in_one_line(mode):
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Flatten())
    with pytest.raises(InputError, match=r"network: expected one that takes images of shape \(1, 2, 2\), got Runtime"):
        empirical_ntk(network, torch.rand(3, 1, 2, 2), settings=NTKSettings(batch_norm=mode))


class Values(nn.Module):
    def __init__(self, *values):
        super().__init__()
        self.linear, self.values = nn.Linear(2, 2), nn.ParameterList(values)

    def forward(self, x):
        return self.linear(x) + sum(value.sum() for value in self.values)


@pytest.mark.parametrize("shape", [(), (3,), (3, 2), (2, 1)])
def test_values_that_are_not_broadcast_over_images_are_refused(shape):
    """Of three images a value of shape (3,) would have been one number for each."""
    with pytest.raises(InputError, match="layer values: expected one of Linear"):
        empirical_ntk(Values(torch.ones(1, 2), torch.ones(shape)), torch.ones(3, 2))
    assert empirical_ntk(Values(torch.ones(1, 2)), torch.ones(3, 2)).shape == (3, 3)


@pytest.mark.parametrize(
    ("network", "images", "settings", "text"),
    [
        (nn.Linear(2, 2), torch.tensor([[1.0, float("nan")], [1.0, 1.0]]), {}, "images: expected finite pixels"),
        (nn.Linear(2, 2), torch.ones(0, 2), {}, "images: expected at least one, got 0"),
        (nn.BatchNorm1d(2), torch.ones(1, 2), {}, "network: expected one that takes images .*more than 1 value per"),
        (nn.Linear(2, 2), torch.ones(3, 2, dtype=torch.uint8), {}, "images: expected a floating point tensor"),
        (nn.ReLU(), torch.ones(3, 2), {}, "network: expected at least one parameter, got none"),
        (
            nn.Sequential(nn.Linear(2, 2), Scale()),
            torch.ones(3, 2),
            {},
            'layer 1: expected one of Linear, Conv1d.* got Scale; see add_rule, .*batch_norm="train"',
        ),
        (Tied(), torch.ones(3, 2), {}, "parameter b.weight: expected one layer each, got also at a.weight"),
        (
            PastCalls(called=False),
            torch.ones(3, 2),
            {},
            "parameter a.weight: expected used by calling its layer alone, got another use; call the layer, or",
        ),
        (PastCalls(called=True), torch.ones(3, 2), {}, "parameter a.weight: expected used by calling its layer alone"),
        (
            nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, track_running_stats=False)),
            IMAGES,
            {},
            "batch norm: expected running statistics in evaluation mode, got track_running_stats=False; take",
        ),
        (
            nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, affine=False, track_running_stats=False)),
            IMAGES,
            {"batch_norm": "eval-raw"},
            "batch norm: expected running statistics in evaluation mode",
        ),
        (InPlace(), torch.ones(3, 2), {}, "layer Linear: expected an output that later operations leave as it is"),
        (
            nn.Linear(2, 2),
            torch.ones(3, 2),
            {"reduction": "label"},
            r"labels: expected shape \(3,\) for the reduction label, got none",
        ),
        (
            nn.Linear(2, 2),
            torch.ones(3, 2),
            {"memory_mib": 1e-6},
            "memory_mib: expected at least .* for these images, got 1e-06",
        ),
        (
            nn.Conv2d(1, 1, 1),
            torch.ones(3, 1, 2, 2),
            {},
            r"network: expected outputs of shape \(n, outputs\), got \(1, 1, 2, 2\)",
        ),
    ],
)
def test_bad_input(network, images, settings, text):
    with pytest.raises(InputError, match=text):
        empirical_ntk(network, images, settings=NTKSettings(**settings))


@pytest.mark.parametrize("settings", [{}, {"reduction": "full"}, {"batch_norm": "train"}])
def test_the_memory_that_an_error_asks_for_is_enough(settings):
    network, images = nn.Sequential(nn.Flatten(), nn.Linear(100, 20)), torch.rand(6, 100)
    with pytest.raises(InputError) as refused:
        empirical_ntk(network, images, settings=NTKSettings(memory_mib=1e-3, **settings))
    wanted = float(re.search(r"at least (\S+) for", str(refused.value))[1])
    found = empirical_ntk(network, images, settings=NTKSettings(memory_mib=wanted, **settings))
    np.testing.assert_allclose(found, empirical_ntk(network, images, settings=NTKSettings(**settings)), rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"reduction": "mean"}, "reduction: expected one of trace, sum, label, full, proj, got 'mean'"),
        ({"parameters": "biases"}, "parameters: expected one of all, weights"),
        ({"batch_norm": "frozen"}, "batch norm: expected one of calibrated-eval, eval-raw, train, got 'frozen'"),
        ({"projections": 0}, "projections: expected at least 1"),
        ({"memory_mib": 0}, "memory_mib: expected above 0"),
    ],
)
def test_bad_settings(settings, text):
    with pytest.raises(InputError, match=text):
        NTKSettings(**settings)


def test_more_bad_input():
    network = nn.Linear(2, 3)
    with pytest.raises(InputError, match="labels: expected from 0 to 2, got 3"):
        empirical_ntk(network, torch.ones(2, 2), torch.tensor([0, 3]), settings=NTKSettings(reduction="label"))
    with pytest.raises(InputError, match="attacked images: expected one shape"):
        empirical_kernels(network, torch.ones(2, 2), torch.ones(3, 2), torch.ones(2, 2))


def test_a_layer_that_is_not_used_adds_nothing():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        network = Unused().double()
    images = torch.rand(4, 2, generator=GENERATOR, dtype=torch.float64)
    np.testing.assert_allclose(empirical_ntk(network, images), empirical_ntk(network.b, images), rtol=1e-12)


def test_training_mode_takes_statistics_of_the_batch_and_weights_used_past_their_layer():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        norm = nn.BatchNorm1d(2, affine=False, track_running_stats=False)
        network = nn.Sequential(nn.Linear(3, 2), norm, PastCalls(called=True)).double()
    images = torch.rand(4, 3, generator=GENERATOR, dtype=torch.float64)
    wanted = tenas_ntk(network, images).numpy()
    settings = NTKSettings("sum", batch_norm="train", parameters="weights")
    np.testing.assert_allclose(empirical_ntk(network, images, settings=settings), wanted, rtol=1e-9)


def test_training_mode_takes_layers_that_are_not_supported_otherwise():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 2)).double()
    images = torch.rand(4, 3, generator=GENERATOR, dtype=torch.float64)
    found = empirical_ntk(network, images, settings=NTKSettings(batch_norm="train"))
    np.testing.assert_allclose(found, torch.einsum("icjc->ij", full_ntk(network, images)).numpy() / 2, rtol=1e-9)


def test_the_kernel_of_one_image():
    network, _ = pair("323133")
    for reduction in ("trace", "sum", "full", "proj"):
        settings = with_reduction(reduction)
        side = 3 if reduction == "full" else 1
        wanted = empirical_ntk(network, IMAGES, settings=settings)
        found = empirical_ntk(network, IMAGES[:1], settings=settings)
        np.testing.assert_allclose(found, wanted[:side, :side], rtol=1e-10)


@pytest.mark.parametrize("memory", [1024, 0.4])
@pytest.mark.parametrize("reduction", ["trace", "sum", "full", "proj"])
def test_the_kernel_of_two_batches_is_a_block_of_the_kernel_of_both(reduction, memory):
    network, _ = pair("323133")
    wanted = empirical_ntk(network, IMAGES, settings=with_reduction(reduction))
    found = empirical_ntk(network, IMAGES[:2], others=IMAGES[2:], settings=with_reduction(reduction, memory_mib=memory))
    rows = 6 if reduction == "full" else 2
    np.testing.assert_allclose(found, wanted[:rows, rows:], rtol=1e-9, atol=1e-12)


def test_batch_norm_is_calibrated_on_the_first_of_two_batches():
    network, _ = pair("323133")
    found = empirical_ntk(network, IMAGES[:3], others=IMAGES[3:])
    np.testing.assert_allclose(found, empirical_ntk(network, IMAGES, calibration=IMAGES[:3])[:3, 3:], rtol=1e-9)


@pytest.mark.parametrize(
    ("others", "settings", "text"),
    [
        (torch.ones(2, 3), {}, r"images and others: expected images of one size, got shapes \(4, 2\) and \(2, 3\)"),
        (torch.ones(0, 2), {}, "images and others: expected images of one size"),
        (torch.full((1, 2), float("inf")), {}, "images: expected finite pixels"),
        (
            torch.ones(2, 2),
            {"reduction": "label"},
            "reduction: expected one that needs no labels .* got label",
        ),
        (
            torch.ones(2, 2),
            {"batch_norm": "train"},
            "batch norm: expected one that treats images one by",
        ),
    ],
)
def test_bad_pairs_of_batches(others, settings, text):
    with pytest.raises(InputError, match=text):
        empirical_ntk(nn.Linear(2, 2), torch.ones(4, 2), others=others, settings=NTKSettings(**settings))


def test_an_overflow_is_an_error():
    images = torch.full((2, 2), 1e30)
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    with torch.no_grad():
        network[1].weight.fill_(1e15)
    with pytest.raises(NonFiniteKernelError, match="kernel: expected finite entries, got nan or infinity; set float64"):
        empirical_ntk(network, images)
    with pytest.raises(NonFiniteKernelError):
        empirical_ntk(network, images, others=images)
    with pytest.raises(NonFiniteKernelError):
        empirical_kernels(network, images, images, images)
    assert np.isfinite(empirical_ntk(network, images, settings=NTKSettings(float64=True))).all()

"""Float32 on a CPU, where convolutions are oneDNN's and cell networks are folded, against float64, which is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from robnas.kernels import NTKSettings, empirical_kernels, empirical_ntk
from robnas.kernels._folded_gradients import folded_for
from robnas.networks import build_network
from tests.reference.network import randomize

IMAGES = torch.rand(5, 3, 7, 9, generator=torch.Generator().manual_seed(0))
RAW = NTKSettings(batch_norm="eval-raw")
SIZES = {"num_classes": 4, "channels": 8, "cells": 1, "in_channels": 3, "mean": (0.4,) * 3, "std": (0.2, 0.3, 0.4)}


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * abs(wanted).max())


def check(network, images=IMAGES, **settings):
    given = replace(RAW, **settings)
    found = empirical_ntk(network, images, settings=given)
    close(found, empirical_ntk(network, images, settings=replace(given, float64=True)))


def cells(code):
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(3)
        return randomize(build_network(code, **SIZES), seed=1).float().eval()


def seeded(*layers):
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(4)
        network = nn.Sequential(*(layer() for layer in layers), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
        network(IMAGES)
    return network.eval()


CONVOLUTIONS = {
    "plain": (lambda: nn.Conv2d(3, 6, 3, padding=1),),
    "strided, dilated, without bias": (lambda: nn.Conv2d(3, 6, (3, 2), stride=2, dilation=(1, 2), bias=False),),
    "in groups": (lambda: nn.Conv2d(3, 6, 3, padding=1, groups=3),),
    "around the border": (lambda: nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular"),),
    "as large as the image": (lambda: nn.Conv2d(3, 6, (5, 3), padding="same"),),
    "of many channels": (lambda: nn.Conv2d(3, 150, 3), lambda: nn.Conv2d(150, 2, 1)),
    "of lines": (lambda: nn.Flatten(2), lambda: nn.Conv1d(3, 6, 3, padding=1)),
    "transposed": (lambda: nn.ConvTranspose2d(3, 4, 3),),
    "with batch norm": (lambda: nn.Conv2d(3, 6, 3), lambda: nn.BatchNorm2d(6)),
}


@pytest.mark.parametrize("reduction", ["trace", "sum", "full"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_any_convolution(name, reduction):
    check(seeded(*CONVOLUTIONS[name]), reduction=reduction)


class Viewed(nn.Module):
    """Takes maps in torch's own layout only."""

    def __init__(self):
        super().__init__()
        self.convolution, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4 * 5 * 7, 2)

    def forward(self, x):
        return self.last(self.convolution(x).relu().view(len(x), -1))


def test_a_network_that_takes_one_layout_only():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(5)
        check(Viewed())


# All operations, dead branches with constants, constants that are convolved, nothing but constants, nothing at all.
@pytest.mark.parametrize("code", ["323133", "023432", "003113", "003303", "003003", "444444", "000000", "111111"])
def test_cells_are_folded(code):
    network = cells(code)
    assert folded_for(network, IMAGES, 2**30) is not None
    for reduction in ("trace", "sum"):
        for parameters in ("all", "weights"):
            check(network, reduction=reduction, parameters=parameters)


def test_folded_cells_at_calibrated_statistics():
    check(cells("323133"), batch_norm="calibrated-eval")


def test_five_kernels_of_folded_cells():
    network = cells("323133")
    found, wanted = (
        empirical_kernels(network, IMAGES, IMAGES.flip(3), IMAGES.flip(2), settings=replace(RAW, float64=float64))
        for float64 in (False, True)
    )
    for name in ("clean", "cross", "robust", "cross_twice", "twice"):
        close(getattr(found, name), getattr(wanted, name))


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (4, 1)])
def test_one_small_image(size):
    images = IMAGES[:1, :, : size[0], : size[1]]
    check(cells("403200"), images)
    assert folded_for(cells("403200"), images, 0.06 * 2**20) is None
    check(cells("403200"), images, reduction="sum", memory_mib=0.06)


def test_cells_that_do_not_fit_into_memory_folded():
    network = cells("323133")
    assert folded_for(network, IMAGES, 0.8 * 2**20) is None
    wanted = empirical_ntk(network, IMAGES, settings=RAW)
    close(empirical_ntk(network, IMAGES, settings=replace(RAW, memory_mib=1)), wanted)

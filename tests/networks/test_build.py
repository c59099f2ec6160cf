"""Networks and sizes of architectures of any space."""

import itertools
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from robnas.errors import InputError
from robnas.networks import (
    BUILDERS,
    Counts,
    Folded,
    Network,
    WideResNet,
    build_network,
    build_wide_resnet,
    count,
    count_module,
)
from robnas.spaces import SPACES, Architecture, Gene, Space, TheorySpace

GENES = (Gene("depth", (1, 2)), Gene("width", (4, 8), ordered=True), Gene("drawn", ("torch", "numpy", "python")))
WIDE = SPACES["wide-resnet"].from_genes({"D1": 4, "W1": 8, "D2": 5, "W2": 10, "D3": 7, "W3": 12})
SMALL = {"num_classes": 3, "in_channels": 1, "image_size": 8, "mean": (0.5,), "std": (0.25,)}


def own(genes, *, in_channels, num_classes, image_size):
    """Convolutions, then a linear layer whose size depends on that of the images."""
    channels = [in_channels] + [genes["width"]] * genes["depth"]
    layers = [nn.Conv2d(*pair, 3, padding=1) for pair in itertools.pairwise(channels)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * image_size**2, num_classes))
    start = {"torch": torch.rand(1).item(), "numpy": np.random.rand(), "python": random.random()}  # noqa: NPY002
    network.start = start[genes["drawn"]]
    return network


SPACE = Space("convolutions", genes=GENES, build=own)


def drawn():
    return torch.random.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002


@pytest.mark.parametrize(
    "space", [SPACES["nas-bench-201"], SPACES["theory"], SPACE, TheorySpace(3, kernel_sizes=(0, 3))]
)
def test_every_space_has_networks_and_sizes(space):
    for seed in range(3):
        arch = space.random(np.random.default_rng(seed))
        network = build_network(arch, space=space, **SMALL)
        assert network(torch.rand(2, 1, 8, 8)).shape == (2, 3)
        sizes = {"space": space, "input_size": 8, "in_channels": 1, "num_classes": 3, "live": True}
        wanted = count_module(network, (1, 8, 8))
        assert count(arch, **sizes).macs == wanted.macs
        assert count(arch.text, **sizes) == count(arch, **sizes)
        if space.name != "nas-bench-201":  # where dead branches leave their biases
            assert count(arch, **sizes).parameters == wanted.parameters


def test_the_networks_of_shipped_spaces_are_those_of_their_builders():
    assert set(BUILDERS) == set(SPACES)
    with torch.device("meta"):
        network = build_network(WIDE, num_classes=10)
    assert type(network) is WideResNet
    assert [len(stage) for stage in network.stages] == [4, 5, 7]
    assert [stage[0].conv_a.out_channels for stage in network.stages] == [128, 320, 768]
    parameters, macs = sum(p.numel() for p in network.parameters()), count(network).macs
    assert count(WIDE) == Counts(parameters, macs)
    cell = build_network("323133", num_classes=10, channels=2, cells=1)
    assert type(cell) is Network
    assert type(cell.folded()) is Folded
    assert cell.arch == Architecture("323133")


def test_settings_of_the_space_are_those_of_the_network():
    space = SPACES["nas-bench-201"].configure(channels=4, cells=2)
    network = build_network("323133", space=space, num_classes=10)
    assert (network.channels, network.cells) == (4, 2)
    assert build_network("323133", space=space, num_classes=10, cells=1).cells == 1
    assert count("323133", space=space) == count("323133", channels=4, cells=2)
    assert count("323133", space=space, cells=5) == count("323133", channels=4)


def test_networks_of_the_theory_space_normalise_pixels_and_have_an_output_per_class():
    arch = SPACES["theory"].parse("fc:relu,tanh,relu:10")
    network, plain = (build_network(arch, **{**SMALL, **changes}) for changes in ({}, {"mean": None, "std": None}))
    images = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(network(images), plain((images - 0.5) / 0.25))
    assert count(arch, input_size=8, in_channels=1, num_classes=3).parameters == 128 * (64 + 128 + 128 + 3)


@pytest.mark.parametrize("source", GENES[2].choices)
def test_the_seed_decides_weights_of_a_build_of_ones_own_and_nothing_else_is_drawn(source):
    arch = SPACE.from_genes({"depth": 1, "width": 4, "drawn": source})
    before = drawn()
    first, again, other = (build_network(arch, space=SPACE, num_classes=3, seed=seed) for seed in (0, 0, 1))
    assert drawn() == before
    assert first.start == again.start != other.start
    assert torch.equal(first[0].weight, again[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)
    assert count(arch, space=SPACE) == Counts(4 * 28 + 10 * (4 * 1024 + 1), 1024 * (4 * 27 + 4 * 10))
    assert drawn() == before


def test_a_build_that_reads_values_is_counted_too():
    def build(genes, *, in_channels, num_classes, image_size):
        rates = [float(rate) for rate in torch.linspace(0, 1, genes["depth"])]
        return nn.Sequential(*(nn.Dropout(rate) for rate in rates), nn.Flatten(), nn.LazyLinear(num_classes))

    def whole(genes, **sizes):
        network = build(genes, **sizes)
        network(torch.rand(1, sizes["in_channels"], sizes["image_size"], sizes["image_size"]))
        return network

    space = Space("rates", genes=[Gene("depth", (1, 2))], build=whole)
    assert count("depth=2", space=space, input_size=4) == Counts(49 * 10, 480)
    lazy = Space("rates", genes=[Gene("depth", (1, 2))], build=build)
    with pytest.raises(InputError, match=r"network: expected parameters that have their shapes, got 3\.weight"):
        count("depth=2", space=lazy, input_size=4)


def test_the_same_space_with_another_build_is_counted_anew():
    def of(width):
        return Space("w", genes=[Gene("a", (1, 2))], build=lambda genes, **_: nn.Conv2d(3, width * genes["a"], 1))

    assert [count("a=2", space=of(width), input_size=1).macs for width in (1, 5)] == [6, 30]


def test_sizes_of_nas_bench_201_and_wide_resnet_need_no_torch():
    code = (
        "import sys; from robnas.networks import count; from robnas.spaces import SPACES; count('323133');"
        "count(SPACES['wide-resnet'].from_index(7)); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_images_need_not_be_square():
    with torch.device("meta"):
        network = build_network("323133", num_classes=10, channels=4, cells=1)
    assert (
        count("323133", channels=4, cells=1, live=True, input_size=(9, 14)).macs
        == count(network, input_size=(9, 14)).macs
    )
    tiny = build_wide_resnet(dict.fromkeys(WIDE.genes, 1), num_classes=10)
    assert count(tiny, input_size=(9, 14)).macs > count(tiny, input_size=(9, 12)).macs
    assert count(WIDE, input_size=(32, 64)).macs > count(WIDE).macs
    with pytest.raises(
        InputError, match="input_size: expected one side, because space convolutions builds networks for"
    ):
        count("depth=1,width=4,drawn=torch", space=SPACE, input_size=(9, 14))


@pytest.mark.parametrize(
    ("arch", "options", "text"),
    [
        (WIDE.text, {}, "architecture: expected one of space nas-bench-201, got D1=4,.*, which belongs to wide-resnet"),
        (WIDE, {"channels": 4}, "settings of space wide-resnet: expected none, because it has none, got channels"),
        (WIDE, {"space": SPACE}, "architecture: expected one of space convolutions, got D1=4.*belongs to wide-resnet"),
        (WIDE, {"in_channels": 0}, "in_channels: expected at least 1, got 0"),
        (
            "a=1",
            {"space": Space("bare", genes=[Gene("a", (1, 2))])},
            "space bare: expected one whose networks can be built",
        ),
        ("323133", {"cells": 0}, "cells: expected at least 1, got 0"),
    ],
)
def test_bad_input(arch, options, text):
    for function in (lambda: build_network(arch, num_classes=10, **options), lambda: count(arch, **options)):
        with pytest.raises(InputError, match=text):
            function()


def test_a_build_has_to_return_a_module():
    space = Space("none", genes=[Gene("a", (1, 2))], build=lambda genes, **_: genes)
    for function in (lambda: build_network("a=1", space=space, num_classes=2), lambda: count("a=1", space=space)):
        with pytest.raises(
            InputError, match=r"build of space none: expected to return a torch\.nn\.Module, got mapping"
        ):
            function()

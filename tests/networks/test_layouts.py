"""Weights in the layouts of others."""

import pytest
import torch

from robnas.errors import InputError
from robnas.networks import LAYOUTS, build_network
from robnas.spaces import SPACES
from tests.networks.test_network import DEGENERATE, MEAN, RANDOM, STD
from tests.reference.network import ReferenceNetwork, randomize


def trained(code, **sizes):
    """A network whose weights and statistics are none that it could have by chance."""
    network = randomize(build_network(code, mean=MEAN, std=STD, seed=3, **sizes), seed=1).double()
    generator = torch.Generator().manual_seed(2)
    for name, value in network.named_parameters():
        if ".biases." in name:
            value.data.uniform_(-1, 1, generator=generator)
    network.train()
    for _ in range(3):
        network(torch.rand(8, 3, 8, 8, generator=generator, dtype=torch.float64))
    return network.eval()


@pytest.mark.parametrize("code", [*DEGENERATE, *RANDOM[:20]])
def test_the_published_layout_loads_into_the_literal_network_and_gives_the_same_logits(code):
    sizes = {"num_classes": 5, "channels": 3, "cells": 2}
    network = trained(code, **sizes)
    reference = ReferenceNetwork(code, mean=MEAN, std=STD, **sizes).double()
    reference.load_state_dict(LAYOUTS["nas-bench-201"](network), strict=True)
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(reference.eval()(images), network(images), rtol=1e-10, atol=1e-10)


def test_the_published_layout_has_the_published_names():
    state = LAYOUTS["nas-bench-201"](build_network("323133", num_classes=10, channels=4, cells=1))
    assert [name for name in state if name.startswith(("stem", "lastact", "classifier"))] == [
        "stem.0.weight", "stem.1.weight", "stem.1.bias", "stem.1.running_mean", "stem.1.running_var",
        "stem.1.num_batches_tracked", "lastact.0.weight", "lastact.0.bias", "lastact.0.running_mean",
        "lastact.0.running_var", "lastact.0.num_batches_tracked", "classifier.weight", "classifier.bias",
    ]  # fmt: skip
    assert {name.rpartition(".")[0] for name in state if name.startswith("cells.0")} == {
        f"cells.0.layers.{edge}.op.{part}" for edge in (0, 1, 2, 4, 5) for part in (1, 2)
    }  # the skip on edge 3 has none
    assert {name.rpartition(".")[0] for name in state if name.startswith("cells.1")} == {
        "cells.1.conv_a.op.1", "cells.1.conv_a.op.2", "cells.1.conv_b.op.1", "cells.1.conv_b.op.2",
        "cells.1.downsample.1",
    }  # fmt: skip


def test_plain_is_the_state_of_the_network():
    network = build_network("323133", num_classes=10, channels=2, cells=1)
    assert LAYOUTS["plain"](network).keys() == network.state_dict().keys()


def test_a_network_of_another_space_or_one_that_was_changed_is_refused():
    other = build_network(SPACES["theory"].parse("fc:relu,tanh,erf:10"), num_classes=10)
    with pytest.raises(InputError, match=r"^layout nas-bench-201: expected a network of that .* built, got Sequential"):
        LAYOUTS["nas-bench-201"](other)
    changed = build_network("323133", num_classes=10, channels=2, cells=1)
    changed.head.linear = torch.nn.Linear(8, 11)
    with pytest.raises(InputError, match=r"as it was built, got another head\.linear"):
        LAYOUTS["nas-bench-201"](changed)

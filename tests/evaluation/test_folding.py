"""An evaluation says whether it asked the folded network, and asks no other function than that of the network."""

import pytest
import torch

from robnas.attacks import FGSM, PGD
from robnas.data import load_data
from robnas.evaluation import Suite, evaluate
from robnas.networks import Network, build_network
from robnas.training import Recipe, train
from robnas.types import ThreatModel

THREAT = ThreatModel.linf("16/255")
SUITE = Suite("light", (FGSM(THREAT), PGD(THREAT, 3, 8 / 255)), checks=False)


class Inverted(Network):
    def forward(self, pixels):
        return super().forward(1 - pixels)


class Around(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pixels):
        return self.network(1 - pixels)


@pytest.fixture(scope="module")
def data():
    return load_data("digits")


@pytest.fixture
def network(data):
    network = build_network("323133", num_classes=10, channels=8, cells=1, in_channels=1, mean=data.mean, std=data.std)
    train(network, data, Recipe.digits().replace(epochs=2, beta=0.0), seed=0)
    return network


def measured(network, data):
    return evaluate(network, data, SUITE, split="test", seed=0, limit=100)


def test_a_subclass_is_measured_as_what_it_computes(network, data):
    usual = measured(network, data)
    assert usual.folded
    expected = measured(Around(network), data)
    network.__class__ = Inverted
    found = measured(network, data)
    assert not found.folded
    assert [m.outcomes for m in found.measurements] == [m.outcomes for m in expected.measurements]
    assert found["clean"] < 0.5 < usual["clean"]
    assert not found.warnings


def test_a_folded_network_that_differs_is_not_asked_and_named(network, data, monkeypatch):
    monkeypatch.setattr("torch.nn.functional.relu", lambda x: x.clamp(min=0.5))
    found = measured(network, data)
    assert not found.folded
    (warning,) = found.warnings
    assert warning.startswith("the folded network computes what the network does: its logits differ by up to ")
    expected = measured(torch.nn.Sequential(network), data)
    assert [m.outcomes for m in found.measurements] == [m.outcomes for m in expected.measurements]

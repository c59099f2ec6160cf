"""Products are those of float32, whatever the process has set; flags tell, without a GPU."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from robnas._products import products
from robnas.attacks import FGSM, perturb
from robnas.data import load_data
from robnas.evaluation import Suite, evaluate
from robnas.kernels import (
    EmpiricalKernel,
    KernelProbe,
    NTKSettings,
    SphereAttack,
    empirical_kernels,
    empirical_ntk,
    one_pass_sgd,
    robust_ntk,
    zero_one_error,
)
from robnas.networks import build_wide_cell_network
from robnas.proxies import CRoZe, Probe, RobustZCP, RScore, score_network
from robnas.training import Recipe, train
from robnas.types import ThreatModel

ON_CPU = (torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv, torch.backends.mkldnn.rnn)
ON_GPU = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)
THREAT = ThreatModel("linf", 8 / 255)


def states(places):
    return [place.fp32_precision for place in places]


@contextlib.contextmanager
def rough_products():
    """What a process may have asked of torch for its own ends."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def fail_inside(device, tf32, places, seen):
    with products(device, tf32=tf32):
        seen += states(places)
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("device", "tf32", "inside"),
    [("cuda", False, "ieee"), ("cuda", True, "tf32"), ("cpu", False, "ieee"), ("cpu", True, "ieee")],
)
def test_products_are_as_asked_inside_and_as_before_outside(device, tf32, inside):
    places, seen = (ON_GPU if device == "cuda" else ON_CPU), []
    before = states(ON_CPU + ON_GPU)
    with pytest.raises(ZeroDivisionError):
        fail_inside(torch.device(device), tf32, places, seen)
    assert seen == [inside] * 3
    assert states(ON_CPU + ON_GPU) == before


def test_what_the_process_set_is_set_again():
    with rough_products():
        before = states(ON_CPU + ON_GPU)
        with products(torch.device("cpu")):
            assert states(ON_CPU) == ["ieee"] * 3
        assert states(ON_CPU + ON_GPU) == before


LATER = """
import torch
from robnas._products import products
b = torch.backends
places = {"cpu": (b.mkldnn.matmul, b.mkldnn.conv, b.mkldnn.rnn), "cuda": (b.cuda.matmul, b.cudnn.conv, b.cudnn.rnn)}
for before in ("none", "tf32"):
    for device, of_device in places.items():
        b.fp32_precision = before
        for tf32 in (False, True):
            with products(torch.device(device), tf32=tf32), products(torch.device(device)):
                assert [place.fp32_precision for place in of_device] == ["ieee"] * 3, (before, device, tf32)
        b.fp32_precision = "ieee"
        assert [place.fp32_precision for place in of_device] == ["ieee"] * 3, (before, device)
"""


def test_what_the_process_says_of_all_products_later_still_holds():
    """In a process of its own: once a place was told something, by whomever, it no longer takes what all are told."""
    subprocess.run([sys.executable, "-c", LATER], check=True)


class Witness(nn.Module):
    """Notes the precision of products whenever a network is asked, or its gradient taken."""

    seen: list = []  # noqa: RUF012 - shared by copies

    def forward(self, x):
        self.seen.append(ON_CPU[0].fp32_precision)
        if x.requires_grad:
            x = x * 1
            x.register_hook(lambda _: self.seen.append(ON_CPU[0].fp32_precision))
        return x


@pytest.fixture
def network():
    Witness.seen = []
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        layers = (
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 10),
        )
        return nn.Sequential(Witness(), *layers)


IMAGES = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(6) % 3
SETTINGS = NTKSettings(unknown="warn")
DIGITS = load_data("digits")


def on_sphere(network):
    """A network of one output, and inputs of norm 1."""
    inputs = nn.functional.normalize(IMAGES.flatten(1), dim=1).view_as(IMAGES)
    return nn.Sequential(network[0], nn.Flatten(), nn.Linear(16, 1, bias=False)), inputs


def gradient(network):
    kernel = EmpiricalKernel(network, SETTINGS, calibration=IMAGES)
    kernel.gradient(IMAGES[:2], IMAGES, np.ones((6, 1)), np.ones((2, 1)))


def one_pass(network):
    network, inputs = on_sphere(network)
    signs = torch.tensor([1.0, -1.0]).repeat(3)
    list(one_pass_sgd(network, inputs, signs, beta=0.5, step_size=0.1, attack=SphereAttack(0.1, 2)))
    zero_one_error(network, inputs, signs)


def scored(network):
    probe = Probe(network, IMAGES, LABELS, threat=THREAT, settings=SETTINGS)
    score_network(probe, ["grad_norm", "jacov", "hessian", "ntk-robust-trace"])


def scored_one_by_one(network):
    probe = Probe(network, IMAGES, LABELS, settings=SETTINGS)
    probe.clean, probe.loss, probe.jacobian  # noqa: B018
    for proxy in (RobustZCP(), RScore(), CRoZe()):
        proxy(probe)


def trained(network):
    train(network, DIGITS.limit(train=64), Recipe(name="short", attack=FGSM(THREAT), epochs=1, batch_size=32), seed=0)


def evaluated(network):
    evaluate(network, DIGITS, Suite("one step", (FGSM(THREAT),), checks=False), split="test", seed=0)


ASKED = {
    "perturb": lambda network: perturb(FGSM(THREAT), network, IMAGES, LABELS, seed=0),
    "empirical_ntk": lambda network: empirical_ntk(network, IMAGES, settings=SETTINGS),
    "empirical_kernels": lambda network: empirical_kernels(network, IMAGES, IMAGES, IMAGES, settings=SETTINGS),
    "robust_ntk": lambda network: robust_ntk(network, IMAGES, LABELS, threat=THREAT, settings=SETTINGS),
    "EmpiricalKernel": lambda network: EmpiricalKernel(network, SETTINGS, calibration=IMAGES)(IMAGES),
    "gradient of a kernel": gradient,
    "KernelProbe": lambda network: KernelProbe(network, IMAGES, LABELS, threat=THREAT, settings=SETTINGS).blocks,
    "proxies": scored,
    "proxies one by one": scored_one_by_one,
    "one_pass_sgd": one_pass,
    "train": trained,
    "evaluate": evaluated,
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.filterwarnings("ignore::robnas.kernels.KernelWarning")
def test_networks_are_asked_with_products_of_float32(name, network):
    with rough_products():
        ASKED[name](network)
    assert Witness.seen, "it was not asked"
    assert set(Witness.seen) == {"ieee"}


def test_branches_are_scaled_with_products_of_float32():
    def built():
        return build_wide_cell_network("333333", width=8, cells=1, seed=0, in_channels=1, calibration=IMAGES)

    expected = built().state_dict()
    with rough_products():
        found = built().state_dict()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())

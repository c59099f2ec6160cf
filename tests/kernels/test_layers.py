"""Kernels of networks with every kind of layer that has a rule, against the whole Jacobian by torch.func."""

from types import MethodType

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from robnas._settings import to_dict
from robnas.errors import InputError
from robnas.kernels import KernelWarning, NTKSettings, add_rule, by_autograd, empirical_ntk
from robnas.kernels._gradients import _WHOLE
from tests.reference.jacobian import full_ntk

RAW = {"batch_norm": "eval-raw"}
IMAGES = torch.randn(4, 3, 7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LINES = IMAGES.flatten(2)


def built(*layers):
    """A network of two outputs with random weights."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(3)
        network = nn.Sequential(*(layer() for layer in layers), nn.Flatten(), nn.LazyLinear(2)).double()
        lines = any(isinstance(one, nn.ConvTranspose1d | nn.InstanceNorm1d) for one in network)
        network(LINES if lines else IMAGES)
        for parameter in network.parameters():
            nn.init.normal_(parameter, 0.3, 0.5)
    return network.eval(), LINES if lines else IMAGES


def check(network, images, **settings):
    wanted = full_ntk(network, images).numpy()
    found = empirical_ntk(network, images, settings=NTKSettings("full", **RAW, **settings))
    np.testing.assert_allclose(found, wanted.reshape(found.shape), rtol=1e-9, atol=1e-11)


class Plain(nn.Conv2d):
    """A subclass that computes what the class does."""


class Standardized(nn.Conv2d):
    """Another function of the same weights."""

    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return self._conv_forward(x, weight, self.bias)


class Doubled(nn.Conv2d):
    def _conv_forward(self, x, weight, bias):
        return 2 * super()._conv_forward(x, weight, bias)


class Masked(nn.Linear):
    """A weight that is computed, under a parameter of another name."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.raw = nn.Parameter(torch.ones(*sizes[::-1]))

    def forward(self, x):
        return nn.functional.linear(x, self.weight * self.raw.tanh(), self.bias)


LAYERS = {
    "group norm": lambda: nn.GroupNorm(3, 3),
    "group norm of one group": lambda: nn.GroupNorm(1, 3),
    "layer norm": lambda: nn.LayerNorm([3, 7, 6]),
    "layer norm of the last dimension": lambda: nn.LayerNorm(6),
    "layer norm without bias": lambda: nn.LayerNorm([7, 6], bias=False),
    "instance norm": lambda: nn.InstanceNorm2d(3, affine=True),
    "instance norm of lines": lambda: nn.InstanceNorm1d(3, affine=True),
    "instance norm with statistics": lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
    "prelu": nn.PReLU,
    "prelu by channel": lambda: nn.PReLU(3),
    "transposed": lambda: nn.ConvTranspose2d(3, 4, 3),
    "transposed without bias": lambda: nn.ConvTranspose2d(3, 2, (2, 3), padding=(1, 0), bias=False),
    "transposed in steps": lambda: nn.ConvTranspose2d(3, 4, 3, stride=(2, 3), padding=1, output_padding=(1, 2)),
    "transposed in groups": lambda: nn.ConvTranspose2d(3, 6, 3, stride=2, groups=3),
    "transposed and dilated": lambda: nn.ConvTranspose2d(3, 2, 2, dilation=3, output_padding=2, padding=1),
    "transposed line": lambda: nn.ConvTranspose1d(3, 4, 5, stride=2, padding=2),
    "subclass": lambda: Plain(3, 4, 3, padding=1),
    "subclass in groups": lambda: Plain(3, 6, 3, groups=3),
    "subclass of another forward": lambda: Standardized(3, 4, 3),
    "subclass of another convolution": lambda: Doubled(3, 4, 3, bias=False),
    "subclass with parameters of its own": lambda: Masked(6, 5),
}


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("name", LAYERS)
def test_kernels_are_those_of_the_whole_jacobian(name):
    network, images = built(lambda: nn.Identity(), LAYERS[name], nn.Tanh)
    check(network, images)


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("memory", [1024, 0.08])
def test_a_network_of_all_of_them(memory):
    network, images = built(
        lambda: Plain(3, 4, 3, stride=2), lambda: nn.GroupNorm(2, 4), lambda: nn.PReLU(4),
        lambda: nn.ConvTranspose2d(4, 3, 3, stride=2), lambda: nn.LayerNorm(5), lambda: Standardized(3, 2, 3), nn.PReLU,
    )  # fmt: skip
    check(network, images, memory_mib=memory)


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_a_layer_with_its_own_forward_or_hooks_is_what_it_computes():
    network, images = built(lambda: nn.Conv2d(3, 4, 3), nn.Tanh, lambda: nn.Conv2d(4, 3, 3))
    network[2].register_forward_hook(lambda layer, given, output: output * 3)
    check(network, images)
    network[0].forward = MethodType(lambda layer, x: 2 * layer._conv_forward(x, layer.weight.abs(), None), network[0])
    check(network, images)


class Scale(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.factor = nn.Parameter(torch.full((size,), 2.0))

    def forward(self, x):
        return torch.sin(x * self.factor)


class Wave(Scale):
    def forward(self, x):
        return torch.cos(x * self.factor)


@pytest.fixture
def rules():
    before = dict(_WHOLE)
    yield
    _WHOLE.clear()
    _WHOLE.update(before)


def scale_rule(layer, x, upstream):
    return {"factor": (torch.cos(x * layer.factor) * x * upstream).flatten(1, -2).sum(1)}


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("rule", [scale_rule, by_autograd])
@pytest.mark.parametrize("kind", [Scale, Wave])
def test_a_layer_of_ones_own_has_the_rule_that_is_added(rules, rule, kind):
    network, images = built(lambda: kind(6), lambda: nn.Conv2d(3, 2, 3))
    with pytest.raises(InputError, match=rf"layer 0: expected .*PReLU, or no parameters .*, got {kind.__name__}"):
        empirical_ntk(network, images, settings=NTKSettings(**RAW))
    add_rule(Scale, rule)
    check(network, images)


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_layers_without_a_rule_are_left_out_with_a_warning():
    network, images = built(lambda: Scale(6), nn.Tanh)
    settings = NTKSettings("full", **RAW, unknown="warn")
    with pytest.warns(KernelWarning, match=r"left out of the kernel, see kernels.add_rule: 0 \(Scale: factor\)"):
        found = empirical_ntk(network, images, settings=settings)
    network[0].factor.requires_grad_(False)
    with torch.no_grad():
        features = network[:-1](images)
    wanted = full_ntk(network[-1], features).numpy()
    np.testing.assert_allclose(found, wanted.reshape(8, 8), rtol=1e-9)
    with (
        pytest.warns(KernelWarning),
        pytest.raises(InputError, match="parameters: expected at least one in the kernel"),
    ):
        empirical_ntk(nn.Sequential(Scale(6), nn.Flatten()).double(), images, settings=settings)


def test_settings_are_what_they_were_unless_layers_may_be_left_out():
    assert "unknown" not in to_dict(NTKSettings())
    assert to_dict(NTKSettings(unknown="warn"))["unknown"] == "warn"
    with pytest.raises(InputError, match="unknown: expected one of error, warn, got 'ignore'"):
        NTKSettings(unknown="ignore")


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.own, self.last = Scale(6), nn.Linear(6, 2)
        self.own.forward = lambda x, y=0: x * self.own.factor + y

    def forward(self, x):
        x = x.mean((1, 2))
        return self.last(self.own(x, x))


def test_bad_rules(rules):
    with pytest.raises(InputError, match="rule of Conv2d: expected none yet, got one; add it for a subclass"):
        add_rule(nn.Conv2d, by_autograd, overwrite=True)
    with pytest.raises(InputError, match="rule of PReLU: expected none yet, got one; write overwrite=True"):
        add_rule(nn.PReLU, by_autograd)
    add_rule(nn.PReLU, by_autograd, overwrite=True)
    with pytest.raises(InputError, match=r"layer: expected a class of torch.nn.Module, got 3"):
        add_rule(3, by_autograd)
    with pytest.raises(InputError, match="rule of Scale: expected a function of layer, input and gradient, got None"):
        add_rule(Scale, None)
    network = nn.Sequential(Scale(6), nn.Flatten()).double()
    for wrong, got in (
        (lambda layer, x, upstream: {}, r"\{'factor': None\}"),
        (lambda layer, x, upstream: {"factor": x.sum(0)}, r"\{'factor': \(3, 7, 6\)\}"),
    ):
        add_rule(Scale, wrong, overwrite=True)
        with pytest.raises(InputError, match=rf"rule of Scale: expected 6 numbers for each of 4 .* got {got}; see"):
            empirical_ntk(network, IMAGES, settings=NTKSettings("sum", **RAW))
    with pytest.raises(InputError, match=r"layer Scale: expected a call that maps one .* got Tensor, Tensor to"):
        empirical_ntk(TwoInputs().double(), IMAGES, settings=NTKSettings("sum", **RAW))


def test_parametrized_layers_need_a_rule_for_what_parametrizes_them():
    network = nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(126, 2))).double()
    with pytest.raises(InputError, match=r"layer 1.parametrizations.weight: expected one of Linear"):
        empirical_ntk(network, IMAGES, settings=NTKSettings(**RAW))

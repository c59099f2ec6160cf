"""A network is folded only if it is exactly as built; everything else is asked itself."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from robnas.attacks import frozen, victim_of
from robnas.errors import InputError
from robnas.networks import Folded, Network, build_network
from tests.networks.test_folded import trained


class Inverted(Network):
    def forward(self, pixels):
        return super().forward(1 - pixels)


def subclass(network):
    network.__class__ = Inverted


def own_forward(network):
    network.forward = lambda pixels: Network.forward(network, 1 - pixels)


def own_method_inside(network):
    conv = network.stem[0]
    conv._conv_forward = lambda x, weight, bias: F.conv2d(1 - x, weight, bias, padding=1)


def module_behind_an_attribute(network):
    network.__dict__["head"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5)).double()


def hook(network):
    network.head.linear.register_forward_hook(lambda module, inputs, output: -output)


def pre_hook(network):
    network.register_forward_pre_hook(lambda module, inputs: 1 - inputs[0])


def pre_hook_with_keywords(network):
    network.stages[1].register_forward_pre_hook(lambda module, inputs, named: ((-inputs[0],), named), with_kwargs=True)


def backward_hook(network):
    network.stem.register_full_backward_hook(lambda module, inputs, outputs: (-inputs[0],))


def reflect(network):
    old = network.stem[0]
    network.stem[0] = nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect", bias=False).to(old.weight.dtype)


def padding_mode(network):
    network.reductions[0].conv_b.padding_mode = "circular"


def dilation(network):
    network.reductions[0].conv_b.dilation = (2, 2)
    network.reductions[0].conv_b.padding = (2, 2)


def groups(network):
    conv = network.stem[0]
    conv.groups, conv.weight = 3, nn.Parameter(conv.weight[:, :1].detach().clone())


def bias_in_a_convolution(network):
    network.stem[0].bias = nn.Parameter(torch.ones(3, dtype=torch.float64))


def head(network):
    network.head.linear = nn.Linear(12, 7).double()


def head_of_the_same_size(network):
    network.head.linear = nn.Sequential(nn.Linear(12, 5), nn.Tanh()).double()


def without_bias(network):
    network.head.linear.bias = None


def normalize(network):
    network.normalize = nn.Identity()


def group_norm(network):
    network.stem[1] = nn.GroupNorm(1, 3).double()


def no_statistics(network):
    norm = network.reductions[0].norm_a
    norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None


def not_affine(network):
    network.head.norm = nn.BatchNorm2d(12, affine=False).double()


def epsilon(network):
    network.head.norm.eps = 0.5


def parametrized(network):
    class Negative(nn.Module):
        def forward(self, weight):
            return -weight

    parametrize.register_parametrization(network.stem[0], "weight", Negative())


def weight_norm(network):
    parametrizations.weight_norm(network.head.linear)


def spectral_norm(network):
    parametrizations.spectral_norm(network.stem[0])


def pruned(network):
    prune.l1_unstructured(network.stem[0], "weight", amount=0.5)


def adapted(network):
    class LoRA(nn.Module):
        def __init__(self, linear):
            super().__init__()
            self.linear, self.down, self.up = linear, nn.Linear(12, 2).double(), nn.Linear(2, 5).double()

        def forward(self, x):
            return self.linear(x) + self.up(self.down(x))

    network.head.linear = LoRA(network.head.linear)


def other_cell(network):
    network.stages[1][0] = build_network("444444", num_classes=5, channels=6, cells=1).double().stages[0][0]


def fewer_stages(network):
    network.stages, network.reductions = network.stages[:2], network.reductions[:1]
    network.head.norm, network.head.linear = nn.BatchNorm2d(6).double(), nn.Linear(6, 5).double()


def more_cells(network):
    network.stages[0].append(copy.deepcopy(network.stages[0][0]))


def tied(network):
    network.reductions[0].norm_a = network.reductions[0].norm_b


def other_skips(network):
    fan = network.stages[0][0].fans["0"]
    fan.skips, fan.pools = fan.pools, fan.skips


def other_targets(network):
    network.stages[0][0].fans["0"].convolutions[0].targets = (3,)


def not_folded_by_wish(network):
    network.folded = False


CHANGES = [
    subclass, own_forward, own_method_inside, module_behind_an_attribute, hook, pre_hook, pre_hook_with_keywords,
    backward_hook, reflect, padding_mode, dilation, groups, bias_in_a_convolution, head, head_of_the_same_size,
    without_bias, normalize, group_norm, no_statistics, not_affine, epsilon, parametrized, weight_norm, spectral_norm,
    pruned, adapted, other_cell, fewer_stages, more_cells, tied, other_skips, other_targets, not_folded_by_wish,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_network_is_asked_itself(change):
    network = trained("423143").train()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        change(network)
    images = torch.rand(4, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with frozen(network) as asked:
        assert asked is network
        assert not any(module.training for module in network.modules())
        assert asked(images).isfinite().all()
    assert all(module.training for module in network.modules())
    with pytest.raises(InputError, match=r"network to be folded: expected one as build_network makes it, got .*; ask"):
        Folded(network)
    assert not victim_of(network, images).folded


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network,
        copy.deepcopy,
        lambda network: setattr(network, "note", "seen") or network,
        lambda network: setattr(network.head.norm, "momentum", 0.01) or network,
        lambda network: network.requires_grad_(False),
        lambda network: network.float(),
    ],
)
def test_what_changes_no_logit_is_folded(change):
    network = change(trained("423143"))
    with frozen(network) as asked:
        assert isinstance(asked, Folded)


def test_a_changed_method_of_a_class_is_seen(monkeypatch):
    network = trained("323133")
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda self, x: -x)
    with frozen(network) as asked:
        assert asked is network


def test_a_global_hook_and_autocast_are_seen():
    network = trained("323133").float()
    handle = nn.modules.module.register_module_forward_hook(lambda module, inputs, output: output)
    try:
        with frozen(network) as asked:
            assert asked is network
    finally:
        handle.remove()
    with torch.autocast("cpu"), frozen(network) as asked:
        assert asked is network
    with frozen(network) as asked:
        assert isinstance(asked, Folded)


def test_mixed_types_are_asked_themselves():
    network = trained("323133")
    network.head.float()
    with frozen(network) as asked:
        assert asked is network


@pytest.mark.parametrize("own", [False, None, "yes", lambda: 1, lambda dtype, more: 1])
def test_an_attribute_named_folded_of_another_module_means_nothing(own):
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    module.folded = own
    with frozen(module) as asked:
        assert asked is module

    class Property(nn.Linear):
        @property
        def folded(self):
            raise AssertionError("asked")

    with frozen(Property(4, 2), torch.bfloat16) as asked:
        assert asked(torch.rand(1, 4)).dtype == torch.float32


@pytest.mark.parametrize("wrap", [nn.Sequential, nn.DataParallel])
def test_a_module_around_a_network_is_asked_itself(wrap):
    module = wrap(trained("323133"))
    with frozen(module) as asked:
        assert asked is module


def images_of(dtype):
    return torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(0)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_folded_logits_that_agree_let_the_folded_network_be_attacked(dtype):
    network = trained("323143", channels=16, dtype=dtype).train()
    state, before = torch.get_rng_state(), {name: value.clone() for name, value in network.state_dict().items()}
    found = victim_of(network, images_of(dtype))
    assert (found.network, found.folded, found.doubt) == (network, True, "")
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_folded_logits_that_differ_let_the_network_itself_be_attacked(dtype, monkeypatch):
    network = trained("323133", dtype=dtype)
    images = images_of(dtype)
    monkeypatch.setattr("torch.nn.functional.relu", lambda x: x.clamp(min=0.05))
    found = victim_of(network, images)
    assert not found.folded
    assert found.doubt.startswith("its logits differ by up to 0.")
    with frozen(found.network) as asked, torch.no_grad():
        assert torch.equal(asked(images), network(images))


def test_a_network_of_nans_is_no_doubt_about_folding():
    network = trained("323133")
    with torch.no_grad():
        network.head.linear.weight.fill_(float("nan"))
    assert victim_of(network, images_of(torch.float64)).folded

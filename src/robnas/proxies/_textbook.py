"""A network as the definitions of proxies read it: one module per edge, copies without batch norm."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas.errors import InputError, Verbatim, reason
from robnas.networks import Cell, Convolutions, Fan, average_pool

Layer: TypeAlias = nn.Conv2d | nn.Linear
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_BATCH_NORMS = nn.modules.batchnorm._NormBase  # instance norms among them


class Edges(nn.Module):
    """What leaves a node of a cell, with the weights of a `Fan` and a ReLU, convolution and batch norm per edge."""

    def __init__(self, fan: Fan, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.skips, self.pools, self.pool = fan.skips, fan.pools, pool
        self.convolutions = nn.ModuleDict()
        for merged in fan.convolutions:
            assert isinstance(merged, Convolutions)
            for part, target in enumerate(merged.targets):
                self.convolutions[str(target)] = _part(merged, part)

    def forward(self, value: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Pairs of target node and what this node adds to it."""
        for target in self.skips:
            yield target, value
        for target in self.pools:
            yield target, self.pool(value)
        for name, convolution in self.convolutions.items():
            yield int(name), convolution(F.relu(value))


def _as_built(fan: nn.Module) -> bool:
    """Whether a fan is what the package makes, so that `Edges` computes the same; one that was changed is not."""
    if type(fan) is not Fan:
        return False
    for module in fan.modules():
        if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
            return False
    return all(_is_plain(merged) for merged in fan.convolutions)


def _is_plain(merged: nn.Module) -> bool:
    if (
        type(merged) is not Convolutions
        or type(merged.conv) is not nn.Conv2d
        or type(merged.norm) is not nn.BatchNorm2d
    ):
        return False
    conv, norm = merged.conv, merged.norm
    with torch.device("meta"):
        built = Convolutions(conv.in_channels, conv.kernel_size[0], merged.targets)
    built.norm.eps, built.norm.momentum = norm.eps, norm.momentum
    return repr(built) == repr(merged)  # which tells every setting of both layers


def _part(merged: Convolutions, part: int) -> nn.Sequential:
    """The convolution and batch norm of one target."""
    conv, norm, parts = merged.conv, merged.norm, len(merged.targets)
    size = conv.weight.shape[2]
    one = nn.Conv2d(conv.in_channels, conv.out_channels // parts, size, padding=size // 2, bias=False, device="meta")
    one.weight = nn.Parameter(conv.weight.detach().chunk(parts)[part].clone())
    other = nn.BatchNorm2d(one.out_channels, norm.eps, norm.momentum, device="meta")
    other.weight = nn.Parameter(norm.weight.detach().chunk(parts)[part].clone())
    other.bias = nn.Parameter(norm.bias.detach().chunk(parts)[part].clone())
    for name, value in norm.named_buffers():
        setattr(other, name, value.chunk(parts)[part].clone() if value.ndim else value.clone())
    return nn.Sequential(one, other)


def _pool(x: Tensor) -> Tensor:
    if x.device.type == "cuda":  # see there: torch's own gradient was wrong
        return average_pool(x)
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def textbook(network: nn.Module, *, twice: bool = False) -> nn.Module:
    """A copy in training mode that computes the same, one convolution per edge; all parameters have gradients.

    robnas merges convolutions of one kernel size that leave one node, and shares their ReLU. What is counted per layer
    or per ReLU has to see them apart, as the published networks have them. A network of another kind, and what was
    changed in one of ours, is only copied.

    Args:
        network: any; it is left as it is.
        twice: pool in a way that can be differentiated twice; slower.

    Raises:
        InputError: it cannot be copied.
    """
    try:
        with torch.inference_mode(False):  # where a copy has no gradients
            twin = copy.deepcopy(network).train().requires_grad_(True)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError("network", expected="one that copy.deepcopy copies", got=reason(error)) from error
    for cell in twin.modules():
        if isinstance(cell, Cell):
            for key, fan in cell.fans.items():
                if _as_built(fan):
                    assert isinstance(fan, Fan)
                    cell.fans[key] = Edges(fan, _pool if twice else average_pool)
    return twin.train()


def layers(network: nn.Module) -> list[Layer]:
    """All convolutions and linear layers: the layers whose weights θ the definitions sum over."""
    return [module for module in network.modules() if isinstance(module, Layer)]


def check_weights(network: nn.Module) -> None:
    """Raise `InputError` unless the weight of every layer is a parameter of its own, as gradients are taken by them."""
    seen: dict[int, str] = {}
    for name, layer in network.named_modules():
        if not isinstance(layer, Layer):
            continue
        weight = layer._parameters.get("weight")
        if weight is None:
            raise InputError(
                "network", expected="layers whose weight is a parameter", got=Verbatim(f"{name} that computes it"),
                remedy="remove the parametrization",
            )  # fmt: skip
        if (other := seen.setdefault(id(weight), name)) != name:
            got = Verbatim(f"one that {other} and {name} share")
            raise InputError("network", expected="a weight of its own for every layer", got=got)


def batch_norms(network: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d]:
    """All batch norms."""
    return [module for module in network.modules() if isinstance(module, _NORMS)]


class Same(nn.Module):
    """The identity, as a copy: what follows may work in place, as it may behind the module that stood here."""

    def forward(self, value: Tensor) -> Tensor:
        """A copy of `value`."""
        return value.clone()


def replaced(network: nn.Module, kinds: type[nn.Module] | tuple[type[nn.Module], ...]) -> nn.Module:
    """The same network, its modules of some kinds replaced by the identity in place."""
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):  # a module that stands in two places is there twice
            if isinstance(child, kinds):
                setattr(parent, name, Same())
    return network


def absolute(network: nn.Module) -> nn.Module:
    """A textbook copy in float64 without batch and instance norms, every parameter its absolute value.

    What the batch norm of a dead branch adds to a cell, its constants, goes with the batch norms.
    """
    twin = replaced(textbook(network), _BATCH_NORMS).double()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.abs_()
        for cell in twin.modules():
            if isinstance(cell, Cell):
                for constant in cell.biases.values():
                    constant.zero_()
    return twin

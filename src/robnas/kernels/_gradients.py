"""Gradients of each image apart, for the layers that have parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from robnas.errors import InputError, Verbatim

PerImage: TypeAlias = dict[str, Tensor]
"""By parameter name, shape (n, …); the order of numbers is any, but the same for all images."""
LayerRule: TypeAlias = Callable[[nn.Module, Tensor, Tensor], PerImage]
"""(layer, its input, gradient at its output) → gradients to its own parameters, of each image apart."""
_ByChannel: TypeAlias = Callable[[nn.Module, Tensor, Tensor, slice], PerImage]
"""The same where some output channels can be taken alone: the gradient is at these only, and says which."""
Convolution: TypeAlias = nn.Conv1d | nn.Conv2d
Transposed: TypeAlias = nn.ConvTranspose1d | nn.ConvTranspose2d


def _linear(layer: nn.Module, x: Tensor, upstream: Tensor, channels: slice) -> PerImage:
    """Inputs (n, …, features)."""
    x, upstream = (part.reshape(len(part), -1, part.shape[-1]) for part in (x, upstream))
    return {"weight": (upstream.transpose(1, 2) @ x).flatten(1), "bias": upstream.sum(1)}


def _convolution(layer: nn.Module, x: Tensor, upstream: Tensor, channels: slice) -> PerImage:
    assert isinstance(layer, Convolution)
    patches = _patches(layer, x)  # (n, groups, positions, taps · channels per group)
    rows = upstream.flatten(2).reshape(len(x), layer.groups, upstream.shape[1] // layer.groups, -1)
    return {"weight": (rows @ patches).flatten(1), "bias": upstream.flatten(2).sum(2)}


def write_convolution(layer: Convolution, x: Tensor, upstream: Tensor, out: Tensor) -> None:
    """Gradients to the weight of a convolution of one group, straight into `out`, shape (n, numbers)."""
    rows = upstream.flatten(2)
    torch.bmm(rows, _patches(layer, x)[:, 0], out=out.view(*rows.shape[:2], -1))


def _patches(layer: Convolution | Transposed, x: Tensor, size: Sequence[int] | None = None) -> Tensor:
    """What each output position sees; channels come last, so that copies are of whole stretches of memory.

    `size` positions per dimension, from the first; all that there are if None.
    """
    padding = list(layer._reversed_padding_repeated_twice)
    if any(padding):
        mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
        x = F.pad(x, padding, mode=mode)
    x = x.movedim(1, -1).contiguous()
    size = size or [
        (extent - dilation * (taps - 1) - 1) // stride + 1
        for extent, taps, stride, dilation in zip(
            x.shape[1:-1], layer.kernel_size, layer.stride, layer.dilation, strict=True
        )
    ]
    steps = x.stride()[1:-1]
    view = x.as_strided(
        (len(x), *size, *layer.kernel_size, x.shape[-1]),
        (
            x.stride(0),
            *(step * stride for step, stride in zip(steps, layer.stride, strict=True)),
            *(step * dilation for step, dilation in zip(steps, layer.dilation, strict=True)),
            x.stride(-1),
        ),
    )
    if layer.groups == 1:
        return view.reshape(len(x), 1, math.prod(size), -1)
    grouped = view.reshape(*view.shape[:-1], layer.groups, -1).movedim(-2, 1)
    return grouped.reshape(len(x), layer.groups, math.prod(size), -1)


def _batch_norm(layer: nn.Module, x: Tensor, upstream: Tensor, channels: slice) -> PerImage:
    """In evaluation mode, where the statistics are constants."""
    assert isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    shape = (1, -1, *(1,) * (x.ndim - 2))
    mean, scale = layer.running_mean[channels], (layer.running_var[channels] + layer.eps).rsqrt()
    normalised = (x[:, channels] - mean.view(shape)) * scale.view(shape)
    over = tuple(range(2, x.ndim))
    weight, bias = normalised.mul_(upstream), upstream
    return {"weight": weight.sum(over), "bias": bias.sum(over)} if over else {"weight": weight, "bias": bias}


def _group_norm(layer: nn.Module, x: Tensor, upstream: Tensor) -> PerImage:
    assert isinstance(layer, nn.GroupNorm)
    return _scaled(F.group_norm(x, layer.num_groups, eps=layer.eps), upstream)


def _instance_norm(layer: nn.Module, x: Tensor, upstream: Tensor) -> PerImage:
    assert isinstance(layer, nn.InstanceNorm1d | nn.InstanceNorm2d)
    own = layer.training or not layer.track_running_stats
    mean, variance = (None, None) if own else (layer.running_mean, layer.running_var)
    return _scaled(F.instance_norm(x, mean, variance, use_input_stats=own, eps=layer.eps), upstream)


def _scaled(normalised: Tensor, upstream: Tensor) -> PerImage:
    """Of weight · normalised + bias, a number of both per channel."""
    weight, bias = (normalised * upstream), upstream
    over = tuple(range(2, upstream.ndim))
    return {"weight": weight.sum(over), "bias": bias.sum(over)} if over else {"weight": weight, "bias": bias}


def _layer_norm(layer: nn.Module, x: Tensor, upstream: Tensor) -> PerImage:
    assert isinstance(layer, nn.LayerNorm)
    normalised = F.layer_norm(x, layer.normalized_shape, eps=layer.eps)
    rows = len(x), -1, math.prod(layer.normalized_shape)
    return {"weight": (normalised * upstream).reshape(rows).sum(1), "bias": upstream.reshape(rows).sum(1)}


def _prelu(layer: nn.Module, x: Tensor, upstream: Tensor) -> PerImage:
    assert isinstance(layer, nn.PReLU)
    part = x.clamp(max=0) * upstream
    return {"weight": part.flatten(1).sum(1, keepdim=True) if layer.num_parameters == 1 else part.flatten(2).sum(2)}


def _transposed(layer: nn.Module, x: Tensor, upstream: Tensor) -> PerImage:
    """The convolution whose transpose it is goes from its output to its input."""
    assert isinstance(layer, Transposed)
    patches = _patches(layer, upstream, x.shape[2:])
    rows = x.flatten(2).reshape(len(x), layer.groups, x.shape[1] // layer.groups, -1)
    return {"weight": rows @ patches, "bias": upstream.flatten(2).sum(2)}


@torch.enable_grad()
def by_autograd(layer: nn.Module, x: Tensor, upstream: Tensor) -> PerImage:
    """A rule for any layer that maps one tensor to one tensor and treats images one by one: exact, and slow.

    Args:
        layer: in evaluation mode.
        x: its input, shape (n, …).
        upstream: gradient at its output, shape (n, …).

    Returns:
        Gradients to its own parameters, not to those of layers in it, by name.
    """
    own = {name: value.detach().requires_grad_() for name, value in layer.named_parameters(recurse=False)}
    outputs: list[Tensor] = []
    found: dict[str, list[Tensor]] = {name: [] for name in own}
    # what other hooks make of the output lies behind the gradient that is given
    handle = layer.register_forward_hook(lambda *called: outputs.append(called[-1]), prepend=True)
    try:
        for one, gradient in zip(torch.split(x, 1), torch.split(upstream, 1), strict=True):
            outputs.clear()
            functional_call(layer, own, (one,))
            parts = torch.autograd.grad(outputs[0], list(own.values()), gradient, materialize_grads=True)
            for name, part in zip(own, parts, strict=True):
                found[name].append(part.flatten())
    finally:
        handle.remove()
    return {name: torch.stack(parts) for name, parts in found.items()}


_BY_CHANNEL: Mapping[type[nn.Module], _ByChannel] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
}
_WHOLE: dict[type[nn.Module], LayerRule] = {
    nn.ConvTranspose1d: _transposed,
    nn.ConvTranspose2d: _transposed,
    nn.GroupNorm: _group_norm,
    nn.InstanceNorm1d: _instance_norm,
    nn.InstanceNorm2d: _instance_norm,
    nn.LayerNorm: _layer_norm,
    nn.PReLU: _prelu,
}
_COMPUTATION = ("__call__", "forward", "_conv_forward", "weight", "bias")


def kinds() -> list[type[nn.Module]]:
    """Layers with parameters that kernels can be taken of, outside the batch-norm mode ``train``."""
    return [*_BY_CHANNEL, *_WHOLE]


def add_rule(kind: type[nn.Module], rule: LayerRule, *, overwrite: bool = False) -> None:
    """Let kernels be taken of networks with layers of one's own.

    A subclass has the rule of the class that it inherits from where it leaves the computation as it is; where it does
    not, it is differentiated `by_autograd`.

    Args:
        kind: class of the layers.
        rule: called with a layer, its input (n, …) and the gradient at its output (n, …), returns the gradients to its
            own parameters by name, each of shape (n, …) with the numbers of the parameter in any order; `by_autograd`
            for any layer.
        overwrite: replace a rule that there is.

    Raises:
        InputError: no class of layers, no function, or a rule that there is.
    """
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise InputError("layer", expected="a class of torch.nn.Module", got=kind)
    if not callable(rule):
        raise InputError(f"rule of {kind.__name__}", expected="a function of layer, input and gradient", got=rule)
    if kind in _BY_CHANNEL or (kind in _WHOLE and not overwrite):
        remedy = "add it for a subclass" if kind in _BY_CHANNEL else "write overwrite=True"
        raise InputError(f"rule of {kind.__name__}", expected="none yet", got=Verbatim("one"), remedy=remedy)
    _WHOLE[kind] = rule


def _kind(layer: nn.Module) -> type[nn.Module] | None:
    """The class whose rule may be that of a layer."""
    return next((kind for kind in type(layer).__mro__ if kind in _BY_CHANNEL or kind in _WHOLE), None)


def has_rule(layer: nn.Module) -> bool:
    """Whether kernels can be taken of a layer."""
    return _kind(layer) is not None


def _rule(layer: nn.Module) -> LayerRule | None:
    """The rule of a layer as a whole; None where one by channel is."""
    kind = _kind(layer)
    assert kind is not None
    own = type(layer)
    same = all(
        name not in vars(layer) and getattr(own, name, None) is getattr(kind, name, None) for name in _COMPUTATION
    )
    if not same:  # a forward of a subclass or of the layer alone, a parametrized weight
        return by_autograd
    return _WHOLE.get(kind)


def channel_dim(layer: nn.Module) -> int:
    """The dimension of output channels."""
    return -1 if isinstance(layer, nn.Linear) else 1


def can_split(layer: nn.Module) -> bool:
    """Whether some of the output channels can be taken alone."""
    return _rule(layer) is None and not (isinstance(layer, Convolution) and layer.groups > 1)


def select(tensor: Tensor, dim: int, channels: slice) -> Tensor:
    """Some channels of a tensor."""
    return tensor.narrow(dim, channels.start, channels.stop - channels.start)


def write(layer: nn.Module, x: Tensor, upstream: Tensor, channels: slice, wanted: tuple[str, ...], out: Tensor) -> None:
    """Gradients to the wanted parameters side by side into `out`, shape (n, numbers).

    Raises:
        InputError: a rule that does not give one of them.
    """
    rule = _rule(layer)
    if rule is None and wanted == ("weight",) and isinstance(layer, Convolution) and layer.groups == 1:
        write_convolution(layer, x, upstream, out)
        return
    kind = _kind(layer)
    assert kind is not None
    found = _BY_CHANNEL[kind](layer, x, upstream, channels) if rule is None else rule(layer, x, upstream)
    _check(layer, found, wanted, out)
    start = 0
    for name in wanted:
        part = found[name].flatten(1)
        out[:, start : start + part.shape[1]] = part
        start += part.shape[1]


def _check(layer: nn.Module, found: PerImage, wanted: tuple[str, ...], out: Tensor) -> None:
    """Raise `InputError` unless a rule gave one row per image and one number per number of the parameters."""
    shapes = {name: tuple(found[name].shape) if name in found else None for name in wanted}
    sizes = [0 if shape is None or shape[0] != len(out) else math.prod(shape[1:]) for shape in shapes.values()]
    if 0 in sizes or sum(sizes) != out.shape[1]:
        raise InputError(
            f"rule of {type(layer).__name__}",
            expected=f"{out.shape[1]} numbers for each of {len(out)} images, under {', '.join(wanted)}",
            got=Verbatim(shapes),
            remedy="see kernels.add_rule",
        )

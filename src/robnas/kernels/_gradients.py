"""Gradients of each image apart, for the layers that have parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PerImage: TypeAlias = dict[str, Tensor]
"""By parameter name, shape (n, numbers); the order of numbers is any, but the same for all images."""
Rule: TypeAlias = Callable[[nn.Module, Tensor, Tensor, slice], PerImage]
"""(layer, its input, gradient at some of its output channels, which channels) → gradients to their parameters."""
Convolution: TypeAlias = nn.Conv1d | nn.Conv2d


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


def _patches(layer: Convolution, x: Tensor) -> Tensor:
    """What each output position sees; channels come last, so that copies are of whole stretches of memory."""
    padding = list(layer._reversed_padding_repeated_twice)
    if any(padding):
        mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
        x = F.pad(x, padding, mode=mode)
    x = x.movedim(1, -1).contiguous()
    size = [
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


RULES: Mapping[type[nn.Module], Rule] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
}
"""Layers with parameters that kernels can be taken of, outside the batch-norm mode ``train``."""


def channel_dim(layer: nn.Module) -> int:
    """The dimension of output channels."""
    return -1 if isinstance(layer, nn.Linear) else 1


def can_split(layer: nn.Module) -> bool:
    """Whether some of the output channels can be taken alone."""
    return not (isinstance(layer, Convolution) and layer.groups > 1)


def select(tensor: Tensor, dim: int, channels: slice) -> Tensor:
    """Some channels of a tensor."""
    return tensor.narrow(dim, channels.start, channels.stop - channels.start)


def write(layer: nn.Module, x: Tensor, upstream: Tensor, channels: slice, wanted: tuple[str, ...], out: Tensor) -> None:
    """Gradients to the wanted parameters side by side into `out`, shape (n, numbers)."""
    if wanted == ("weight",) and isinstance(layer, Convolution) and layer.groups == 1:
        write_convolution(layer, x, upstream, out)
        return
    found, start = RULES[type(layer)](layer, x, upstream, channels), 0
    for name in wanted:
        out[:, start : start + found[name].shape[1]] = found[name]
        start += found[name].shape[1]

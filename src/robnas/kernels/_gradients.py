"""Gradients of each image apart, for the layers that have parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
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
_ByChannel: TypeAlias = Callable[[nn.Module, Tensor, Sequence[Tensor], slice, Mapping[str, Tensor]], None]
"""(layer, its input, gradients at its output, one per cotangent, at some output channels, which, where to write the
gradients to its parameters), the latter by name and of shape (n, cotangents, numbers)."""
Convolution: TypeAlias = nn.Conv1d | nn.Conv2d
Transposed: TypeAlias = nn.ConvTranspose1d | nn.ConvTranspose2d

_PORTION = 2**22  # bytes of patches at a time
_MANY = 128  # rows from which patches pay


def _linear(
    layer: nn.Module, x: Tensor, upstream: Sequence[Tensor], channels: slice, out: Mapping[str, Tensor]
) -> None:
    """Inputs (n, …, features)."""
    x = x.reshape(len(x), -1, x.shape[-1])
    rows = _joined([part.reshape(len(part), -1, part.shape[-1]) for part in upstream], 2)
    if "weight" in out:
        _multiply(rows.transpose(1, 2), x, out["weight"])
    if "bias" in out:
        out["bias"].copy_(rows.sum(1).view(out["bias"].shape))


def _convolution(
    layer: nn.Module, x: Tensor, upstream: Sequence[Tensor], channels: slice, out: Mapping[str, Tensor]
) -> None:
    """By patches times many rows, or by groups where there are few and oneDNN is there."""
    assert isinstance(layer, Convolution)
    rows = _joined([divided(part, 1, layer.groups) for part in upstream], 2)
    if "weight" in out and rows.shape[2] < _MANY and has_onednn(x):
        weight = divided(by_groups(layer, x, rows.flatten(1, 2)), 1, layer.groups)
        out["weight"].copy_(divided(weight, 2, len(upstream)).movedim(2, 1).flatten(2))
    elif "weight" in out:
        positions = rows.flatten(3)
        taken = math.prod(layer.kernel_size) * x.shape[1] * positions.shape[3] * x.element_size()
        for part in _portions(x, taken):
            patches = _patches(layer, x[part])  # (n, groups, positions, taps · channels per group)
            if layer.groups == 1:
                _multiply(positions[part, 0], patches[:, 0], out["weight"][part])
            else:
                found = divided(positions[part] @ patches, 2, len(upstream))
                out["weight"][part].copy_(found.movedim(2, 1).flatten(2))
    if "bias" in out:
        out["bias"].copy_(divided(rows.flatten(3).sum(3), 2, len(upstream)).movedim(2, 1).flatten(2))


def has_onednn(x: Tensor) -> bool:
    """Whether oneDNN computes convolutions of such maps."""
    known = torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled  # type: ignore[no-untyped-call]
    return x.device.type == "cpu" and x.dtype == torch.float32 and bool(known)


def by_groups(layer: Convolution, x: Tensor, upstream: Tensor) -> Tensor:
    """Gradients to the weight, shape (n, numbers), as those of one convolution with a group or more per image."""
    padding = layer.padding
    if isinstance(padding, str) or layer.padding_mode != "zeros":
        x, padding = _padded(layer, x), (0,) * len(layer.kernel_size)
    numbers = upstream.shape[1] * x.shape[1] // layer.groups * math.prod(layer.kernel_size)
    out = x.new_empty(len(x), numbers)
    for part in _portions(x, 4 * numbers * x.element_size()):
        rows, images = (each[part].contiguous().flatten(0, 1)[None] for each in (upstream, x))
        weight = images.new_empty(rows.shape[1], x.shape[1] // layer.groups, *layer.kernel_size)
        count = len(out[part])
        found = torch.ops.aten.convolution_backward(
            rows, images, weight, None, layer.stride, padding, layer.dilation, False, [0], count * layer.groups,
            [False, True, False],
        )[1]  # fmt: skip
        out[part] = found.reshape(count, -1)  # of one small image it comes back as channels last
    return out


def _padded(layer: Convolution | Transposed, x: Tensor) -> Tensor:
    """With what the layer takes to be around the image."""
    padding = list(layer._reversed_padding_repeated_twice)
    return F.pad(x, padding, mode="constant" if layer.padding_mode == "zeros" else layer.padding_mode)


def _portions(x: Tensor, taken: float) -> Iterator[slice]:
    """Images of a batch that are worked on together, where each takes so many bytes.

    On a CPU few enough that what is made for them comes from memory that was in use before: first use of a page costs
    as much as ten passes over it.
    """
    step = max(1, int(_PORTION / taken)) if x.device.type == "cpu" else len(x)
    return (slice(start, start + step) for start in range(0, len(x), step))


def divided(values: Tensor, dim: int, parts: int) -> Tensor:
    """One dimension as two, of which the first is so large."""
    return values.reshape(*values.shape[:dim], parts, -1, *values.shape[dim + 1 :])


def _joined(upstream: Sequence[Tensor], dim: int) -> Tensor:
    """Gradients for all cotangents side by side."""
    return upstream[0] if len(upstream) == 1 else torch.cat(list(upstream), dim)


def _multiply(rows: Tensor, columns: Tensor, out: Tensor) -> None:
    """Products of matrices (n, cotangents · channels, positions) and (n, positions, numbers) into `out`."""
    if out.is_contiguous():
        torch.bmm(rows, columns, out=out.view(*rows.shape[:2], -1))
    else:
        out.copy_(torch.bmm(rows, columns).view(out.shape))


def _patches(layer: Convolution | Transposed, x: Tensor, size: Sequence[int] | None = None) -> Tensor:
    """What each output position sees; channels come last, so that copies are of whole stretches of memory.

    `size` positions per dimension, from the first; all that there are if None.
    """
    if any(layer._reversed_padding_repeated_twice):
        x = _padded(layer, x)
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


def _batch_norm(
    layer: nn.Module, x: Tensor, upstream: Sequence[Tensor], channels: slice, out: Mapping[str, Tensor]
) -> None:
    """In evaluation mode, where the statistics are constants."""
    assert isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    mean, scale = layer.running_mean[channels], (layer.running_var[channels] + layer.eps).rsqrt()
    centred = x[:, channels] - mean.view(1, -1, *(1,) * (x.ndim - 2))
    for place, part in enumerate(upstream):
        if "weight" in out:
            product = centred.mul_(part) if place == len(upstream) - 1 else centred * part
            torch.mul(_over_positions(product), scale, out=out["weight"][:, place])
        if "bias" in out:
            out["bias"][:, place] = _over_positions(part)


def _over_positions(values: Tensor) -> Tensor:
    """Sums per channel, shape (n, channels)."""
    return values.sum(tuple(range(2, values.ndim))) if values.ndim > 2 else values


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
    return {"weight": _over_positions(normalised * upstream), "bias": _over_positions(upstream)}


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


def write(layer: nn.Module, x: Tensor, upstream: Sequence[Tensor], channels: slice, out: Mapping[str, Tensor]) -> None:
    """Gradients to parameters of a layer.

    Args:
        layer: one that has a rule.
        x: its input, shape (n, …).
        upstream: gradients at its output, one per cotangent, at some output channels.
        channels: which these are.
        out: where to write them, by name, of shape (n, cotangents, numbers).

    Raises:
        InputError: a rule that does not give one of them.
    """
    rule, kind = _rule(layer), _kind(layer)
    assert kind is not None
    if rule is None:
        _BY_CHANNEL[kind](layer, x, upstream, channels, out)
        return
    for place, part in enumerate(upstream):
        found = rule(layer, x, part)
        _check(layer, found, out)
        for name, into in out.items():
            into[:, place] = found[name].flatten(1)


def _check(layer: nn.Module, found: PerImage, out: Mapping[str, Tensor]) -> None:
    """Raise `InputError` unless a rule gave one row per image and one number per number of the parameters."""
    shapes = {name: tuple(found[name].shape) if name in found else None for name in out}
    for into, shape in zip(out.values(), shapes.values(), strict=True):
        if shape is None or shape[0] != len(into) or math.prod(shape[1:]) != into.shape[2]:
            total = sum(part.shape[2] for part in out.values())
            raise InputError(
                f"rule of {type(layer).__name__}",
                expected=f"{total} numbers for each of {len(into)} images, under {', '.join(out)}",
                got=Verbatim(shapes),
                remedy="see kernels.add_rule",
            )

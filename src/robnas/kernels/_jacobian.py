"""Rows of the Jacobian, some parameters at a time: what a kernel is made of."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call

from robnas._products import products
from robnas.errors import InputError, Verbatim
from robnas.kernels._gradients import Convolution, Transposed, can_split, channel_dim, has_rule, kinds, select, write

Parameters = Literal["all", "weights"]
PARAMETERS: tuple[Parameters, ...] = get_args(Parameters)
Unknown = Literal["error", "warn"]
UNKNOWN: tuple[Unknown, ...] = get_args(Unknown)


class KernelWarning(UserWarning):
    """A kernel is of less than the network."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Parameters that are handled together: output channels of one layer, or a parameter that stands alone."""

    name: str
    layer: nn.Module | None
    """None for a parameter that stands alone."""
    wanted: tuple[str, ...]
    channels: slice | None
    """None for a layer that is not split."""
    sizes: tuple[int, ...]
    """How many numbers of each of those wanted."""

    @property
    def columns(self) -> int:
        """How many numbers."""
        return sum(self.sizes)


def pieces(network: nn.Module, parameters: Parameters, unknown: Unknown = "error") -> list[Piece]:
    """The parameters of a network, in order; with ``warn`` without those of layers that are not supported.

    Raises:
        InputError: a layer with parameters that is not supported, or weights that two layers share.
    """
    found: list[Piece] = []
    seen: dict[int, str] = {}
    left_out: list[str] = []
    for name, module in network.named_modules():
        own = dict(module.named_parameters(recurse=False))
        for key, parameter in own.items():
            where = f"{name}.{key}" if name else key
            if id(parameter) in seen:
                raise InputError(
                    f"parameter {where}", expected="one layer each", got=Verbatim(f"also at {seen[id(parameter)]}")
                )
            seen[id(parameter)] = where
        wanted = {key: value for key, value in own.items() if parameters == "all" or "weight" in f"{name}.{key}"}
        if not wanted:
            continue
        if isinstance(module, nn.ParameterDict | nn.ParameterList) and all(
            parameter.ndim and len(parameter) == 1 for parameter in wanted.values()
        ):
            found += [
                Piece(f"{name}.{key}", None, (key,), slice(0, 1), (value.numel(),)) for key, value in wanted.items()
            ]
        elif has_rule(module):
            width = len(next(iter(wanted.values())))
            sizes = tuple(parameter.numel() for parameter in wanted.values())
            found.append(Piece(name, module, tuple(wanted), slice(0, width) if can_split(module) else None, sizes))
        elif unknown == "warn":
            left_out.append(f"{name or 'the network'} ({type(module).__name__}: {', '.join(wanted)})")
        else:
            raise InputError(
                f"layer {name or 'of the network'}",
                expected=f"one of {', '.join(kind.__name__ for kind in kinds())}, or no parameters of its own",
                got=Verbatim(type(module).__name__),
                remedy='see add_rule, leave it out by unknown="warn", or take batch_norm="train", which is slow '
                "but takes any layer",
            )
    if left_out:
        warnings.warn(
            f"left out of the kernel, see kernels.add_rule: {'; '.join(left_out)}", KernelWarning, stacklevel=2
        )
    return found


def split(piece: Piece, columns: int) -> Iterator[Piece]:
    """`piece` in parts of at most `columns` numbers where its layer allows that."""
    if piece.columns <= columns or piece.layer is None or piece.channels is None:
        yield piece
        return
    width = piece.channels.stop
    per_channel = piece.columns // width
    step = max(1, columns // per_channel)
    for start in range(0, width, step):
        stop = min(start + step, width)
        sizes = tuple(size // width * (stop - start) for size in piece.sizes)
        yield Piece(piece.name, piece.layer, piece.wanted, slice(start, stop), sizes)


@dataclass(frozen=True, eq=False)
class _Call:
    """One use of a layer."""

    x: Tensor
    output: Tensor
    versions: tuple[int, int]
    """Of both, which tell whether they are changed in place."""


@contextmanager
def _recorded(layers: Sequence[nn.Module]) -> Iterator[dict[nn.Module, list[_Call]]]:
    """Inputs and outputs of the layers in forward passes inside; the graph begins at the first of them."""
    calls: dict[nn.Module, list[_Call]] = {layer: [] for layer in layers}

    def record(layer: nn.Module, arguments: tuple[Tensor, ...], named: dict[str, Tensor], output: Tensor) -> Tensor:
        _check_call(layer, arguments, named, output)
        kept = output if output.requires_grad else output.detach().requires_grad_()
        x = _input(arguments, named).detach()
        calls[layer].append(_Call(x, kept, (x._version, kept._version)))
        return kept if output.requires_grad else kept.clone()  # so that what follows may work in place

    handles = [layer.register_forward_hook(record, with_kwargs=True, prepend=True) for layer in calls]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _input(arguments: tuple[Tensor, ...], named: dict[str, Tensor]) -> Tensor:
    """What a layer was called with, ``layer(x)`` or ``layer(input=x)``."""
    return arguments[0] if arguments else next(iter(named.values()))


def _check_call(layer: nn.Module, arguments: tuple[object, ...], named: dict[str, Tensor], output: object) -> None:
    """Raise `InputError` unless a layer maps one tensor to one; a transposed one may be told a size."""
    given = [*arguments, *named.values()][: 1 if isinstance(layer, Transposed) else None]
    if len(given) != 1 or not all(isinstance(one, Tensor) for one in (*given, output)):
        kinds = ", ".join(type(one).__name__ for one in given)
        raise InputError(
            f"layer {type(layer).__name__}",
            expected="a call that maps one tensor to one tensor",
            got=Verbatim(f"{kinds or 'nothing'} to {type(output).__name__}"),
            remedy='leave it out by unknown="warn", or take batch_norm="train", which is slow but takes any use',
        )


def fill(
    network: nn.Module,
    images: Tensor,
    cotangents: Sequence[Tensor],
    chosen: Sequence[Piece],
    out: Sequence[Sequence[Tensor]],
    at_once: int,
) -> None:
    """Write the gradients of ⟨cotangent_i, logits_i⟩ of each image.

    The network is in evaluation mode, so that images do not depend on one another; one forward pass serves all
    cotangents, what a layer does with its input `at_once` of them, and the backward passes end at the first of the
    chosen layers.

    Args:
        network: from `prepared`.
        images: shape (n, …).
        cotangents: each of shape (n, outputs).
        chosen: pieces.
        out: per piece and wanted parameter, shape (n, cotangents, numbers).
        at_once: cotangents whose gradients at the layers are kept together.
    """
    layers = {piece.layer: None for piece in chosen if piece.layer is not None}
    parameters = dict(network.named_parameters())
    lone = {
        piece.name: parameters[piece.name].expand(len(images), *parameters[piece.name].shape[1:]).clone()
        for piece in chosen
        if piece.layer is None
    }
    for value in lone.values():
        value.requires_grad_()
    with torch.enable_grad():
        with _recorded(tuple(layers)) as calls:
            logits = functional_call(network, lone, (images,)) if lone else network(images)
        uses = [(layer, call) for layer in layers for call in calls[layer]]
        _check_unchanged(uses)
        targets = [call.output for _, call in uses] + list(lone.values())
        for start in range(0, len(cotangents), at_once):
            some = range(start, min(start + at_once, len(cotangents)))
            passes = [_gradients(logits, targets, cotangents[i], again=i + 1 < len(cotangents)) for i in some]
            upstream = list(zip(*passes, strict=True))
            of_call = {id(call): gradients for (_, call), gradients in zip(uses, upstream, strict=False)}
            of_lone = dict(zip(lone, upstream[len(uses) :], strict=True))
            with torch.no_grad():
                for piece, places in zip(chosen, out, strict=True):
                    here = dict(zip(piece.wanted, (place[:, some.start : some.stop] for place in places), strict=True))
                    if piece.layer is None:
                        torch.stack([one.flatten(1) for one in of_lone[piece.name]], 1, out=here[piece.wanted[0]])
                    else:
                        _fill_piece(piece, piece.layer, calls[piece.layer], of_call, here)


def _check_unchanged(uses: Sequence[tuple[nn.Module, _Call]]) -> None:
    """Raise `InputError` if the network worked in place on what a layer was given or gave."""
    for layer, call in uses:
        for place, tensor, version in zip(("input", "output"), (call.x, call.output), call.versions, strict=True):
            if tensor._version != version:
                raise InputError(
                    f"layer {type(layer).__name__}",
                    expected=f"an {place} that later operations leave as it is",
                    got=Verbatim("one changed in place"),
                    remedy='write x = x + y for x += y, or take batch_norm="train", which is slow but takes any use',
                )


def _gradients(logits: Tensor, targets: list[Tensor], cotangent: Tensor, *, again: bool) -> tuple[Tensor, ...]:
    if not logits.requires_grad:  # none of the chosen parameters reaches the output
        return tuple(torch.zeros_like(target) for target in targets)
    found = torch.autograd.grad(logits, targets, cotangent, retain_graph=again, allow_unused=True)
    return tuple(
        torch.zeros_like(target) if gradient is None else gradient
        for target, gradient in zip(targets, found, strict=True)
    )


def _fill_piece(
    piece: Piece,
    layer: nn.Module,
    calls: Sequence[_Call],
    of_call: Mapping[int, Sequence[Tensor]],
    places: Mapping[str, Tensor],
) -> None:
    """The sum over all uses of a layer."""
    if not calls:
        for place in places.values():
            place.zero_()
    for number, call in enumerate(calls):
        upstream, channels = of_call[id(call)], slice(None)
        if piece.channels is not None:
            channels = piece.channels
            upstream = [select(one, channel_dim(layer), channels) for one in upstream]
        parts = {name: torch.empty_like(place) for name, place in places.items()} if number else places
        write(layer, call.x, upstream, channels, parts)
        if number:
            for name, place in places.items():
                place += parts[name]


def check_calls(network: nn.Module, image: Tensor, chosen: Sequence[Piece]) -> None:
    """Raise `InputError` if a parameter reaches the output past the calls of its layer, which alone are recorded."""
    named = {
        f"{piece.name}.{key}": piece.layer.get_parameter(key)
        for piece in chosen
        if piece.layer is not None
        for key in piece.wanted
    }
    ends: list[Tensor] = []

    def cut(layer: nn.Module, arguments: tuple[Tensor, ...], named: dict[str, Tensor], output: Tensor) -> Tensor:
        ends.append(_input(arguments, named))
        return output.detach()

    handles = [piece.layer.register_forward_hook(cut, with_kwargs=True) for piece in chosen if piece.layer is not None]
    for parameter in named.values():
        parameter.requires_grad_()
    try:
        with torch.enable_grad():
            ends.append(network(image[None]))
            reached = [end.sum() for end in ends if end.requires_grad]
            found = torch.autograd.grad(reached, list(named.values()), allow_unused=True) if reached else ()
    finally:
        for handle in handles:
            handle.remove()
        for parameter in named.values():
            parameter.requires_grad_(False)
    for name, gradient in zip(named, found, strict=False):
        if gradient is not None:
            raise InputError(
                f"parameter {name}",
                expected="used by calling its layer alone",
                got=Verbatim("another use"),
                remedy='call the layer, or take batch_norm="train", which is slow but takes any use',
            )


def bytes_per_image(network: nn.Module, image: Tensor, chosen: Sequence[Piece]) -> tuple[int, int]:
    """About how much memory a forward pass and what it leaves take for one image, and a backward pass besides."""
    layers = tuple({piece.layer: None for piece in chosen if piece.layer is not None})
    with products(image.device), torch.no_grad(), _recorded(layers) as calls:
        network(image[None])
    fixed, each, patches, largest = 0, 0, 0, 0
    for layer in layers:
        for call in calls[layer]:
            fixed += call.x.nbytes + 2 * call.output.nbytes
            each += call.output.nbytes
            largest = max(largest, call.output.nbytes)
            if isinstance(layer, Convolution | Transposed):
                taps, seen = math.prod(layer.kernel_size), call.output if isinstance(layer, Transposed) else call.x
                patches = max(patches, 2 * taps * seen.nbytes)
    return max(1, fixed + patches), each + largest

"""Whether a network still computes what `build_network` made it compute, its weights aside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from robnas.networks._cell import Cell, Convolutions, Fan
from robnas.networks._network import Head, Network, Normalize, Reduction, Stem
from robnas.spaces import Architecture

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterDict)
_LEAVES = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
# Taken before anyone can have replaced a method of a class.
_FORWARD: dict[type[nn.Module], Any] = {
    kind: kind.forward
    for kind in (Network, Normalize, Stem, Cell, Fan, Convolutions, Reduction, Head, *_CONTAINERS, *_LEAVES)
}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_TENSORS = (Tensor, nn.Parameter)  # none of whose operations anyone has changed
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_NO_MATTER = {"momentum"}  # of a batch norm, in evaluation mode


@dataclass(frozen=True, slots=True)
class _Part:
    """One module as it is built."""

    name: str
    kind: type[nn.Module]
    settings: dict[str, Any]
    children: tuple[str, ...]
    shapes: tuple[dict[str, torch.Size | None], dict[str, torch.Size | None]]
    """Of parameters and of buffers."""


def unlike_built(network: nn.Module) -> str | None:
    """Where `network` differs from what `build_network` makes, its weights aside; None if it does not.

    Types, settings, shapes and the tree of modules are compared with a network that is built anew. Whatever else may
    change what a forward pass computes is a difference too: hooks, methods of single instances, tensors that are not
    plain, autocast.
    """
    if type(network) is not Network:
        return f"{type(network).__name__} is not Network"
    if _has_any_global_hook():  # type: ignore[no-untyped-call]
        return "a global module hook"
    facts = vars(network)
    arch, sizes = facts.get("arch"), tuple(facts.get(what) for what in ("channels", "cells", "in_channels"))
    classes = facts.get("num_classes")
    if type(arch) is not Architecture or any(type(size) is not int for size in (*sizes, classes)):
        return "architecture or sizes"
    modules = dict(network.named_modules())
    if sizes[1] > len(modules):  # type: ignore[operator]
        return "cells"
    parts = _built(arch, *sizes, classes)
    if len(modules) != len(parts):  # also if one module stands at two places
        return "number of modules"
    weight = next(network.parameters(), torch.empty(0))
    if torch.is_autocast_enabled(weight.device.type):
        return "autocast"
    dtype, device = weight.dtype, weight.device
    for part in parts:
        module = modules.get(part.name)
        if module is None or (what := _difference(module, part, dtype, device)):
            return f"{part.name or 'network'}: {what if module is not None else 'missing'}"
    return None


def _difference(module: nn.Module, part: _Part, dtype: torch.dtype, device: torch.device) -> str | None:
    if type(module) is not part.kind:
        return type(module).__name__
    if part.kind.forward is not _FORWARD[part.kind]:
        return "forward"
    held = vars(module)
    for hooks in _HOOKS:
        if held.get(hooks):
            return "a hook"
    if tuple(held["_modules"]) != part.children:
        return "children"
    for tensors, shapes in zip((held["_parameters"], held["_buffers"]), part.shapes, strict=True):
        if tensors.keys() != shapes.keys():
            return "parameters or buffers"
        for name, shape in shapes.items():
            tensor = tensors[name]
            if tensor is None or shape is None:
                if tensor is not shape:
                    return name
            elif tensor.shape != shape or type(tensor) not in _TENSORS:
                return f"type or shape of {name}"
            elif tensor.device != device or (tensor.dtype != dtype and tensor.is_floating_point()):
                return f"dtype or device of {name}"
    for name, value in part.settings.items():
        if type(found := held.get(name)) is not type(value) or found != value:
            return name
    if len(held) > len(part.settings) + len(_OF_EVERY_MODULE):
        return _shadowing(module, part)
    return None


def _shadowing(module: nn.Module, part: _Part) -> str | None:
    """An attribute of the instance that stands in front of a method, a module or a tensor; notes of users do not."""
    for name in vars(module).keys() - _OF_EVERY_MODULE - part.settings.keys() - _NO_MATTER:
        if hasattr(part.kind, name) or name in part.children or any(name in shapes for shapes in part.shapes):
            return name
    return None


@lru_cache(maxsize=64)
def _built(arch: Architecture, channels: int, cells: int, in_channels: int, num_classes: int) -> tuple[_Part, ...]:
    with torch.random.fork_rng(devices=()), torch.device("meta"):
        network = Network(
            arch,
            num_classes=num_classes,
            channels=channels,
            cells=cells,
            in_channels=in_channels,
            mean=(0.0,) * in_channels,
            std=(1.0,) * in_channels,
        )
    return tuple(_parts(network))


def _parts(network: Network) -> Iterator[_Part]:
    for name, module in network.named_modules():
        yield _Part(
            name,
            type(module),
            {
                what: value
                for what, value in vars(module).items()
                if what not in _OF_EVERY_MODULE and what not in _NO_MATTER
            },
            tuple(module._modules),
            (_shapes(module._parameters), _shapes(module._buffers)),
        )


def _shapes(tensors: Mapping[str, Tensor | None]) -> dict[str, torch.Size | None]:
    return {name: None if tensor is None else tensor.shape for name, tensor in tensors.items()}

"""Whether a network still computes what `build_network` made it compute, its weights aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from robnas.networks._blocks import Head, Normalize
from robnas.networks.nas_bench_201._blocks import Reduction, Stem
from robnas.networks.nas_bench_201._cell import Cell, Convolutions, Fan

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterDict)
_LEAVES = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
# Taken before anyone can have replaced a method of a class.
_FORWARD: dict[type[nn.Module], Any] = {
    kind: kind.forward for kind in (Normalize, Stem, Cell, Fan, Convolutions, Reduction, Head, *_CONTAINERS, *_LEAVES)
}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_TENSORS = (Tensor, nn.Parameter)  # none of whose operations anyone has changed
_LARGEST = 100_000  # channels, cells or classes: more than one would wait for
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_NO_MATTER = {"momentum"}  # of a batch norm, in evaluation mode
_Kind = TypeVar("_Kind", bound=type[nn.Module])
_Again = Callable[..., nn.Module]
_NETWORKS: dict[type[nn.Module], tuple[Mapping[str, type], _Again]] = {}


@dataclass(frozen=True, slots=True)
class _Part:
    """One module as it is built."""

    name: str
    """Where it stands, such as ``head.linear``."""
    parent: int
    """Number of the module that holds it; its own for the network."""
    key: str
    """What it is called there."""
    kind: type[nn.Module]
    settings: dict[str, Any]
    children: tuple[str, ...]
    shapes: tuple[dict[str, torch.Size | None], dict[str, torch.Size | None]]
    """Of parameters and of buffers."""


def as_built(facts: Mapping[str, type], again: _Again) -> Callable[[_Kind], _Kind]:
    """Decorates a class of networks, so that `unlike_built` can tell whether one of them is as it was built.

    Args:
        facts: attributes that decide how one is built, with their exact types.
        again: builds one anew, its weights aside, from the values of the facts as keywords.
    """

    def known(kind: _Kind) -> _Kind:
        _NETWORKS[kind] = facts, again
        _FORWARD[kind] = kind.forward
        return kind

    return known


def unlike_built(network: object) -> str | None:
    """Where `network` differs from what `build_network` makes, its weights aside; None if it does not.

    Types, settings, shapes and the tree of modules are compared with a network that is built anew. Whatever else may
    change what a forward pass computes is a difference too: hooks, methods of single instances, tensors that are not
    plain, autocast.
    """
    kind = type(network)
    if not isinstance(network, nn.Module) or kind not in _NETWORKS:
        return f"class {kind.__name__}"
    if _has_any_global_hook():  # type: ignore[no-untyped-call]
        return "a global module hook"
    facts = {name: vars(network).get(name) for name in _NETWORKS[kind][0]}
    if not all(_is(facts[name], wanted) for name, wanted in _NETWORKS[kind][0].items()):
        return "architecture or sizes"
    weight = next(network.parameters(), torch.empty(0))
    dtype, device = weight.dtype, weight.device
    if torch.is_autocast_enabled(device.type):
        return "autocast"
    modules: list[nn.Module] = []
    for part in _built(kind, *facts.values()):  # type: ignore[arg-type]  # mypy takes the hash of its instances
        module = modules[part.parent]._modules[part.key] if modules else network
        if module is None or (what := _difference(module, part, dtype, device)):
            return f"{part.name or 'network'}: {what if module is not None else 'missing'}"
        modules.append(module)
    if len(set(map(id, modules))) != len(modules):
        return "one module at two places"
    return None


def _is(value: object, wanted: type) -> bool:
    return type(value) is wanted and (not isinstance(value, int) or 0 < value <= _LARGEST)


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
    if not _has(held, part.settings):
        return "a setting"
    if len(held) > len(part.settings) + len(_OF_EVERY_MODULE):
        return _shadowing(module, part)
    return None


def _has(held: dict[str, Any], settings: dict[str, Any]) -> bool:
    try:
        return settings.items() <= held.items()
    except (TypeError, ValueError, RuntimeError):  # from values that cannot be compared, such as tensors
        return False


def _shadowing(module: nn.Module, part: _Part) -> str | None:
    """An attribute of the instance that stands in front of a method, a module or a tensor; notes of users do not."""
    for name in vars(module).keys() - _OF_EVERY_MODULE - part.settings.keys() - _NO_MATTER:
        if hasattr(part.kind, name) or name in part.children or any(name in shapes for shapes in part.shapes):
            return name
    return None


@lru_cache(maxsize=64)
def _built(kind: type[nn.Module], *values: Any) -> tuple[_Part, ...]:
    facts, again = _NETWORKS[kind]
    with torch.random.fork_rng(devices=()), torch.device("meta"):
        network = again(**dict(zip(facts, values, strict=True)))
    return tuple(_parts(network))


def _parts(network: nn.Module) -> Iterator[_Part]:
    numbers: dict[str, int] = {}
    for name, module in network.named_modules():
        above, _, key = name.rpartition(".")
        yield _Part(
            name,
            numbers.get(above, 0),
            key,
            type(module),
            {
                what: value
                for what, value in vars(module).items()
                if what not in _OF_EVERY_MODULE and what not in _NO_MATTER
            },
            tuple(module._modules),
            (_shapes(module._parameters), _shapes(module._buffers)),
        )
        numbers[name] = len(numbers)


def _shapes(tensors: Mapping[str, Tensor | None]) -> dict[str, torch.Size | None]:
    return {name: None if tensor is None else tensor.shape for name, tensor in tensors.items()}

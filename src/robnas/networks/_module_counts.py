"""Parameters and multiply-accumulates of any module, by running a copy of it that has shapes and no values."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from robnas._randomness import own_randomness
from robnas.errors import InputError, Verbatim, reason
from robnas.networks._sizes import Counts
from robnas.spaces import Architecture, Space
from robnas.types import check_count

_aten = torch.ops.aten
_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)
_DEVICE = "meta"  # has shapes only; attention, recurrences and pooling are there what they are by definition


def count_module(network: nn.Module, shape: Sequence[int]) -> Counts:
    """Parameters of a module, and its multiply-accumulates for one input in evaluation mode.

    Every product that is summed counts, by the shapes of what the network really calls: convolutions (grouped,
    dilated, strided, transposed; padded pixels count), linear and bilinear layers, recurrent layers, attention, and
    ``matmul``, ``einsum`` and their kin, also of weights alone. A module that is called twice counts twice. What is
    no sum of products does not count: biases, norms, activations, pooling, sums of maps, distances, transforms such as
    FFT, decompositions of matrices, operations that are not PyTorch's own.

    Args:
        network: it is not run itself: modes, buffers, attributes and random generators stay as they are. Hooks are
            called once, with maps that have no values.
        shape: of one input, (channels, height, width).

    Raises:
        InputError: parameters without a shape yet; a module that cannot be copied, does not take such an input, or
            does what depends on values rather than shapes.
    """
    shape = tuple(check_count(f"input shape, place {place}", size) for place, size in enumerate(shape))
    for name, parameter in network.named_parameters():
        if is_lazy(parameter):
            raise InputError(
                "network",
                expected="parameters that have their shapes",
                got=Verbatim(f"{name}, which a first batch initialises"),
                remedy="run a batch through the network before",
            )
    try:
        macs = _macs(network, shape)
    except InputError:
        raise
    except Exception as error:  # whatever the code of others raises
        raise InputError(
            "network",
            expected=f"a module that takes one input of shape {shape} and works by shapes, without values",
            got=reason(error),
            remedy="count on other images (input_size, in_channels), or by hand where what is computed depends on "
            "pixels or weights",
        ) from error
    return Counts(sum(parameter.numel() for parameter in network.parameters()), macs)


@lru_cache(maxsize=4096)
def count_built(
    arch: Architecture, space: Space, build: object, sides: tuple[int, ...], *, in_channels: int, num_classes: int
) -> Counts:
    """Of the network that is built for an architecture, for images of the given height and width.

    Args:
        arch: an architecture.
        space: of the architecture.
        build: of the space, by which results that are kept are told apart.
        sides: height and width of the images.
        in_channels: channels of the images.
        num_classes: number of classes.

    Raises:
        InputError: as those of `build_network` and `count_module`; sides that differ.
    """
    from robnas.networks._build import build_network  # only where a network is built

    if sides[0] != sides[1]:
        expected = f"one side, because space {space.name} builds networks for square images"
        raise InputError("input_size", expected=expected, got=sides)
    build_it = partial(
        build_network, arch, space=space, in_channels=in_channels, num_classes=num_classes, image_size=sides[0]
    )
    try:
        with torch.device(_DEVICE):
            network = build_it()
    except Exception:  # such as a build that reads a value; what is really wrong is wrong again
        network = build_it()
    return count_module(network, (in_channels, *sides))


def _macs(network: nn.Module, shape: Sequence[int]) -> int:
    hollow = _on_one_device(_hollow(_unwrapped(network))).eval()
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.get_default_dtype())
    counter = FlopCounterMode(display=False, custom_mapping=_MORE)
    eager = torch.compiler.set_stance("force_eager")
    # Draws and new tensors of a forward pass: none of the first may last, the second belong to the hollow device.
    with own_randomness(), torch.device(_DEVICE), torch.no_grad(), eager, counter:
        hollow(torch.empty(1, *shape, dtype=dtype))
    return counter.get_total_flops() // 2


def _unwrapped(network: nn.Module) -> nn.Module:
    """What torch.compile and data parallelism wrap."""
    while True:
        if isinstance(network, _PARALLEL):
            network = network.module
        elif isinstance(inner := getattr(network, "_orig_mod", None), nn.Module):
            network = inner
        else:
            return network


def _on_one_device(hollow: nn.Module) -> nn.Module:
    """Without what inside it sends images to GPUs, where there are any: parameters are elsewhere now."""
    for parent in list(hollow.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _PARALLEL):
                setattr(parent, name, _unwrapped(child))
    return hollow


def _hollow(network: nn.Module) -> nn.Module:
    """A copy whose tensors, wherever they are kept, have no values."""
    memo: dict[int, object] = {}
    with torch.no_grad():
        memo.update({id(p): nn.Parameter(p.to(_DEVICE), p.requires_grad) for p in network.parameters()})
    kept = [value for module in network.modules() for value in vars(module).values()]
    memo.update({id(value): torch.Generator(value.device) for value in kept if isinstance(value, torch.Generator)})
    with _HollowCopies():
        return copy.deepcopy(network, memo)


class _HollowCopies(TorchFunctionMode):
    """Deep copies of tensors have no values."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not Tensor.__deepcopy__:
            return func(*args, **(kwargs or {}))
        tensor, memo = args
        memo[id(tensor)] = tensor.detach().to(_DEVICE)
        return memo[id(tensor)]


def _two_per_element(first: Sequence[int], *_: Any, **__: Any) -> int:
    return 2 * prod(first)


def _second_per_element(_: Any, matrix: Sequence[int], *__: Any, **___: Any) -> int:
    return 2 * prod(matrix)


def _batched(_: Any, first: Sequence[int], second: Sequence[int], *__: Any, **___: Any) -> int:
    return 2 * prod(first) * second[-1]


def _bilinear(first: Sequence[int], weight: Sequence[int], *_: Any, **__: Any) -> int:
    return 2 * first[0] * prod(weight)


# What the counter of PyTorch leaves out; operations, two for each multiply-accumulate.
_MORE = {
    _aten.mv: _two_per_element,
    _aten.addmv: _second_per_element,
    _aten.dot: _two_per_element,
    _aten.vdot: _two_per_element,
    _aten.addbmm: _batched,
    _aten._trilinear: _bilinear,
}

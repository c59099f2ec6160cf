"""Weights as the network of the authors of NAS-Bench-201 names them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from robnas.errors import InputError, Verbatim
from robnas.networks._as_built import unlike_built
from robnas.networks.nas_bench_201._cell import KERNEL_SIZES, Cell, Convolutions, Fan
from robnas.networks.nas_bench_201._network import Network
from robnas.spaces.nas_bench_201 import EDGES, NAME

State = dict[str, Tensor]


def published_weights(network: nn.Module) -> State:
    """The state of `network` under the names of the published `TinyNetwork` (Dong and Yang 2020).

    ``stem``, ``cells.N`` with ``layers.E`` per edge or ``conv_a``, ``conv_b`` and ``downsample`` of a reduction,
    ``lastact``, ``classifier``. That network takes pixels that are normalised, as it has no normalisation of its own,
    and images whose sides are divisible by 4. A convolution that cannot reach the output of its cell has no weights
    here: zeros stand in their place, and logits are the same.

    Raises:
        InputError: a network of another space, or one that was changed since it was built.
    """
    if not isinstance(network, Network) or (what := unlike_built(network)):
        got = type(network).__name__ if not isinstance(network, Network) else f"another {what}"
        raise InputError(f"layout {NAME}", expected="a network of that space, as it was built", got=Verbatim(got))
    state: State = {}
    _put(state, "stem.0", network.stem[0])
    _put(state, "stem.1", network.stem[1])
    for number, (block, channels) in enumerate(_blocks(network)):
        if isinstance(block, Cell):
            for edge, part in enumerate(_edges(block, network, channels)):
                state |= {f"cells.{number}.layers.{edge}.op.{name}": value for name, value in part.items()}
        else:
            for half in "ab":
                _put(state, f"cells.{number}.conv_{half}.op.1", block.get_submodule(f"conv_{half}"))
                _put(state, f"cells.{number}.conv_{half}.op.2", block.get_submodule(f"norm_{half}"))
            _put(state, f"cells.{number}.downsample.1", block.get_submodule("shortcut"))
    _put(state, "lastact.0", network.head.norm)
    _put(state, "classifier", network.head.linear)
    return state


def _put(state: State, name: str, module: nn.Module) -> None:
    state.update({f"{name}.{key}": value for key, value in module.state_dict().items()})


def _blocks(network: Network) -> Iterator[tuple[nn.Module, int]]:
    """Cells and reductions in the order in which they are applied, with the channels that come out."""
    for stage, cells in enumerate(network.stages):
        channels = network.channels << stage
        if stage:
            yield network.reductions[stage - 1], channels
        for cell in cells.children():
            yield cell, channels


def _edges(cell: Cell, network: Network, channels: int) -> Iterator[State]:
    """Of each edge, in the order of `EDGES`, convolution ``1`` and batch norm ``2``; nothing of other operations."""
    for (source, target), operation in zip(EDGES, network.arch.operations, strict=True):
        if operation not in KERNEL_SIZES:
            yield {}
            continue
        bias = f"{source}_{target}"
        if (together := _leading(dict(cell.fans.items()).get(str(source)), target)) is not None:
            yield _part(together, together.targets.index(target))
        else:
            shift = cell.biases[bias].detach().flatten() if bias in cell.biases else None
            yield _constant(channels, KERNEL_SIZES[operation], shift, network.head.linear.weight)


def _leading(fan: nn.Module | None, target: int) -> Convolutions | None:
    """The convolutions of a node among which is one to `target`, if it is computed."""
    if not isinstance(fan, Fan):
        return None
    return next((some for some in fan.convolutions if target in some.targets), None)  # type: ignore[operator,return-value]


def _part(together: Convolutions, place: int) -> State:
    """One of the convolutions that lie side by side."""
    parts = len(together.targets)
    state = {"1.weight": together.conv.weight.chunk(parts)[place]}
    for name, value in together.norm.state_dict().items():
        state[f"2.{name}"] = value.chunk(parts)[place] if value.ndim else value
    return state


def _constant(channels: int, kernel_size: int, shift: Tensor | None, like: Tensor) -> State:
    """A convolution of zeros: what its batch norm adds remains, where nothing arrives at the edge."""
    ones = torch.ones(channels, dtype=like.dtype, device=like.device)
    return {
        "1.weight": ones.new_zeros(channels, channels, kernel_size, kernel_size),
        "2.weight": ones,
        "2.bias": torch.zeros_like(ones) if shift is None else shift,
        "2.running_mean": torch.zeros_like(ones),
        "2.running_var": ones.clone(),
        "2.num_batches_tracked": torch.zeros((), dtype=torch.int64, device=like.device),
    }

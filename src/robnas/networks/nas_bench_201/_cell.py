"""A cell that computes only what can reach its output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas.networks._fused import average_pool
from robnas.spaces.nas_bench_201 import CONVOLUTIONS, EDGES, CellArchitecture

KERNEL_SIZES = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


@final
class Convolutions(nn.Module):
    """All convolutions of one kernel size that leave one node: one convolution and one batch norm.

    The targets lie side by side in the output channels, in increasing order.
    """

    def __init__(self, channels: int, kernel_size: int, targets: tuple[int, ...]) -> None:
        super().__init__()
        outputs = channels * len(targets)
        self.targets = targets
        self.conv = nn.Conv2d(channels, outputs, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, activated: Tensor) -> tuple[Tensor, ...]:
        """One tensor ``(batch, channels, height, width)`` per target."""
        together: Tensor = self.norm(self.conv(activated))
        return together.chunk(len(self.targets), dim=1) if len(self.targets) > 1 else (together,)


@final
class Fan(nn.Module):
    """Everything that leaves one node towards later nodes."""

    def __init__(self, channels: int, operations: Mapping[int, str]) -> None:
        """`operations` maps each target node to the operation on its edge; ``none`` is left out."""
        super().__init__()
        self.skips = tuple(target for target, name in operations.items() if name == "skip_connect")
        self.pools = tuple(target for target, name in operations.items() if name == "avg_pool_3x3")
        self.convolutions = nn.ModuleList()
        for operation, kernel_size in KERNEL_SIZES.items():
            targets = tuple(target for target, name in operations.items() if name == operation)
            if targets:
                self.convolutions.append(Convolutions(channels, kernel_size, targets))

    def forward(self, value: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Pairs of target node and what this node adds to it."""
        for target in self.skips:
            yield target, value
        if self.pools:
            pooled = average_pool(value)
            for target in self.pools:
                yield target, pooled
        if self.convolutions:
            activated = F.relu(value)
            for convolutions in self.convolutions:
                assert isinstance(convolutions, Convolutions)
                yield from zip(convolutions.targets, convolutions(activated), strict=True)


@final
class Cell(nn.Module):
    """One NAS-Bench-201 cell (Dong and Yang 2020): node value = sum over incoming edges of operation(source node).

    An edge is computed if something arrives at its source and a path leads from its target to the output. A
    convolution whose source carries nothing is the constant that batch norm adds, a bias per channel; it is kept, so
    the cell equals one that executes every edge.
    """

    def __init__(self, arch: CellArchitecture, channels: int) -> None:
        super().__init__()
        carries = [True, False, False, False]
        leaving: list[dict[int, str]] = [{}, {}, {}]
        self.biases = nn.ParameterDict()
        for (source, target), operation in zip(EDGES, arch.operations, strict=True):
            if operation == "none" or not arch.reaches_output[target]:
                continue
            if carries[source]:
                leaving[source][target] = operation
            elif operation in CONVOLUTIONS:
                self.biases[f"{source}_{target}"] = nn.Parameter(torch.zeros(1, channels, 1, 1))
            else:
                continue
            carries[target] = True
        self.connected = any(arch.live_edges)
        self.fans = nn.ModuleDict(
            {str(source): Fan(channels, operations) for source, operations in enumerate(leaving) if operations}
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to the same shape."""
        nodes: list[Tensor | None] = [x, None, None, None]
        for key, bias in self.biases.items():
            _add(nodes, int(key[-1]), bias)
        for key, fan in self.fans.items():
            value = nodes[int(key)]
            assert value is not None
            if value.shape != x.shape:  # a constant is convolved like any map: zero padding shows at the border
                value = value.expand_as(x)
            for target, term in fan(value):
                _add(nodes, target, term)
        output = nodes[3]
        if not self.connected:  # keep the graph to the input, so that its gradient is zero rather than missing
            return x * 0 if output is None else output + x * 0
        assert output is not None
        return output


def _add(nodes: list[Tensor | None], target: int, term: Tensor) -> None:
    value = nodes[target]
    nodes[target] = term if value is None else value + term

"""Parameters and multiply-accumulates of networks of cells, by arithmetic: no torch is needed."""

from __future__ import annotations

from math import prod

from robnas.networks._sizes import Counts, convolution, halved, head
from robnas.spaces.nas_bench_201 import CellArchitecture

_KERNEL_AREA = {"nor_conv_1x1": 1, "nor_conv_3x3": 9}


def cell_counts(
    arch: CellArchitecture,
    *,
    channels: int = 16,
    cells: int = 5,
    sides: tuple[int, ...] = (32, 32),
    in_channels: int = 3,
    num_classes: int = 10,
    live: bool = False,
) -> Counts:
    """Those of the network that `build_network` makes; every edge counts unless told."""
    kernels = [
        _KERNEL_AREA[operation]
        for operation, is_live in zip(arch.operations, arch.live_edges, strict=True)
        if operation in _KERNEL_AREA and (is_live or not live)
    ]
    width = channels
    total = convolution(in_channels, width, 9, prod(sides))
    for stage in range(3):
        if stage > 0:
            sides = halved(sides)
            total += convolution(width, 2 * width, 9, prod(sides))
            total += convolution(2 * width, 2 * width, 9, prod(sides))
            total += convolution(width, 2 * width, 1, prod(sides), norm=False)
            width *= 2
        for area in kernels:
            total += convolution(width, width, area, prod(sides)) * cells
    return total + head(width, num_classes)

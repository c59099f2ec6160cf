"""Parameters and multiply-accumulates of the macro network, by arithmetic: no torch is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from robnas.spaces import Architecture
from robnas.types import check_range

_KERNEL_AREA = {"nor_conv_1x1": 1, "nor_conv_3x3": 9}


@final
@dataclass(frozen=True, slots=True)
class Counts:
    """Size of a network."""

    parameters: int
    """Trainable numbers."""
    macs: int
    """Multiply-accumulate operations of convolutions and the linear layer for one image."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.parameters + other.parameters, self.macs + other.macs)

    def __mul__(self, factor: int) -> Counts:
        return Counts(self.parameters * factor, self.macs * factor)


def _convolution(inputs: int, outputs: int, area: int, pixels: int, *, norm: bool = True) -> Counts:
    weights = inputs * outputs * area
    return Counts(weights + 2 * outputs * norm, weights * pixels)


def count(
    arch: object,
    *,
    channels: int = 16,
    cells: int = 5,
    input_size: int = 32,
    in_channels: int = 3,
    num_classes: int = 10,
    live: bool = False,
) -> Counts:
    """Parameters and MACs of the network of `arch`.

    Args:
        arch: the architecture, or any encoding of it.
        channels: channels C of the first stage.
        cells: cells N per stage.
        input_size: height and width of the images in pixels.
        in_channels: channels of the images.
        num_classes: number of classes.
        live: count live edges only, rather than every edge as the published figures do.

    Raises:
        InputError: a size is below 1, or the encoding is malformed.
    """
    arch = Architecture(arch)
    sizes = {
        "channels": channels,
        "cells": cells,
        "input_size": input_size,
        "in_channels": in_channels,
        "num_classes": num_classes,
    }
    for what, value in sizes.items():
        check_range(what, value, 1)
    kernels = [
        _KERNEL_AREA[operation]
        for operation, is_live in zip(arch.operations, arch.live_edges, strict=True)
        if operation in _KERNEL_AREA and (is_live or not live)
    ]
    width, side = channels, input_size
    total = _convolution(in_channels, width, 9, side**2)
    for stage in range(3):
        if stage > 0:
            side = -(-side // 2)
            total += _convolution(width, 2 * width, 9, side**2)
            total += _convolution(2 * width, 2 * width, 9, side**2)
            total += _convolution(width, 2 * width, 1, side**2, norm=False)
            width *= 2
        for area in kernels:
            total += _convolution(width, width, area, side**2) * cells
    head = Counts(2 * width + (width + 1) * num_classes, width * num_classes)
    return total + head

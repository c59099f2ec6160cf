"""Sizes of the parts of networks, by arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Counts:
    """Size of a network."""

    parameters: int
    """Numbers in parameters, shared ones once, frozen ones too; running statistics are none."""
    macs: int
    """Multiply-accumulate operations of convolutions and linear layers for one image."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.parameters + other.parameters, self.macs + other.macs)

    def __mul__(self, factor: int) -> Counts:
        return Counts(self.parameters * factor, self.macs * factor)


def convolution(inputs: int, outputs: int, area: int, pixels: int, *, norm: bool = True) -> Counts:
    """A convolution of `area` taps onto maps of `pixels`, with batch norm unless told."""
    weights = inputs * outputs * area
    return Counts(weights + 2 * outputs * norm, weights * pixels)


def head(width: int, num_classes: int) -> Counts:
    """Batch norm and a linear layer."""
    return Counts(2 * width + (width + 1) * num_classes, width * num_classes)


def halved(sides: tuple[int, ...]) -> tuple[int, ...]:
    """What a stride of 2 leaves of an image: half of each side, rounded up."""
    return tuple(-(-side // 2) for side in sides)

"""The feature maps of a network of cells, in the order in which they are computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor, nn

from robnas.networks._blocks import Head, Normalize
from robnas.networks.nas_bench_201._blocks import Reduction, Stem
from robnas.networks.nas_bench_201._cell import Cell, Convolutions, Fan

PIXELS = 0
"""The number of what a network is given."""


class Foldable(Protocol):
    """The parts of a network of `build_network`."""

    normalize: Normalize
    stem: Stem
    stages: nn.ModuleList
    reductions: nn.ModuleList
    head: Head


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A convolution, with the batch norm behind it, of another value."""

    source: int
    conv: nn.Conv2d
    norm: nn.BatchNorm2d | None
    part: int = 0
    """Which block of output channels, where one module serves several targets."""
    parts: int = 1
    relu: bool = True
    """Whether the source passes a ReLU first."""
    halved: bool = False
    """Whether the source passes a 2×2 average pooling first."""


@dataclass(slots=True, eq=False)
class FeatureMap:
    """A feature map: the sum of convolutions, copies and poolings of earlier ones, and of constants per channel."""

    convolutions: list[Term] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    pools: list[int] = field(default_factory=list)
    biases: list[Tensor] = field(default_factory=list)
    shapes: list[int] = field(default_factory=list)
    """A value of the same shape, where nothing else says which that is."""
    raw: bool = False
    """Whether it is read without ReLU."""
    relu: bool = False
    """Whether it is read through a ReLU."""
    varies: bool = False
    """Whether it depends on the pixels."""
    last_reader: int = 0

    def read(self) -> set[int]:
        """Which values it reads."""
        return {*(term.source for term in self.convolutions), *self.copies, *self.pools, *self.shapes}


class Graph:
    """The feature maps of a network in the order of computation."""

    def __init__(self, network: Foldable) -> None:
        self.values = [FeatureMap(varies=True)]
        last = self._add(FeatureMap([Term(PIXELS, network.stem[0], network.stem[1], relu=False)]))  # type: ignore[arg-type]
        for number, stage in enumerate(network.stages):
            if number:
                last = self._reduction(network.reductions[number - 1], last)  # type: ignore[arg-type]
            for cell in stage:  # type: ignore[attr-defined]
                last = self._cell(cell, last)
        self.output = last
        self.values[last].raw = True
        self.values[last].last_reader = len(self.values)

    def _add(self, value: FeatureMap) -> int:
        number = len(self.values)
        self.values.append(value)
        for term in value.convolutions:
            self.values[term.source].relu |= term.relu
            self.values[term.source].raw |= not term.relu
        for source in (*value.copies, *value.pools, *value.shapes):
            self.values[source].raw = True
        for source in value.read():
            self.values[source].last_reader = number
            value.varies |= self.values[source].varies and source not in value.shapes
        return number

    def _reduction(self, block: Reduction, start: int) -> int:
        middle = self._add(FeatureMap([Term(start, block.conv_a, block.norm_a)]))
        shortcut = Term(start, block.shortcut, None, relu=False, halved=True)
        return self._add(FeatureMap([Term(middle, block.conv_b, block.norm_b), shortcut]))

    def _cell(self, cell: Cell, start: int) -> int:
        """The output node; a node that is a mere copy is the value that it copies."""
        at: dict[int, int] = {0: start}
        for target in (1, 2, 3):
            value = FeatureMap()
            for key, fan in cell.fans.items():
                if int(key) < target:
                    self._edge(fan, target, at[int(key)], value)  # type: ignore[arg-type]
            value.biases = [bias for key, bias in cell.biases.items() if int(key[-1]) == target]
            plain = not (value.convolutions or value.pools or value.biases)
            if plain and len(value.copies) == 1:
                at[target] = value.copies[0]
            elif target == 3 or not plain or value.copies:
                value.shapes = [] if value.read() else [start]
                at[target] = self._add(value)
        return at[3]

    @staticmethod
    def _edge(fan: Fan, target: int, source: int, value: FeatureMap) -> None:
        if target in fan.skips:
            value.copies.append(source)
        if target in fan.pools:
            value.pools.append(source)
        for together in fan.convolutions:
            assert isinstance(together, Convolutions)
            if target in together.targets:
                part, parts = together.targets.index(target), len(together.targets)
                value.convolutions.append(Term(source, together.conv, together.norm, part, parts))

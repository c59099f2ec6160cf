"""The macro network of NAS-Bench-201 around a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from robnas.networks._as_built import as_built
from robnas.networks._blocks import Head, Normalize, as_laid_out, check_normalization, lay_out
from robnas.networks.nas_bench_201._blocks import Reduction, Stem
from robnas.networks.nas_bench_201._cell import Cell
from robnas.networks.nas_bench_201._folded import Folded
from robnas.spaces.nas_bench_201 import CellArchitecture
from robnas.types import check_count


def _again(*, in_channels: int, **facts: Any) -> Network:
    return Network(in_channels=in_channels, mean=(0.0,) * in_channels, std=(1.0,) * in_channels, **facts)


@final
@as_built({"arch": CellArchitecture, "channels": int, "cells": int, "in_channels": int, "num_classes": int}, _again)
class Network(nn.Module):
    """The network of an architecture; call it on pixels in [0, 1].

    Stem, three stages of N cells at C, 2C and 4C channels with a `Reduction` between them, head (Dong and Yang 2020,
    NAS-Bench-201). Build it with `build_network`.
    """

    def __init__(
        self,
        arch: CellArchitecture,
        *,
        num_classes: int,
        channels: int,
        cells: int,
        in_channels: int,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.arch = arch
        self.channels, self.cells = channels, cells
        self.in_channels, self.num_classes = in_channels, num_classes
        self.normalize = Normalize(mean, std)
        self.stem = Stem(in_channels, channels)
        self.stages = nn.ModuleList(
            nn.Sequential(*(Cell(arch, channels << stage) for _ in range(cells))) for stage in range(3)
        )
        self.reductions = nn.ModuleList(Reduction(channels << stage) for stage in range(2))
        self.head = Head(4 * channels, num_classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits ``(batch, classes)`` of pixels ``(batch, in_channels, height, width)`` in [0, 1]."""
        x = self.stages[0](self.stem(self.normalize(as_laid_out(pixels))))
        for reduction, stage in zip(self.reductions, self.stages[1:], strict=True):
            x = stage(reduction(x))
        logits: Tensor = self.head(x)
        return logits

    def folded(self, dtype: torch.dtype | None = None) -> Folded:
        """What the network computes in evaluation mode at its present weights, for attacks: faster.

        Args:
            dtype: of the feature maps, such as bfloat16; that of the weights if it is omitted.

        Raises:
            InputError: the network is no longer as it was built, its weights aside.
        """
        return Folded(self, dtype)

    def extra_repr(self) -> str:
        """The sizes, for `repr`."""
        return f"{self.arch.code}, C={self.channels}, N={self.cells}"


def build_cell_network(
    arch: object,
    *,
    num_classes: int,
    channels: int = 16,
    cells: int = 5,
    in_channels: int = 3,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
) -> Network:
    """The network of `arch` with PyTorch's default initialisation.

    Args:
        arch: an architecture in any encoding.
        num_classes: number of classes.
        channels: channels C of the first stage; the paper uses 16.
        cells: cells N per stage; the paper uses 5.
        in_channels: channels of the images.
        mean: mean of the data set per channel in pixels, shape ``(in_channels,)``; no normalisation if omitted.
        std: standard deviation likewise.
        seed: of the initial weights. They do not depend on the device or on other random numbers drawn, and torch's
            own generator is left as it was.

    Raises:
        InputError: a malformed architecture, a size below 1, or mean and std that do not fit.
    """
    sizes = {"num_classes": num_classes, "channels": channels, "cells": cells, "in_channels": in_channels}
    sizes = {what: check_count(what, value) for what, value in sizes.items()}
    mean, std = check_normalization(sizes["in_channels"], mean, std)
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(check_count("seed", seed, 0))
        network = Network(CellArchitecture(arch), mean=mean, std=std, **sizes)
    lay_out(network)
    return network

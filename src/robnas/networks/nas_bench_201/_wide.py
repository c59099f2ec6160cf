"""The network of a cell whose limit of infinite width is known: no batch norm, no biases, NTK parametrisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas._products import products
from robnas._seeds import generator as derived
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.networks._fused import average_pool
from robnas.networks.nas_bench_201._branches import BRANCH_SCALINGS, LEAST_VARIANCE
from robnas.networks.nas_bench_201._cell import KERNEL_SIZES
from robnas.spaces.nas_bench_201 import EDGES, CellArchitecture
from robnas.types import check_count


@final
class Scaled(nn.Module):
    """Subtracts and multiplies by what is fixed when the network is built, where the benchmark has batch norm."""

    mean: Tensor
    scale: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("scale", torch.ones(()))
        self.measuring: str | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to the same shape."""
        if self.measuring:
            self._measure(x.detach(), self.measuring)
        return (x - self.mean) * self.scale

    def _measure(self, x: Tensor, scaling: str) -> None:
        given = x.square().mean()
        if scaling == "centred":
            self.mean.copy_(x.mean(dim=(0, 2, 3)).view(-1, 1, 1))
        square = (x - self.mean).square().mean()
        if scaling == "centred" and not square > LEAST_VARIANCE * given:
            raise InputError("calibration", expected="images that differ", got=Verbatim("a map that does not"))
        self.scale.copy_(torch.where(square > 0, square.rsqrt(), torch.ones_like(square)))


@final
class ScaledConvolution(nn.Module):
    """ReLU, convolution times √2 / √fan-in, scaling."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size, stride=stride, padding=kernel_size // 2, bias=False)
        self.factor = (2 / (inputs * kernel_size**2)) ** 0.5
        self.scaled = Scaled(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, inputs, H, W)`` to ``(batch, outputs, ⌈H/stride⌉, ⌈W/stride⌉)``."""
        result: Tensor = self.scaled(self.conv(F.relu(x)) * self.factor)
        return result


@final
class WideCell(nn.Module):
    """A cell whose live edges alone are computed; the others carry nothing, or nobody reads them."""

    def __init__(self, arch: CellArchitecture, channels: int) -> None:
        super().__init__()
        self.arch = arch
        self.convolutions = nn.ModuleDict(
            {
                f"{source}_{target}": ScaledConvolution(channels, channels, KERNEL_SIZES[operation])
                for (source, target), operation in self._edges()
                if operation in KERNEL_SIZES
            }
        )

    def _edges(self) -> Iterator[tuple[tuple[int, int], str]]:
        arch = self.arch
        for edge, operation, is_live in zip(EDGES, arch.operations, arch.live_edges, strict=True):
            if is_live:
                yield edge, operation

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to the same shape."""
        nodes: dict[int, Tensor] = {0: x}
        for (source, target), operation in self._edges():
            term = nodes[source]
            if operation == "avg_pool_3x3":
                term = average_pool(term)
            elif operation in KERNEL_SIZES:
                term = self.convolutions[f"{source}_{target}"](term)
            nodes[target] = nodes[target] + term if target in nodes else term
        return nodes[3] if 3 in nodes else x * 0


@final
class WideReduction(nn.Module):
    """Residual block between stages: halves the resolution, rounding up, and doubles the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_a = ScaledConvolution(channels, 2 * channels, 3, stride=2)
        self.conv_b = ScaledConvolution(2 * channels, 2 * channels, 3)
        self.shortcut = nn.Conv2d(channels, 2 * channels, 1, bias=False)
        self.factor = channels**-0.5

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, C, H, W)`` to ``(batch, 2C, ⌈H/2⌉, ⌈W/2⌉)``."""
        shortcut: Tensor = self.shortcut(F.avg_pool2d(x, 2, ceil_mode=True) * self.factor)
        main: Tensor = self.conv_b(self.conv_a(x))
        return shortcut + main


@final
class WideCellNetwork(nn.Module):
    """The network of ``nas-bench-201`` without batch norm and biases; build it with `build_wide_cell_network`.

    Stem, three stages of N cells with residual reductions between them, ReLU, mean over pixels, read-out, as in the
    benchmark, with m, 2m and 4m channels. All weights are N(0, 1) and stand behind a factor (NTK parametrisation):
    1/√fan-in in the stem and in the 1×1 convolution beside a reduction, √2/√fan-in where a ReLU comes before, which
    keeps the mean square away from the zeros of a border (He et al. 2015).

    With the scaling ``unit``, whatever a batch norm follows in the benchmark (the stem, every convolution of a cell,
    both of a reduction, and what the head reads) is divided by its root mean square over all calibration images,
    channels and pixels, once, when the network is built; the number is then a constant. With ``centred`` the mean of
    each channel over calibration images and pixels is subtracted before, a constant, too: batch norm in evaluation mode
    but for one deviation for all channels, which is what wide networks allow to calculate. With ``he`` nothing is.
    """

    def __init__(
        self, arch: CellArchitecture, *, width: int, cells: int, in_channels: int, outputs: int, scaling: str
    ) -> None:
        super().__init__()
        self.arch, self.width, self.cells, self.scaling = arch, width, cells, scaling
        self.in_channels = in_channels
        self.stem = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.stem_scaled, self.head_scaled = Scaled(width), Scaled(4 * width)
        self.stages = nn.ModuleList(
            nn.Sequential(*(WideCell(arch, width << stage) for _ in range(cells))) for stage in range(3)
        )
        self.reductions = nn.ModuleList(WideReduction(width << stage) for stage in range(2))
        self.readout = nn.Linear(4 * width, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs ``(batch, outputs)`` of images ``(batch, in_channels, height, width)``, taken as they are."""
        x = self.stages[0](self.stem_scaled(self.stem(x * (9 * self.in_channels) ** -0.5)))
        for reduction, stage in zip(self.reductions, self.stages[1:], strict=True):
            x = stage(reduction(x))
        pooled = F.relu(self.head_scaled(x)).mean(dim=(2, 3))
        result: Tensor = self.readout(pooled * (2 / (4 * self.width)) ** 0.5)
        return result

    def extra_repr(self) -> str:
        """The sizes, for `repr`."""
        return f"{self.arch.code}, m={self.width}, N={self.cells}, {self.scaling}"


def build_wide_cell_network(
    arch: object,
    *,
    width: int,
    calibration: Tensor | None = None,
    in_channels: int = 3,
    cells: int = 5,
    outputs: int = 1,
    scaling: str = "unit",
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> WideCellNetwork:
    """The network whose kernel `robnas.kernels.infinite_cell_ntk` is the limit of, with weights from N(0, 1).

    Args:
        arch: an architecture of ``nas-bench-201``, in any encoding.
        width: m, channels of the first stage.
        calibration: images that fix means and scales, shape (n, in_channels, height, width); not read by ``he``.
        in_channels: channels of the images.
        cells: cells N per stage.
        outputs: of the network, a read-out each.
        scaling: ``unit``, ``centred`` or ``he``, see `WideCellNetwork`.
        seed: of the weights; the same on every device, and no other randomness is used.
        dtype: of the weights.

    Raises:
        InputError: a malformed architecture, a size below 1, an unknown scaling, or calibration images that are missing
            or do not fit, or that are all alike, if they are ``centred``.
    """
    check_keys("scaling of branches", [scaling], BRANCH_SCALINGS)
    sizes = {"width": width, "cells": cells, "in_channels": in_channels, "outputs": outputs}
    sizes = {what: check_count(what, value) for what, value in sizes.items()}
    with torch.random.fork_rng(devices=()):  # torch's layers initialise themselves; those weights are replaced below
        network = WideCellNetwork(CellArchitecture(arch), scaling=scaling, **sizes).to(dtype)
    generator = derived("cpu", seed, "wide cell network")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    if scaling != "he":
        _calibrate(network, calibration, dtype)
    return network


@torch.no_grad()
def _calibrate(network: WideCellNetwork, images: Tensor | None, dtype: torch.dtype) -> None:
    expected = f"images of shape (n, {network.in_channels}, height, width)"
    if images is None:
        raise InputError("calibration", expected=expected, got=Verbatim("none"), remedy="or take the scaling he")
    if images.ndim != 4 or images.shape[1] != network.in_channels or images.numel() == 0:
        raise InputError("calibration", expected=expected, got=Verbatim(tuple(images.shape)))
    scales = [module for module in network.modules() if isinstance(module, Scaled)]
    for module in scales:
        module.measuring = network.scaling
    with products(images.device):
        network(images.to(dtype))
    for module in scales:
        module.measuring = None

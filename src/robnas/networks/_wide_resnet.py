"""Wide residual networks of CIFAR: those of the space `wide-resnet`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas.errors import InputError, Verbatim
from robnas.networks._blocks import Head, Normalize, as_laid_out, check_normalization, lay_out
from robnas.types import check_count

STEM_CHANNELS = 16
STRIDES = (1, 2, 2)
GENES = ("D1", "W1", "D2", "W2", "D3", "W3")


class Block(nn.Module):
    """Pre-activation residual block: twice batch norm, ReLU and 3×3 convolution, around them a shortcut.

    Where the stride or the number of channels changes, the shortcut is a 1×1 convolution of what follows the first
    ReLU, otherwise the input itself.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm_a = nn.BatchNorm2d(inputs)
        self.conv_a = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm_b = nn.BatchNorm2d(outputs)
        self.conv_b = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        changes = inputs != outputs or stride != 1
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, inputs, H, W)`` to ``(batch, outputs, ⌈H/stride⌉, ⌈W/stride⌉)``."""
        active = F.relu(self.norm_a(x))
        main: Tensor = self.conv_b(F.relu(self.norm_b(self.conv_a(active))))
        return main + (x if self.shortcut is None else self.shortcut(active))


@final
class WideResNet(nn.Module):
    """A pre-activation wide residual network (Zagoruyko and Komodakis 2016); call it on pixels in [0, 1].

    3×3 convolution to 16 channels, one stage of blocks per entry of `stages`, batch norm, ReLU, global average pool,
    linear. The first block of a stage has its stride, so images of any size will do.

    Args:
        stages: blocks and channels of each stage.
        strides: of each stage.
        in_channels: channels of the images.
        num_classes: number of classes.
        mean: mean of the data set per channel in pixels, shape ``(in_channels,)``.
        std: standard deviation likewise.
    """

    def __init__(
        self,
        stages: Sequence[tuple[int, int]],
        *,
        num_classes: int,
        in_channels: int,
        mean: Sequence[float],
        std: Sequence[float],
        strides: Sequence[int] = STRIDES,
    ) -> None:
        super().__init__()
        self.in_channels, self.num_classes = in_channels, num_classes
        self.normalize = Normalize(mean, std)
        self.stem = nn.Conv2d(in_channels, STEM_CHANNELS, 3, padding=1, bias=False)
        self.stages, width = nn.ModuleList(), STEM_CHANNELS
        for (blocks, channels), stride in zip(stages, strides, strict=True):
            first = Block(width, channels, stride)
            self.stages.append(nn.Sequential(first, *(Block(channels, channels, 1) for _ in range(blocks - 1))))
            width = channels
        self.head = Head(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.head.linear.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits ``(batch, classes)`` of pixels ``(batch, in_channels, height, width)`` in [0, 1]."""
        x = self.stem(self.normalize(as_laid_out(pixels)))
        for stage in self.stages:
            x = stage(x)
        logits: Tensor = self.head(x)
        return logits


def build_wide_resnet(
    genes: Mapping[str, int],
    *,
    num_classes: int,
    in_channels: int = 3,
    image_size: int = 32,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
) -> WideResNet:
    """The network of an architecture of `wide-resnet`: three stages of D residual blocks, 16·W, 32·W and 64·W channels.

    That of NARes, with the shortcut of RobustWRN (Huang et al. 2021). WRN-28-10 has D = 4 and W = 10 in all stages,
    WRN-34-10 D = 5, WRN-70-16 D = 11 and W = 16. The space allows D of 4 to 11 and W of 8 to 16; this function takes
    any from 1 on. Where W₁ = 2·W₂ or W₂ = 2·W₃ the number of channels stays while the resolution is halved: the
    shortcut is a convolution there too. (RobustWRN's own code applies that one to the raw input; this one does not.)

    Convolutions are initialised as by He et al. 2015 (fan-out), biases are zero.

    Args:
        genes: D1, W1, D2, W2, D3 and W3.
        num_classes: number of classes.
        in_channels: channels of the images.
        image_size: height and width of the images; the network is the same for all.
        mean: mean of the data set per channel in pixels, shape ``(in_channels,)``; no normalisation if omitted.
        std: standard deviation likewise.
        seed: of the initial weights. They do not depend on the device or on other random numbers drawn, and torch's
            own generator is left as it was.

    Raises:
        InputError: genes that are missing or unknown, a size below 1, or mean and std that do not fit.
    """
    if set(genes) != set(GENES):
        raise InputError("genes of wide-resnet", expected=", ".join(GENES), got=Verbatim(", ".join(map(str, genes))))
    blocks, widths = (
        [check_count(f"gene {name}", genes[name]) for name in GENES if name.startswith(kind)] for kind in "DW"
    )
    check_count("image_size", image_size)
    in_channels, num_classes = check_count("in_channels", in_channels), check_count("num_classes", num_classes)
    mean, std = check_normalization(in_channels, mean, std)
    stages = [(block, width << (4 + stage)) for stage, (block, width) in enumerate(zip(blocks, widths, strict=True))]
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(check_count("seed", seed, 0))
        network = WideResNet(stages, num_classes=num_classes, in_channels=in_channels, mean=mean, std=std)
    lay_out(network)
    return network

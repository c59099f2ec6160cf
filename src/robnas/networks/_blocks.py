"""Parts that networks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas.errors import InputError
from robnas.networks._fused import layout


@final
class Normalize(nn.Module):
    """(pixel − mean) / std per channel: the network owns it, so attacks live in [0, 1] pixels."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels in [0, 1] of shape ``(batch, channels, height, width)``."""
        return (pixels - self.mean) / self.std


class Head(nn.Module):
    """Batch norm, ReLU, global average pool, linear."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.linear = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to logits ``(batch, classes)``."""
        logits: Tensor = self.linear(F.relu(self.norm(x)).mean(dim=(2, 3)))
        return logits


def as_laid_out(pixels: Tensor) -> Tensor:
    """The same pixels, channels last where the device is faster with it; all feature maps follow."""
    # Flat and back first: the gradient of that is contiguous, as attacks of other libraries expect it.
    pixels = pixels.flatten(1).view(pixels.shape)
    if layout(pixels.device, pixels.dtype) == torch.channels_last:
        pixels = pixels.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)  # so also inside vmap
    return pixels


def check_normalization(
    in_channels: int, mean: Sequence[float] | None, std: Sequence[float] | None
) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and standard deviation per channel; those of no normalisation where they are omitted.

    Raises:
        InputError: they do not fit the channels, or a deviation is not above 0.
    """
    mean = (0.0,) * in_channels if mean is None else mean
    std = (1.0,) * in_channels if std is None else std
    for what, values in (("mean", mean), ("std", std)):
        if len(values) != in_channels:
            raise InputError(what, expected=f"{in_channels} values, one per channel", got=tuple(values))
    if not all(value > 0 for value in std):
        raise InputError("std", expected="values above 0", got=tuple(std))
    return mean, std


def lay_out(network: nn.Module) -> None:
    """Let one-channel inputs lead to feature maps that are channels last, as all others do by the strides of pixels.

    Other weights stay as they are: code that flattens them, or their gradients, by `view` must work.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            weight = module.weight.detach().clone(memory_format=torch.channels_last)
            if weight.is_contiguous():  # both layouts at once, so the strides decide
                module.weight = nn.Parameter(weight)

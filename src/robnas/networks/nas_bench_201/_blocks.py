"""What stands around the cells."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Stem(nn.Sequential):
    """3×3 convolution and batch norm."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )


class Reduction(nn.Module):
    """Residual block between stages: halves the resolution, rounding up, and doubles the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_a = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False)
        self.norm_a = nn.BatchNorm2d(2 * channels)
        self.conv_b = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, bias=False)
        self.norm_b = nn.BatchNorm2d(2 * channels)
        self.shortcut = nn.Conv2d(channels, 2 * channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, C, H, W)`` to ``(batch, 2C, ⌈H/2⌉, ⌈W/2⌉)``."""
        main: Tensor = self.norm_a(self.conv_a(F.relu(x)))
        main = self.norm_b(self.conv_b(F.relu(main)))
        shortcut: Tensor = self.shortcut(F.avg_pool2d(x, 2, ceil_mode=True))
        return shortcut + main

"""Random crop and flip of a whole batch in one gather, on the device of the images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(images: Tensor, *, padding: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Crop each image out of itself padded with black, and mirror half of them.

    Args:
        images: shape (batch, channels, height, width), uint8.
        padding: black pixels added on each side before the crop.
        flip: mirror left and right with probability ½.
        generator: on the CPU, so that the draws do not depend on the device.

    Returns:
        Augmented images of the same shape.
    """
    if padding == 0 and not flip:
        return images
    batch, channels, height, width = images.shape

    def draw(high: int) -> Tensor:
        return torch.randint(high, (batch, 1), generator=generator).to(images.device)

    rows = draw(2 * padding + 1) + torch.arange(height, device=images.device)
    columns = draw(2 * padding + 1) + torch.arange(width, device=images.device)
    if flip:
        columns = torch.where(draw(2).bool(), columns.flip(1), columns)
    padded = F.pad(images, (padding,) * 4) if padding else images
    item = torch.arange(batch, device=images.device).view(batch, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, channels, 1, 1)
    return padded[item, channel, rows.view(batch, 1, height, 1), columns.view(batch, 1, 1, width)]

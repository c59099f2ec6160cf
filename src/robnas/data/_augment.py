"""Random crop and flip of a whole batch in one gather, on the device of the images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def draw_augmentation(batch: int, *, padding: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Where each image of a batch is cut out, and whether it is mirrored.

    Args:
        batch: number of images.
        padding: black pixels that are added on each side before the crop.
        flip: mirror left and right with probability ½.
        generator: on the CPU, so that the draws do not depend on the device.

    Returns:
        Shape (batch, 3), int64: top and left of the crop, from 0 to 2·padding, and 1 for a mirrored image.
    """
    highs = [2 * padding + 1, 2 * padding + 1, *([2] if flip else [])]
    drawn = [torch.randint(high, (batch,), generator=generator) for high in highs]
    return torch.stack(drawn if flip else [*drawn, torch.zeros_like(drawn[0])], dim=1)


def augment(images: Tensor, drawn: Tensor, *, padding: int) -> Tensor:
    """Crop each image out of itself padded with black, and mirror some of them.

    Args:
        images: shape (batch, channels, height, width), uint8.
        drawn: what `draw_augmentation` drew with the same padding, on the device of the images.
        padding: black pixels added on each side before the crop.

    Returns:
        Augmented images of the same shape.
    """
    batch, channels, height, width = images.shape
    top, left, mirrored = torch.split(drawn, 1, dim=1)
    rows = top + torch.arange(height, device=images.device)
    columns = left + torch.arange(width, device=images.device)
    columns = torch.where(mirrored.bool(), columns.flip(1), columns)
    padded = F.pad(images, (padding,) * 4) if padding else images
    item = torch.arange(batch, device=images.device).view(batch, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, channels, 1, 1)
    return padded[item, channel, rows.view(batch, 1, height, 1), columns.view(batch, 1, 1, width)]

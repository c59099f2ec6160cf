"""Parameters and multiply-accumulates of networks: of shipped spaces by arithmetic, so that no torch is needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from typing import TYPE_CHECKING, TypeGuard

from robnas.errors import InputError
from robnas.networks._located import located
from robnas.networks._sizes import Counts, convolution, halved, head
from robnas.networks.nas_bench_201 import NAME
from robnas.networks.nas_bench_201._counts import cell_counts
from robnas.spaces import Space, space_of
from robnas.types import check_count

if TYPE_CHECKING:
    from torch import nn


def count(
    network: object,
    *,
    channels: int | None = None,
    cells: int | None = None,
    input_size: int | Sequence[int] = 32,
    in_channels: int | None = None,
    num_classes: int | None = None,
    live: bool | None = None,
    space: Space | None = None,
) -> Counts:
    """Parameters and MACs of a network, or of the network of an architecture.

    Those of NAS-Bench-201 and ``wide-resnet`` are computed by arithmetic. Other spaces build the network, without
    values where that is possible, and any `torch.nn.Module` will do: sums of products are counted as they are called,
    in evaluation mode, see `robnas.networks.count_module`, also for what is no sum of products and does not count.

    Args:
        network: an architecture, or one of NAS-Bench-201 in any encoding; or a module.
        channels: of NAS-Bench-201, channels C of the first stage; those of the space if omitted, usually 16.
        cells: of NAS-Bench-201, cells N per stage; those of the space if omitted, usually 5.
        input_size: height and width of the images in pixels; one number for both, or two.
        in_channels: channels of the images; if omitted, those that a module names as its own, else 3.
        num_classes: number of classes; 10 if omitted.
        live: of NAS-Bench-201, count live edges only, rather than every edge as the published figures do. In other
            spaces what is built counts.
        space: of the architecture, where it is not registered or has other settings than usual; `network` may then be
            a text.

    Raises:
        InputError: a size is below 1, the encoding is malformed, nothing builds networks of the space, a module does
            not take such images, or it has itself what is given beside it.
    """
    own = {"channels": channels, "cells": cells, "num_classes": num_classes, "live": live, "space": space}
    sides = tuple(input_size) if isinstance(input_size, Sequence) else (input_size, input_size)
    sides = tuple(check_count("input_size", side) for side in sides)
    if _is_module(network):
        given = [name for name, value in own.items() if value is not None]
        if given:
            raise InputError(given[0], expected="nothing beside a module, which has its own", got=own[given[0]])
        from robnas.networks._module_counts import count_module  # torch

        given_channels = _channels_of(network) if in_channels is None else in_channels
        return count_module(network, (check_count("in_channels", given_channels), *sides))
    arch, space = located(network, space, channels=channels, cells=cells)
    if len(sides) != 2:
        raise InputError("input_size", expected="height and width", got=sides)
    sizes = {
        "in_channels": check_count("in_channels", 3 if in_channels is None else in_channels),
        "num_classes": check_count("num_classes", 10 if num_classes is None else num_classes),
    }
    if space.build is None and space.name == NAME:
        return cell_counts(arch, **space.settings, sides=sides, live=bool(live), **sizes)  # type: ignore[arg-type]
    if space.build is None and space.name == "wide-resnet":
        return wide_resnet_counts(arch.genes, image_size=sides, **sizes)  # type: ignore[arg-type]
    from robnas.networks._module_counts import count_built  # torch

    return count_built(arch, space, space.build, sides, **sizes)


def counted_by_arithmetic(space: Space) -> bool:
    """Whether `count` needs neither torch nor a network for the architectures of a space."""
    return space.build is None and space.name in (space_of(None).name, "wide-resnet")


def _is_module(network: object) -> TypeGuard[nn.Module]:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(network, torch.nn.Module)


def _channels_of(network: nn.Module) -> int:
    own = getattr(network, "in_channels", None)
    return own if isinstance(own, int) else 3


def wide_resnet_counts(
    genes: Mapping[str, int],
    *,
    in_channels: int = 3,
    num_classes: int = 10,
    image_size: int | tuple[int, ...] = 32,
) -> Counts:
    """Those of the network that `build_wide_resnet` makes of the same genes."""
    width = 16
    sides = image_size if isinstance(image_size, tuple) else (image_size, image_size)
    total = convolution(in_channels, width, 9, prod(sides), norm=False)
    for stage in range(3):
        inputs, width = width, genes[f"W{stage + 1}"] << (4 + stage)
        sides = sides if stage == 0 else halved(sides)
        total += _block(inputs, width, prod(sides), shortcut=stage > 0 or inputs != width)
        total += _block(width, width, prod(sides), shortcut=False) * (genes[f"D{stage + 1}"] - 1)
    return total + head(width, num_classes)


@cache
def _block(inputs: int, outputs: int, pixels: int, *, shortcut: bool) -> Counts:
    norm, convolutions = Counts(2 * inputs, 0), convolution(inputs, outputs, 9, pixels)
    convolutions += convolution(outputs, outputs, 9, pixels, norm=False)
    return norm + convolutions + convolution(inputs, outputs, 1, pixels, norm=False) * shortcut

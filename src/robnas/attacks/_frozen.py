"""A network that an attack may ask, and that is afterwards as it was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from robnas._products import products
from robnas.errors import InputError
from robnas.networks import Folded, Network

# Relative to the largest logit: rounding stays far below, another function far above.
_TOLERANCES = {torch.float64: 1e-8, torch.float32: 1e-3, torch.bfloat16: 0.1}


@contextmanager
def frozen(network: nn.Module, dtype: torch.dtype | None = None) -> Iterator[nn.Module]:
    """Evaluation mode and no gradients to the weights while inside; all flags are restored, also after an error.

    What to ask is the module that is handed out. For a network exactly as `build_network` makes it, its weights aside,
    that is a faster one which computes the same at the present weights, in `dtype` if that is given. It is `network`
    itself otherwise, in its own dtype: subclasses, hooks and changed modules count.
    """
    if (folded := _folded(network, dtype)) is not None:
        yield folded
        return
    modes = [(module, module.training) for module in network.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    try:
        network.eval()
        for parameter, _ in flags:
            parameter.requires_grad_(False)
        yield network
    finally:
        for module, training in modes:
            module.training = training
        for parameter, required in flags:
            parameter.requires_grad_(required)


def _folded(network: nn.Module, dtype: torch.dtype | None = None) -> Folded | None:
    try:
        return Folded(network, dtype) if type(network) is Network else None
    except InputError:
        return None


@final
@dataclass(frozen=True, eq=False)
class Victim:
    """What may be attacked for a network; see `victim_of`."""

    count: ClassVar[int] = 64
    """Images on which the folded network is compared with the network itself."""

    network: nn.Module
    """The network, or where it must not be folded a module around it that computes the same."""
    folded: bool
    """Whether `frozen` hands out a folded one."""
    doubt: str = ""
    """Why a network that looks as built is not folded."""


@torch.no_grad()
def victim_of(network: nn.Module, images: Tensor) -> Victim:
    """Compare logits of the folded network and the network itself on `images`; it is attacked as it is if they differ.

    Args:
        network: on the device of the images; asked in evaluation mode, otherwise left alone.
        images: shape (n, channels, height, width), in the dtype of the network; `Victim.count` suffice.
    """
    if (folded := _folded(network)) is None:
        return Victim(network, folded=False)
    whole = _Whole(network)
    with products(images.device), frozen(whole):
        expected, found = whole(images), folded(images)
    scale = expected.nan_to_num(0.0, 0.0, 0.0).abs().max().item()
    tolerance = _TOLERANCES.get(expected.dtype, _TOLERANCES[torch.bfloat16])
    if torch.allclose(found, expected, tolerance, tolerance * scale, equal_nan=True):
        return Victim(network, folded=True)
    difference = (found - expected).abs().max().item()
    return Victim(whole, folded=False, doubt=f"its logits differ by up to {difference:.2g} of {scale:.2g}")


class _Whole(nn.Module):
    """A network that is not folded, as its type is another."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return logits

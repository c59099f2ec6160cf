"""A network and its copy with attacked weights: what scores of consistency under attack compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas.networks import Cell, unlike_built
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.proxies._textbook import absolute, layers

_TINY = 1e-30


@final
@dataclass(frozen=True, eq=False)
class Pass:
    """One forward and one backward pass."""

    outputs: list[Tensor | None]
    """Of every layer."""
    weights: list[Tensor]
    """Gradient of the loss by every layer's weight, up to one positive factor."""
    pixels: Tensor
    """Gradient of the loss by the pixels, up to the same factor."""


@final
class Attackable:
    """A network without batch norm and with |θ|, in float64; or a robnas network in float32, activations near 1."""

    def __init__(self, probe: Probe, *, exact: bool = False) -> None:
        self.probe, self.network, self.dtype = probe, absolute(probe.network), torch.float64
        if not exact and unlike_built(probe.network) is None:
            self.network, self.dtype = self.network.float(), torch.float32
        self.layers = layers(self.network)
        self.weights = [layer.weight for layer in self.layers]

    def add(self, directions: list[Tensor], step: float) -> None:
        """θ_l + step (‖θ_l‖/‖direction_l‖) direction_l."""
        with torch.no_grad():
            for weight, direction in zip(self.weights, directions, strict=True):
                weight.add_(direction * (step * weight.norm() / (direction.norm() + _TINY)))

    def __call__(self, images: Tensor, labels: Tensor) -> Pass:
        """Forward and backward."""
        pixels = images.to(self.dtype, copy=True).requires_grad_()
        outputs: list[Tensor | None] = [None] * len(self.layers)
        scale = torch.ones((), dtype=torch.float64, device=images.device)

        def keep(place: int) -> Callable[[nn.Module, object, Tensor], None]:
            def hook(_: nn.Module, __: object, output: Tensor) -> None:
                outputs[place] = output.detach().clone()  # as what follows may work in place

            return hook

        def shrink(_: nn.Module, __: object, output: Tensor) -> Tensor:
            nonlocal scale
            largest = output.detach().abs().max().clamp_min(_TINY)
            scale = scale * largest.double()
            return output / largest

        handles = [layer.register_forward_hook(keep(place)) for place, layer in enumerate(self.layers)]
        if self.dtype == torch.float32:
            handles += [cell.register_forward_hook(shrink) for cell in self.network.modules() if isinstance(cell, Cell)]
        try:
            scaled = self.probe.ask(self.network, pixels)
        finally:
            for handle in handles:
                handle.remove()
        gradients = torch.autograd.grad(
            scaled, [*self.weights, pixels], self._upstream(scaled.detach(), scale, labels), materialize_grads=True
        )
        return Pass(outputs, list(gradients[:-1]), gradients[-1])

    def _upstream(self, scaled: Tensor, scale: Tensor, labels: Tensor) -> Tensor:
        """∂L/∂logits at the logits that the network has without scaling, at most 1 in size."""
        bias = getattr(self.layers[-1], "bias", None)
        offset = torch.zeros_like(scaled[0]).double() if bias is None else bias.detach().double()
        logits = ((scaled.double() - offset) * scale + offset).requires_grad_()
        (found,) = torch.autograd.grad(F.cross_entropy(logits, labels), logits)
        return (found / found.abs().max().clamp_min(_TINY)).to(scaled)


def attack(
    clean: Attackable, attacked: Attackable, images: Tensor, labels: Tensor, weight_step: float, step: float
) -> tuple[Pass, Pass, Tensor]:
    """The clean network on images, and the same with attacked weights on attacked images; and the slope by pixels.

    Args:
        clean: the network.
        attacked: its copy, whose weights are moved up the loss.
        images: in [0, 1].
        labels: of them.
        weight_step: how far the weights of a layer are moved, times their norm.
        step: how far every pixel is moved up the loss of the attacked network.

    Raises:
        UndefinedScoreError: images outside [0, 1].
    """
    if images.min() < 0 or images.max() > 1:
        raise UndefinedScoreError("images are attacked within [0, 1], and some are outside")
    first = clean(images, labels)
    attacked.add(first.weights, weight_step)
    slope = attacked(images, labels).pixels
    moved = (images.to(slope) + step * slope.sign()).clamp(0, 1)
    return first, attacked(moved, labels), slope

"""Robust-ZCP: a bound of the adversarial loss, from weights at their start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from robnas._products import products
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.types import check_range


@final
@dataclass(frozen=True)
class RobustZCP:
    """−t·⟨g, g'⟩ − log mean_n ‖(∇L(x + h z) − ∇L(x))/h‖², L an image's cross-entropy (Feng et al. 2025).

    This is −log(−s) of the paper's s = −exp(t·mean product of gradients)·‖(∇L(x + h z) − ∇L(x))/h‖²: the same order
    without overflow, and a sensible mean over repeats. The norm stands for the largest eigenvalue of the Hessian of the
    loss by the image: ∇ is by its pixels, z of length 1 along the sign of ∇L (Moosavi-Dezfooli et al. 2019).

    The formula is known from others who compare with it; the paper itself was not at hand. **Assumed**: g and g' are
    the gradients of the mean loss by all weights θ over the first and the second half of the batch, so that their
    product is the mean over pairs of images, one of either half. The code, as TRNAS carries it, pairs 50 batches, takes
    the first 50 numbers of 11 tensors and t = 5·10⁶, a scale of its own; with t = 1 both terms vary about alike from
    cell to cell, which no accuracy had a part in. The norm is squared per image, then averaged. h is about the 3 of
    normalised CIFAR images in that code; x + h z is not clipped. Batch norm takes the statistics of the batch.
    """

    time: float = 1.0
    """t, in front of the product of gradients."""
    step: float = 0.75
    """h, the ℓ2 length by which an image is moved, more than 0."""

    def __post_init__(self) -> None:
        check_range("step", self.step, 1e-12)

    def __call__(self, probe: Probe) -> float:
        """The score.

        Raises:
            UndefinedScoreError: the loss has no curvature in the images, as where it does not depend on them.
        """
        with products(probe.images.device):
            return self._score(probe)

    def _score(self, probe: Probe) -> float:
        clean = probe.clean
        losses = F.cross_entropy(clean.logits, probe.labels, reduction="none")
        (slope,) = torch.autograd.grad(losses.sum(), clean.images, retain_graph=True, materialize_grads=True)
        signs = slope.sign()
        lengths = signs.flatten(1).norm(dim=1).clamp_min(1).view(-1, 1, 1, 1)
        moved = self._slope(probe, clean.images.detach() + self.step * signs / lengths)
        change = (moved.double() - slope.double()) / self.step
        curvature = float(change.flatten(1).square().sum(1).mean())
        if curvature == 0:
            raise UndefinedScoreError("the loss has no curvature in the images")
        half = len(losses) // 2
        first, second = (_gradients(probe, part.mean()) for part in (losses[:half], losses[half:]))
        product = float(sum((one.double() * other.double()).sum() for one, other in zip(first, second, strict=True)))
        return -self.time * product - math.log(curvature)

    @staticmethod
    def _slope(probe: Probe, images: Tensor) -> Tensor:
        """Gradient of every image's loss by its pixels."""
        images = images.requires_grad_()
        losses = F.cross_entropy(probe.ask(probe.textbook, images), probe.labels, reduction="sum")
        (found,) = torch.autograd.grad(losses, images, materialize_grads=True)
        return found


def _gradients(probe: Probe, loss: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, probe.weights, retain_graph=True, materialize_grads=True)

"""The ball of a threat model around a batch of images, and a last clip that holds at any dtype."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from robnas.attacks._geometry import geometry
from robnas.types import ThreatModel

_BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16}


@final
class Ball:
    """All images within a threat model of the given ones, and inside [0, 1].

    Args:
        images: shape (batch, channels, height, width), pixels in [0, 1].
        threat: norm and radius.
    """

    def __init__(self, images: Tensor, threat: ThreatModel) -> None:
        self._images, self._epsilon, self._geometry = images, threat.epsilon, geometry(threat.norm)
        self._projection = self._geometry.projection(images, threat.epsilon)

    def random(self, generator: torch.Generator) -> Tensor:
        """A random start."""
        return self.project(self._images + self._geometry.random(self._images, self._epsilon, generator))

    def direction(self, gradient: Tensor) -> Tensor:
        """The step of length 1 that increases the loss most."""
        return self._geometry.direction(gradient, self._images, self._epsilon)

    def project(self, images: Tensor) -> Tensor:
        """The nearest images of the ball, up to rounding."""
        return self._projection(images)


def clip_to_ball(adversarial: Tensor, images: Tensor, threat: ThreatModel) -> Tensor:
    """The nearest images that are within the threat model of `images` exactly, not only up to rounding.

    Computed in float64; what rounding to the dtype of `images` moves outwards is moved one step back.

    Args:
        adversarial: shape (batch, channels, height, width).
        images: likewise, in [0, 1].
        threat: norm and radius.

    Returns:
        Shape and dtype of `images`.
    """
    shape = geometry(threat.norm)
    centre = images.double()
    delta = shape.shrink(adversarial.double() - centre, threat.epsilon * (1 - shape.slack), centre)
    target = (centre + delta).clamp_(0, 1)
    rounded = target.to(images.dtype) + 0.0  # no negative zero: its bits would not be ordered
    outside = (rounded.double() - centre).abs() > torch.minimum((target - centre).abs(), delta.abs())
    bits = rounded.view(_BITS[rounded.element_size()])
    inwards = torch.where(rounded > images, bits - 1, bits + 1).view(rounded.dtype)
    return torch.where(outside, inwards, rounded)

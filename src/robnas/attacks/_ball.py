"""Geometry of a threat model: start, direction, projection, and a last clip that holds at any dtype."""

from __future__ import annotations

import torch
from torch import Tensor

from robnas.types import ThreatModel

_BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16}
_TINY = 1e-10


def per_image_norm(delta: Tensor) -> Tensor:
    """Euclidean norm of each image in at least float32, shape (batch, 1, 1, 1)."""
    wide = torch.promote_types(delta.dtype, torch.float32)
    norm: Tensor = torch.linalg.vector_norm(delta.flatten(1), dim=1, dtype=wide)
    return norm.view(-1, 1, 1, 1)


def _shrink(delta: Tensor, radius: float) -> Tensor:
    """Factor ≤ 1 that brings each image within `radius`, shape (batch, 1, 1, 1)."""
    return (radius / per_image_norm(delta).clamp_(min=_TINY)).clamp_(max=1)


class Ball:
    """All images within a threat model of the given ones, and inside [0, 1].

    Args:
        images: shape (batch, channels, height, width), pixels in [0, 1].
        threat: norm and radius.
    """

    def __init__(self, images: Tensor, threat: ThreatModel) -> None:
        self._images, self._norm, self._epsilon = images, threat.norm, threat.epsilon
        if threat.norm == "linf":
            self._low = (images - threat.epsilon).clamp_(min=0)
            self._high = (images + threat.epsilon).clamp_(max=1)

    def random(self, generator: torch.Generator) -> Tensor:
        """A random start: uniform in the cube (L∞), or a uniform direction and a uniform radius (L2)."""
        if self._norm == "linf":
            noise = self._empty().uniform_(-self._epsilon, self._epsilon, generator=generator)
        else:
            noise = self._empty().normal_(generator=generator)
            length = per_image_norm(noise)
            radius = torch.empty_like(length).uniform_(0, 1, generator=generator) * self._epsilon
            noise *= (radius / length).to(noise.dtype)
        return self.project(self._images + noise)

    def _empty(self) -> Tensor:
        """Room for noise, contiguous so that the draws do not depend on the memory format of the images."""
        return torch.empty(self._images.shape, dtype=self._images.dtype, device=self._images.device)

    def direction(self, gradient: Tensor) -> Tensor:
        """The step of length 1 that increases the loss most."""
        if self._norm == "linf":
            return gradient.sign()
        return (gradient / (per_image_norm(gradient) + _TINY)).to(gradient.dtype)

    def project(self, images: Tensor) -> Tensor:
        """The nearest images of the ball, up to rounding."""
        if self._norm == "linf":
            return torch.clamp(images, self._low, self._high)
        delta = images - self._images
        delta *= _shrink(delta, self._epsilon).to(delta.dtype)
        return (self._images + delta).clamp_(0, 1)


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
    centre = images.double()
    delta = adversarial.double() - centre
    if threat.norm == "linf":
        delta.clamp_(-threat.epsilon, threat.epsilon)
    else:
        # One part in 10¹² inside, so that a norm summed in another order does not exceed the radius.
        delta *= _shrink(delta, threat.epsilon * (1 - 1e-12))
    target = (centre + delta).clamp_(0, 1)
    rounded = target.to(images.dtype) + 0.0  # no negative zero: its bits would not be ordered
    outside = (rounded.double() - centre).abs() > torch.minimum((target - centre).abs(), delta.abs())
    bits = rounded.view(_BITS[rounded.element_size()])
    inwards = torch.where(rounded > images, bits - 1, bits + 1).view(rounded.dtype)
    return torch.where(outside, inwards, rounded)

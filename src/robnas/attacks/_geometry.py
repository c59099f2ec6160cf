"""One geometry per norm: random start, direction, projection, size."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from robnas._registry import Registry
from robnas._settings import check_keys
from robnas.types import NORMS

_TINY = 1e-10
_SMALL, _LARGE = 1e-6, 1e15  # slopes beyond which a sum of squares may be lost in float32, or in `_TINY`


class Geometry(ABC):
    """What a norm means to attacks; perturbations have the shape (batch, channels, height, width).

    A class that lacks one of the four parts cannot be instantiated, so a new norm never gets the geometry of another.
    """

    slack = 1e-12
    """`clip_to_ball` stays so far inside, relative to ε, that a size summed in another order does not exceed it."""

    @abstractmethod
    def size(self, delta: Tensor) -> Tensor:
        """Norm of each perturbation in at least float32, shape (batch, 1, 1, 1)."""

    @abstractmethod
    def random(self, images: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
        """A random perturbation of each image, of size at most `epsilon` up to rounding.

        The draws do not depend on the memory format of the images.
        """

    @abstractmethod
    def direction(self, gradient: Tensor, centre: Tensor, epsilon: float) -> Tensor:
        """The step of size 1 that increases the loss most, within the threat model around `centre`."""

    @abstractmethod
    def shrink(self, delta: Tensor, epsilon: float, centre: Tensor) -> Tensor:
        """The nearest perturbation of `centre` whose size is at most `epsilon`, up to rounding; may overwrite `delta`.

        Its result is clamped to pixels in [0, 1] by the caller, which makes no coordinate larger.
        """

    def projection(self, centre: Tensor, epsilon: float) -> Callable[[Tensor], Tensor]:
        """Maps images to the nearest ones around `centre` and in [0, 1], up to rounding."""
        return lambda images: (centre + self.shrink(images - centre, epsilon, centre)).clamp_(0, 1)


class Linf(Geometry):
    """The largest move of a pixel."""

    slack = 0.0

    def size(self, delta: Tensor) -> Tensor:
        """See `Geometry`."""
        return _norm(delta, float("inf"))

    def random(self, images: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
        """Uniform in the cube."""
        return _empty(images).uniform_(-epsilon, epsilon, generator=generator)

    def direction(self, gradient: Tensor, centre: Tensor, epsilon: float) -> Tensor:
        """Its signs."""
        return gradient.sign()

    def shrink(self, delta: Tensor, epsilon: float, centre: Tensor) -> Tensor:
        """See `Geometry`."""
        return delta.clamp_(-epsilon, epsilon)

    def projection(self, centre: Tensor, epsilon: float) -> Callable[[Tensor], Tensor]:
        """One clamp: cube and pixel range are both boxes."""
        low, high = (centre - epsilon).clamp_(min=0), (centre + epsilon).clamp_(max=1)
        return lambda images: torch.clamp(images, low, high)


class L2(Geometry):
    """Euclidean length of the move."""

    def size(self, delta: Tensor) -> Tensor:
        """See `Geometry`."""
        return _norm(delta, 2)

    def random(self, images: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
        """A uniform direction and a uniform radius."""
        noise = _empty(images).normal_(generator=generator)
        length = self.size(noise)
        radius = torch.empty_like(length).uniform_(0, 1, generator=generator) * epsilon
        noise *= (radius / length).to(noise.dtype)
        return noise

    def direction(self, gradient: Tensor, centre: Tensor, epsilon: float) -> Tensor:
        """The gradient itself, however small or large."""
        largest = gradient.abs().flatten(1).amax(1).view(-1, 1, 1, 1)
        usual = (largest == 0) | ((largest > _SMALL) & (largest < _LARGE))
        scaled = gradient / torch.where(usual, 1, largest)
        return (scaled / (self.size(scaled) + _TINY)).to(gradient.dtype)

    def shrink(self, delta: Tensor, epsilon: float, centre: Tensor) -> Tensor:
        """See `Geometry`."""
        delta *= _factor(self.size(delta), epsilon).to(delta.dtype)
        return delta


class L1(Geometry):
    """Sum of the moves of all pixels."""

    def size(self, delta: Tensor) -> Tensor:
        """See `Geometry`."""
        return _norm(delta, 1)

    def random(self, images: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
        """Uniform in the ball: exponential moves with random signs, divided by their sum and one more of them."""
        noise = _empty(images, torch.promote_types(images.dtype, torch.float32)).exponential_(generator=generator)
        rest = torch.empty_like(noise[:, :1, :1, :1]).exponential_(generator=generator)
        signs = torch.empty_like(noise).uniform_(-1, 1, generator=generator).sign()
        return (epsilon * signs * noise / (self.size(noise) + rest)).to(images.dtype)

    def direction(self, gradient: Tensor, centre: Tensor, epsilon: float) -> Tensor:
        """Towards the worst case of a linear loss in ball and pixel range (Croce and Hein 2021, Sec. 3).

        There the pixels of the largest slopes are at the edge of [0, 1], as many as ε pays for.
        """
        slopes = gradient.flatten(1)
        room = torch.where(slopes > 0, 1 - centre.flatten(1), centre.flatten(1)) * (slopes != 0)
        order = slopes.abs().argsort(dim=1, descending=True)
        ordered = room.gather(1, order).to(torch.promote_types(room.dtype, torch.float32))
        taken = torch.minimum(ordered, (epsilon - (ordered.cumsum(1) - ordered)).clamp(min=0)) / max(epsilon, _TINY)
        step = torch.zeros_like(slopes).scatter_(1, order, taken.to(slopes.dtype)) * slopes.sign()
        return step.view_as(gradient)

    def shrink(self, delta: Tensor, epsilon: float, centre: Tensor) -> Tensor:
        """The nearest point of ball and pixel range at once: clipping afterwards would waste most of ε.

        Each coordinate is shortened by one threshold per image and ends at the edge of [0, 1] at the latest.
        """
        moves = delta.abs()
        room = torch.where(delta > 0, 1 - centre, centre).clamp_(min=0)
        inside = torch.minimum(moves, room)
        over = self.size(inside) > epsilon
        threshold = torch.where(over, _threshold(moves, room, epsilon), 0).to(delta.dtype)
        shorter = torch.minimum((moves - threshold).clamp_(min=0), room) * delta.sign()
        return torch.where(over, shorter * _factor(self.size(shorter), epsilon).to(delta.dtype), delta)


def _threshold(moves: Tensor, room: Tensor, epsilon: float) -> Tensor:
    """θ with Σ clamp(moves − θ, 0, room) = ε, where that is above ε at θ = 0; shape (batch, 1, 1, 1).

    The sum is linear between the points `moves`, where falling θ sets a coordinate free, and `moves − room`, where it
    has arrived (for the ball alone: Duchi et al. 2008, Fig. 1).
    """
    wide = torch.promote_types(moves.dtype, torch.float32)
    most = moves.flatten(1).to(wide)
    points, order = torch.cat([most, most - room.flatten(1).to(wide)], dim=1).sort(dim=1, descending=True)
    slope = torch.where(order < most.shape[1], 1, -1).to(wide).cumsum(1)  # above the next point
    sums = (slope[:, :-1] * (points[:, :-1] - points[:, 1:])).cumsum(1)  # at the next point
    reached = sums >= epsilon
    reached[:, -1] = True  # what rounding may hide
    place = reached.to(torch.int8).argmax(1, keepdim=True)  # the first
    lack = (sums.gather(1, place) - epsilon) / slope.gather(1, place).clamp(min=1)
    return (points.gather(1, place + 1) + lack).clamp_(min=0).view(-1, 1, 1, 1)


def _norm(delta: Tensor, order: float) -> Tensor:
    wide = torch.promote_types(delta.dtype, torch.float32)
    norm: Tensor = torch.linalg.vector_norm(delta.flatten(1), ord=order, dim=1, dtype=wide)
    return norm.view(-1, 1, 1, 1)


def _factor(size: Tensor, epsilon: float) -> Tensor:
    """Factor ≤ 1 that brings a perturbation of that size within `epsilon`."""
    return (epsilon / size.clamp(min=_TINY)).clamp_(max=1)


def _empty(images: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Room for noise, contiguous so that the draws do not depend on the memory format of the images."""
    return torch.empty(images.shape, dtype=dtype or images.dtype, device=images.device)


def _open(norm: str, _: Geometry) -> None:
    """A threat model may name it, with any radius unless `NORMS` says otherwise."""
    NORMS.setdefault(norm, math.inf)


GEOMETRIES: Registry[Geometry] = Registry("norm", {"linf": Linf(), "l2": L2(), "l1": L1()}, Geometry, _open)
"""By the norm of a threat model."""


def geometry(norm: str) -> Geometry:
    """The geometry of a norm.

    Raises:
        InputError: it has none.
    """
    check_keys("norm", [norm], GEOMETRIES)
    return GEOMETRIES[norm]

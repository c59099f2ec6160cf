"""How a network is recognised that describes itself like another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from robnas._products import products
from robnas._randomness import seeded_randomness
from robnas._seeds import generator
from robnas.attacks._attack import parameter_dtype
from robnas.attacks._frozen import frozen

_NEAR = 8 / 255  # how far from them others lie about which it is asked, too
_DIRECTIONS = 8  # along which the gradient of each image is kept
# Relative: kinks where rounding decides move a gradient a little, another backward pass moves it a lot.
_GRADIENT = 0.05


@final
@dataclass(frozen=True, eq=False)
class Answers:
    """Logits of a few fixed images, and their gradient to the pixels, for comparison with those of another day."""

    count: ClassVar[int] = 32
    """Images that suffice."""

    logits: npt.NDArray[np.float32]
    """Shape (2 · images · classes,)."""
    gradients: npt.NDArray[np.float32]
    """Shape (2 · images · 8,): slope of a fixed mixture of the logits along fixed directions; 0 without a gradient."""
    precision: float
    """Relative step of the network's floating-point numbers."""

    @classmethod
    def of(cls, network: nn.Module, images: Tensor, seed: int) -> Answers:
        """Ask a network, in evaluation mode, about images of shape (n, channels, height, width) and others near them.

        Those near them lie between the grey levels, as attacked images do: rounding, say, does not show on the others.
        """
        noise = torch.rand(images.shape, generator=generator("cpu", 0, "answers"), dtype=torch.float64)
        near = images + _NEAR * (2 * noise - 1).to(images)
        images = torch.cat([images, near.clamp(0, 1)])
        with frozen(network) as asked, seeded_randomness(seed, images.device), torch.enable_grad():
            pixels = images.detach().requires_grad_()
            try:
                logits = asked(pixels)
            except RuntimeError:  # through NumPy, say, where nothing is differentiated
                logits = asked(images.detach())
            slope = _slope(logits, pixels)
        signs = partial(_signs, images.device)
        along = slope.flatten(1).double() @ signs(slope[0].numel(), _DIRECTIONS)
        return cls(_plain(logits), _plain(along), max(torch.finfo(images.dtype).eps, torch.finfo(torch.float32).eps))

    @classmethod
    def about_noise(cls, network: nn.Module, shape: Sequence[int], seed: int) -> Answers:
        """Ask about images of noise of shape (channels, height, width), always the same ones.

        For where those of the data set are not at hand.
        """
        weight = next(network.parameters())
        noise = torch.rand((cls.count, *shape), generator=generator("cpu", 0, "noise"), dtype=torch.float64)
        with products(weight.device):
            return cls.of(network, noise.to(weight.device, parameter_dtype(network)), seed)

    def agree(self, other: Answers) -> bool:
        """Whether a network that answers like this may be the one that answered `other`, on whatever device."""
        rounding = math.sqrt(max(self.precision, other.precision))
        return (
            self.logits.shape == other.logits.shape
            and self.gradients.shape == other.gradients.shape
            and _distance(self.logits, other.logits, math.inf) <= rounding
            and _distance(self.gradients, other.gradients, 2) <= max(_GRADIENT, 5 * rounding)
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` reads it back."""
        return {
            "logits": self.logits.tobytes().hex(),
            "gradients": self.gradients.tobytes().hex(),
            "precision": self.precision,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Answers:
        """The answers of `to_dict`."""
        logits, gradients = (np.frombuffer(bytes.fromhex(values[key]), "<f4") for key in ("logits", "gradients"))
        return cls(logits, gradients, float(values["precision"]))


def _slope(logits: Tensor, pixels: Tensor) -> Tensor:
    """Gradient of a fixed mixture of the logits, which no softmax saturates; zeros where there is none."""
    if not logits.requires_grad:
        return torch.zeros_like(pixels)
    mixed = (logits.double() @ _signs(logits.device, logits.shape[1], 1)).sum()
    try:
        (slope,) = torch.autograd.grad(mixed, pixels, allow_unused=True)
    except RuntimeError:  # attacks that need a gradient say so
        slope = None
    return torch.zeros_like(pixels) if slope is None else slope.nan_to_num()


def _signs(device: torch.device, rows: int, columns: int) -> Tensor:
    """Fixed random −1 and 1 of shape (rows, columns)."""
    return torch.randint(2, (rows, columns), generator=generator("cpu", 0, "answers")).mul(2).sub(1).double().to(device)


def _plain(values: Tensor) -> npt.NDArray[np.float32]:
    return values.detach().flatten().cpu().float().numpy().astype("<f4")


def _distance(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], order: float) -> float:
    """Size of the difference, relative to the values."""
    a, b = first.astype(float), second.astype(float)
    size = max(np.linalg.norm(a, order), np.linalg.norm(b, order))
    return 0.0 if size == 0 else float(np.linalg.norm(a - b, order) / size)

"""What an attack is, and the one function that runs any of them and distrusts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from robnas.attacks._ball import clip_to_ball
from robnas.attacks._frozen import frozen
from robnas.errors import InputError, Verbatim
from robnas.types import Progress, ThreatModel, check_count, silent


@runtime_checkable
class Attack(Protocol):
    """Finds adversarial images; all attacks are frozen dataclasses, so their settings can be stored and hashed."""

    @property
    def name(self) -> str:
        """The word used in metric keys, such as ``pgd``."""
        ...

    @property
    def threat(self) -> ThreatModel:
        """What the attack may do."""
        ...

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> Tensor:
        """Adversarial images, shape and dtype of `images`.

        The caller freezes the network before, and clips the result to the threat model and tests it again after.
        """
        ...


@dataclass(frozen=True, eq=False)
class Adversarial:
    """Attacked images and whether the network still classifies them correctly."""

    images: Tensor
    """Shape (n, channels, height, width), in [0, 1] and inside the threat model."""
    correct: Tensor
    """Shape (n,), bool."""


def perturb(
    attack: Attack,
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    seed: int,
    batch_size: int = 256,
    progress: Progress = silent,
) -> Adversarial:
    """Run an attack, clip what it returns to its threat model, and test it again.

    The network is asked in evaluation mode; its mode, its `requires_grad` flags, its gradients and its batch-norm
    statistics are afterwards as they were, and so are the global random generators.

    Args:
        attack: any `Attack`.
        network: maps pixels in [0, 1] to logits.
        images: shape (n, channels, height, width), floating point in [0, 1].
        labels: shape (n,), integers.
        seed: of the attack's randomness.
        batch_size: images per forward pass.
        progress: told about the images done.

    Raises:
        InputError: images outside [0, 1], not floating point, or not as many as labels.
    """
    check_images(images, labels)
    seed, batch_size = check_count("seed", seed, 0), check_count("batch_size", batch_size)
    with frozen(network) as victim:
        found = attack(victim, images, labels, seed=seed, batch_size=batch_size, progress=progress)
        clipped = clip_to_ball(found, images, attack.threat)
        return Adversarial(clipped, predict(victim, clipped, batch_size) == labels)


def check_images(images: Tensor, labels: Tensor) -> None:
    """Raise `InputError` unless these are images in [0, 1] with one label each."""
    if images.ndim != 4 or not images.is_floating_point() or len(images) == 0:
        raise InputError(
            "images",
            expected="floating point of shape (n, channels, height, width)",
            got=Verbatim(f"{images.dtype} of shape {tuple(images.shape)}"),
            remedy="divide uint8 images by 255",
        )
    if labels.shape != images.shape[:1]:
        raise InputError(
            "labels", expected=f"shape ({len(images)},), one per image", got=Verbatim(f"shape {tuple(labels.shape)}")
        )
    low, high = images.min().item(), images.max().item()
    if not (low >= 0 and high <= 1):
        raise InputError(
            "images",
            expected="finite pixels in [0, 1]",
            got=Verbatim(f"values from {low:g} to {high:g}"),
            remedy="leave normalisation to the network",
        )


def parameter_dtype(network: nn.Module) -> torch.dtype:
    """The dtype that images must have: that of the first parameter, float32 without any."""
    return next((parameter.dtype for parameter in network.parameters()), torch.float32)


@torch.no_grad()
def predict(network: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """The class with the highest logit, shape (n,), in the network's present mode."""
    return torch.cat([network(batch).argmax(1) for batch in torch.split(images, batch_size)])

"""What an attack is, and the one function that runs any of them and distrusts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from robnas.attacks._ball import clip_to_ball
from robnas.attacks._checks import (
    NOT_FINITE,
    check_finite_logits,
    check_images,
    check_labels,
    check_logits,
    check_weights,
    count_classes,
)
from robnas.attacks._frozen import frozen, seeded_randomness
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


@torch.inference_mode(False)
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
    statistics are afterwards as they were, and so are the global random generators. It may be called inside `no_grad`
    and `inference_mode`.

    Args:
        attack: any `Attack`.
        network: maps pixels in [0, 1] to logits.
        images: shape (n, channels, height, width), floating point in [0, 1], in a dtype that the network takes;
            pixels that rounding left outside by at most 1e-6 are clipped first.
        labels: shape (n,), integers from 0 to the number of logits − 1.
        seed: of the attack's randomness, and of the network's if it draws any.
        batch_size: images per forward pass.
        progress: told about the images done.

    Raises:
        InputError: images outside [0, 1], not floating point, not such as the network takes, or not as many as labels;
            labels without a logit; logits, gradients or attacked images that are not finite or not of their shape.
    """
    images, labels = check_images(images, labels)
    seed, batch_size = check_count("seed", seed, 0), check_count("batch_size", batch_size)
    check_weights(network)
    with frozen(network) as victim, seeded_randomness(seed, images.device):
        check_labels(labels, len(images), count_classes(victim, images, channels=getattr(network, "in_channels", None)))
        found = attack(victim, images, labels, seed=seed, batch_size=batch_size, progress=progress)
        _check_found(found, images, attack)
        clipped = clip_to_ball(found.detach(), images, attack.threat)
        return Adversarial(clipped, predict(victim, clipped, batch_size, where=" on attacked images") == labels)


def _check_found(found: object, images: Tensor, attack: Attack) -> None:
    if not isinstance(found, Tensor) or found.shape != images.shape:
        got = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise InputError(
            f"images returned by {attack.name}", expected=f"shape {tuple(images.shape)}", got=Verbatim(got)
        )
    if not found.isfinite().all():
        raise InputError(f"images returned by {attack.name}", expected="finite pixels", got=NOT_FINITE)


def parameter_dtype(network: nn.Module) -> torch.dtype:
    """The dtype that images must have: that of the first parameter, float32 without any."""
    return next((parameter.dtype for parameter in network.parameters()), torch.float32)


@torch.no_grad()
def predict(network: nn.Module, images: Tensor, batch_size: int, *, classes: int = 2, where: str = "") -> Tensor:
    """The class with the highest logit, shape (n,), in the network's present mode.

    Args:
        network: maps pixels in [0, 1] to logits.
        images: shape (n, channels, height, width).
        batch_size: images per forward pass.
        classes: at least as many logits must there be.
        where: what the images are, for errors.

    Raises:
        InputError: what the network answers is no logits, or not finite.
    """
    found = []
    for batch in torch.split(images, batch_size):
        logits = check_logits(network(batch), len(batch), classes)
        check_finite_logits(logits, where)
        found.append(logits.argmax(1))
    return torch.cat(found)

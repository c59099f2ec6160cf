"""What an attack is, and the one function that runs any of them and distrusts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, final, runtime_checkable

import torch
from torch import Tensor, nn

from robnas._brief import brief
from robnas._products import products
from robnas._randomness import seeded_randomness
from robnas._settings import ABSENT_IF_EMPTY
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
from robnas.attacks._frozen import frozen
from robnas.attacks._geometry import geometry
from robnas.errors import InputError, NonFiniteError, Verbatim
from robnas.types import Metric, Progress, ThreatModel, check_count, silent


@runtime_checkable
class Attack(Protocol):
    """Finds adversarial images; all attacks are frozen dataclasses, so their settings can be stored and hashed.

    It may have a `label`, which tells attacks of one name apart; see `robnas.types.Metric`.
    """

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


@runtime_checkable
class PartedAttack(Attack, Protocol):
    """An attack that consists of several, each of which is given the images that those before it did not break."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Their names, in the order in which they run."""
        ...

    def in_parts(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> tuple[Tensor, Tensor]:
        """What a call returns, and for each image the place of the part that broke it, their number where none did."""
        ...


@dataclass(frozen=True)
class Labelled:
    """What the attacks of this package have in common."""

    threat: ThreatModel
    """Norm and radius."""
    label: str = field(default="", kw_only=True, metadata=ABSENT_IF_EMPTY)
    """Tells attacks of one name and threat model apart: letters a to z, digits and dots."""

    def __post_init__(self) -> None:
        if not isinstance(self.threat, ThreatModel):
            raise InputError(
                "attack threat", expected="a ThreatModel", got=self.threat, remedy='write ThreatModel.linf("8/255")'
            )
        metric_of(self)  # type: ignore[arg-type]  # name and label, which stand in keys


def metric_of(attack: Attack) -> Metric:
    """The accuracy that an attack measures.

    Raises:
        InputError: this is no attack, or its name or label cannot stand in a metric key.
    """
    if isinstance(attack, type) or not isinstance(attack, Attack):
        raise InputError("attack", expected="an object with name and threat that can be called", got=attack)
    return Metric(attack.name, attack.threat, getattr(attack, "label", ""))


@final
@dataclass(frozen=True, eq=False)
class Adversarial:
    """Attacked images and whether the network still classifies them correctly."""

    __repr__ = brief

    images: Tensor
    """Shape (n, channels, height, width), in [0, 1] and inside the threat model."""
    correct: Tensor
    """Shape (n,), bool."""
    after: Mapping[str, Tensor] = field(default_factory=dict)
    """Of a `PartedAttack`: for each part which images are still correct after it, shape (n,), bool."""


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
            labels without a logit; an attack whose name cannot stand in a metric key or whose ε exceeds all distances;
            logits, gradients or attacked images that are not finite or not of their shape.
    """
    metric = metric_of(attack)
    images, labels = check_images(images, labels)
    check_radius(attack.threat, images.shape[1:])
    seed, batch_size = check_count("seed", seed, 0), check_count("batch_size", batch_size)
    check_weights(network)
    with products(images.device), frozen(network) as victim, seeded_randomness(seed, images.device):
        check_labels(labels, len(images), count_classes(victim, images, of=network))
        versions = images._version, labels._version
        parted = isinstance(attack, PartedAttack)
        run = attack.in_parts if isinstance(attack, PartedAttack) else attack
        found = run(victim, images, labels, seed=seed, batch_size=batch_size, progress=progress)
        found, broken_by = found if parted else (found, None)
        found = _checked(found, images, metric)
        if (images._version, labels._version) != versions:
            got = Verbatim("images or labels changed in place")
            raise InputError(f"attack {metric.key}", expected="new images", got=got, remedy="change images.clone()")
        clipped, correct = torch.empty_like(images), []
        for begin in range(0, len(images), batch_size):  # in float64, which all images at once need not be
            part = slice(begin, begin + batch_size)
            if not found[part].isfinite().all():
                raise NonFiniteError(f"images of {metric.key}", expected="finite pixels", got=NOT_FINITE)
            clipped[part] = clip_to_ball(found[part], images[part], attack.threat)
            correct.append(predict(victim, clipped[part], batch_size, where=" on attacked images") == labels[part])
        still = torch.cat(correct)
        return Adversarial(clipped, still, _after(attack, still, broken_by))


def _after(attack: Attack, correct: Tensor, broken_by: Tensor | None) -> dict[str, Tensor]:
    """Which images are correct after each part; what is wrong though none broke it, was from the first."""
    if broken_by is None or not isinstance(attack, PartedAttack):
        return {}
    by = broken_by.to(correct.device)
    claimed = by < len(attack.parts)
    return {name: correct | (claimed & (by > place)) for place, name in enumerate(attack.parts)}


def check_radius(threat: ThreatModel, shape: Sequence[int]) -> None:
    """Refuse a radius that no two images of a shape are apart: it is in another unit.

    Args:
        threat: norm and radius.
        shape: (channels, height, width) of an image.

    Raises:
        InputError: it exceeds the distance of a black from a white image.
    """
    largest = geometry(threat.norm).size(torch.ones(1, *shape, dtype=torch.float64)).item()
    if threat.epsilon > largest:
        raise InputError(
            "threat model epsilon",
            expected=f"at most {largest:g}, the {threat.norm} distance of a black from a white image of this size",
            got=Verbatim(f"{threat.epsilon:g}"),
            remedy="give it in [0, 1] pixel units, such as 128/255",
        )


def _checked(found: object, images: Tensor, metric: Metric) -> Tensor:
    if not isinstance(found, Tensor) or found.shape != images.shape:
        got = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise InputError(f"images of {metric.key}", expected=f"shape {tuple(images.shape)}", got=Verbatim(got))
    if not found.is_floating_point():
        raise InputError(f"images of {metric.key}", expected="floating point in [0, 1]", got=Verbatim(found.dtype))
    return found.detach().to(images.device)


def parameter_dtype(network: nn.Module) -> torch.dtype:
    """The dtype that images must have: that of the first floating-point parameter, float32 without any."""
    return next((value.dtype for value in network.parameters() if value.dtype.is_floating_point), torch.float32)


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
    with products(images.device):
        for batch in torch.split(images, batch_size):
            logits = check_logits(network(batch), len(batch), classes)
            check_finite_logits(logits, where)
            found.append(logits.argmax(1))
    return torch.cat(found)

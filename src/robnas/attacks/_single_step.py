"""Attacks of one gradient step, made for training; a network may be measured with them, too."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from robnas._seeds import generator as derived
from robnas.attacks._attack import Labelled
from robnas.attacks._ball import Ball, clip_to_ball
from robnas.attacks._geometry import geometry
from robnas.attacks._gradient import Loss, ascend, one_start, summed_cross_entropy
from robnas.errors import InputError
from robnas.types import NORMS, Progress, ThreatModel, check_count, check_range

_LONGEST = 4  # steps in radii, as for PGD
_LOUDEST = 16  # noise in radii
_MOST = 1000  # replays


@dataclass(frozen=True)
class _SingleStep(Labelled):
    """An attack that asks for one gradient."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The word used in metric keys."""

    @abstractmethod
    def once(self, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
        """What a training is given; see `robnas.attacks.GradientAttack`."""

    @property
    def steps(self) -> int:
        """Gradients per image: 1."""
        return 1

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> Tensor:
        """Adversarial images; see `Attack`."""
        generator, found = derived(images.device, seed, self.name), torch.empty_like(images)
        for begin in range(0, len(images), batch_size):
            part = slice(begin, begin + batch_size)
            loss = partial(summed_cross_entropy, network, labels[part])
            found[part] = one_start(self, loss, images[part], generator)
            progress(min(begin + batch_size, len(images)), len(images), self.name)
        return found


@final
@dataclass(frozen=True)
class RSFGSM(_SingleStep):
    """FGSM from a random start in the ball, "fast" adversarial training (Wong et al. 2020, Algorithm 3).

    It is PGD with one step, whose length follows the radius: 10/255 at ε = 8/255.
    """

    step: float = 1.25
    """Length of the step as a multiple of ε: above 0 and below 4."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "step", _step("RSFGSM step", self.step))

    @property
    def name(self) -> str:
        """``rs_fgsm``."""
        return "rs_fgsm"

    def once(self, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
        """See `robnas.attacks.GradientAttack`."""
        return _within(self.threat, self.step, loss, images, generator)


@final
@dataclass(frozen=True)
class NFGSM(_SingleStep):
    """FGSM from an image with noise that reaches beyond the ball (de Jorge et al. 2022, Algorithm 1).

    The noise is U(−k·ε, k·ε) for each pixel; in L2 and L1, the random start of a ball of radius k·ε. What a training
    is given is kept in [0, 1] but not clipped to ε: an image may be (k + `step`)·ε away from where it was. An
    evaluation by this attack is clipped to ε, as by any other: `robnas.attacks.perturb` does that.
    """

    noise: float = 2.0
    """k: radius of the noise as a multiple of ε, at most 16."""
    step: float = 1.0
    """Length of the step as a multiple of ε: above 0 and below 4."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("NFGSM noise", _number("NFGSM noise", self.noise), 0, _LOUDEST)
        object.__setattr__(self, "noise", float(self.noise))
        object.__setattr__(self, "step", _step("NFGSM step", self.step))

    @property
    def name(self) -> str:
        """``n_fgsm``."""
        return "n_fgsm"

    def once(self, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
        """See `robnas.attacks.GradientAttack`; not clipped to the threat model."""
        norm, epsilon = self.threat.norm, self.threat.epsilon
        noise = geometry(norm).random(images, self.noise * epsilon, generator)
        start, length = (images + noise).clamp(0, 1), self.step * epsilon
        crossed = ThreatModel(norm, min(length, NORMS[norm]))  # by the step, which nothing else clips
        return ascend(loss, start, Ball(start, crossed), steps=1, step_size=length)


@final
@dataclass(frozen=True)
class Free(_SingleStep):
    """Free adversarial training: one backward pass serves attack and update (Shafahi et al. 2019, Algorithm 1).

    Each batch is trained on `replays` times in a row. A replay asks the network, in training mode, about the images
    with the present perturbation δ; the gradient of this one loss moves the weights down and δ up, by a step of length
    ε, within the ball. δ is kept from replay to replay, from batch to batch and, by checkpoints, from epoch to epoch.
    `epochs` of a recipe are passes over the images, N_ep / m in the paper: 10 epochs of 8 replays have as many updates
    as 80 epochs without. Learning rate and momentum follow the updates.

    A network that is not trained, as in an evaluation, is attacked by one step of length ε from a random start.
    """

    replays: int = 8
    """m: updates on each batch."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "replays", check_count("Free replays", self.replays, high=_MOST))

    @property
    def name(self) -> str:
        """``free``."""
        return "free"

    def once(self, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
        """See `robnas.attacks.GradientAttack`."""
        return _within(self.threat, 1, loss, images, generator)


def _within(threat: ThreatModel, step: float, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
    """One step of so many radii from a random start, clipped to the threat model."""
    ball = Ball(images, threat)
    found = ascend(loss, ball.random(generator), ball, steps=1, step_size=step * threat.epsilon)
    return clip_to_ball(found, images, threat)


def _step(what: str, value: float) -> float:
    if not 0 < _number(what, value) < _LONGEST:
        expected, remedy = f"a multiple of epsilon, above 0 and below {_LONGEST}", "write 1.25, not 10/255"
        raise InputError(what, expected=expected, got=value, remedy=remedy)
    return float(value)


def _number(what: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InputError(what, expected="a number", got=value)
    return value

"""FGSM and PGD, and what all gradient attacks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, final, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas._seeds import generator as derived
from robnas.attacks._attack import Labelled
from robnas.attacks._ball import Ball, clip_to_ball
from robnas.attacks._checks import NOT_FINITE, check_logits, infinite_gradient, no_gradient
from robnas.errors import InputError, NonFiniteError
from robnas.types import Progress, ThreatModel, check_count, parse_epsilon

Loss = Callable[[Tensor], Tensor]
_LONGEST = 4  # steps in radii: 2 cross the ball, and a wrong unit makes them some hundred times longer than meant


@runtime_checkable
class GradientAttack(Protocol):
    """What a training needs of an attack beside `Attack`, so that it is fast and increases whatever loss is asked for.

    An attack without this may be trained with, too, as far as the objective attacks the cross-entropy.
    """

    def once(self, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
        """One start on one batch.

        Args:
            loss: maps images to the scalar to be increased, a sum over images; the network is frozen already.
            images: shape (batch, channels, height, width), pixels in [0, 1].
            generator: on their device; nothing else may be drawn from, so that a step can be captured on a GPU.

        Returns:
            Attacked images in [0, 1]. Nobody clips them: a training attack may leave the ball, if it says so.
        """
        ...


def ascend(loss: Loss, start: Tensor, ball: Ball, *, steps: int, step_size: float) -> Tensor:
    """Projected gradient ascent: the loop that all gradient attacks and adversarial training share.

    Args:
        loss: maps images to the scalar to be increased; a sum over images, so that each has its own gradient.
        start: shape (batch, channels, height, width).
        ball: where the images must stay.
        steps: number of steps.
        step_size: length of a step in [0, 1] pixel units.

    Returns:
        The last iterate. In a CUDA graph, which cannot raise, it is NaN after a loss or gradient that was not finite.

    Raises:
        InputError: there is no gradient, or it was not finite somewhere, which would leave those pixels alone.
        FloatingPointError: the loss was not.
    """
    current = start.detach()
    values, sizes = [], []
    with torch.enable_grad():
        for _ in range(steps):
            current.requires_grad_()
            value = loss(current)
            gradient = torch.autograd.grad(value, current, allow_unused=True)[0] if value.requires_grad else None
            if gradient is None:
                raise no_gradient()
            values.append(value.detach())
            sizes.append(gradient.abs().max())
            current = ball.project(current.detach() + step_size * ball.direction(gradient))
    return if_finite(current, values, sizes)


def if_finite(found: Tensor, values: list[Tensor], sizes: list[Tensor]) -> Tensor:
    """`found`, if all losses and all gradients, by their largest entry, were finite; looked at once per batch."""
    if not values:
        return found
    value, size = torch.stack(values), torch.stack(sizes)
    if _is_recorded(found):
        return found + 0 * (value.sum() + size.sum()).to(found.dtype)
    counts = torch.stack(((~value.isfinite()).sum(), (value.isfinite() & ~size.isfinite()).sum())).tolist()
    if counts[1]:
        raise infinite_gradient()
    if counts[0]:
        raise FloatingPointError("the loss of the attack is not finite")
    return found


def _is_recorded(found: Tensor) -> bool:
    """Whether this is being captured as a CUDA graph, which no look at values may interrupt."""
    return found.is_cuda and torch.cuda.is_current_stream_capturing()


def summed_cross_entropy(network: nn.Module, labels: Tensor, images: Tensor) -> Tensor:
    """Cross-entropy summed over the batch."""
    return F.cross_entropy(check_logits(network(images), len(images)), labels, reduction="sum")


def one_start(attack: GradientAttack, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
    """`GradientAttack.once` in an evaluation, where a loss that is not finite is an error of the network."""
    try:
        return attack.once(loss, images, generator)
    except FloatingPointError:
        raise NonFiniteError("network", expected="finite logits on attacked images", got=NOT_FINITE) from None


@final
@dataclass(frozen=True)
class PGD(Labelled):
    """Projected gradient descent on the cross-entropy (Madry et al. 2018, Eq. 2); accuracy is taken at the last step.

    With several restarts each image keeps the first start that breaks it, and only unbroken images are tried again.
    """

    steps: int
    """Gradient steps per start."""
    step_size: float
    """Length of a step in [0, 1] pixel units: above 0, except at ε = 0, and below 4 ε."""
    random_start: bool = True
    """Begin at a random point of the ball rather than at the image."""
    restarts: int = 1
    """Number of starts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "steps", check_count("PGD steps", self.steps))
        object.__setattr__(self, "restarts", check_count("PGD restarts", self.restarts))
        if not isinstance(self.random_start, bool):
            raise InputError("PGD random_start", expected="true or false", got=self.random_start)
        if self.restarts > 1 and not self.random_start:
            raise InputError("PGD restarts", expected="1 without a random start", got=self.restarts)
        object.__setattr__(self, "step_size", _step_size(self.step_size, self.threat))

    @property
    def name(self) -> str:
        """``pgd``."""
        return "pgd"

    def once(self, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
        """See `GradientAttack`."""
        ball = Ball(images, self.threat)
        start = ball.random(generator) if self.random_start else images
        found = ascend(loss, start, ball, steps=self.steps, step_size=self.step_size)
        return clip_to_ball(found, images, self.threat)

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> Tensor:
        """Adversarial images; see `Attack`."""
        generator = derived(images.device, seed, self.name)
        result, done = images.clone(), 0
        for batch in torch.split(torch.arange(len(images), device=images.device), batch_size):
            open_ = batch
            for restart in range(self.restarts):
                loss = partial(summed_cross_entropy, network, labels[open_])
                result[open_] = one_start(self, loss, images[open_], generator)
                if restart + 1 < self.restarts:
                    with torch.no_grad():
                        open_ = open_[network(result[open_]).argmax(1) == labels[open_]]
                    if len(open_) == 0:
                        break
            done += len(batch)
            progress(done, len(images), self.name)
        return result


def _step_size(value: str | float, threat: ThreatModel) -> float:
    """The length of a step, which cannot be of another unit than ε."""
    length, longest = parse_epsilon(value, "PGD step_size"), _LONGEST * threat.epsilon
    capped = threat.norm == "linf" and longest > 1
    fits = length <= 1 if capped else length < longest
    if threat.epsilon > 0 and not (fits and length > 0):
        bound = "at most 1" if capped else f"below {_LONGEST} epsilon = {longest:.4g}"
        raise InputError(
            "PGD step_size",
            expected=f"a length in [0, 1] pixel units, above 0 and {bound}",
            got=value,
            remedy='write "2/255", not 2',
        )
    return length


@final
@dataclass(frozen=True)
class FGSM(Labelled):
    """Fast gradient sign method (Goodfellow et al. 2015): one step of length ε from the image itself.

    With L2 the step goes along the gradient, with L1 the pixels of its largest entries move as far as they can.
    """

    @property
    def name(self) -> str:
        """``fgsm``."""
        return "fgsm"

    @property
    def steps(self) -> int:
        """Gradients per image: 1."""
        return 1

    def once(self, loss: Loss, images: Tensor, generator: torch.Generator) -> Tensor:
        """See `GradientAttack`."""
        return self._step.once(loss, images, generator)

    def __call__(
        self, network: nn.Module, images: Tensor, labels: Tensor, *, seed: int, batch_size: int, progress: Progress
    ) -> Tensor:
        """Adversarial images; see `Attack`."""
        return self._step(network, images, labels, seed=seed, batch_size=batch_size, progress=progress)

    @property
    def _step(self) -> PGD:
        return PGD(self.threat, steps=1, step_size=self.threat.epsilon, random_start=False)

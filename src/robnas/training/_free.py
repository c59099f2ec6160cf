"""The perturbation of free adversarial training, which is kept from update to update."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

import torch
from torch import Tensor

from robnas.attacks import Free, geometry, if_finite
from robnas.errors import InputError, Verbatim
from robnas.training._optimizer import Updates


@final
class Running:
    """Stands for `Free` while a step is trained: its images are the batch moved by the present perturbation.

    Args:
        attack: whose threat model it keeps to.
    """

    def __init__(self, attack: Free) -> None:
        self.threat, self.steps = attack.threat, attack.steps
        self._geometry = geometry(attack.threat.norm)
        self._delta, self._clean, self.moved = (torch.empty(0) for _ in range(3))

    def make_room(self, images: Tensor) -> bool:
        """Have a perturbation for each image of a batch, 0 where there was none; whether it has moved in memory."""
        if len(images) <= len(self._delta) and images.shape[1:] == self._delta.shape[1:]:
            return False
        room = torch.zeros_like(images, memory_format=torch.contiguous_format)
        if images.shape[1:] == self._delta.shape[1:]:
            room[: len(self._delta)] = self._delta
        self._delta = room
        return True

    def begin(self, images: Tensor) -> Tensor:
        """The images as they are trained on, in [0, 1]; the loss is to have a gradient to them."""
        self._clean, self.moved = images, (images + self._delta[: len(images)]).clamp_(0, 1).requires_grad_()
        return self.moved

    def once(self, loss: Any, images: Tensor, generator: torch.Generator) -> Tensor:
        """See `robnas.attacks.GradientAttack`; no loss is asked, as the gradient comes with that of the weights."""
        return self.moved

    @torch.no_grad()
    def advance(self, loss: Tensor, gradient: Tensor | None) -> None:
        """Move the perturbation by a step of length ε up the loss, within the ball (Shafahi et al. 2019, Alg. 1).

        Raises:
            InputError: the loss has no gradient to the images, or one that is not finite.
            FloatingPointError: the loss is not finite.
        """
        if gradient is None:
            raise InputError(
                "objective", expected="a loss of the attacked images, with which free training goes on",
                got=Verbatim("none"), remedy="ask robnas.training.attacked for them",
            )  # fmt: skip
        clean, epsilon = self._clean, self.threat.epsilon
        part = self._delta[: len(clean)]
        step = epsilon * self._geometry.direction(gradient, clean, epsilon)
        moved = self._geometry.shrink(part + step, epsilon, clean)
        part.copy_(if_finite(moved, [loss.detach()], [gradient.abs().max()]))

    def state_dict(self) -> dict[str, Any]:
        """The perturbation, for a checkpoint."""
        return {"delta": self._delta}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._delta = state["delta"].clone()


@final
class WithPerturbation:
    """An optimizer whose checkpoint holds the perturbation, too: see `robnas.training.Updates`."""

    def __init__(self, optimizer: Updates, running: Running) -> None:
        self._optimizer, self._running = optimizer, running

    def step(self, gradients: Iterable[Tensor | None], learning_rate: Tensor, momentum: Tensor) -> None:
        """Update the weights."""
        self._optimizer.step(gradients, learning_rate, momentum)

    def state_dict(self) -> dict[str, Any]:
        """Of both."""
        return {"weights": self._optimizer.state_dict(), "perturbation": self._running.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; what does not fit is a `KeyError`, `ValueError` or `TypeError`."""
        self._optimizer.load_state_dict(state["weights"])
        self._running.load_state_dict(state["perturbation"])

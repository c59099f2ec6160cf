"""Stochastic gradient descent whose rates may be tensors, so that a captured step can follow a schedule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from robnas.training._parts import set_numbers


@final
@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent with momentum (Polyak 1964; Sutskever et al. 2013), as `torch.optim.SGD` computes it.

    Raises:
        InputError: a setting out of range.
    """

    name: ClassVar[str] = "sgd"
    lr: float = 0.1
    """Learning rate, the highest one of the schedule."""
    momentum: float = 0.9
    """Share of the last update in the next one, where the schedule does not set it; one-cycle does."""
    weight_decay: float = 5e-4
    """L2 penalty, on all parameters."""

    def __post_init__(self) -> None:
        set_numbers("recipe optimizer", self, lr=(0, 1e6), momentum=(0, 1), weight_decay=(0, 1e6))

    def start(self, parameters: Sequence[nn.Parameter]) -> Velocities:
        """Begin to update these parameters."""
        return Velocities(parameters, self.weight_decay)


@final
class Velocities:
    """The state of `SGD`.

    Args:
        parameters: updated in place.
        weight_decay: L2 penalty on all of them.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], weight_decay: float) -> None:
        self._parameters, self._weight_decay = list(parameters), weight_decay
        self._velocities = [torch.zeros_like(parameter) for parameter in self._parameters]

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor | None], learning_rate: Tensor, momentum: Tensor) -> None:
        """Update each parameter that has a gradient; both rates are scalars on the parameters' device."""
        found = [
            (parameter, velocity, gradient)
            for parameter, velocity, gradient in zip(self._parameters, self._velocities, gradients, strict=True)
            if gradient is not None
        ]
        if not found:
            return
        weights, velocities, given = map(list, zip(*found, strict=True))
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, torch._foreach_add(given, weights, alpha=self._weight_decay))
        torch._foreach_sub_(weights, torch._foreach_mul(velocities, learning_rate))

    def state_dict(self) -> dict[str, Any]:
        """The velocities, for a checkpoint."""
        return {"velocities": list(self._velocities)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the velocities of `state_dict`.

        Raises:
            ValueError: they do not fit the parameters.
        """
        for velocity, kept in zip(self._velocities, state["velocities"], strict=True):
            if velocity.shape != kept.shape:
                raise ValueError(f"velocity of shape {tuple(kept.shape)} for a parameter of {tuple(velocity.shape)}")
            velocity.copy_(kept)

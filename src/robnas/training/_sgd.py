"""Stochastic gradient descent whose rates may be tensors, so that a captured step can follow a schedule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class SGD:
    """SGD with momentum and weight decay, as `torch.optim.SGD` computes it.

    Args:
        parameters: updated in place.
        weight_decay: L2 penalty on all of them.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self._weight_decay = weight_decay
        self._velocities = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor | None], learning_rate: Tensor, momentum: Tensor) -> None:
        """Update each parameter that has a gradient; both rates are scalars on the parameters' device."""
        found = [
            (parameter, velocity, gradient)
            for parameter, velocity, gradient in zip(self.parameters, self._velocities, gradients, strict=True)
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

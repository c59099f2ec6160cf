"""Adam with decoupled weight decay, whose rates may be tensors, so that a captured step can follow a schedule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from robnas.training._parts import set_numbers


@final
@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), as `torch.optim.AdamW` computes it.

    Raises:
        InputError: a setting out of range.
    """

    name: ClassVar[str] = "adamw"
    lr: float = 1e-3
    """Learning rate, the highest one of the schedule."""
    beta1: float = 0.9
    """Decay of the mean gradient, where the schedule does not set it as a momentum; one-cycle does."""
    beta2: float = 0.999
    """Decay of the mean squared gradient."""
    eps: float = 1e-8
    """Added to the root of the mean squared gradient."""
    weight_decay: float = 0.01
    """Each step takes this share, times the learning rate, off all parameters."""

    def __post_init__(self) -> None:
        below_one = 1 - 1e-9
        set_numbers(
            "recipe optimizer", self, lr=(0, 1e6), beta1=(0, below_one), beta2=(0, below_one), eps=(0, 1),
            weight_decay=(0, 1e6),
        )  # fmt: skip

    @property
    def momentum(self) -> float:
        """`beta1`."""
        return self.beta1

    def start(self, parameters: Sequence[nn.Parameter]) -> Moments:
        """Begin to update these parameters."""
        return Moments(parameters, self)


@final
class Moments:
    """The state of `AdamW`: of each parameter the mean gradient, the mean squared gradient, and how often it changed.

    Args:
        parameters: updated in place.
        settings: `beta1` and `lr` are given to each step.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], settings: AdamW) -> None:
        self._parameters, self._settings = list(parameters), settings
        self._means = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self._parameters]
        device = self._parameters[0].device
        self._counts = torch.zeros(len(self._parameters), dtype=torch.float64, device=device)

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor | None], learning_rate: Tensor, momentum: Tensor) -> None:
        """Update each parameter that has a gradient; both rates are scalars on the parameters' device."""
        found = [
            (place, parameter, gradient)
            for place, (parameter, gradient) in enumerate(zip(self._parameters, gradients, strict=True))
            if gradient is not None
        ]
        if not found:
            return
        places, weights, given = map(list, zip(*found, strict=True))
        means, squares = ([state[place] for place in places] for state in (self._means, self._squares))
        beta2 = self._settings.beta2
        for place in places:
            self._counts[place] += 1
        torch._foreach_mul_(weights, 1 - learning_rate * self._settings.weight_decay)
        torch._foreach_mul_(means, momentum)
        torch._foreach_add_(means, torch._foreach_mul(given, 1 - momentum))
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, given, given, 1 - beta2)
        # In float64: near the first step these are differences of numbers close to one.
        corrections = (1 - beta2**self._counts).sqrt(), learning_rate / (1 - momentum.double() ** self._counts)
        roots, rates = ([part[place].to(weights[0].dtype) for place in places] for part in corrections)
        divisors = torch._foreach_div(torch._foreach_sqrt(squares), roots)
        torch._foreach_add_(divisors, self._settings.eps)
        torch._foreach_sub_(weights, torch._foreach_mul(torch._foreach_div(means, divisors), rates))

    def state_dict(self) -> dict[str, Any]:
        """Both moments and the counts, for a checkpoint."""
        return {"means": list(self._means), "squares": list(self._squares), "counts": self._counts}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the moments of `state_dict`.

        Raises:
            ValueError: they do not fit the parameters.
        """
        kept = [*state["means"], *state["squares"], state["counts"]]
        for own, found in zip([*self._means, *self._squares, self._counts], kept, strict=True):
            if own.shape != found.shape:
                raise ValueError(f"moment of shape {tuple(found.shape)} for one of {tuple(own.shape)}")
            own.copy_(found)

"""Averages of weights over the steps of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, final, runtime_checkable

import torch
from torch import Tensor, nn

from robnas._registry import Registry
from robnas.training._parts import parts_with, set_numbers


class Average(Protocol):
    """An average at work on one network."""

    def update(self) -> None:
        """Take in the present weights; captured with the step on a GPU, see `Updates.step`."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """The averages, by their names in the network's `state_dict`, and whatever else `load_state_dict` needs."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; what does not fit is a `ValueError`, `KeyError` or `TypeError`."""
        ...


@runtime_checkable
class Averaging(Protocol):
    """How weights are averaged: a frozen dataclass of settings."""

    name: ClassVar[str]
    """In `AVERAGINGS`."""

    def start(self, network: nn.Module) -> Average:
        """Begin to average the weights of this network."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class EMA:
    """Exponential moving average of all weights and batch-norm statistics (Polyak and Juditsky 1992).

    For adversarial training see Gowal et al. 2020 and Rebuffi et al. 2021. The weights before the first step have no
    part in it: as in Adam, the average is divided by the sum of its weights, so that it is one from the first step on.

    Raises:
        InputError: a setting out of range.
    """

    name: ClassVar[str] = "ema"
    decay: float = 0.999
    """What the average keeps of itself in a step; it reaches over about 1 / (1 − decay) steps."""

    def __post_init__(self) -> None:
        set_numbers("recipe averaging", self, decay=(0, 1 - 1e-9))

    def start(self, network: nn.Module) -> MovingAverage:
        """Begin to average the weights of this network."""
        return MovingAverage(network, self.decay)


@final
class MovingAverage:
    """The state of `EMA`.

    Args:
        network: whose weights and buffers are averaged, but those that are no floating-point numbers.
        decay: what the average keeps of itself in a step.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._network, self._decay = network, decay
        self._means = {name: torch.zeros_like(value) for name, value in self._present().items()}
        device = next(iter(self._means.values())).device
        self._power = torch.ones((), dtype=torch.float64, device=device)  # decay to the number of steps

    def _present(self) -> dict[str, Tensor]:
        found = self._network.state_dict()
        return {name: value for name, value in found.items() if isinstance(value, Tensor) and value.is_floating_point()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the present weights."""
        self._power.mul_(self._decay)
        share = (1 - self._decay) / (1 - self._power)
        present = self._present()
        values, means = list(present.values()), [self._means[name] for name in present]
        steps = torch._foreach_sub(values, means)  # of zero where nothing changes: constants stay what they are
        torch._foreach_mul_(steps, share)
        torch._foreach_add_(means, steps)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by name, and the power of the decay."""
        return {**self._means, "": self._power}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`.

        Raises:
            ValueError: it does not fit the network.
        """
        own = self.state_dict()
        if own.keys() != state.keys() or any(own[name].shape != state[name].shape for name in own):
            raise ValueError("averages of another network")
        for name, value in own.items():
            value.copy_(state[name])


AVERAGINGS: Registry[type[Averaging]] = Registry(
    "recipe averaging", {"ema": EMA}, type, parts_with("start"), own_name=True
)
"""By the name that recipes give."""

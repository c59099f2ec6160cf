"""Which weights of a training go on, which are measured, and which are its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch import Tensor, nn

from robnas.training._averaging import Averaging

LAST_NOTES = "last notes"
"""Key of what a checkpoint says of the last weights, where the result are others."""


@final
class Weights:
    """The weights of one training.

    Without averaging and stopping they are those in the network all along. While an epoch is trained, the network has
    the ones that go on; afterwards, when it is measured, the average; at the end of the training the best.

    Args:
        network: that is trained.
        averaging: of the recipe.
    """

    def __init__(self, network: nn.Module, averaging: Averaging | None) -> None:
        self._network = network
        self._average = None if averaging is None else averaging.start(network)
        self._going_on: dict[str, Any] | None = None  # while something else stands in the network
        self._best: tuple[dict[str, Any], dict[str, Any]] | None = None

    def update(self) -> None:
        """Take a step into the average."""
        if self._average is not None:
            self._average.update()

    def go_on(self) -> None:
        """Before an epoch: let the network have the weights that are trained."""
        if self._going_on is not None:
            self._network.load_state_dict(self._going_on)
            self._going_on = None

    def show(self) -> None:
        """After an epoch: let the network have the weights that are measured."""
        if self._average is not None:
            self._going_on = _copy(self._network.state_dict())
            means = self._average.state_dict()
            self._network.load_state_dict({name: means.get(name, value) for name, value in self._going_on.items()})

    def keep_best(self, notes: dict[str, Any]) -> None:
        """Note that the weights now in the network are the best ones; `notes` is what a checkpoint says of them."""
        self._best = _copy(self._network.state_dict()), notes

    def end(self) -> None:
        """Let the network have the result."""
        if self._best is not None:
            self._network.load_state_dict(self._best[0])

    def notes(self, present: dict[str, Any]) -> dict[str, Any]:
        """Of the result, and of the last weights beside it; `present` are those of the weights now in the network."""
        return present if self._best is None else {**self._best[1], LAST_NOTES: present}

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: under ``network`` the result, and what differs from it."""
        present = self._network.state_dict()
        state: dict[str, Any] = {"network": present}
        if self._best is not None:
            state = {"network": self._best[0], "last": present}
        if self._average is not None:
            state |= {"going on": self._going_on, "average": self._average.state_dict()}
        return state

    def load_state_dict(self, state: Mapping[str, Any], notes: dict[str, Any]) -> None:
        """Go on from a `state_dict`, whose result is in the network already."""
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        if "last" in state:
            self._best = _copy(state["network"]), notes
        self._going_on = state.get("going on", state.get("last"))


def _copy(weights: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.detach().clone() if isinstance(value, Tensor) else value for name, value in weights.items()}

"""What an optimizer is, and those that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn

from robnas._registry import Registry
from robnas.training._adamw import AdamW
from robnas.training._parts import parts_with
from robnas.training._sgd import SGD


class Updates(Protocol):
    """An optimizer at work on the parameters of one network."""

    def step(self, gradients: Iterable[Tensor | None], learning_rate: Tensor, momentum: Tensor) -> None:
        """Update the parameters in place, but those whose gradient is None.

        The rates are scalars on their device. On a GPU the step is captured once and replayed: whatever changes from
        step to step has to be a tensor that is changed in place.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values from which `load_state_dict` goes on to the same bits."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; what does not fit is a `ValueError`, `KeyError` or `TypeError`."""
        ...


@runtime_checkable
class Optimizer(Protocol):
    """How gradients change weights: a frozen dataclass of settings.

    Its field `lr` is what the schedule shapes, and `momentum` what it sets or leaves; both are given to each step.
    """

    name: ClassVar[str]
    """In `OPTIMIZERS`."""

    @property
    def lr(self) -> float:
        """Learning rate, the highest one of the schedule."""
        ...

    @property
    def momentum(self) -> float:
        """What each step is given if the schedule sets none."""
        ...

    def start(self, parameters: Sequence[nn.Parameter]) -> Updates:
        """Begin to update these parameters."""
        ...


OPTIMIZERS: Registry[type[Optimizer]] = Registry(
    "recipe optimizer", {"sgd": SGD, "adamw": AdamW}, type, parts_with("lr", "momentum", "start"), own_name=True
)
"""By the name that recipes give."""

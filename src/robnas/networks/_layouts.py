"""Names and shapes under which the weights of a network are written."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from robnas.errors import InputError, Verbatim
from robnas.networks.nas_bench_201 import NAME, published_weights


def _plain(network: nn.Module) -> dict[str, Tensor]:
    """Those of the network itself.

    Raises:
        InputError: its state has entries that are no tensors.
    """
    state = network.state_dict()
    if extra := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise InputError(
            "state of the network", expected="tensors, which files of weights hold", got=Verbatim(", ".join(extra))
        )
    return dict(state)


LAYOUTS: dict[str, Callable[[nn.Module], dict[str, Tensor]]] = {"plain": _plain, NAME: published_weights}
"""By name: ``layout(network)`` gives the state to be written."""

NORMALISED = frozenset({NAME})
"""Layouts of networks that normalise nothing themselves: they take (pixel − mean) / std per channel."""

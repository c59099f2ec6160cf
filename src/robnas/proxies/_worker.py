"""What runs inside a process that scores architectures; torch is imported once its threads are set."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from robnas._processes import begin

if TYPE_CHECKING:
    from robnas.errors import InputError
    from robnas.proxies._score import ProxyScore
    from robnas.spaces import Architecture

_prepared: Any = None
"""What all tasks of the process share: space, batches, proxies by name, settings, device."""


def prepare(packed: bytes, parent: int) -> None:
    """Begin a process that `parent` started."""
    global _prepared
    begin(parent)
    import torch

    torch.set_num_threads(1)
    from robnas.proxies._proxies import PROXIES

    _prepared = pickle.loads(packed)  # noqa: S301  # of our own parent process
    for name, proxy in _prepared[2].items():  # those that were added there
        PROXIES.register(name, proxy, overwrite=True)


def score_one(arch: Architecture) -> tuple[str, dict[str, ProxyScore] | InputError]:
    """Text and scores of one architecture, or why its network has none."""
    from robnas.proxies._score import scores_or_error

    space, batches, proxies, settings, device = _prepared
    return arch.text, scores_or_error(arch, space, batches, list(proxies), settings, device)

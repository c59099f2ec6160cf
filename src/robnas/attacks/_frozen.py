"""A network that an attack may ask, and that is afterwards as it was before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def frozen(network: nn.Module, dtype: torch.dtype | None = None) -> Iterator[nn.Module]:
    """Evaluation mode and no gradients to the weights while inside; all flags are restored, also after an error.

    What to ask is the module that is handed out: a network that has a method ``folded(dtype)`` offers by it a faster
    one that computes the same at the present weights, in `dtype` if that is given. It is `network` itself otherwise.
    """
    fold = getattr(network, "folded", None)
    if fold is not None:
        yield fold(dtype)
        return
    modes = [(module, module.training) for module in network.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    try:
        network.eval()
        for parameter, _ in flags:
            parameter.requires_grad_(False)
        yield network
    finally:
        for module, training in modes:
            module.training = training
        for parameter, required in flags:
            parameter.requires_grad_(required)


@contextmanager
def own_randomness() -> Iterator[None]:
    """Let code that seeds the global generators run without anyone else noticing."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        # Every GPU, because seeding torch seeds them all.
        gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
        with torch.random.fork_rng(devices=gpus):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002

"""A network that an attack may ask, and that is afterwards as it was before."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from robnas._seeds import derive_seed


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
    # Every GPU, because seeding torch seeds them all.
    with _forked(range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()):  # type: ignore[no-untyped-call]
        yield


@contextmanager
def seeded_randomness(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Let modules that draw from global generators (dropout, noise) draw what `seed` decides.

    The generators of Python, NumPy and torch, on the CPU and on `device`, are afterwards as they were, also after an
    error. Costs some 0.1 ms.

    Args:
        seed: any whole number ≥ 0; derive it for each purpose, as equal seeds mean equal draws.
        device: where the network computes.

    Raises:
        InputError: the seed is no whole number ≥ 0.
    """
    derived, place = derive_seed(seed, "global generators"), torch.device(device)
    gpus = (torch.cuda.current_device() if place.index is None else place.index,) if place.type == "cuda" else ()
    with _forked(gpus):
        random.seed(derived)
        np.random.seed((derived & 0xFFFFFFFF, derived >> 32))  # noqa: NPY002
        torch.default_generator.manual_seed(derived)
        for gpu in gpus:
            torch.cuda.default_generators[gpu].manual_seed(derived)
        yield


@contextmanager
def _forked(gpus: Sequence[int]) -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=gpus):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002

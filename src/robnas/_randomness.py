"""The global random generators, lent and given back as they were."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from robnas._seeds import derive_seed

_GENERATORS = threading.RLock()


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
    error. Costs some 0.1 ms. One thread at a time has them to itself; others that want them so wait.

    Args:
        seed: a whole number from 0 to 2⁶³ − 1; derive it for each purpose, as equal seeds mean equal draws.
        device: where the network computes.

    Raises:
        InputError: the seed is no such number.
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
    with _GENERATORS:
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
        try:
            with torch.random.fork_rng(devices=gpus):
                yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002

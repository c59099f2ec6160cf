"""Hashing what a module or an optimizer holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def update(found: Any, value: object) -> None:
    """Add a value to a hash of `hashlib`: type, shape and bytes of tensors and arrays, and what holds them.

    A mapping counts whatever the order of its keys. Objects without a `repr` of their own never look equal.
    """
    if isinstance(value, Tensor):
        plain = value.detach().cpu().contiguous()
        found.update(f"tensor {plain.dtype} {tuple(plain.shape)}\n".encode())
        found.update(plain.flatten().view(torch.uint8).numpy().data if plain.numel() else b"")
    elif isinstance(value, np.ndarray):
        found.update(f"array {value.dtype} {value.shape}\n".encode() + value.tobytes())
    elif isinstance(value, Mapping):
        found.update(f"{len(value)} entries\n".encode())
        for key in sorted(value, key=repr):
            update(found, key)
            update(found, value[key])
    elif isinstance(value, list | tuple):
        found.update(f"{len(value)} values\n".encode())
        for entry in value:
            update(found, entry)
    else:
        found.update(f"{type(value).__name__} {value!r}\n".encode())

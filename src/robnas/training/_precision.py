"""Which arithmetic the products of a training step use."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch

Precision = Literal["float32", "tf32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def attack_dtype(precision: Precision) -> torch.dtype | None:
    """In what an attack may compute the network; none is the network's own."""
    return torch.bfloat16 if precision == "bf16" else None


def mixed_precision(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Products of a training pass in bfloat16 if asked for; weights, sums and statistics stay in float32."""
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if precision == "bf16" else nullcontext()

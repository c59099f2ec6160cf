"""Which arithmetic float32 products use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def _places(device: torch.device) -> tuple[Any, ...]:
    """Where torch keeps the precision of matrix products, convolutions and recurrent layers on a device."""
    backends: Any = torch.backends
    if device.type == "cuda":
        return backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn
    return backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn


@contextmanager
def products(device: torch.device, *, tf32: bool = False) -> Iterator[None]:
    """Float32 products are those of float32, whatever the process asks of torch; afterwards as before.

    On a GPU convolutions round to TF32 unless told otherwise, and ``torch.set_float32_matmul_precision("medium")``
    rounds products to bfloat16 on processors that know it.

    Args:
        device: where they are computed.
        tf32: round to TF32 on a GPU; other devices take float32 all the same.
    """
    places, wanted = _places(device), "tf32" if tf32 and device.type == "cuda" else "ieee"
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = wanted
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.fp32_precision = value

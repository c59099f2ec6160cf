"""Which arithmetic float32 products use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def _places(device: torch.device) -> tuple[Any, ...]:
    """Where torch keeps the precision of a device: of all products, then of those that may be told another one."""
    backends: Any = torch.backends
    if device.type == "cuda":
        places = backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn
    else:
        places = backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn
    general = type(places[1])("cuda" if device.type == "cuda" else "mkldnn", "all")  # torch has a name for one only
    return general, *places


@contextmanager
def products(device: torch.device, *, tf32: bool = False) -> Iterator[None]:
    """Float32 products are those of float32, whatever the process asks of torch; afterwards as before.

    On a GPU convolutions round to TF32 unless told otherwise, and ``torch.set_float32_matmul_precision("medium")``
    rounds products to bfloat16 on processors that know it.

    Args:
        device: where they are computed.
        tf32: round to TF32 on a GPU; other devices take float32 all the same.
    """
    wanted = "tf32" if tf32 and device.type == "cuda" else "ieee"
    general: str = torch.backends.fp32_precision  # type: ignore[attr-defined]
    changed: list[tuple[Any, str]] = []
    try:
        # A place that was told nothing takes what a more general one was told, and must not be told anything: what the
        # process tells the general one later would no longer reach it.
        for number, place in enumerate(_places(device)):
            if (before := place.fp32_precision) != wanted:
                changed.append((place, "none" if number == 0 and before == general else before))
                place.fp32_precision = wanted
        yield
    finally:
        for place, before in reversed(changed):
            place.fp32_precision = before

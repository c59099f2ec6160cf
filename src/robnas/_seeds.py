"""Random streams that are derived, not carried: the same seed and labels always give the same stream."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from robnas.types import check_count

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *labels: object) -> int:
    """A 63-bit seed for one purpose: equal for equal labels, unrelated otherwise.

    Raises:
        InputError: the seed is no whole number ≥ 0.
    """
    digest = hashlib.sha256(repr((check_count("seed", seed, 0), *labels)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(device: torch.device | str, seed: int, *labels: object) -> torch.Generator:
    """A torch generator on `device`, seeded with `derive_seed`."""
    import torch

    return torch.Generator(device=device).manual_seed(derive_seed(seed, *labels))

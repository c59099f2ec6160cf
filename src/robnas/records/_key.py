"""What identifies a measurement in a store: of the end of a training, or after each of its epochs."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

_PARTS = attrgetter(
    "architecture.text", "space", "dataset_hash", "split", "recipe_hash", "seed", "metric", "attack_hash",
    "attack_seed", "images",
)  # fmt: skip
"""The primary key of a store's tables, in their order."""


def key_of(measured: Any) -> tuple[object, ...]:
    """The parts of a `Record` or `Curve` that no other one shares."""
    found: tuple[object, ...] = _PARTS(measured)
    return found

"""How an epoch's images are cut into batches."""

from __future__ import annotations

_SMALLEST = 8  # a last batch below this part of a batch is none of its own


def batch_sizes(count: int, batch_size: int) -> list[int]:
    """Sizes of the batches of `count` images.

    All have `batch_size` images but the last, which has what remains. A remainder below an eighth of a batch joins the
    batch before it: batch norm over a few images gives statistics and gradients that spoil a training.
    """
    whole, remainder = divmod(count, batch_size)
    sizes = [batch_size] * whole
    if merges_remainder(count, batch_size):
        sizes[-1] += remainder
    elif remainder:
        sizes.append(remainder)
    return sizes


def merges_remainder(count: int, batch_size: int) -> bool:
    """Whether the last batch is larger than the others."""
    whole, remainder = divmod(count, batch_size)
    return bool(whole and remainder) and _SMALLEST * remainder < batch_size

"""The space of NARes: wide residual networks of any depth and width per stage."""

from __future__ import annotations

from robnas.spaces._gene import Gene
from robnas.spaces._space import Space

DEPTHS = (4, 5, 7, 9, 11)
WIDTHS = (8, 10, 12, 14, 16)


def wide_resnet() -> Space:
    """``wide-resnet``: residual blocks D and widening factor W of each of three stages, 15,625 architectures."""
    genes = [
        Gene(f"{letter}{stage}", choices, ordered=True)
        for stage in (1, 2, 3)
        for letter, choices in (("D", DEPTHS), ("W", WIDTHS))
    ]
    return Space("wide-resnet", genes=genes)

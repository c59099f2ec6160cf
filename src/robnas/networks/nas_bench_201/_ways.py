"""The ways through a cell, from its input to its output."""

from __future__ import annotations

from robnas.spaces.nas_bench_201 import WAYS

NONE, SKIP, CONV1, CONV3, POOL = "01234"
"""Operations as the digit code writes them."""


def ways(code: str) -> list[str]:
    """The operations on each way of the cell of a digit code, those through ``none`` left out."""
    every = ("".join(code[edge] for edge in edges) for edges in WAYS)
    return [way for way in every if NONE not in way]

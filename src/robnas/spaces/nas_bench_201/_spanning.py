"""A few architectures that span the space."""

from __future__ import annotations

from robnas.spaces.nas_bench_201._architecture import CellArchitecture

SPANNING: tuple[CellArchitecture, ...] = tuple(
    CellArchitecture(code)
    for code in (
        "323133", "333133", "333333", "222222", "111111", "444444", "421211",
        "113023", "444443", "111211", "121144", "031420", "000300", "000200",
    )
)  # fmt: skip
"""The best published ones, one operation everywhere, and mixtures down to a single edge."""

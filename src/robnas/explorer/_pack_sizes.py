"""Parameters and MACs of a table's networks, where they can be counted."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from robnas.benchmarks import Table
from robnas.errors import RobnasError
from robnas.explorer._blocks import Blocks
from robnas.networks import count, counted_by_arithmetic

MOST_BUILT = 100
"""Networks that are built to be counted: each takes some hundredths of a second."""

_LONGEST = 300  # characters of an error


def pack_sizes(table: Table, blocks: Blocks) -> dict[str, Any]:
    """Offsets of ``parameters`` and ``macs`` on 3×32×32 pixels with 10 classes, or a word why they are left out."""
    if (reason := _unknown(table)) is not None:
        return {"left_out": reason}
    try:
        found = [count(arch, space=table.space) for arch in table.architectures]
    except Exception as error:  # the builder is the user's: whatever it raises, the accuracies can be shown
        text = str(error) if isinstance(error, RobnasError) else f"{type(error).__name__}: {error}"
        return {"left_out": f"networks of this space cannot be counted: {' '.join(text.split())[:_LONGEST]}"}
    return {
        name: blocks.add(np.array([getattr(one, name) for one in found], dtype=np.float64), "f8")
        for name in ("parameters", "macs")
    }


def _unknown(table: Table) -> str | None:
    if counted_by_arithmetic(table.space):
        return None
    if importlib.util.find_spec("torch") is None:
        return "networks of this space are counted with torch, which is not installed here"
    from robnas.networks import BUILDERS  # torch

    if table.space.build is None and table.space.name not in BUILDERS:
        return "nothing builds its networks, so that they cannot be counted"
    if len(table) > MOST_BUILT:
        return (
            f"networks of this space have to be built to be counted, at most {MOST_BUILT}, and there are {len(table):,}"
        )
    return None

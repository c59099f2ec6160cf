"""What the page of NAS-Bench-201 knows beyond genes: which of its modules draws cells, and sizes by arithmetic."""

from __future__ import annotations

from typing import Any

from robnas.networks import count
from robnas.spaces import SPACES, Space

NAME = "nas-bench-201"


def page_facts(space: Space) -> dict[str, Any]:
    """The module of the page, and parameters and MACs by the numbers of 1×1 and 3×3 convolutions.

    The sizes are those of C=16, N=5, 3×32×32 and 10 classes, whatever the settings of `space`.
    """
    edges = len(space.genes)
    sizes = [[_size(pointwise, spatial) for spatial in range(edges + 1 - pointwise)] for pointwise in range(edges + 1)]
    return {"module": NAME, "sizes": sizes}


def _size(pointwise: int, spatial: int) -> list[int]:
    space = SPACES[NAME]
    skip, one, three = 1, 2, 3  # operation numbers
    rest = len(space.genes) - pointwise - spatial
    found = count(space.at([one] * pointwise + [three] * spatial + [skip] * rest), space=space)
    return [found.parameters, found.macs]

"""What a cell of ``nas-bench-201`` tells, in groups of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np

from robnas.kernels import MEAN_FIELD, mean_field
from robnas.networks.nas_bench_201 import SHAPE, shape
from robnas.spaces import WAYS, Architecture, CellArchitecture, Space
from robnas.surrogates._prediction import Matrix
from robnas.surrogates.nas_bench_201._merged import merged


def by_cells(space: Space, architectures: Sequence[Architecture]) -> Mapping[str, Matrix]:
    """Of ``nas-bench-201``: mean field of the first cell and of the network, counts, ways, sequences, merged cell."""
    field = mean_field(architectures, cells=int(space.settings["cells"]))
    described = shape(architectures).reshape(len(architectures), len(SHAPE))
    first = [name.startswith("cell_") for name in MEAN_FIELD]
    whole = [name.startswith(("parameters", "macs", "count_")) for name in SHAPE]
    return {
        "cell": field[:, first],
        "network": field[:, np.logical_not(first)],
        "counts": described[:, whole],
        "ways": described[:, np.logical_not(whole)],
        "sequences": sequences(architectures),
        "merged": merged(architectures),
    }


def sequences(architectures: Sequence[Architecture]) -> Matrix:
    """How many ways of a cell of ``nas-bench-201`` have each sequence of operations, skips left out.

    Shape (architectures, 40): the empty sequence, then 3, 9 and 27 of convolutions 1×1 and 3×3 and poolings.
    """
    place = _sequences()
    found = np.zeros((len(architectures), len(place)))
    for row, arch in enumerate(architectures):
        code = CellArchitecture(arch).code
        for edges in WAYS:
            way = "".join(code[edge] for edge in edges)
            if "0" not in way:
                found[row, place[way.replace("1", "")]] += 1
    return found


@cache
def _sequences() -> dict[str, int]:
    every = ("".join(one) for length in range(4) for one in product("234", repeat=length))
    return {one: number for number, one in enumerate(every)}

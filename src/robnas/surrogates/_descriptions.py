"""What an architecture alone tells, in groups of features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np

from robnas.kernels import MEAN_FIELD, mean_field
from robnas.networks.nas_bench_201 import NAME, SHAPE, shape
from robnas.spaces import WAYS, Architecture, CellArchitecture, Space
from robnas.surrogates._merged import merged
from robnas.surrogates._prediction import Matrix

Groups = Mapping[str, Matrix]
"""Features by the name of their group, each shape (architectures, features of the group)."""


def by_genes(space: Space, architectures: Sequence[Architecture]) -> Groups:
    """A group for each gene: its place among ordered choices, from 0 to 1, or else a column for each choice."""
    places = space.position_array(architectures)
    found = {}
    for number, gene in enumerate(space.genes):
        mine = places[:, [number]]
        found[gene.name] = mine / max(len(gene) - 1, 1) if gene.ordered else (mine == np.arange(len(gene))) * 1.0
    return found


def by_cells(space: Space, architectures: Sequence[Architecture]) -> Groups:
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


DESCRIPTIONS: dict[str, Callable[[Space, Sequence[Architecture]], Groups]] = {NAME: by_cells}
"""Of spaces where more is known of an architecture than its genes."""


def described(space: Space, architectures: Sequence[Architecture]) -> Groups:
    """The features of architectures of a space, by group."""
    return DESCRIPTIONS.get(space.name, by_genes)(space, architectures)

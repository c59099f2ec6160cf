"""What an architecture alone tells, in groups of features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from robnas.spaces import Architecture, Space
from robnas.surrogates._prediction import Matrix
from robnas.surrogates.nas_bench_201 import NAME, by_cells

_USUAL = "one-hot"  # encoding, which tells what genes tell
Groups = Mapping[str, Matrix]
"""Features by the name of their group, each shape (architectures, features of the group)."""


def by_genes(space: Space, architectures: Sequence[Architecture]) -> Groups:
    """A group for each gene: its place among ordered choices, from 0 to 1, or else a column for each choice.

    A space that has an encoding of its own as its first gives it as one more group; it stands alone where architectures
    have more or fewer places than there are genes.
    """
    places, first = space.position_array(architectures), next(iter(space.encodings))
    found = {} if first == _USUAL else {f"encoding {first}": space.encode(architectures)}
    if found and places.shape[1:] != (len(space.genes),):
        return found
    for number, gene in enumerate(space.genes):
        mine = places[:, [number]]
        found[gene.name] = mine / max(len(gene) - 1, 1) if gene.ordered else (mine == np.arange(len(gene))) * 1.0
    return found


DESCRIPTIONS: dict[str, Callable[[Space, Sequence[Architecture]], Groups]] = {NAME: by_cells}
"""Of spaces where more is known of an architecture than its genes."""


def described(space: Space, architectures: Sequence[Architecture]) -> Groups:
    """The features of architectures of a space, by group."""
    return DESCRIPTIONS.get(space.name, by_genes)(space, architectures)

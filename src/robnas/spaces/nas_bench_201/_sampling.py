"""Random architectures; the generator is always an argument."""

from __future__ import annotations

import numpy as np

from robnas.spaces.nas_bench_201._architecture import SIZE, CellArchitecture
from robnas.spaces.nas_bench_201._encodings import EDGES, OPERATIONS
from robnas.spaces.nas_bench_201._partition import partition as named_partition
from robnas.types import check_range


def sample(rng: np.random.Generator, count: int, partition: str | None = None) -> list[CellArchitecture]:
    """Architectures drawn uniformly, without replacement.

    Args:
        rng: source of randomness.
        count: how many.
        partition: draw classes of this partition instead, and return the representative of each.

    Raises:
        InputError: `count` is below 0 or above what there is.
    """
    size = SIZE if partition is None else named_partition(partition).count
    check_range("sample count", count, 0, size)
    chosen = rng.choice(size, size=count, replace=False)
    if partition is None:
        return [CellArchitecture.from_index(int(index)) for index in chosen]
    representatives = named_partition(partition).representatives()
    return [representatives[index] for index in chosen]


def mutate(arch: CellArchitecture, rng: np.random.Generator) -> CellArchitecture:
    """One of the 24 neighbours, drawn uniformly."""
    edge = int(rng.integers(len(EDGES)))
    shift = int(rng.integers(1, len(OPERATIONS)))
    return arch.with_operation(edge, (int(arch.code[edge]) + shift) % len(OPERATIONS))


def crossover(first: CellArchitecture, second: CellArchitecture, rng: np.random.Generator) -> CellArchitecture:
    """A child whose operation on each edge comes from either parent with probability ½ (uniform crossover)."""
    genes = zip(first.code, second.code, rng.integers(2, size=len(EDGES)), strict=True)
    return CellArchitecture("".join(b if pick else a for a, b, pick in genes))

"""NAS-Bench-201 as a space: what it knows better than its genes say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import product
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError
from robnas.spaces._architecture import Architecture
from robnas.spaces._gene import Gene
from robnas.spaces._space import Matrix, Space
from robnas.spaces.nas_bench_201._architecture import (
    GENES,
    NAME,
    SIZE,
    CellArchitecture,
    architectures,
    live_convolutions,
)
from robnas.spaces.nas_bench_201._drawing import draw_cell
from robnas.spaces.nas_bench_201._encodings import FORMATS, OPERATIONS, WAYS
from robnas.spaces.nas_bench_201._partition import PARTITIONS, Partition, partition, partition_facts, versioned
from robnas.spaces.nas_bench_201._sampling import sample
from robnas.types import check_count

_MOST = 1_000_000  # channels and cells: what is more is a slip
PRESETS: dict[str, dict[str, int]] = {
    "nas-robbench-201": {"channels": 16, "cells": 5},
    "digits": {"channels": 8, "cells": 1},
}
"""Size of the skeleton that belongs to a recipe, by the recipe's name."""


@final
class NASBench201(Space):
    """Cells of 4 nodes and 6 edges with one of 5 operations each, in a skeleton of three stages (Dong and Yang 2020).

    Args:
        channels: C, of the first stage.
        cells: N, per stage.

    Raises:
        InputError: a size below 1.
    """

    def __init__(self, channels: int = 16, cells: int = 5) -> None:
        super().__init__(NAME, genes=[Gene(name, OPERATIONS) for name in GENES])
        self.channels = check_count(f"channels of space {NAME}", channels, high=_MOST)
        self.cells = check_count(f"cells of space {NAME}", cells, high=_MOST)

    @property
    def settings(self) -> Mapping[str, Any]:
        """``channels`` and ``cells``."""
        return {"channels": self.channels, "cells": self.cells}

    @property
    def settings_text(self) -> str:
        """``C = 16, N = 5``."""
        return f"C = {self.channels}, N = {self.cells}"

    def configure(self, **settings: Any) -> NASBench201:
        """The space with a skeleton of another size."""
        self._check_settings(settings)
        return NASBench201(**{**self.settings, **settings})

    def for_recipe(self, recipe: str) -> NASBench201:
        """The size that belongs to a preset of `PRESETS`, also where settings of the recipe were replaced."""
        return self.configure(**PRESETS.get(recipe.partition("+")[0], {}))

    # texts

    def parse(self, given: object) -> CellArchitecture:
        """The architecture of any encoding, see `CellArchitecture`, or of its genes."""
        if isinstance(given, Mapping) and not given.keys().isdisjoint(GENES):
            return self.from_genes(given)  # type: ignore[return-value]
        return CellArchitecture(given)

    def reads(self, text: str) -> bool:
        """Whether a text is a code or genotype."""
        try:
            CellArchitecture(text)
        except InputError:
            return False
        return True

    def at(self, positions: Sequence[int]) -> CellArchitecture:
        """The architecture with these operation numbers."""
        return _everything()[_index(positions)]

    def positions(self, arch: Architecture) -> tuple[int, ...]:
        """The operation number of each edge."""
        return tuple(map(int, self.parse(arch).code))

    def position_array(self, architectures: Sequence[Architecture]) -> npt.NDArray[np.int64]:
        """`positions` of many, shape (architectures, 6)."""
        return _digits()[[self.parse(arch).index for arch in architectures]]

    def __contains__(self, arch: object) -> bool:
        return isinstance(arch, CellArchitecture)

    # counting

    @cached_property
    def size(self) -> int:
        """15,625."""
        return SIZE

    def index_of(self, arch: Architecture) -> int:
        """The base-5 value of the digit code; not the published index."""
        return arch.index if isinstance(arch, CellArchitecture) else self.parse(arch).index

    def from_index(self, index: int) -> CellArchitecture:
        """The architecture that has this number, from 0 to 15,624."""
        return CellArchitecture.from_index(index)

    def sample(self, rng: np.random.Generator, count: int) -> list[CellArchitecture]:  # type: ignore[override]
        """Drawn uniformly, without replacement."""
        return sample(rng, count)

    def __iter__(self) -> Iterator[CellArchitecture]:
        """All architectures, by number, made once."""
        return iter(_everything())

    def neighbours(self, arch: Architecture) -> tuple[CellArchitecture, ...]:
        """The 24 that differ in the operation of one edge."""
        return _neighbours(self.index_of(arch))

    # vectors

    @property
    def encodings(self) -> Mapping[str, Callable[[Sequence[Architecture]], Matrix]]:
        """``path`` and ``one-hot``.

        ``path``: which of the 84 sequences of operations lead from the input to the output (White et al. 2021, BANANAS,
        where a sequence counts once whichever node it passes through); ``one-hot``: the operation of each edge, 30
        columns.
        """
        return {"path": self._path, "one-hot": self._one_hot}

    def _path(self, architectures: Sequence[Architecture]) -> Matrix:
        rows: Matrix = _paths()[[self.index_of(arch) for arch in architectures]].astype(np.float64)
        return rows

    # the same networks

    @property
    def partitions(self) -> tuple[str, ...]:
        """``official``, ``effective`` and ``identical``."""
        return tuple(PARTITIONS)

    def partition(self, name: str) -> Partition:
        """See `robnas.spaces.partition`."""
        return partition(name)

    def versioned(self, name: str, version: int | None = None) -> str:
        """See `robnas.spaces.versioned`."""
        return versioned(name, version)

    def partition_facts(self, name: str | None) -> dict[str, Any]:
        """See `robnas.spaces.partition_facts`."""
        return partition_facts(name)

    numbered = True
    step = "operation"

    parts_unused = True
    forms = (
        "digit code such as 323133, genotype, six operation names or NASLib's six numbers in round brackets, "
        "HPOBench's dictionary"
    )

    def spellings(self, arch: Architecture) -> Mapping[str, str]:
        """``genotype``."""
        return {"genotype": self.parse(arch).genotype}

    def facts(self, arch: Architecture) -> Mapping[str, Any]:
        """All encodings, and the number of live edges."""
        cell = self.parse(arch)
        return {**{form: cell.format(form) for form in FORMATS}, "live_edges": sum(cell.live_edges)}

    families = ("no live convolution", *(f"{some} live convolutions" for some in ("1 or 2", "3 or 4", "5 or 6")))

    def family(self, arch: Architecture) -> int:
        """How many convolutions reach the output, in steps of two."""
        return (live_convolutions(self.parse(arch)) + 1) // 2

    def draw(self, arch: Architecture) -> str:
        """The cell as a drawing."""
        return draw_cell(self.parse(arch))


@cache
def _everything() -> tuple[CellArchitecture, ...]:
    """All architectures, made once."""
    return tuple(architectures())


def _index(positions: Sequence[int]) -> int:
    index = 0
    for position in positions:
        index = index * len(OPERATIONS) + position
    return index


@cache
def _neighbours(index: int) -> tuple[CellArchitecture, ...]:
    """Taken from `_everything`, so that none is made twice."""
    return tuple(_everything()[other.index] for other in _everything()[index].neighbours())


@cache
def _digits() -> npt.NDArray[np.int64]:
    return np.array([[int(digit) for digit in arch.code] for arch in _everything()], dtype=np.int64)


@cache
def _paths() -> npt.NDArray[np.float32]:
    operations = range(1, len(OPERATIONS))  # a path with `none` in it is no path
    paths = [path for length in (1, 2, 3) for path in product(operations, repeat=length)]
    column = {path: place for place, path in enumerate(paths)}
    found = np.zeros((SIZE, len(paths)), dtype=np.float32)
    for row, digits in enumerate(_digits().tolist()):
        for way in WAYS:
            path = tuple(digits[edge] for edge in way)
            if path in column:
                found[row, column[path]] = 1
    return found

"""Spaces of other numbers than those of NAS-Bench-201."""

import re
import zlib

import numpy as np

from robnas.benchmarks import Column, Table
from robnas.search import Task
from robnas.spaces import SPACES, Gene, Space, TheorySpace

TOY = Space(
    "toy",
    genes=(
        Gene("depth", (1, 2, 3), ordered=True),
        Gene("act", ("relu", "gelu")),
        Gene("width", (4, 8, 16, 32), ordered=True),
    ),
)
"""24 architectures: genes of 3, 2 and 4 choices."""
CUBE = Space("cube", genes=tuple(Gene(name, (0, 1, 2)) for name in "abc"))
"""27 architectures."""
HUGE = Space("huge", genes=tuple(Gene(f"g{place}", tuple(range(10)), ordered=place % 2 == 0) for place in range(40)))
"""10⁴⁰ architectures."""
SINGLE = Space("single", genes=(Gene("only", ("one",)), Gene("two", (1, 2))))
"""A gene without a choice."""
SPACES_TRIED = (
    SPACES["nas-bench-201"],
    TOY,
    CUBE,
    TheorySpace(4, ("relu", "tanh"), (0, 3)),
    SPACES["wide-resnet"],
    HUGE,
    SINGLE,
)


def value_of(arch):
    """A number from 0 to 1 to which every gene adds."""
    genes = arch.genes.values()
    marks = [zlib.crc32(f"{place} {value}".encode()) % 1000 for place, value in enumerate(genes)]
    return sum(marks) / (1000 * len(marks))


def table_of(space, count=None, seeds=(1,), **settings):
    """A table of the whole space, or of some architectures of it."""
    found = list(space) if count is None else space.sample(np.random.default_rng(0), count)
    values = np.array([[value_of(arch)] * len(seeds) for arch in found])
    columns = [Column("mine", split, "clean", values, seeds) for split in ("validation", "test")]
    return Table(f"{space.name}-table", found, columns, space=space, **settings)


def task_of(table, **settings):
    """The search for the highest value on validation."""
    return Task.named(table, "mine", "clean", split="validation", **settings)


def named(one):
    """For ids of tests: without addresses, which differ from process to process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(one))

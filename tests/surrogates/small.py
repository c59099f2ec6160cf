"""Small tables with values that depend on the cell, and noise."""

import numpy as np

from robnas.benchmarks import Column, Table
from robnas.spaces import SPACES, Gene, Space, sample

CELLS = SPACES["nas-bench-201"]
OWN = Space("own", genes=[Gene(f"g{place}", tuple(range(6)), ordered=True) for place in range(3)])


def worth(arch):
    """Between 0.1 and 0.9: more for convolutions."""
    return (10 + 10 * arch.code.count("3") + 6 * arch.code.count("2") + 2 * arch.code.count("1")) / 80


def cells(count=200, seeds=(0, 1), sd=0.01, seed=0, name="small", hidden=0.0):
    """A table of random cells on two data sets, and a cost; `hidden` is what cells have that nothing tells of them."""
    rng = np.random.default_rng(seed)
    archs = sample(rng, count, "official")
    true = np.clip([worth(arch) for arch in archs] + hidden * rng.standard_normal(count), 0, 1)

    def column(dataset, metric, part):
        values = np.clip(part[:, None] + sd * rng.standard_normal((count, len(seeds) or 1)), 0, 1)
        return Column(dataset, "test", metric, values, seeds)

    columns = [
        column("first", "clean", true),
        column("first", "pgd@8/255", true / 2),
        column("second", "pgd@8/255", np.sqrt(true) / 2),
        Column("first", "test", "latency:cpu", 5 - 4 * true[:, None], unit="ms", direction="minimise"),
    ]
    return Table(name, archs, columns)


def own(count=60, seed=0):
    """A table of a space without partitions."""
    rng = np.random.default_rng(seed)
    archs = [OWN.from_index(int(place)) for place in rng.choice(OWN.size, count, replace=False)]
    values = np.array([sum(arch.genes.values()) / 15 for arch in archs])
    return Table("own", archs, [Column("first", "test", "clean", values[:, None])], space=OWN)

"""A completed table: some architectures measured with several seeds, the best of all and others predicted."""

import numpy as np

from robnas.benchmarks import Column, Table
from robnas.spaces import SPACES

SPACE = SPACES["nas-bench-201"]
CLEAN = {"dataset": "digits", "metric": "clean", "split": "test"}
PGD = {**CLEAN, "metric": "pgd@8/255"}
MEASURED, COUNT = 30, 80
SD = 0.02


def completed(count=COUNT, seeds=(0, 1, 2), name="completed", sd=SD):
    """The first 30 rows are measured; of the others those that are predicted are better on average."""
    rng = np.random.default_rng(0)
    classes = SPACE.partition("identical").class_of
    drawn = SPACE.sample(rng, 2 * count)
    architectures = list({classes[arch.index]: arch for arch in drawn}.values())[:count]
    means = np.concatenate([rng.uniform(0.3, 0.6, MEASURED), rng.uniform(0.4, 0.7, count - MEASURED)])
    runs = means[:, None] + rng.normal(0, 0.01, (count, len(seeds)))
    runs[MEASURED:] = np.nan
    facts = {"images": 1000, "num_classes": 10}
    columns = [
        Column("digits", "test", metric, scale * runs, seeds, facts=facts, predicted=scale * means,
               sd=None if sd is None else np.full(count, sd))
        for metric, scale in (("clean", 1.0), ("pgd@8/255", 0.5))
    ]  # fmt: skip
    return Table(name, architectures, columns)


def measured(table):
    """The same table of the measured rows alone."""
    rows = np.arange(MEASURED)
    return Table(table.name, table.architectures[:MEASURED], [column.take(rows) for column in table.columns])

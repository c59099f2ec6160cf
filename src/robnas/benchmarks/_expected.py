"""What the accuracies of a table are expected to be, once its noise is taken off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks._column import Column
from robnas.benchmarks._deconvolution import Deconvolved, deconvolve
from robnas.benchmarks._noise import FEWEST_DEGREES, Rows, duplicate_groups, measure_local_noise, measure_noise
from robnas.benchmarks._predicted import check_measured
from robnas.benchmarks._ranks import RESOLUTION
from robnas.benchmarks._runs import Floats
from robnas.errors import InputError, Verbatim

_ITERATIONS = 20
"""Of the deconvolution: with many more the distribution has a spike at the highest value, which is then believed."""
_LEAST = 0.05
"""Smallest local standard deviation that is believed, as a share of the pooled one."""


@final
@dataclass(frozen=True, eq=False)
class Expected:
    """Expected true accuracies of a column: what the mean of ever more trainings of each network would come to.

    Each value is drawn towards where the table has more of them, by as much as the noise of a training there suggests
    (empirical Bayes), so that the highest value loses what it owes to luck. Rows that are the same network are one
    network with several values, unless they were trained with the same seeds.
    """

    __repr__ = brief

    means: Floats
    """Expected true accuracy of each row, shape (rows,); nan where a value is missing."""
    _prior: Deconvolved | None
    """None without noise."""
    _network: npt.NDArray[np.int64]
    """Network of each row, shape (rows,); -1 where a value is missing."""
    _values: Floats
    """What is known of each network, shape (networks,)."""
    _sds: Floats
    """Its standard deviation, shape (networks,)."""

    def best(self, rows: npt.NDArray[np.bool_] | None = None) -> float:
        """Expected accuracy of the best, whichever it is: at least the highest of `means`.

        Args:
            rows: which count, shape (rows,); all if omitted. At least one has to have a value.
        """
        counted = self._network[slice(None) if rows is None else rows]
        networks = np.unique(counted[counted >= 0])
        if self._prior is None:
            return float(self._values[networks].max())
        return self._prior.expected_highest(self._values[networks], self._sds[networks])


def expected_accuracies(rows: Rows, column: Column) -> Expected:
    """What the values of a column are expected to be.

    Args:
        rows: see `robnas.benchmarks.duplicate_groups`.
        column: what was measured.

    Raises:
        InputError: the column holds no repeated trainings, fewer than 5 repetitions, or predicted values.
    """
    check_measured(column, f"expected accuracies of {column.name}")
    pooled = measure_noise(rows, column)
    if pooled.degrees < FEWEST_DEGREES:
        got = Verbatim(f"{pooled.degrees}")
        raise InputError(f"noise of {column.name}", expected=f"at least {FEWEST_DEGREES} repeated trainings", got=got)
    known = ~np.isnan(column.mean)
    values, runs = column.mean[known], column.counts[known].astype(np.float64)
    if column.seeds:  # networks that are the same shared their seeds: no further evidence
        number = np.arange(len(values))
    else:
        number = np.unique(duplicate_groups(rows)[known], return_inverse=True)[1]
    trainings = np.bincount(number, weights=runs)
    means: Floats = np.bincount(number, weights=runs * values) / trainings
    network = np.full(len(column.values), -1, dtype=np.int64)
    network[known] = number
    if pooled.run_sd < RESOLUTION:
        return Expected(column.mean.copy(), None, network, means, np.zeros(len(means)))
    local = measure_local_noise(rows, column).run_sd_at(means)
    sds: Floats = np.maximum(local, _LEAST * pooled.run_sd) / np.sqrt(trainings)
    prior = deconvolve(means, sds, iterations=_ITERATIONS)
    found = np.append(prior.posterior_mean(means, sds), np.nan)  # network -1 is missing
    return Expected(found[network], prior, network, means, sds)

"""The rank of an architecture: one definition for queries, reports, figures and the explorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from robnas.benchmarks._column import Column

Floats = npt.NDArray[np.float64]
RESOLUTION = 1e-7
"""Accuracies that differ by less are equal: means of several runs are rounded, and files may keep 32 bits of them."""


def competition_ranks(values: npt.ArrayLike, resolution: float = RESOLUTION) -> Floats:
    """Standard competition ranks ("1224"): 1 plus the number of values that are strictly better, that is higher.

    Equal values share the best of their ranks, and the next rank is that much higher. Correlations use another kind,
    where ties share the mean of their ranks.

    Args:
        values: shape (n,); nan has no rank.
        resolution: values that differ by less are equal.

    Returns:
        Whole numbers from 1, shape (n,); nan where a value is.
    """
    given = np.asarray(values, dtype=np.float64)
    known = np.sort(given[~np.isnan(given)])
    worse = np.searchsorted(known, given + resolution, side="right")
    ranks: Floats = np.where(np.isnan(given), np.nan, 1.0 + len(known) - worse)
    return ranks


def column_ranks(column: Column) -> Floats:
    """`competition_ranks` of a column by its direction; of accuracies those that rounding alone tells apart are equal.

    Returns:
        Shape (rows,).
    """
    return competition_ranks(column.sign * column.mean, RESOLUTION if column.is_accuracy else 0.0)


def tied(values: npt.ArrayLike, resolution: float = RESOLUTION) -> Floats:
    """The values with neighbours that differ by no more than `resolution` made equal, as correlations of ranks need it.

    Args:
        values: shape (n,); nan stays.
        resolution: values that differ by no more are equal.
    """
    given = np.asarray(values, dtype=np.float64)
    ordered = np.unique(given[~np.isnan(given)])
    first = np.diff(ordered, prepend=-np.inf) > resolution
    level = ordered[np.maximum.accumulate(np.where(first, np.arange(len(ordered)), 0))]
    found = given.copy()
    found[~np.isnan(given)] = level[np.searchsorted(ordered, given[~np.isnan(given)])]
    return found


def sharing(ranks: Floats) -> npt.NDArray[np.int64]:
    """How many have the rank of each, itself counted; 0 where there is no rank. Shape (n,)."""
    found, number, count = np.unique(ranks, return_inverse=True, return_counts=True)
    shared: npt.NDArray[np.int64] = np.where(np.isnan(found), 0, count)[number]
    return shared

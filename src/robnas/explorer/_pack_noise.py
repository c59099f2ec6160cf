"""What a page needs to show the noise of a column, and the ranks that it leaves possible as `rank_set` has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from robnas.benchmarks import Column, LocalNoise, Noise, Table
from robnas.errors import InputError
from robnas.explorer._blocks import MISSING, Blocks
from robnas.statistics import critical_values, known_noise, may_be_best, shown_noise, standard_errors

LEVEL = 0.95  # of the confidence sets of ranks
_FINE = 65_534  # standard errors of images are kept as counts of 1 / _FINE


def pack_noise(table: Table, column: Column, blocks: Blocks) -> dict[str, Any] | None:
    """Noise of repeated trainings; with too few, of the finite number of images; None if that is not known either."""
    noise, pooled = shown_noise(table, column), known_noise(table, column)
    if noise is None or pooled is None:
        return _pack_images(table, column, blocks)
    return {
        "kind": noise.kind, "source": pooled.source, "groups": pooled.groups, "members": pooled.members,
        "run_sd": pooled.run_sd, "interval": [None if math.isnan(end) else end for end in pooled.interval],
        **_pack_spread(table, column, noise, blocks),
    }  # fmt: skip


def _pack_images(table: Table, column: Column, blocks: Blocks) -> dict[str, Any] | None:
    errors, of = standard_errors(table, column)
    if of != "images":
        return None
    counts = np.where(np.isnan(errors), MISSING, np.round(errors * _FINE))
    return {"kind": "images", "images": column.facts["images"], "fine": _FINE, "errors": blocks.add(counts, "u2")}


def _pack_spread(table: Table, column: Column, noise: Noise | LocalNoise, blocks: Blocks) -> dict[str, Any]:
    """Variance and critical value of each row: few differ, so that a row has the place of its own.

    A standard error is the root of the variance, but for constant networks and near the ends of the scale (`apart`).
    """
    where: dict[str, Any] = {"dataset": column.dataset, "metric": column.metric, "split": column.split, "level": LEVEL}
    known, best = ~np.isnan(column.mean), np.zeros(len(table), dtype=bool)
    try:
        variance, critical = critical_values(table, **where, noise=noise)
        best = may_be_best(table, **where, noise=noise)
    except InputError:  # a single architecture has no rank
        variance = noise.run_sd_at(column.mean) ** 2 / np.maximum(column.counts, 1)
        critical = np.full(len(table), math.nan)
    pairs, place = np.unique(np.stack([variance, critical], axis=1)[known], axis=0, return_inverse=True)
    kind = "u2" if len(pairs) < MISSING else "u4"  # the largest number means that there is none
    of = np.full(len(table), np.iinfo(kind).max)
    of[known] = place.ravel()
    errors, _ = standard_errors(table, column)
    apart = np.flatnonzero(known & ~np.isclose(errors, np.sqrt(variance), rtol=1e-9, atol=0))
    return {
        "level": LEVEL, "distinct": len(pairs), "of": blocks.add(of, kind),
        "variances": blocks.add(pairs[:, 0], "f8"), "critical": blocks.add(pairs[:, 1], "f8"),
        "apart": [[int(row), None if math.isnan(errors[row]) else float(errors[row])] for row in apart],
        "best": blocks.add(np.packbits(best, bitorder="little"), "u1"),
    }  # fmt: skip

"""Pictures of a table's report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from robnas.benchmarks import Column, LocalNoise, Table
from robnas.reports._outputs import COLOURS, label
from robnas.statistics import shown_noise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
_FEW = 8  # curves whose legend has room inside the axes
_BESIDE = 4  # entries of a longer legend in a line


def histogram(columns: Sequence[Column]) -> Figure:
    """How the accuracies of each metric are spread over the architectures."""
    figure, axes = _axes(len(columns))
    known = [100 * column.mean[~np.isnan(column.mean)] for column in columns]
    together = np.concatenate(known)
    count = int(np.clip(math.sqrt(max(map(len, known))), 10, 60))
    bins = np.linspace(together.min(), together.max() + 1e-9, count + 1) if len(together) else np.array([0.0, 100.0])
    for number, (column, values) in enumerate(zip(columns, known, strict=True)):
        counts, edges = np.histogram(values, bins)
        axes.stairs(counts, edges, linewidth=1.5, label=label(column.metric), **_style(number))
    axes.set_xlabel("accuracy (%)")
    axes.set_ylabel("architectures")
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    _legend(figure, axes, len(columns))
    return figure


def noise_curves(table: Table, columns: Sequence[Column]) -> Figure | None:
    """Standard deviation of one training among architectures of similar accuracy; None where too few are repeated."""
    figure, axes = _axes(len(columns))
    for number, column in enumerate(columns):
        local = shown_noise(table, column)
        if not isinstance(local, LocalNoise):
            continue
        axes.plot(100 * local.level, 100 * np.sqrt(local.run_variance), label=label(column.metric), **_style(number))
    if not axes.lines:
        return None
    axes.set_xlabel("accuracy (%)")
    axes.set_ylabel("noise of one training\n(percentage points)")
    axes.set_ylim(0)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    _legend(figure, axes, len(columns))
    return figure


def _axes(curves: int) -> tuple[Figure, Any]:
    """A figure with room for a legend of so many curves."""
    from matplotlib.figure import Figure

    lines = 0 if curves <= _FEW else math.ceil(curves / _BESIDE)
    figure = Figure(figsize=(7.5, 3.6 + 0.17 * lines), layout="constrained")
    return figure, figure.add_subplot()


def _legend(figure: Figure, axes: Any, curves: int) -> None:
    """Inside the axes, or below them where there are many."""
    if curves <= _FEW:
        axes.legend(frameon=False, fontsize=8)
    else:
        figure.legend(loc="outside lower center", frameon=False, fontsize=8, ncols=_BESIDE)


def _style(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": _DASHES[number // len(COLOURS) % len(_DASHES)]}

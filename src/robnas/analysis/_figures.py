"""Figures, drawn without pyplot so that nothing global is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from robnas.analysis._leaderboard import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito 2008: distinct for colour-blind readers; the marker tells the same once more.
_STYLES = (("#D55E00", "s"), ("#0072B2", "o"), ("#009E73", "D"), ("#CC79A7", "^"))


def clean_versus_robust(rows: Sequence[Row], clean: str, robust: str) -> Figure:
    """Clean against robust accuracy, a point per trial with ±2 standard errors; shape and colour count convolutions.

    Args:
        rows: the trials.
        clean: metric of the horizontal axis.
        robust: metric of the vertical axis.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    groups = {"no live convolution": (0, 0), "1 or 2": (1, 2), "3 or 4": (3, 4), "5 or 6": (5, 6)}
    for (label, (low, high)), (colour, marker) in zip(groups.items(), _STYLES, strict=True):
        group = [row for row in rows if low <= _live_convolutions(row) <= high]
        if group:
            axes.errorbar(
                [100 * row.value(clean) for row in group],
                [100 * row.value(robust) for row in group],
                xerr=[200 * row.standard_error(clean) for row in group],
                yerr=[200 * row.standard_error(robust) for row in group],
                fmt=marker,
                color=colour,
                ecolor=(colour, 0.35),
                markersize=8,
                markeredgecolor="white",
                elinewidth=1,
                label=label if low == 0 else f"{label} live convolutions",
            )
    _label_points(axes, rows, clean, robust)
    axes.set_xlabel(f"{clean} accuracy (%)")
    axes.set_ylabel(f"{robust} accuracy (%)")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper left")
    return figure


def _live_convolutions(row: Row) -> int:
    arch = row.architecture
    return sum("conv" in name for name, live in zip(arch.operations, arch.live_edges, strict=True) if live)


def _label_points(axes: Any, rows: Sequence[Row], clean: str, robust: str) -> None:
    """Architecture codes left above the points, left out where they would cover a point or one another."""
    points = [(100 * row.value(clean), 100 * row.value(robust)) for row in rows]
    width, height = 0.09 * np.ptp(axes.get_xlim()), 0.045 * np.ptp(axes.get_ylim())
    taken: list[tuple[float, float]] = []
    for row, (x, y) in zip(rows, points, strict=True):
        covers_point = any(x - width < a < x and y < b < y + height for a, b in points)
        covers_label = any(abs(x - a) < width and abs(y - b) < height for a, b in taken)
        if not covers_point and not covers_label:
            taken.append((x, y))
            axes.annotate(
                row.architecture.code, (x, y), xytext=(-7, 5), textcoords="offset points", ha="right", fontsize=8
            )

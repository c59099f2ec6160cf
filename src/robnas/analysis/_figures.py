"""Figures, drawn without pyplot so that nothing global is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
    groups = {"no convolution in the cell": (0, 0), "1 or 2": (1, 2), "3 or 4": (3, 4), "5 or 6": (5, 6)}
    for (label, (low, high)), (colour, marker) in zip(groups.items(), _STYLES, strict=True):
        group = [row for row in rows if low <= _live_convolutions(row) <= high]
        if group:
            axes.errorbar(
                [row.value(clean) for row in group],
                [row.value(robust) for row in group],
                xerr=[2 * row.standard_error(clean) for row in group],
                yerr=[2 * row.standard_error(robust) for row in group],
                fmt=marker,
                color=colour,
                markersize=6,
                elinewidth=0.8,
                alpha=0.9,
                label=label if low == 0 else f"{label} live convolutions",
            )
    _label_points(axes, rows, clean, robust)
    axes.set_xlabel(f"{clean} accuracy")
    axes.set_ylabel(f"{robust} accuracy")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper left")
    return figure


def _live_convolutions(row: Row) -> int:
    arch = row.architecture
    return sum("conv" in name for name, live in zip(arch.operations, arch.live_edges, strict=True) if live)


def _label_points(axes: object, rows: Sequence[Row], clean: str, robust: str) -> None:
    """Architecture codes beside the points, left out where they would cover one another."""
    taken: list[tuple[float, float]] = []
    for row in rows:
        x, y = row.value(clean), row.value(robust)
        if any(abs(x - a) < 0.09 and abs(y - b) < 0.025 for a, b in taken):
            continue
        taken.append((x, y))
        axes.annotate(row.architecture.code, (x, y), xytext=(-6, 5), textcoords="offset points", ha="right", fontsize=8)  # type: ignore[attr-defined]

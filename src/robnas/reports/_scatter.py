"""Clean against robust accuracy, drawn without pyplot so that nothing global is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from robnas.reports._outputs import label
from robnas.statistics import Accuracy, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito 2008: distinct for colour-blind readers; the marker tells the same once more.
_STYLES = (("#D55E00", "s"), ("#0072B2", "o"), ("#009E73", "D"), ("#CC79A7", "^"))
_FEW = 60  # points that have error bars and names


def clean_versus_robust(
    rows: Sequence[Row], clean: str, robust: str, front: Sequence[tuple[float, float]] = ()
) -> Figure:
    """Clean against robust accuracy, a point per architecture; shape and colour count convolutions.

    A few points have bars of ±2 standard errors, and names; thousands have neither.

    Args:
        rows: the architectures.
        clean: metric of the horizontal axis.
        robust: metric of the vertical axis.
        front: clean and robust accuracy of the Pareto front, which is drawn as a line.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    rows = [row for row in rows if row.value(clean) == row.value(clean) and row.value(robust) == row.value(robust)]
    groups = {"no live convolution": (0, 0), "1 or 2": (1, 2), "3 or 4": (3, 4), "5 or 6": (5, 6)}
    counts = [_live_convolutions(row) for row in rows]
    for (name, (low, high)), style in zip(groups.items(), _STYLES, strict=True):
        group = [row for row, count in zip(rows, counts, strict=True) if low <= count <= high]
        if group:
            shown = name if low == 0 else f"{name} live convolutions"
            _points(axes, group, clean, robust, style, shown, few=len(rows) <= _FEW)
    if len(front) > 1:
        points = 100 * np.array(sorted(front))
        axes.step(points[:, 0], points[:, 1], where="pre", color="0.2", linewidth=1.2, zorder=3, label="Pareto front")
    if len(rows) <= _FEW:
        _label_points(axes, rows, clean, robust)
    axes.set_xlabel(f"{label(clean)} accuracy (%)")
    axes.set_ylabel(f"{label(robust)} accuracy (%)")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    if rows:
        for handle in filter(
            None, axes.legend(frameon=False, loc="upper left", markerscale=1 if len(rows) <= _FEW else 4).legend_handles
        ):
            handle.set_alpha(1)  # points are faint where there are thousands
    return figure


def _points(
    axes: Any, rows: Sequence[Row], clean: str, robust: str, style: tuple[str, str], name: str, *, few: bool
) -> None:
    colour, marker = style
    x, y = (_percent([row.value(metric) for row in rows]) for metric in (clean, robust))
    if not few:
        axes.scatter(x, y, s=5, c=colour, marker=marker, alpha=0.4, linewidths=0, label=name, rasterized=True)
        return
    errors = [_bars([row.entries[metric] for row in rows]) for metric in (clean, robust)]
    axes.errorbar(
        x, y, xerr=errors[0], yerr=errors[1], fmt=marker, color=colour, ecolor=(colour, 0.35), markersize=8,
        markeredgecolor="white", elinewidth=1, label=name,
    )  # fmt: skip


def _bars(accuracies: Sequence[Accuracy]) -> npt.NDArray[np.float64]:
    """Two standard errors down and up, within the scale; shape (2, rows), in percent."""
    reach = [(min(2 * one.error, one.value), min(2 * one.error, 1 - one.value)) for one in accuracies]
    return 100 * np.nan_to_num(np.array(reach, dtype=np.float64)).T


def _percent(values: Sequence[float]) -> npt.NDArray[np.float64]:
    return 100 * np.array(values, dtype=np.float64)


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

"""The picture of kernels that move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from robnas.errors import InputError
from robnas.reports._outputs import COLOURS, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from robnas.kernels import KernelPath

_MARKS = "os^Dv<>"


def moving_kernels(paths: Mapping[str, KernelPath]) -> Figure:
    """How far kernels move from the start, how the space of their largest eigenvectors turns, how they learn labels.

    Args:
        paths: by what the legend says, at most seven; a line each, a mark per epoch.

    Raises:
        InputError: none, or more.
    """
    if not 1 <= len(paths) <= len(COLOURS):
        raise InputError("paths", expected=f"from 1 to {len(COLOURS)}", got=len(paths))
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 3.4), layout="constrained")
    parts = figure.subplots(1, 4)
    titles = (
        "change of shape,\n1 − cos(K, K at the start)",
        "largest eigenvalue,\nshare of the trace",
        "top eigenvectors,\noverlap with those at the start",
        "alignment\nwith the labels",
    )
    for axes, title in zip(parts, titles, strict=True):
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("epoch", fontsize=9)
        axes.set_ylim(-0.02, 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(labelsize=8)
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    for (name, path), colour, mark in zip(paths.items(), COLOURS, _MARKS, strict=False):
        with np.errstate(invalid="ignore", divide="ignore"):
            share = path.eigenvalues[:, 0] / path.eigenvalues.sum(1)
        for axes, column in zip(parts, (path.distance, share, path.overlap(), path.target_alignment), strict=True):
            axes.plot(column, f"{mark}-", color=colour, linewidth=1.2, markersize=4, label=label(name))
    figure.legend(*parts[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure

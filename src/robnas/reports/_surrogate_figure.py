"""The picture of an assessed surrogate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from robnas.reports._outputs import label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from robnas.surrogates import Assessment

_BLUE, _ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito 2008
_SHARES = (
    ("spearman", "Spearman,\nall"),
    ("top_decile_spearman", "Spearman,\ntop decile"),
    ("r2", "R²"),
    ("coverage_90", "coverage of\n90 % intervals"),
)


def measured_against_predicted(found: Assessment, ceiling: Mapping[str, float] | None = None) -> Figure:
    """Left what the first split predicted and what was measured, right every split beside what the noise leaves.

    Args:
        found: of `robnas.surrogates.assess`.
        ceiling: of `robnas.statistics.prediction_ceiling`; not drawn where it is not known.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _scatter(left, found)
    _splits(right, found, ceiling or {})
    figure.suptitle(
        label(
            f"{found.table}, {found.dataset} {found.split} {found.metric}: {found.train} known values, "
            f"{found.design}, {found.model} on {', '.join(found.information)}",
            150,
        ),
        fontsize=9,
    )
    return figure


def _scatter(axes: Any, found: Assessment) -> None:
    scale = 100 if found.is_accuracy else 1
    mean, measured = scale * found.predicted.mean, scale * found.measured
    inside = (found.predicted.low <= found.measured) & (found.measured <= found.predicted.high)
    for shown, colour, text in ((inside, _BLUE, "inside"), (~inside, _ORANGE, "outside")):
        axes.scatter(
            mean[shown], measured[shown], s=4, c=colour, alpha=0.4, linewidths=0, rasterized=True,
            label=f"{text} the 90 % interval ({shown.mean():.0%})",
        )  # fmt: skip
    ends = [min(mean.min(), measured.min()), max(mean.max(), measured.max())]
    axes.plot(ends, ends, color="0.2", linewidth=1)
    unit = "%" if found.is_accuracy else label(found.unit or "no unit")
    axes.set_xlabel(f"predicted {label(found.metric)} ({unit})")
    axes.set_ylabel(f"measured ({unit})")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    for handle in axes.legend(frameon=False, loc="upper left", markerscale=4, fontsize=8).legend_handles:
        handle.set_alpha(1)


def _splits(axes: Any, found: Assessment, ceiling: Mapping[str, float]) -> None:
    for place, (key, _) in enumerate(_SHARES):
        values = np.array([one[key] for one in found.splits])
        around = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(place + around, values, "o", color=_BLUE, markersize=3, label=None if place else "one split")
        if key in ceiling:
            axes.plot(
                [place - 0.3, place + 0.3], [ceiling[key]] * 2, color=_ORANGE, linewidth=1.5,
                label=None if place else "at best, with the noise of trainings",
            )  # fmt: skip
    axes.plot([len(_SHARES) - 1.3, len(_SHARES) - 0.7], [0.9] * 2, "--", color="0.3", linewidth=1.2, label="as stated")
    axes.set_xticks(range(len(_SHARES)), [text for _, text in _SHARES], fontsize=8)
    axes.grid(color="0.9", axis="y")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8)

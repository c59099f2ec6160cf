"""Pictures of the published tables: readable in print and for colour-blind readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Table, competition_ranks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito 2008.
BLUE, ORANGE, GREEN, SKY = "#0072B2", "#D55E00", "#009E73", "#56B4E9"
_DATASET_COLOURS = {"cifar10": BLUE, "cifar100": ORANGE, "imagenet16-120": GREEN}
_HATCHES = {"cifar10": "", "cifar100": "////", "imagenet16-120": "...."}
_SPLIT = "test"


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def correlation_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Figure:
    """Heat map of the upper triangle; values that differ from the published ones carry those in brackets."""
    figure = _figure(7, 5.5)
    axes = figure.add_subplot()
    values = np.full((len(names), len(names)), np.nan)
    np.fill_diagonal(values, 1.0)
    shown = [row for row in rows if row[2]]
    for first, second, found, *_ in shown:
        values[names.index(first), names.index(second)] = float(found)
    image = axes.imshow(values, cmap="cividis", vmin=0, vmax=1)
    for first, second, found, _, _, published, equal, _ in shown:
        row, column = names.index(first), names.index(second)
        text = f"{float(found):.3f}" if equal else f"{float(found):.3f}\n≠ [{published:.3f}]"
        axes.text(column, row, text, ha="center", va="center", color="white" if float(found) < 0.6 else "black")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    for first, second, *_ in (row for row in rows if not row[2]):
        axes.text(names.index(second), names.index(first), "full\nfiles", ha="center", va="center", color="0.5")
    axes.set_title(
        "Spearman, CIFAR-10, ε = 8/255; * no adversarial training; ≠ [paper] where the third decimal differs",
        fontsize=9,
    )
    figure.colorbar(image, shrink=0.8)
    return figure


def correlations_by_epsilon(against: Sequence[str], rows: Sequence[Sequence[Any]]) -> Figure:
    """What attacks (*) on networks that were trained without them say of robust accuracy, by the ε of these attacks.

    Left: correlation with PGD after adversarial training. Right: the accuracy that they leave.
    """
    figure = _figure(9, 4)
    left, right = figure.subplots(1, 2)
    place = 4 + list(against).index("PGD")
    styles = zip(dict.fromkeys(row[0] for row in rows), (BLUE, ORANGE, GREEN, SKY), "osD^", strict=False)
    for name, colour, marker in styles:
        drawn = [row for row in rows if row[0] == name]
        levels = [float(row[1].partition("/")[0]) for row in drawn]
        style = {"color": colour, "marker": marker, "markersize": 4, "label": name}
        left.plot(levels, [float(row[place]) for row in drawn], **style)
        right.plot(levels, [100 * float(row[2]) for row in drawn], **style)
    left.axhline(0, color="black", linewidth=0.8)
    left.set_ylabel("Spearman with PGD at 8/255 after adversarial training", fontsize=9)
    right.set_ylabel("mean accuracy (%)")
    right.axhline(10, color="0.5", linestyle="--", linewidth=1)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(ticks := [0.1, 0.5, 1, 2, 4, 8, 255], [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("ε of the attack without adversarial training (*), in 1/255")
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    right.legend(frameon=False)
    return figure


def box_plots(table: Table) -> Figure:
    """One group of boxes per metric, a colour and hatch per data set."""
    figure = _figure(9, 4.5)
    axes = figure.add_subplot()
    metrics = list(dict.fromkeys(column.metric for column in table.columns))
    for offset, dataset in enumerate(table.datasets):
        positions = [number + 0.26 * (offset - 1) for number in range(len(metrics))]
        boxes = axes.boxplot(
            [100 * table.values(dataset, metric, split=_SPLIT) for metric in metrics],
            positions=positions,
            widths=0.2,
            patch_artist=True,
            flierprops={"markersize": 1.5, "alpha": 0.3},
            medianprops={"color": "black"},
        )
        for box in boxes["boxes"]:
            box.set(facecolor=_DATASET_COLOURS.get(dataset, SKY), hatch=_HATCHES.get(dataset, ""), alpha=0.75)
        boxes["boxes"][0].set_label(dataset)
    axes.set_xticks(range(len(metrics)), metrics)
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    return figure


def ranks(table: Table, metrics: Sequence[str], rows: Sequence[Sequence[Any]]) -> Figure:
    """Left: ranks under other metrics against the rank under PGD. Right: correlations between data sets."""
    figure = _figure(11, 4.5)
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    by = "pgd@8/255"
    reference = competition_ranks(table.values("cifar10", by, split=_SPLIT))
    styles = ((BLUE, "clean"), (ORANGE, "autoattack@8/255"))
    for colour, metric in styles:
        other = competition_ranks(table.values("cifar10", metric, split=_SPLIT))
        left.scatter(reference, other, s=2, color=colour, alpha=0.35, linewidths=0, label=metric, rasterized=True)
    left.plot([1, len(reference)], [1, len(reference)], color="black", linewidth=0.8)
    left.set_xlabel(f"rank by {by}, cifar10 (1 is best)")
    left.set_ylabel("rank by another metric")
    for handle in left.legend(frameon=False, markerscale=6).legend_handles:
        handle.set_alpha(1)  # the points are faint because there are thousands
    _cross(right, metrics, rows)
    return figure


def _cross(axes: Axes, metrics: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    pairs = list(dict.fromkeys((first, second) for _, first, second, _ in rows))
    for number, ((first, second), colour, hatch) in enumerate(
        zip(pairs, (BLUE, ORANGE, GREEN), ("", "////", "...."), strict=True)
    ):
        heights = [float(value) for _, a, b, value in rows if (a, b) == (first, second)]
        positions = [place + 0.27 * (number - 1) for place in range(len(metrics))]
        bars = axes.bar(
            positions,
            heights,
            0.25,
            color=colour,
            hatch=hatch,
            alpha=0.75,
            label=f"{first} – {second}",
            edgecolor="black",
        )
        axes.bar_label(bars, [f"{height:.3f}" for height in heights], fontsize=7, rotation=90, padding=2)
    axes.set_xticks(range(len(metrics)), metrics)
    axes.set_ylim(0, 1.45)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_ylabel("Spearman between data sets")
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def duplicate_spread(table: Table, group: npt.NDArray[np.integer[Any]]) -> Figure:
    """Distance of each network from the mean of its group of identical ones, against that mean; CIFAR-10."""
    figure = _figure(10, 3.8)
    metrics = ("clean", "pgd@8/255", "autoattack@8/255")
    for axes, metric in zip(figure.subplots(1, len(metrics)), metrics, strict=True):
        values = 100 * table.values("cifar10", metric, split=_SPLIT)
        _, number, size = np.unique(group, return_inverse=True, return_counts=True)
        mean = np.bincount(number, weights=values) / size
        several = size[number] > 1
        axes.scatter(mean[number][several], (values - mean[number])[several], s=4, color=BLUE, alpha=0.4, linewidths=0)
        noise = table.noise("cifar10", metric, split=_SPLIT)
        for sign in (-1, 1):
            axes.axhline(sign * 100 * noise.sd, color=ORANGE, linestyle="--", linewidth=1)
        axes.axhline(0, color="black", linewidth=0.8)
        low, high = (100 * noise.sd / noise.run_sd * end for end in noise.interval)
        axes.set_title(f"{metric}: pooled sd {100 * noise.sd:.2f} points ({low:.2f} to {high:.2f})", fontsize=10)
        axes.set_xlabel("mean of the group (%)")
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    figure.axes[0].set_ylabel("distance from the mean (points)")
    figure.suptitle(f"{noise.groups} groups of identical networks, {noise.members} table rows", fontsize=11)
    return figure

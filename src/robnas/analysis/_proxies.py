"""How well training-free scores order adversarially trained architectures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robnas.analysis._correlation import spearman
from robnas.analysis._leaderboard import metrics_of, strongest
from robnas.analysis._outputs import write_csv, write_pictures
from robnas.analysis._paper_figures import BLUE, GREEN, ORANGE
from robnas.analysis._scored import Bootstrap, Floats, ceiling, correlations, join, known_in
from robnas.benchmarks import Scores, Table
from robnas.types import Progress, silent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Spearman between scores of NAS-Bench-Suite-Zero (Krishnakumar et al. 2022) of 724 architectures and their accuracy in
# nas-robbench-201, CIFAR-10; the interval of each is about ±.03 to ±.05. That suite counts dead edges, and takes
# another random batch of CIFAR-10 for every architecture: scores of other images are not set beside it.
_METRICS = ("clean", "fgsm@8/255", "pgd@8/255", "autoattack@8/255")
PUBLISHED = {
    "nwot": (0.790, 0.809, 0.809, 0.816),
    "synflow": (0.776, 0.787, 0.799, 0.799),
    "parameters": (0.766, 0.786, 0.794, 0.788),
    "macs": (0.745, 0.768, 0.778, 0.771),
    "l2_norm": (0.729, 0.746, 0.748, 0.752),
    "snip": (0.664, 0.726, 0.734, 0.741),
    "grad_norm": (0.659, 0.722, 0.729, 0.736),
    "jacov": (0.729, 0.720, 0.699, 0.707),
    "grasp": (0.606, 0.646, 0.650, 0.652),
    "fisher": (0.572, 0.640, 0.648, 0.655),
    "epe_nas": (0.645, 0.641, 0.624, 0.629),
    "plain": (-0.241, -0.237, -0.229, -0.235),
}
HEADER = (
    "proxy", "metric", "architectures", "missing", "spearman", "low_95", "high_95", "kendall", "kendall_low_95",
    "kendall_high_95", "given_parameters", "given_low_95", "given_high_95", "published_spearman", "published_inside",
    "ceiling", "parameters_spearman",
)  # fmt: skip


def proxies(out: Path, scores: Scores, table: Table, dataset: str, progress: Progress = silent) -> list[Path]:
    """Spearman, Kendall and partial correlations of every score with every metric, beside the published values.

    Published values stand beside scores on CIFAR-10 and CIFAR-10 accuracy of ``nas-robbench-201`` alone. Intervals are
    over architectures, none for fewer than 10. Architectures whose score is missing are counted and left out of its
    line; ``parameters_spearman`` is what the number of parameters reaches on those that are left.

    Args:
        out: folder.
        scores: of untrained networks.
        table: of trained ones.
        dataset: of the table; its test split is read.
        progress: told about finished scores.

    Returns:
        ``proxies.csv``, ``proxies.png`` and ``proxies.svg``.
    """
    rng, both = np.random.default_rng(0), join([scores], table, dataset)
    draws = Bootstrap(len(both.codes), rng)
    columns = {"parameters": both.parameters} | {name: scores.at(both.codes, name) for name in scores.names}
    comparable = (table.name, dataset, scores.settings.get("data")) == ("nas-robbench-201", "cifar10", "cifar10")
    highest = {metric: ceiling(table, dataset, metric, rng) for metric in both.truth}
    rows: list[list[Any]] = []
    for done, (name, column) in enumerate(columns.items(), start=1):
        for metric, truth in both.truth.items():
            found = correlations(column, truth, both.parameters, draws)
            published = PUBLISHED[name][_METRICS.index(metric)] if (
                comparable and name in PUBLISHED and metric in _METRICS
            ) else None  # fmt: skip
            rows.append([
                name, metric, found[0].count, int(np.isnan(column).sum()),
                *(f"{value:.4f}" for one in found for value in (one.value, one.low, one.high)),
                "" if published is None else published,
                "" if published is None or np.isnan(found[0].low) else found[0].low <= published <= found[0].high,
                f"{highest[metric]:.4f}",
                f"{_of_parameters(column, truth, both.parameters):.4f}",
            ])  # fmt: skip
        progress(done, len(columns), f"correlations of {name}")
    title = (
        f"{len(both.codes):,} architectures of {table.name}, {dataset}; scores on {scores.settings.get('data', '?')}"
    )
    return [write_csv(out / "proxies.csv", HEADER, rows), *write_pictures(out / "proxies", _figure(rows, title))]


def _of_parameters(column: Floats, truth: Floats, parameters: Floats) -> float:
    """Spearman of the parameters with a metric, on the architectures that have the score."""
    known = known_in(column, truth)
    return spearman(parameters[known], truth[known]) if known.sum() >= 3 else float("nan")


def _figure(rows: list[list[Any]], title: str) -> Figure:
    """A line per score, clean accuracy on the left and the strongest attack on the right, best first."""
    from matplotlib.figure import Figure

    metrics = metrics_of(list(dict.fromkeys(row[1] for row in rows)))
    shown = list(dict.fromkeys([metrics[0], strongest(metrics)]))
    order = sorted((row for row in rows if row[1] == shown[-1]), key=lambda row: np.nan_to_num(float(row[4]), nan=-2))
    names = [row[0] for row in order]
    figure = Figure(figsize=(5.2 * len(shown), 1.3 + 0.26 * len(names)), layout="constrained")
    for axes, metric in zip(np.atleast_1d(figure.subplots(1, len(shown), sharey=True)), shown, strict=True):
        _panel(axes, {row[0]: row for row in rows if row[1] == metric}, names)
        highest = next(row[15] for row in rows if row[1] == metric)
        known = "" if highest == "nan" else f", ceiling {float(highest):.3f}"
        axes.set_title(f"{metric}{known}", fontsize=10)
    figure.axes[0].set_yticks(range(len(names)), names, fontsize=8)
    handles, labels = figure.axes[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    return figure


def _panel(axes: Axes, rows: dict[str, list[Any]], names: list[str]) -> None:
    for place, name in enumerate(names):
        row = rows[name]
        value, low, high = (float(cell) for cell in row[4:7])
        axes.plot([low, high], [place, place], color=BLUE, linewidth=1.5)
        label = "Spearman, 95 % interval over architectures" if place == 0 else None
        axes.plot(value, place, "o", color=BLUE, markersize=4.5, label=label)
        if row[13] != "":
            first = not any(rows[other][13] != "" for other in names[:place])
            label = "published scores, 724 architectures" if first else None
            axes.plot(float(row[13]), place, "D", color=ORANGE, fillstyle="none", markersize=5, label=label)
        label = "parameters on live edges, of the same architectures" if place == 0 else None
        axes.plot(float(row[16]), place, "|", color="black", markersize=9, label=label)
    highest = float(next(iter(rows.values()))[15])
    if highest == highest:
        axes.axvline(highest, color=GREEN, linewidth=1, label="ceiling of the table's noise")
    axes.axvline(0, color="0.7", linewidth=0.8)
    axes.set_xlabel("Spearman with accuracy")
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)

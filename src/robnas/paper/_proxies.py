"""How well training-free scores order adversarially trained architectures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Scores, Table, tied
from robnas.paper._figures import BLUE, GREEN, ORANGE
from robnas.reports import write_csv, write_pictures
from robnas.statistics import (
    CHOICES,
    TOPS,
    Best,
    Bootstrap,
    Scored,
    ceiling,
    correlations,
    join,
    known_in,
    metrics_of,
    regret_interval,
    spearman,
    strongest,
    summarised,
)
from robnas.types import Progress, silent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
SPLIT = "test"
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
_SUITE_NAMES = {"params": "parameters", "flops": "macs"}
"""What the suite calls the sizes, of every edge there."""
HEADER = (
    "proxy", "metric", "architectures", "missing", "spearman", "low_95", "high_95", "kendall", "kendall_low_95",
    "kendall_high_95", "given_parameters", "given_low_95", "given_high_95", "published_spearman", "published_inside",
    "ceiling", "parameters_spearman",
    *(f"{name}_{end}" for name in TOPS for end in ("spearman", "low_95", "high_95")),
    *(f"regret_{first}{end}" for first in CHOICES for end in ("", "_low_95", "_high_95")),
    "sample", "sample_size", "sample_optimum", "table_optimum",
)  # fmt: skip
_FEWEST = 3  # architectures with accuracy
_SPEARMAN, _TOP = HEADER.index("spearman"), HEADER.index("top_decile_spearman")


def proxies(out: Path, scores: Sequence[Scores], table: Table, dataset: str, progress: Progress = silent) -> list[Path]:
    """Correlations of every score with every metric, beside the published values, and what it says about the best.

    Published values stand beside scores on CIFAR-10 and CIFAR-10 accuracy of ``nas-robbench-201`` alone. Intervals are
    over architectures, none for fewer than 10. Architectures whose score is missing are counted and left out of
    correlations over all; ``parameters_spearman`` is what the number of parameters reaches on those that are left.
    Figures about the best, see `robnas.statistics.Best`, are of all architectures whose accuracy is known, a missing
    score last; ``sample`` names them, and regrets are fractions of accuracy below their optimum, not the table's.

    Of several scores those architectures are taken that all have; what comes from a table bears its name, as
    ``nas-bench-suite-zero:nwot``.

    Args:
        out: folder.
        scores: of untrained networks.
        table: of trained ones.
        dataset: of the table; its test split is read.
        progress: told about finished scores.

    Returns:
        ``proxies.csv``, ``proxies.png`` and ``proxies.svg``.
    """
    rng, both = np.random.default_rng(0), join(scores, table, dataset)
    draws = Bootstrap(len(both.codes), rng)
    columns = {"parameters": both.parameters}
    columns |= {_called(one, name): one.at(both.codes, name) for one in scores for name in one.names}
    published = _published(scores) if (table.name, dataset) == ("nas-robbench-201", "cifar10") else {}
    highest = {metric: ceiling(table, dataset, metric, rng) for metric in both.truth}
    samples = {metric: _Sample(both, metric, draws, table, dataset) for metric in both.truth}
    rows: list[list[Any]] = []
    for done, (name, column) in enumerate(columns.items(), start=1):
        for metric, truth in both.truth.items():
            found = correlations(column, truth, both.parameters, draws)
            known = published[name][_METRICS.index(metric)] if name in published and metric in _METRICS else None
            rows.append([
                name, metric, found[0].count, int(np.isnan(column).sum()),
                *(f"{value:.4f}" for one in found for value in (one.value, one.low, one.high)),
                "" if known is None else known,
                "" if known is None or np.isnan(found[0].low) else found[0].low <= known <= found[0].high,
                f"{highest[metric]:.4f}",
                f"{_of_parameters(column, truth, both.parameters):.4f}",
                *samples[metric].cells(column),
            ])  # fmt: skip
        progress(done, len(columns), f"correlations of {name}")
    images = ", ".join(dict.fromkeys(str(one.settings.get("data", "?")) for one in scores))
    title = f"{len(both.codes):,} architectures of {table.name}, {dataset}; scores on {images}"
    return [write_csv(out / "proxies.csv", HEADER, rows), *write_pictures(out / "proxies", _figure(rows, title))]


def _called(scores: Scores, name: str) -> str:
    return f"{scores.settings['table']}:{name}" if "table" in scores.settings else name


def _published(scores: Sequence[Scores]) -> dict[str, tuple[float, ...]]:
    """The values of `PUBLISHED` for what is scored on CIFAR-10."""
    names = {
        _called(one, name): _SUITE_NAMES.get(name, name)
        for one in scores
        if one.settings.get("data") == "cifar10"
        for name in one.names
    }
    if names:
        names["parameters"] = "parameters"
    return {called: PUBLISHED[name] for called, name in names.items() if name in PUBLISHED}


class _Sample:
    """The architectures whose accuracy is known, for what a score says about the best of them."""

    def __init__(self, both: Scored, metric: str, draws: Bootstrap, table: Table, dataset: str) -> None:
        truth = both.truth[metric]
        self._known = known_in(truth)
        self._size = int(self._known.sum())
        every = tied(table.column(dataset, metric, SPLIT).mean)
        every = every[known_in(every)]
        self._facts: list[Any] = [
            f"{self._size} of {len(every)} architectures of {table.name}, {dataset}, {SPLIT}", self._size,
            *(f"{column.max():.6f}" if len(column) else "nan" for column in (truth[self._known], every)),
        ]  # fmt: skip
        self._best = Best(truth[self._known], draws.index(self._known)) if self._size >= _FEWEST else None

    def cells(self, score: Floats) -> list[Any]:
        """Figures of a score about the best, each with its interval, and what they are figures of."""
        if self._best is None:
            return ["nan"] * 3 * (len(TOPS) + len(CHOICES)) + self._facts
        best, known = self._best, score[self._known]
        found = [(summarised(best.spearman(known, share), best.count(share)), 4) for share in TOPS.values()]
        found += [(regret_interval(best.regret(known, first), self._size), 6) for first in CHOICES]
        return [f"{end:.{digits}f}" for one, digits in found for end in (one.value, one.low, one.high)] + self._facts


def _of_parameters(column: Floats, truth: Floats, parameters: Floats) -> float:
    """Spearman of the parameters with a metric, on the architectures that have the score."""
    known = known_in(column, truth)
    return spearman(parameters[known], truth[known]) if known.sum() >= 3 else float("nan")


def _figure(rows: list[list[Any]], title: str) -> Figure:
    """A line per score: clean accuracy, the strongest attack and its best tenth; the best under attack first."""
    from matplotlib.figure import Figure

    metrics = metrics_of(list(dict.fromkeys(row[1] for row in rows)))
    robust = strongest(metrics)
    shown = list(dict.fromkeys([(metrics[0], _SPEARMAN), (robust, _SPEARMAN), (robust, _TOP)]))
    order = sorted((row for row in rows if row[1] == robust), key=lambda row: np.nan_to_num(float(row[4]), nan=-2))
    names = [row[0] for row in order]
    figure = Figure(figsize=(1.8 + 4.4 * len(shown), 1.3 + 0.26 * len(names)), layout="constrained")
    for axes, (metric, place) in zip(np.atleast_1d(figure.subplots(1, len(shown), sharey=True)), shown, strict=True):
        of_metric = {row[0]: row for row in rows if row[1] == metric}
        if place == _TOP:
            _lines(axes, of_metric, names, _TOP, "Spearman with accuracy among the best tenth")
            if "parameters" in of_metric:
                axes.axvline(float(of_metric["parameters"][_TOP]), color="black", linewidth=0.8, linestyle="--")
            axes.set_title(f"{metric}, best tenth", fontsize=10)
            continue
        _panel(axes, of_metric, names)
        highest = next(row[15] for row in rows if row[1] == metric)
        known = "" if highest == "nan" else f", ceiling {float(highest):.3f}"
        axes.set_title(f"{metric}{known}", fontsize=10)
    figure.axes[0].set_yticks(range(len(names)), names, fontsize=8)
    handles, labels = figure.axes[-2].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    return figure


def _panel(axes: Axes, rows: dict[str, list[Any]], names: list[str]) -> None:
    """All architectures: beside each score what was published, the parameters and the ceiling."""
    _lines(axes, rows, names, _SPEARMAN, "Spearman with accuracy")
    for place, name in enumerate(names):
        row = rows[name]
        if row[13] != "":
            first = not any(rows[other][13] != "" for other in names[:place])
            label = "published scores, 724 architectures" if first else None
            axes.plot(float(row[13]), place, "D", color=ORANGE, fillstyle="none", markersize=5, label=label)
        label = "parameters on live edges, of the same architectures" if place == 0 else None
        axes.plot(float(row[16]), place, "|", color="black", markersize=9, label=label)
    highest = float(next(iter(rows.values()))[15])
    if highest == highest:
        axes.axvline(highest, color=GREEN, linewidth=1, label="ceiling of the table's noise")


def _lines(axes: Axes, rows: dict[str, list[Any]], names: list[str], column: int, what: str) -> None:
    """Value and interval of each score, which are cells `column` to `column` + 2."""
    for place, name in enumerate(names):
        value, low, high = (float(cell) for cell in rows[name][column : column + 3])
        axes.plot([low, high], [place, place], color=BLUE, linewidth=1.5)
        label = "Spearman, 95 % interval over architectures" if place == 0 else None
        axes.plot(value, place, "o", color=BLUE, markersize=4.5, label=label)
    axes.axvline(0, color="0.7", linewidth=0.8)
    axes.set_xlabel(what)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)

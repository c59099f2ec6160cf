"""Accuracy by corruption and severity in a report: its numbers, a picture and a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from robnas.benchmarks import Column, tied
from robnas.reports._page import Block, Grid, Picture, elided
from robnas.spaces import Architecture
from robnas.statistics import spearman
from robnas.types import CORRUPTIONS, SEVERITIES, Metric, is_one_corruption

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEWEST = 3  # architectures of a correlation
_MADE = "; on images that were corrupted here, no official ones"
_FROST = "; their frost is synthetic"


@dataclass(frozen=True)
class OneCorruption:
    """Accuracy under one corruption, at each severity that was measured."""

    name: str
    best: dict[int, float]
    """Severity → accuracy of the architecture with the highest mean over all corruptions."""
    median: dict[int, float]
    """Severity → median over the architectures that have a value."""
    with_ranking: float | None
    """Spearman correlation of the mean over these severities with the metric that ranks; None with too few values."""


@dataclass(frozen=True)
class CorruptionFacts:
    """What a table tells of the corruptions of one source on one split."""

    label: str
    """Of the metrics, such as ``made``; empty for official images."""
    best: str | None
    """Text of the architecture with the highest mean over these corruptions and severities; None if none has all."""
    corruptions: tuple[OneCorruption, ...]


def corruption_facts(
    columns: Mapping[str, Column], ranked: Column, architectures: Sequence[Architecture]
) -> tuple[CorruptionFacts, ...]:
    """The corruptions of each source.

    Args:
        columns: of one part of a table, by metric.
        ranked: that of them which ranks.
        architectures: of the rows.
    """
    found: dict[str, dict[str, dict[int, Column]]] = {}
    for key, column in columns.items():
        if is_one_corruption(key):
            metric = Metric.parse(key)
            found.setdefault(metric.label, {}).setdefault(metric.attack, {})[metric.severity or 0] = column
    return tuple(_of_source(label, of, ranked, architectures) for label, of in sorted(found.items()))


def _of_source(
    label: str, of: Mapping[str, Mapping[int, Column]], ranked: Column, architectures: Sequence[Architecture]
) -> CorruptionFacts:
    mean = np.mean([np.mean([column.mean for column in columns.values()], axis=0) for columns in of.values()], axis=0)
    best = None if np.isnan(mean).all() else int(np.nanargmax(mean))
    text = None if best is None else architectures[best].text
    return CorruptionFacts(label, text, tuple(_one(name, of[name], ranked, best) for name in CORRUPTIONS if name in of))


def _one(name: str, columns: Mapping[int, Column], ranked: Column, best: int | None) -> OneCorruption:
    at = {severity: columns[severity].mean for severity in SEVERITIES if severity in columns}
    mean = np.mean(list(at.values()), axis=0)
    both = ~np.isnan(mean + ranked.mean)
    return OneCorruption(
        name,
        {severity: math.nan if best is None else float(values[best]) for severity, values in at.items()},
        {severity: _median(values) for severity, values in at.items()},
        spearman(tied(mean)[both], tied(ranked.mean)[both]) if both.sum() >= _FEWEST else None,
    )


def _median(values: Any) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan


def corruption_blocks(facts: CorruptionFacts, ranked_by: str, number: str) -> Iterator[Block]:
    """A picture of the best architecture and the median of all, and the same in numbers.

    Args:
        facts: of one source.
        ranked_by: metric with which each corruption is correlated.
        number: tells the picture from those of other parts.
    """
    made = _MADE if facts.label else ""
    made += _FROST if facts.label and any(one.name == "frost" for one in facts.corruptions) else ""
    best = "" if facts.best is None else f" of {elided(facts.best)}, which has the highest mean, and"
    caption = f"Accuracy (%) by corruption and severity{best} of the median{made}."
    lowest = min(facts.corruptions, key=lambda one: np.nan_to_num(_mean(one.median), nan=1.0))
    alt = f"Grid of accuracies under {len(facts.corruptions)} corruptions; the median is lowest under {lowest.name}"
    yield Picture(f"corruptions-{number}", alt, corruption_figure(facts), caption)
    severities = sorted({severity for one in facts.corruptions for severity in one.median})
    header = ("corruption", *(f"best @{s}" for s in severities), "mean", *(f"median @{s}" for s in severities), "mean",
              f"ρ with {ranked_by}")  # fmt: skip
    rows = tuple(
        (
            one.name,
            *(text for of in (one.best, one.median) for text in (*_texts(of, severities), _percent(_mean(of)))),
            "–" if one.with_ranking is None or math.isnan(one.with_ranking) else f"{one.with_ranking:.3f}",
        )
        for one in facts.corruptions
    )
    what = "Accuracy in % by corruption and severity of the one with the highest mean, and the median of all"
    yield Grid(f"{what}; ρ: Spearman correlation of the mean over severities{made}", header, rows)


def _texts(of: Mapping[int, float], severities: Sequence[int]) -> Iterator[str]:
    return (_percent(of.get(severity, math.nan)) for severity in severities)


def _mean(of: Mapping[int, float]) -> float:
    return float(np.mean(list(of.values())))


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def corruption_figure(facts: CorruptionFacts) -> Figure:
    """Two grids of corruption × severity, shaded by accuracy, with the accuracy in each cell."""
    from matplotlib.figure import Figure

    panels = {"highest mean": "best", "median of all": "median"}
    figure = Figure(figsize=(8, 1.2 + 0.27 * len(facts.corruptions)), layout="constrained")
    several = figure.subplots(1, len(panels), sharey=True)
    for axes, (title, which) in zip(several, panels.items(), strict=True):
        of = [getattr(one, which) for one in facts.corruptions]
        values = 100 * np.array([[one.get(severity, math.nan) for severity in SEVERITIES] for one in of])
        shaded = axes.imshow(values, cmap="Blues", vmin=0, vmax=100, aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            if not math.isnan(value):
                colour = "white" if value > 60 else "black"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=colour)
        axes.set_title(title, fontsize=9)
        axes.set_xticks(range(len(SEVERITIES)), [str(severity) for severity in SEVERITIES])
        axes.set_xlabel("severity")
        axes.tick_params(length=0)
    several[0].set_yticks(range(len(facts.corruptions)), [one.name.replace("_", " ") for one in facts.corruptions])
    figure.colorbar(shaded, ax=several, label="accuracy (%)")
    return figure

"""Pictures of search results: anytime curves, critical differences, attainment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from robnas.reports._outputs import COLOURS, label
from robnas.reports._search_units import factor_of
from robnas.search import Goal, Result
from robnas.spaces import parse_key, space_of
from robnas.statistics import Ranking, attainment, by_task, regret_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ENDS = "mean ± 1.96 standard errors (band cut at a third of the mean); a curve ends where no run has any regret left"
_LONG = 160  # characters of a task that a title shows
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1)))


def _styles(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """Colour and dashes of each algorithm, the same in every panel."""
    names = dict.fromkeys(result.algorithm for result in results)
    return {
        name: {"color": COLOURS[i % len(COLOURS)], "linestyle": _DASHES[i // len(COLOURS) % len(_DASHES)]}
        for i, name in enumerate(names)
    }


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def anytime_curves(results: Sequence[Result]) -> Figure:
    """Mean regret after each query, with a band of ±1.96 standard errors; a panel per task, unit and optimum."""
    groups, styles = by_task(results), _styles(results)
    columns = min(math.ceil(math.sqrt(len(groups))), 3)
    rows = -(-len(groups) // columns)
    width = max(4.6 * columns + 0.6, 7.0)  # of the legend's title
    beside = min(max(int(width / (0.065 * max(map(len, styles)) + 0.55)), 1), 3, len(styles))
    figure = _figure(width, 3.6 * rows + 0.2 * math.ceil(len(styles) / beside) + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (task, found) in zip(panels, groups.items(), strict=False):
        for result in found:
            _curve(axes, result, styles[result.algorithm])
        if any((result.mean > 1e-11 * result.span).any() for result in found):
            axes.set_yscale("log")
        against = _wrapped(label(f"against the {found[0].optimum}", _LONG))
        axes.set_title(f"{_wrapped(label(task, _LONG))}\n{against}", fontsize=9)
        axes.set_xlabel("whole trainings' worth" if any(result.multi_fidelity for result in found) else "queries")
        several, accuracy = found[0].several, found[0].goal.is_accuracy
        unit = "percentage points" if accuracy else regret_unit(found[0])
        axes.set_ylabel("hypervolume missing (%)" if several else f"mean regret ({unit})")
        axes.grid(color="0.92", which="both")
        axes.set_axisbelow(True)
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linewidth=1.6, **style) for style in styles.values()]
    figure.legend(
        handles,
        [label(name) for name in styles],
        title=_ENDS,
        loc="outside lower center",
        ncols=beside,
        frameon=False,
        fontsize=8,
        title_fontsize=8,
    )
    return figure


def _curve(axes: Axes, result: Result, style: dict[str, Any]) -> None:
    """Means that are 0, which a logarithmic axis cannot show, end the curve."""
    queries = np.arange(1, result.budget + 1)
    factor = factor_of(regret_unit(result))
    mean, error = factor * result.mean, factor * 1.96 * result.standard_error
    shown = mean > 1e-9 * result.span  # below is rounding error
    mean = np.where(shown, mean, np.nan)
    axes.plot(queries, mean, linewidth=1.6, **style)
    low = np.maximum(mean - error, mean / 3)  # a band that reaches 0 would fill the axis
    axes.fill_between(queries, low, mean + error, color=style["color"], alpha=0.15, linewidth=0)


def _wrapped(text: str, width: float = 48) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, int(width)))


def critical_differences(rankings: Sequence[Ranking]) -> Figure:
    """Average ranks on a line, best to the left; a bar joins algorithms that are not distinguished (Demšar 2006)."""
    heights = [1.15 + 0.24 * ((len(r.algorithms) + 1) // 2) + 0.12 * len(r.cliques) for r in rankings]
    figure = _figure(8.5, sum(heights))
    panels = figure.subplots(len(rankings), 1, squeeze=False, height_ratios=heights).ravel()
    for axes, ranking, height in zip(panels, rankings, heights, strict=True):
        _ranks(axes, ranking, height)
    return figure


def _ranks(axes: Axes, ranking: Ranking, height: float) -> None:
    """One diagram; a unit of y is an inch."""
    count, half = len(ranking.algorithms), (len(ranking.algorithms) + 1) // 2
    side = 0.06 * count
    axes.set_axis_off()
    axes.set_xlim(1 - 0.85 * (count - 1) / 2, count + 0.85 * (count - 1) / 2)
    axes.set_ylim(height - 0.55, -0.6)
    axes.hlines(0, 1, count, color="black", linewidth=1)
    for tick in range(1, count + 1):
        axes.vlines(tick, -0.07, 0, color="black", linewidth=1)
        axes.text(tick, -0.1, str(tick), ha="center", va="bottom", fontsize=8)
    axes.hlines(-0.38, 1, 1 + ranking.critical_difference, color="black", linewidth=2)
    axes.text(
        1 + ranking.critical_difference + 0.03 * count,
        -0.38,
        f"CD {ranking.critical_difference:.2f}",
        va="center",
        fontsize=8,
    )
    axes.set_title(f"{label(ranking.title, _LONG)} ({ranking.blocks:,} seeds, Friedman p {_p(ranking.p)})", fontsize=9)
    below = 0.12 * (1 + len(ranking.cliques))
    for place, (name, rank) in enumerate(zip(ranking.algorithms, ranking.ranks, strict=True)):
        left = place < half
        depth = below + 0.24 * (place if left else count - 1 - place) + 0.1
        end = 1.0 - side if left else count + side
        axes.plot([rank, rank, end], [0, depth, depth], color="0.35", linewidth=0.9)
        text = f"{label(name)}  {rank:.2f}" if left else f"{rank:.2f}  {label(name)}"
        axes.text(
            end + (-1 if left else 1) * 0.01 * count,
            depth,
            text,
            ha="right" if left else "left",
            va="center",
            fontsize=8,
        )
    for number, (first, last) in enumerate(ranking.cliques):
        margin = 0.01 * count
        axes.hlines(
            0.1 + 0.12 * number,
            ranking.ranks[first] - margin,
            ranking.ranks[last] + margin,
            color="#D55E00",
            linewidth=3,
        )


def _p(p: float) -> str:
    return f"= {p:.2g}" if p >= 1e-4 else "< 0.0001"


def attainment_fronts(results: Sequence[Result]) -> Figure:
    """For each pair of objectives what half of the runs attain, with what a quarter and three quarters do.

    Args:
        results: of one task with several objectives.
    """
    styles = _styles(results)
    task, goals = results[0].task, results[0].goals
    scales = [_Scale.of(goal, task) for goal in goals]
    pairs = list(combinations(range(len(goals)), 2))
    figure = _figure(4.8 * len(pairs) + 0.4, 4.4)
    for axes, (a, b) in zip(figure.subplots(1, len(pairs), squeeze=False).ravel(), pairs, strict=True):
        front = results[0].table_front[:, [a, b]]
        x, (y,) = attainment([front], [1.0])
        across, up = scales[a], scales[b]
        _stairs(axes, across(x), up(y), color="0.55", linewidth=3, label="the table's front")
        for result in results:
            if not result.fronts:  # no run finished
                continue
            style = styles[result.algorithm]
            x, (most, half, few) = attainment([f[:, [a, b]] for f in result.fronts], [0.75, 0.5, 0.25])
            _stairs(axes, across(x), up(half), linewidth=1.5, label=label(result.algorithm), **style)
            shown = np.isfinite(most)
            axes.fill_between(
                across(x)[shown], up(most)[shown], up(few)[shown],
                color=style["color"], alpha=0.15, linewidth=0, step="pre",
            )  # fmt: skip
        axes.set_xlabel(across.label)
        axes.set_ylabel(up.label)
        _zoom(axes, results, (a, b), scales)
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8)
    budget = results[0].budget
    title = f"{label(task['name'], _LONG)}: attained by half of the runs, after {budget} queries; band: by 25 to 75 %"
    figure.suptitle(_wrapped(title, 12 * figure.get_figwidth()), fontsize=9)
    return figure


def _unit(cost: str, task: Mapping[str, Any]) -> str:
    """The cost, and of which size of the network it is where the space has several."""
    size = space_of(parse_key(task["space"]) if "space" in task else None).settings_text
    return f"{'MACs' if cost == 'macs' else cost} ({'; '.join(filter(None, ('millions', size)))})"


@dataclass(frozen=True)
class _Scale:
    """How an objective stands on an axis."""

    label: str
    factor: float
    """Accuracies are shown in percent, sizes in millions, anything else in its unit."""
    is_accuracy: bool

    @classmethod
    def of(cls, goal: Goal, task: Mapping[str, Any]) -> _Scale:
        """That of a reported column or cost."""
        if goal.name in task["costs"]:
            return cls(_unit(goal.name, task), -1e-6, False)
        name = label(goal.name.rpartition(" ")[2])
        if goal.is_accuracy:
            return cls(f"{name} (%)", 100.0, True)
        return cls(f"{name} ({goal.unit})" if goal.unit else name, goal.sign, False)

    def __call__(self, values: Any) -> Any:
        """Reported values, higher is better, as they stand on the axis."""
        return self.factor * values


def _stairs(axes: Axes, x: Any, y: Any, **style: Any) -> None:
    known = np.isfinite(y)
    axes.step(x[known], y[known], where="pre", **style)


def _zoom(axes: Axes, results: Sequence[Result], pair: tuple[int, int], scales: Sequence[_Scale]) -> None:
    """Where the searches differ: near the front, not where anything reaches it."""
    limits: tuple[Any, Any] = (axes.set_xlim, axes.set_ylim)
    for objective, limit in zip(pair, limits, strict=True):
        shown = scales[objective](results[0].table_front[:, objective])
        low, high = float(shown.min()), float(shown.max())
        if all(scales[one].is_accuracy for one in pair):  # what the median run of the worst algorithm lacks, four times
            reached = min(np.median([run[:, objective].max() for run in r.fronts]) for r in results if r.fronts)
            missing = high - float(scales[objective](reached))
            low = high - 4 * missing if missing > 0 else low
        elif scales[objective].is_accuracy:
            low = float(np.quantile(shown, 0.15))
        margin = 0.04 * (high - low)
        if margin > 0:
            limit(low - margin, high + margin)

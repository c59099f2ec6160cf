"""Findings as Markdown, CSV and a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from robnas.statistics import Correlation

from .findings import PRICES, Finding, Gold, better, frontier
from .study import GOLD_SEEDS

HEADER = (
    "training",
    "n",
    "passes (k)",
    "of standard width (k)",
    "seconds",
    "ρ",
    "ρ in the top tenth",
    "regret, first",
    "regret, best of ten",
    "overfitted (%)",
    "on the frontier: passes",
    "seconds",
)
# Okabe and Ito 2008: distinct for colour-blind readers; the marker tells the same once more.
STYLES = {
    "rs-fgsm": ("#E69F00", "v"),
    "n-fgsm": ("#D55E00", "s"),
    "free-4": ("#009E73", "D"),
    "pgd-2": ("#0072B2", "o"),
    "pgd-7": ("#56B4E9", "P"),
    "pgd-10": ("#000000", "X"),
}
MEASURES = ("spearman", "top", "first", "ten", "overfitted")


def report(gold: Gold, found: Sequence[Finding], lacking: Sequence[str]) -> str:
    """Everything as Markdown; `lacking` are settings of which there is too little."""
    study, fronts = gold.study, {name: frontier(found, price) for name, price in PRICES.items()}
    lines = [
        f"# How cheap may training be? {study.data}, {len(gold.archs)} architectures",
        "",
        f"Gold: {study.gold}, seeds {', '.join(map(str, GOLD_SEEDS))}, mean accuracy under {study.metric} on test "
        f"images, standard deviation {100 * gold.truth.std(ddof=1):.1f} points; ceiling of its noise {gold.ceiling}. "
        "ρ is Spearman's, with gold, of accuracy on validation images of one training; regrets are points of gold; "
        "intervals 95 %.",
        "",
        f"| {' | '.join(HEADER)} |",
        f"|{'---|' * len(HEADER)}",
    ]
    shares = [share for _, share in fronts.values()]
    order = sorted(range(len(found)), key=lambda place: (found[place].cost, found[place].seconds))
    lines += [f"| {' | '.join(_cells(found[place], [share[place] for share in shares]))} |" for place in order]
    for name, (places, share) in fronts.items():
        steps = [f"{found[p].name} (ρ {found[p].spearman.value:.3f}, in {share[p]:.0%} of resamples)" for p in places]
        lines += ["", f"**Frontier by {name}**, cheapest first: {'; '.join(steps)}."]
    if worse := [one.name for one in found[1:] if not better(one, found[0])]:
        lines += ["", f"**Not shown to order better than {found[0].name}**: {'; '.join(worse)}."]
    if lacking:
        lines += ["", f"Not there yet: {'; '.join(lacking)}."]
    return "\n".join(lines) + "\n"


def _cells(one: Finding, shares: Sequence[float]) -> Iterator[str]:
    yield one.name
    yield f"{one.count} ({one.failed} failed)" if one.failed else str(one.count)
    yield from (f"{one.passes / 1000:,.0f}", f"{one.cost / 1000:,.1f}", f"{one.seconds:.2f}")
    yield from (_interval(one.spearman), _interval(one.top))
    yield from (_interval(measure, points=True) for measure in (one.first, one.ten, one.overfitted))
    yield from (f"{share:.0%}" for share in shares)


def _interval(one: Correlation, *, points: bool = False) -> str:
    if one.value != one.value:
        return "–"
    value, low, high = (f"{100 * end:.1f}" if points else f"{end:.3f}" for end in (one.value, one.low, one.high))
    return value if one.low != one.low else f"{value} [{low}, {high}]"


def table(gold: Gold, found: Sequence[Finding]) -> tuple[list[str], list[list[Any]]]:
    """Header and lines of a CSV file, the last of which is the ceiling; regrets and shares are fractions."""
    header = ["training", "architectures", "failed", "passes", "standard_passes", "seconds"]
    lines: list[list[Any]] = []
    for one in found:
        intervals = [getattr(one, name) for name in MEASURES]
        values = [value for interval in intervals for value in (interval.value, interval.low, interval.high)]
        facts = [one.name, one.count, one.failed, one.passes, round(one.cost), f"{one.seconds:.4f}"]
        lines.append([*facts, *(f"{value:.5f}" for value in values)])
    ends = gold.ceiling.value, gold.ceiling.low, gold.ceiling.high
    most: list[Any] = ["ceiling of gold's noise", len(gold.archs), "", "", "", "", *(f"{value:.5f}" for value in ends)]
    lines.append(most + [""] * (len(lines[0]) - len(most)))
    return [*header, *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high"))], lines


def figure(gold: Gold, found: Sequence[Finding]) -> Any:
    """Cost against rank correlation, with the frontier, counting parameters and the ceiling of gold's noise."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    drawn = Figure(figsize=(12, 4.6), layout="constrained")
    panels = drawn.subplots(1, 2, sharey=True)
    shown = [one for one in found if one.spearman.value == one.spearman.value]  # a constant column has no ranks
    for axes, (name, price) in zip(panels, PRICES.items(), strict=True):
        for attack in STYLES:
            some = [one for one in shown if one.setting is not None and one.setting.attack == attack]
            _points(axes, attack, [price(one) for one in some], [one.spearman for one in some])
        front = [found[place] for place in frontier(found, price)[0] if found[place].setting is not None]
        prices, rhos = [price(one) for one in front], [one.spearman.value for one in front]
        axes.step(prices, rhos, where="post", color="0.2", linewidth=1, zorder=1, label="frontier")
        for place, style, label in (
            (found[0].spearman.value, "--", found[0].name),
            (gold.ceiling.value, ":", "ceiling of gold's noise"),
        ):
            axes.axhline(place, color="black", linestyle=style, linewidth=1, label=label)
        if any(one.setting is not None for one in shown):
            axes.set_xscale("log")
            axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
            for place in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
                place("{x:,.10g}")
            axes.tick_params(axis="x", which="both", labelsize=8)
        axes.set_xlabel(f"cost of a training: {name}")
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    panels[0].set_ylabel("Spearman's ρ with gold, 95 % interval")
    drawn.legend(*panels[0].get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside right center")
    return drawn


def _points(axes: Any, attack: str, prices: Sequence[float], rhos: Sequence[Correlation]) -> None:
    if not prices:
        return
    colour, marker = STYLES[attack]
    value, low, high = np.array([(rho.value, rho.low, rho.high) for rho in rhos]).T
    bars = np.nan_to_num(np.abs([value - low, high - value]))
    axes.errorbar(
        prices, value, bars, fmt=marker, color=colour, ecolor=(colour, 0.35), elinewidth=1, markersize=6, label=attack
    )

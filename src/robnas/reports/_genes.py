"""What the genes of a table's architectures have to do with accuracy: a picture and a table of a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from robnas.benchmarks import Column, Table
from robnas.reports._outputs import label
from robnas.reports._page import Block, Grid, Picture
from robnas.reports._table_facts import SplitFacts
from robnas.statistics import ChoiceEffect, GeneEffect

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS = 6  # genes of the picture, those that explain most
_BOXES = 16  # choices of a gene that a panel has room for
_ROWS = 25  # genes of the table
_BLUE = "#0072B2"  # Okabe and Ito 2008


def gene_blocks(table: Table, facts: SplitFacts, number: int) -> Iterator[Block]:
    """A picture of the genes that explain most of the ranking metric, and a table of all."""
    genes = sorted(facts.genes, key=lambda gene: -gene.explained if gene.explained == gene.explained else math.inf)
    drawn = [gene for gene in genes if 1 < len(gene.choices) <= _BOXES][:_PANELS]
    if drawn:
        column = table.column(facts.dataset, facts.qualified(facts.ranked_by), facts.split, facts.space, facts.beta)
        alt = f"Accuracy under {facts.ranked_by} by the choices of {', '.join(gene.gene for gene in drawn)}"
        caption = f"Accuracy under {facts.ranked_by} of the architectures that made each choice: quartiles, and range."
        yield Picture(f"genes-{number}", alt, gene_boxes(table, column, drawn), caption)
    yield _grid(genes, facts.ranked_by)


def _grid(genes: Sequence[GeneEffect], by: str) -> Grid:
    caption = (
        f"Genes by the share of the variance of {by} that their choice alone explains (ε²), with the choices whose "
        "architectures are best and worst on average, in %, and how many these are; not what one choice causes"
    )
    if len(genes) > _ROWS:
        caption += f"; the first {_ROWS} of {len(genes)}"
    rows = []
    for gene in genes[:_ROWS]:
        order = sorted(gene.choices, key=lambda choice: -choice.mean)
        explained = "–" if math.isnan(gene.explained) else f"{100 * gene.explained:.1f}"
        ends = (order[0], order[-1] if len(order) > 1 else None) if order else (None, None)
        rows.append((gene.gene, explained, f"{len(gene.choices)}", *(_end(one) for one in ends)))
    return Grid(caption, ("gene", "explained", "choices", "best", "worst"), tuple(rows), texts=(3, 4))


def _end(choice: ChoiceEffect | None) -> str:
    return "–" if choice is None else f"{choice.choice}: {100 * choice.mean:.2f} ({choice.architectures:,})"


def gene_boxes(table: Table, column: Column, genes: Sequence[GeneEffect]) -> Figure:
    """Quartiles and range of a column by the choices of genes, a panel each."""
    from matplotlib.figure import Figure

    places, values = table.space.position_array(table.architectures), column.mean
    wide = min(3, len(genes))
    deep = -(-len(genes) // wide)
    figure = Figure(figsize=(2.6 * wide + 0.6, 2.5 * deep + 0.2), layout="constrained")
    panels = figure.subplots(deep, wide, squeeze=False, sharey=True).ravel()
    for axes, effect in zip(panels, genes, strict=False):
        index, gene = next((i, one) for i, one in enumerate(table.space.genes) if one.name == effect.gene)
        made = [place for place, text in enumerate(gene.texts) if text in {choice.choice for choice in effect.choices}]
        groups = [100 * values[(places[:, index] == place) & ~np.isnan(values)] for place in made]
        boxes = axes.boxplot(groups, whis=(0, 100), widths=0.6, patch_artist=True)
        for box in boxes["boxes"]:
            box.set(facecolor=_BLUE, alpha=0.35, edgecolor=_BLUE)
        for line in boxes["medians"]:
            line.set(color="black", linewidth=1.4)
        names = [label(gene.texts[place], 16) for place in made]
        upright = sum(map(len, names)) > 26
        axes.set_xticks(range(1, len(made) + 1), names, rotation=90 if upright else 0, fontsize=8)
        share = "" if math.isnan(effect.explained) else f", {100 * effect.explained:.0f} % explained"
        axes.set_title(f"{label(gene.name, 24)}{share}", fontsize=9)
        axes.grid(color="0.92", axis="y")
        axes.set_axisbelow(True)
    for axes in panels[len(genes) :]:
        axes.set_visible(False)
    figure.supylabel(f"{label(column.metric)} accuracy (%)", fontsize=9)
    return figure

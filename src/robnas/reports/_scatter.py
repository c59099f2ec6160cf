"""Clean against robust accuracy, drawn without pyplot so that nothing global is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from robnas.reports._outputs import label
from robnas.reports._texts import rank_text
from robnas.spaces import SPACES, Gene, Space
from robnas.statistics import Accuracy, Row, gene_effects

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito 2008: distinct for colour-blind readers; the marker tells the same once more.
_STYLES = (
    ("#D55E00", "s"), ("#0072B2", "o"), ("#009E73", "D"), ("#CC79A7", "^"), ("#E69F00", "v"), ("#56B4E9", "P"),
    ("#000000", "X"),
)  # fmt: skip
_RANGES = 4  # into which the choices of an ordered gene are put where there are more than styles
_FEW = 60  # points that have error bars and names
_SHORT = 12  # characters of a text that names a point; where one is longer, all are named by their ranks


def clean_versus_robust(
    rows: Sequence[Row],
    clean: str,
    robust: str,
    front: Sequence[tuple[float, float]] = (),
    space: Space | None = None,
) -> Figure:
    """Clean against robust accuracy, a point per architecture.

    Shape and colour tell the families of the space apart, such as cells by their live convolutions; where it has none,
    the choices of the gene that explains most of the robust accuracy. A few points have bars of ±2 standard errors, and
    names, which are ranks where texts are long (`ranks_name_points`); thousands have neither.

    Args:
        rows: the architectures.
        clean: metric of the horizontal axis.
        robust: metric of the vertical axis.
        front: clean and robust accuracy of the Pareto front, which is drawn as a line.
        space: of the architectures; the registered one of that name if omitted.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    rows = _shown(rows, clean, robust)
    for (name, group), style in zip(_groups(rows, robust, space), _STYLES, strict=False):
        if group:
            _points(axes, group, clean, robust, style, name, few=len(rows) <= _FEW)
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


def ranks_name_points(rows: Sequence[Row], clean: str, robust: str) -> bool:
    """Whether the points of `clean_versus_robust` are named by ranks, because their texts are long."""
    shown = _shown(rows, clean, robust)
    return 0 < len(shown) <= _FEW and _are_long(shown)


def _shown(rows: Sequence[Row], clean: str, robust: str) -> list[Row]:
    return [row for row in rows if row.value(clean) == row.value(clean) and row.value(robust) == row.value(robust)]


def _are_long(rows: Sequence[Row]) -> bool:
    return max(len(row.architecture.text) for row in rows) > _SHORT


def _groups(rows: Sequence[Row], robust: str, space: Space | None) -> list[tuple[str, Sequence[Row]]]:
    """Name and rows of what has a colour of its own."""
    space = SPACES.get(rows[0].architecture.space) if rows and space is None else space
    if space is not None and space.families:
        of_rows = [space.family(row.architecture) for row in rows]
        return [
            (name, [row for row, family in zip(rows, of_rows, strict=True) if family == number])
            for number, name in enumerate(space.families)
        ]
    number = None if space is None else _telling(rows, robust, space)
    if space is None or number is None:
        return [("architectures", rows)]
    places = space.position_array([row.architecture for row in rows])[:, number]
    made = np.unique(places)
    several = np.array_split(made, len(made) if len(made) <= len(_STYLES) else _RANGES)
    found: list[tuple[str, Sequence[Row]]] = []
    for some in several:
        inside = np.isin(places, some).tolist()
        name = _range(space.genes[number], (int(some[0]), int(some[-1])))
        found.append((name, [row for row, within in zip(rows, inside, strict=True) if within]))
    return found


def _range(gene: Gene, ends: Sequence[int]) -> str:
    return label(f"{gene.name} = {' … '.join(dict.fromkeys(gene.texts[place] for place in ends))}")


def _telling(rows: Sequence[Row], robust: str, space: Space) -> int | None:
    """The gene that explains most of the robust accuracy, of those with a style for each choice or range of choices."""
    effects = gene_effects(space, [row.architecture for row in rows], [row.value(robust) for row in rows])
    shown = [
        (effect.explained, -number)
        for number, (gene, effect) in enumerate(zip(space.genes, effects, strict=True))
        if effect.explained == effect.explained and (gene.ordered or len(effect.choices) <= len(_STYLES))
    ]
    return -max(shown)[1] if shown else None


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


def _label_points(axes: Any, rows: Sequence[Row], clean: str, robust: str) -> None:
    """Texts or ranks left above the points, left out where they would cover a point or one another."""
    points = [(100 * row.value(clean), 100 * row.value(robust)) for row in rows]
    if not rows:
        return
    long = _are_long(rows)
    names = [rank_text(row) if long else row.architecture.text for row in rows]
    size = max(map(len, names)) / 6  # of a name in units of six characters
    width, height = size * 0.09 * np.ptp(axes.get_xlim()), 0.045 * np.ptp(axes.get_ylim())
    taken: list[tuple[float, float]] = []
    for name, (x, y) in zip(names, points, strict=True):
        covers_point = any(x - width < a < x and y < b < y + height for a, b in points)
        covers_label = any(abs(x - a) < width and abs(y - b) < height for a, b in taken)
        if not covers_point and not covers_label:
            taken.append((x, y))
            axes.annotate(name, (x, y), xytext=(-7, 5), textcoords="offset points", ha="right", fontsize=8)

"""Scores of neural tangent kernels against accuracy: the claims of the paper's Figure 5."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Scores, Table
from robnas.errors import InputError, Verbatim, shorten
from robnas.paper._figures import BLUE, GREEN, ORANGE, SKY
from robnas.reports import write_csv, write_pictures
from robnas.statistics import (
    Bootstrap,
    Scored,
    correlations,
    join,
    known_in,
    missing_last,
    simultaneous,
    spearman,
    summarised,
)
from robnas.types import Progress, parse_epsilon, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
HEADER = (
    "kernel", "epsilon", "measure", "metric", "architectures", "missing", "spearman", "low_95", "high_95", "kendall",
    "kendall_low_95", "kendall_high_95", "given_parameters", "given_low_95", "given_high_95",
)  # fmt: skip
CLAIMS = (
    "claim", "measure", "metric", "architectures", "first", "second", "difference", "low_95", "high_95", "low", "high",
    "level", "holds",
)  # fmt: skip
_COLOURS = (BLUE, ORANGE, GREEN, SKY, "#CC79A7", "#E69F00", "#000000", "#888888")  # Okabe and Ito 2008, and grey


@dataclass(frozen=True)
class _Kernel:
    """A kernel at one radius."""

    name: str
    epsilon: str
    """Of the attack; empty for the clean kernel."""

    def __str__(self) -> str:
        return f"{self.name} {self.epsilon}".rstrip()


def figure5(out: Path, scores: Sequence[Scores], table: Table, dataset: str, progress: Progress = silent) -> list[Path]:
    """Correlations of kernel scores with accuracies, and whether the paper's claims about them hold.

    The paper's settings (score, images, attack, batch norm, initialisations) and values were not found, so this is no
    reproduction of its numbers. It tests what the text claims: robust kernels follow robust accuracy better than the
    clean one, those of a larger radius better than those of a smaller one, twice attacked ones better than once
    attacked ones; and what any score has to be asked: whether it orders architectures better than their number of
    parameters.

    An architecture without a score, as its kernel is singular or not finite, ranks below all others, ties averaged:
    a search would take it last.

    Args:
        out: folder.
        scores: files with ``ntk-`` scores, one per radius of the attack.
        table: of trained networks.
        dataset: of the table; its test split is read.
        progress: told about finished scores.

    Returns:
        ``figure5.csv`` (correlations; ``missing`` of the architectures have no score), ``figure5-claims.csv``
        (differences of Spearman correlations; intervals ``low_95`` to ``high_95`` hold for each row alone, ``low`` to
        ``high`` for all rows of a claim together with 95 %, each alone with ``level``), ``figure5.png`` and
        ``figure5.svg``.

    Raises:
        InputError: no kernel scores, too few architectures, files of different settings or two of one radius.
    """
    _check_fit(scores)
    both = join(scores, table, dataset)
    values = _columns(scores, both)
    columns = {key: _ranks(column) for key, column in values.items()}
    draws, rows = Bootstrap(len(both.codes), np.random.default_rng(0)), list[list[Any]]()
    for done, ((kernel, measure), column) in enumerate(columns.items(), start=1):
        missing = int(np.isnan(values[kernel, measure]).sum())
        for metric, truth in both.truth.items():
            found = correlations(column, truth, both.parameters, draws)
            numbers = [f"{number:.4f}" for one in found for number in (one.value, one.low, one.high)]
            rows.append([kernel.name, kernel.epsilon, measure, metric, found[0].count, missing, *numbers])
        progress(done, len(columns), f"correlations of {kernel}, {measure}")
    claims = _claims(columns, both, draws)
    settings = scores[0].settings
    size = scores[0].space.settings_text if "space" in settings else "C = ?, N = ?"
    title = (
        f"{len(both.codes):,} architectures of {table.name}, {dataset}; {settings.get('images', '?')} images of "
        f"{settings.get('data', '?')}, {size}, "
        f"initialisations: {settings.get('repeats', '?')}, outputs: {settings.get('kernel', {}).get('reduction', '?')}"
    )
    return [
        write_csv(out / "figure5.csv", HEADER, rows),
        write_csv(out / "figure5-claims.csv", CLAIMS, claims),
        *write_pictures(out / "figure5", _figure(rows, both, title)),
    ]


def _check_fit(scores: Sequence[Scores]) -> None:
    """Raise unless the files differ in their attack and their names alone, with a radius each."""
    seen = set[str]()
    for one in scores:
        for key in dict.fromkeys([*scores[0].settings, *one.settings]):
            wanted, found = scores[0].settings.get(key), one.settings.get(key)
            if key not in ("threat", "proxies") and found != wanted:
                raise InputError(
                    f"scores, {key} of the files", expected=f"the same in all, {shorten(wanted)}", got=found,
                    remedy="score again with equal settings: only the attack and the names may differ",
                )  # fmt: skip
        epsilon = _epsilon(one)
        if epsilon in seen:
            raise InputError(
                "scores", expected="one file per radius of the attack", got=Verbatim(f"two of {epsilon or 'none'}"),
                remedy="put all names of a radius into one robnas score",
            )  # fmt: skip
        seen.add(epsilon)


def _epsilon(scores: Scores) -> str:
    return str(scores.settings.get("threat", {}).get("epsilon", ""))


def _columns(scores: Sequence[Scores], both: Scored) -> dict[tuple[_Kernel, str], Floats]:
    """Every kernel score by kernel and measure; the clean kernel of the first file that has it."""
    found: dict[tuple[_Kernel, str], Floats] = {}
    for one in scores:
        epsilon = _epsilon(one)
        for name in one.names:
            if not name.startswith("ntk-") or name.startswith("ntk-trained-"):  # of untrained networks
                continue
            kernel, measure = _split(name)
            key = (_Kernel(kernel, "" if kernel == "clean" else epsilon), measure)
            found.setdefault(key, one.at(both.codes, name))
    if not found:
        raise InputError(
            "scores", expected="scores of kernels, whose names begin with ntk-",
            got=Verbatim(", ".join(name for one in scores for name in one.names)[:100]),
            remedy="robnas score --sample 300 --proxy ntk-clean-lambda-min,ntk-robust-lambda-min --out scores.parquet",
        )  # fmt: skip
    return found


def _ranks(column: Floats) -> Floats:
    """Ranks of scores, ties averaged; missing ones tie below all others."""
    from scipy.stats import rankdata

    ranks: Floats = rankdata(missing_last(column))
    return ranks


def _split(name: str) -> tuple[str, str]:
    """Kernel and measure of ``ntk-mixed-twice-lambda-min``."""
    kernels = ("mixed-twice", "clean", "cross", "robust", "mixed", "twice")
    rest = name.removeprefix("ntk-")
    kernel = next((one for one in kernels if rest.startswith(f"{one}-")), rest.partition("-")[0])
    return kernel, rest.removeprefix(f"{kernel}-")


def _claims(columns: dict[tuple[_Kernel, str], Floats], both: Scored, draws: Bootstrap) -> list[list[Any]]:
    """Differences of two Spearman correlations with one metric, on the same resampled architectures.

    A claim is made once per measure, metric and pair: its intervals are as wide as so many tests demand.
    """
    asked = _asked(columns, both)
    tests = Counter(claim for claim, *_ in asked)
    rows: list[list[Any]] = []
    for claim, (kernel, measure), other, second, metric in asked:
        column, truth = columns[kernel, measure], both.truth[metric]
        known = known_in(column, second, truth)
        gap = np.full(2, np.nan)
        if known.sum() >= 3:
            gap = draws.spearman(column, truth, known) - draws.spearman(second, truth, known)
        alone, found = summarised(gap, int(known.sum())), simultaneous(gap, int(known.sum()), tests[claim])
        holds = "yes" if found.low > 0 else "no" if found.high < 0 else "open"
        rows.append([claim, measure, metric, found.count, str(kernel), other,
                     *(f"{value:.4f}" for value in (found.value, alone.low, alone.high, found.low, found.high)),
                     f"{found.level:.6f}", holds])  # fmt: skip
    return rows


def _asked(
    columns: dict[tuple[_Kernel, str], Floats], both: Scored
) -> list[tuple[str, tuple[_Kernel, str], str, Floats, str]]:
    """Claim, the score that is said to be better, the other with its name, and the metric."""
    found = []
    for kernel, measure in columns:
        pairs: list[tuple[str, str, Floats]] = [("beats counting parameters", "parameters", both.parameters)]
        if kernel.name == "robust":
            pairs += [("robust beats clean", str(k), c) for (k, m), c in columns.items()
                      if (k.name, m) == ("clean", measure)]  # fmt: skip
        if kernel.name in ("robust", "twice"):
            pairs += [("larger radius beats smaller", str(k), c) for (k, m), c in columns.items()
                      if (k.name, m) == (kernel.name, measure) and _radius(k) < _radius(kernel)]  # fmt: skip
        if kernel.name == "twice":
            pairs += [("twice beats once", str(k), c) for (k, m), c in columns.items()
                      if (k.name, k.epsilon, m) == ("robust", kernel.epsilon, measure)]  # fmt: skip
        found += [(claim, (kernel, measure), other, c, metric) for claim, other, c in pairs for metric in both.truth]
    return found


def _radius(kernel: _Kernel) -> float:
    return parse_epsilon(kernel.epsilon or 0)


def _figure(rows: list[list[Any]], both: Scored, title: str) -> Figure:
    """A panel per measure: Spearman by metric, a line per kernel that the paper names; the others are in the CSV."""
    from matplotlib.figure import Figure

    rows = [row for row in rows if row[0] in ("clean", "robust", "twice")] or rows
    metrics, measures = list(both.truth), list(dict.fromkeys(row[2] for row in rows))
    wide = min(3, len(measures))
    deep = -(-len(measures) // wide)
    figure = Figure(figsize=(0.8 + 3.7 * wide, 1.6 + 2.8 * deep), layout="constrained")
    panels = np.atleast_1d(figure.subplots(deep, wide, sharex=True, sharey=True)).ravel()
    kernels = list(dict.fromkeys(f"{row[0]} {row[1]}".rstrip() for row in rows))
    base = [spearman(both.parameters[known], truth[known]) for truth in both.truth.values()
            for known in [~np.isnan(truth)]]  # fmt: skip
    for axes, measure in zip(panels, measures, strict=False):
        for place, kernel in enumerate(kernels):
            chosen = [row for row in rows if row[2] == measure and f"{row[0]} {row[1]}".rstrip() == kernel]
            if not chosen:
                continue
            values = np.array([[float(cell) for cell in row[6:9]] for row in chosen])
            where = np.arange(len(metrics)) + 0.06 * (place - len(kernels) / 2)
            error = np.clip([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], 0, None)
            colour = _COLOURS[place % len(_COLOURS)]
            axes.errorbar(where, values[:, 0], error, color=colour, marker="o", markersize=3, linewidth=1, label=kernel)
        axes.plot(
            range(len(metrics)), base, color="black", linestyle=":", linewidth=1, label="parameters on live edges"
        )
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.set_title(measure, fontsize=9)
        axes.set_xticks(range(len(metrics)), metrics, rotation=45, ha="right", fontsize=7)
    for axes in panels[len(measures) :]:
        axes.remove()
    for axes in panels[max(0, len(measures) - wide) : len(measures)]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
    shown = [axes.get_legend_handles_labels() for axes in figure.axes]
    entries = {label: handle for handles, labels in shown for handle, label in zip(handles, labels, strict=True)}
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.supylabel("Spearman with accuracy, 95 % interval over architectures", fontsize=9)
    figure.suptitle(f"{title}\nclaims of the paper's Figure 5, not its unknown settings", fontsize=9)
    return figure

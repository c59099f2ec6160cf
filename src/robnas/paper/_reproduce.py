"""Tables and figures of Wu et al. 2024 from the published tables, as CSV and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from robnas._settings import check_keys
from robnas.benchmarks import Scores, Table, duplicate_groups, duplicate_residuals, load, tied
from robnas.errors import InputError, Verbatim
from robnas.paper import _figures as figures
from robnas.paper._figure5 import figure5
from robnas.paper._proxies import proxies
from robnas.paper._table1 import table1
from robnas.paper._table2 import table2
from robnas.reports import write_csv, write_pictures
from robnas.spaces.nas_bench_201 import NAME
from robnas.statistics import correlation_ceiling, spearman
from robnas.types import Progress, silent

SPLIT = "test"
_CROSS_METRICS = ("clean", "fgsm@8/255", "pgd@8/255", "autoattack@8/255")


def figure2(out: Path, progress: Progress = silent) -> list[Path]:
    """Box plots of all metrics on all data sets."""
    table = load("nas-robbench-201")
    rows = []
    for column in table.columns:
        quantiles = np.quantile(column.mean, [0, 0.25, 0.5, 0.75, 1])
        rows.append([column.dataset, column.metric, int(column.counts.max()), *(f"{q:.4f}" for q in quantiles)])
    header = ["dataset", "metric", "runs", "min", "lower_quartile", "median", "upper_quartile", "max"]
    figure = figures.box_plots(table)
    progress(1, 1, "box plots")
    return [write_csv(out / "figure2.csv", header, rows), *write_pictures(out / "figure2", figure)]


def figure3(out: Path, progress: Progress = silent) -> list[Path]:
    """Ranks under several metrics, and Spearman correlations between data sets."""
    table = load("nas-robbench-201")
    rows = []
    for metric in _CROSS_METRICS:
        for number, first in enumerate(table.datasets):
            for second in table.datasets[number + 1 :]:
                found = spearman(*(tied(table.values(name, metric, split=SPLIT)) for name in (first, second)))
                rows.append([metric, first, second, f"{found:.3f}"])
    figure = figures.ranks(table, _CROSS_METRICS, rows)
    progress(1, 1, "ranks")
    return [
        write_csv(out / "figure3.csv", ["metric", "first", "second", "spearman"], rows),
        *write_pictures(out / "figure3", figure),
    ]


def duplicates(out: Path, progress: Progress = silent) -> list[Path]:
    """The noise floor: spread of networks trained several times by accident, and what it leaves to predict."""
    table, rows, rng = load("nas-robbench-201"), [], np.random.default_rng(0)
    for done, column in enumerate(table.columns, start=1):
        noise = table.noise(column.dataset, column.metric, split=column.split)
        residuals = duplicate_residuals(table.rows, column.mean)
        ceilings = [
            correlation_ceiling(column.mean, residuals, method, rng=rng, resamples=100)
            for method in ("spearman", "kendall")
        ]
        rows.append(
            [
                column.dataset, column.metric, noise.groups, noise.members, f"{100 * noise.sd:.3f}",
                *(f"{100 * sd:.3f}" for sd in (noise.run_sd, *noise.interval)),
                *(f"{ceiling.value:.4f}" for ceiling in ceilings),
                *(f"{end:.4f}" for ceiling in ceilings for end in (ceiling.low, ceiling.high)),
            ]
        )  # fmt: skip
        progress(done, len(table.columns), "noise floor")
    header = [
        "dataset", "metric", "groups", "members", "sd_percentage_points", "sd_of_one_run_percentage_points",
        "sd_of_one_run_low_95", "sd_of_one_run_high_95", "spearman_ceiling", "kendall_ceiling",
        "spearman_ceiling_low_95", "spearman_ceiling_high_95", "kendall_ceiling_low_95", "kendall_ceiling_high_95",
    ]  # fmt: skip
    figure = figures.duplicate_spread(table, duplicate_groups(table.rows))
    return [write_csv(out / "duplicates.csv", header, rows), *write_pictures(out / "duplicates", figure)]


REPRODUCTIONS: dict[str, Callable[[Path, Progress], list[Path]]] = {
    "table1": table1,
    "table2": table2,
    "figure2": figure2,
    "figure3": figure3,
    "duplicates": duplicates,
}


def check_of_paper(name: str, scores: Sequence[Scores] = (), table: Table | None = None) -> None:
    """Raise `InputError` where a table or scores are of another space than the paper's."""
    tables = [] if table is None else [(f"table {table.name}", table.space.name)]
    for what, space in (*tables, *(("scores", one.space.name) for one in scores)):
        if space != NAME:
            got = Verbatim(f"{what} of space {space}")
            raise InputError(f"reproduction {name}", expected=f"space {NAME}, which is the paper's", got=got)


SCORED: tuple[str, ...] = ("proxies", "figure5")
"""Those that need scores of untrained networks."""
_OF_A_PART = ("proxies", "robnas")  # settings in which files of the same scoring differ


def _parts_of_one(scores: Sequence[Scores]) -> bool:
    """Whether what comes from files could stand in one: other scores of the same settings, made by any version."""
    files = [one for one in scores if "table" not in one.settings]
    names = [name for one in files for name in one.names]
    settings = [{key: one.settings[key] for key in one.settings if key not in _OF_A_PART} for one in files]
    return len(set(names)) == len(names) and all(one == settings[0] for one in settings)


def reproduce(
    name: str,
    out: Path,
    progress: Progress = silent,
    *,
    scores: Sequence[Scores] = (),
    table: Table | None = None,
    dataset: str = "cifar10",
) -> list[Path]:
    """Write a table or figure of the paper as CSV, PNG and SVG.

    Args:
        name: one of `REPRODUCTIONS` or `SCORED`.
        out: folder.
        progress: told about long work.
        scores: for `SCORED`: those of one file for ``proxies``, or of several of equal settings that share no score,
            and of tables, see `robnas.benchmarks.load_scores`; one per radius of the attack for ``figure5``.
        table: for `SCORED`; ``nas-robbench-201`` if None.
        dataset: of that table.

    Returns:
        The files.

    Raises:
        InputError: an unknown name, scores that are missing or not wanted, or a table or scores of another space than
            the paper's.
    """
    check_keys("reproduction", [name], [*REPRODUCTIONS, *SCORED])
    check_of_paper(name, scores, table)
    if (name in SCORED) != bool(scores) or (name == "proxies" and not _parts_of_one(scores)):
        wanted = {"proxies": "one file", "figure5": "one file, or one per radius of the attack"}
        raise InputError(
            f"scores of reproduction {name}", expected=wanted.get(name, "none"), got=Verbatim(str(len(scores))),
            remedy="robnas score --all --proxy cheap --data cifar10 --out scores.parquet writes one"
            + "; several have equal settings and no score in common" * (name == "proxies" and len(scores) > 1)
            if name in SCORED else "",
        )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    if name in REPRODUCTIONS:
        return REPRODUCTIONS[name](out, progress)
    truth = load("nas-robbench-201") if table is None else table
    if name == "proxies":
        return proxies(out, scores, truth, dataset, progress)
    return figure5(out, scores, truth, dataset, progress)

"""Table 1 of Wu et al. 2024: accuracies with and without adversarial training, and what ε does to their correlation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Table, load, tied
from robnas.paper import _figures as figures
from robnas.reports import write_csv, write_pictures
from robnas.statistics import correlate, spearman
from robnas.types import Metric, Progress, is_metric, silent

DATASET, SPLIT = "cifar10", "test"
# Table 1 of the paper (CIFAR-10, Spearman), recalled from it; * is Jung et al. 2023, without adversarial training.
_PUBLISHED = {
    ("Clean", "PGD"): 0.985, ("Clean", "FGSM"): 0.989, ("Clean", "Clean*"): 0.977, ("Clean", "PGD*"): 0.313,
    ("Clean", "FGSM*"): 0.898, ("PGD", "FGSM"): 0.998, ("PGD", "Clean*"): 0.970, ("PGD", "PGD*"): 0.382,
    ("PGD", "FGSM*"): 0.937, ("FGSM", "Clean*"): 0.974, ("FGSM", "PGD*"): 0.371, ("FGSM", "FGSM*"): 0.931,
    ("Clean*", "PGD*"): 0.322, ("Clean*", "FGSM*"): 0.891, ("PGD*", "FGSM*"): 0.487,
}  # fmt: skip
_OURS = {"Clean": "clean", "PGD": "pgd@8/255", "FGSM": "fgsm@8/255"}
_THEIRS = {"Clean*": "clean", "PGD*": "pgd@8/255", "FGSM*": "fgsm@8/255"}
_DRAWN = {"PGD*": "pgd", "FGSM*": "fgsm", "APGD*": "apgd", "Square*": "square"}
NEEDS_ALL = "needs the authors' full files: robnas fetch jung-2023 --from FOLDER"
Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Floats]
Sweep = Mapping[str, Mapping[str, Floats]]
"""Values of an attack of Jung et al. at every ε, weakest first."""


def table1(out: Path, progress: Progress = silent) -> list[Path]:
    """Spearman correlations between accuracies with and without (*) adversarial training, beside the published ones.

    The paper's attacks of Jung et al. are at 8/255, where their networks, which were trained without attacks, have next
    to no accuracy left: a second file and figure have the correlations at every ε. Both need the authors' full files;
    without them the cells of PGD* and FGSM* stay empty.
    """
    ours, theirs = load("nas-robbench-201"), load("jung-2023")
    columns = {name: _values(ours, ours, key) for name, key in _OURS.items()}
    known = {column.metric for column in theirs.columns if column.dataset == DATASET}
    columns |= {name: _values(theirs, ours, key) for name, key in _THEIRS.items() if key in known}
    swept = {
        name: {key.partition("@")[2]: _values(theirs, ours, key) for key in _keys(theirs, attack)}
        for name, attack in _DRAWN.items()
    }
    if lacking := [name for name in _THEIRS if name not in columns]:
        logging.getLogger("robnas").warning("table1: no %s at 8/255: %s", " and ".join(lacking), NEEDS_ALL)
    rng, rows = np.random.default_rng(0), []
    for done, ((first, second), published) in enumerate(_PUBLISHED.items(), start=1):
        if first in columns and second in columns:
            found = correlate(*_both(columns[first], columns[second]), rng=rng)
            equal = round(found.value, 3) == published
            cells = [f"{found.value:.3f}", f"{found.low:.3f}", f"{found.high:.3f}", published, equal]
            rows.append([first, second, *cells, _hidden(first, second, columns, swept)])
        else:
            rows.append([first, second, "", "", "", published, "", NEEDS_ALL])
        progress(done, len(_PUBLISHED), "bootstrap")
    header = ["row", "column", "spearman", "low_95", "high_95", "published", "equal", "note"]
    figure = figures.correlation_table([*_OURS, *_THEIRS], rows)
    paths = [write_csv(out / "table1.csv", header, rows), *write_pictures(out / "table1", figure)]
    return [*paths, *_by_epsilon(out, columns, swept)] if not lacking else paths


def _values(table: Table, ours: Table, metric: str) -> Floats:
    """Of the architectures that `ours` holds, in its order."""
    return tied(table.values(DATASET, metric, split=SPLIT, index=ours.rows))


def _both(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Where both are known."""
    known = ~(np.isnan(first) | np.isnan(second))
    return first[known], second[known]


def _keys(table: Table, attack: str) -> list[str]:
    """Metric keys of an attack, weakest first."""
    metrics = [Metric.parse(key) for column in table.columns if is_metric(key := column.metric)]
    found = {metric.threat.epsilon: metric.key for metric in metrics if metric.threat and metric.attack == attack}
    known = {column.metric for column in table.columns if column.dataset == DATASET}
    return [found[epsilon] for epsilon in sorted(found) if found[epsilon] in known]


def _hidden(first: str, second: str, columns: Columns, swept: Sweep) -> str:
    """What a correlation with an attack of Jung et al. at 8/255 does not show."""
    attacked = [name for name in (first, second) if name in swept]
    if not attacked:
        return ""
    texts = [
        f"{name} at 8/255 has mean {np.nanmean(columns[name]):.4f} and {_distinct(columns[name])} distinct values"
        for name in attacked
    ]
    weakest = next(iter(swept[attacked[0]]))
    pair = [swept[name].get(weakest, columns[name]) if name in attacked else columns[name] for name in (first, second)]
    value = spearman(*_both(pair[0], pair[1]))
    mean = np.nanmean(swept[attacked[0]][weakest])
    return "; ".join([*texts, f"at {weakest} (mean {mean:.4f}) the same correlation is {value:.3f}"])


def _distinct(values: Floats) -> int:
    return len(np.unique(values[~np.isnan(values)]))


def _by_epsilon(out: Path, columns: Columns, swept: Sweep) -> list[Path]:
    """Correlations with the attacks of Jung et al. at every ε, as CSV and pictures."""
    against = [*_OURS, "Clean*"]
    rows: list[list[Any]] = []
    for name, levels in swept.items():
        for epsilon, values in levels.items():
            found = [spearman(*_both(columns[other], values)) for other in against]
            mean, distinct = f"{np.nanmean(values):.4f}", _distinct(values)
            rows.append([name, epsilon, mean, distinct, *(f"{value:.3f}" for value in found)])
    header = ["attack", "epsilon", "mean", "distinct", *against]
    figure = figures.correlations_by_epsilon(against, rows)
    return [
        write_csv(out / "table1-epsilon.csv", header, rows),
        *write_pictures(out / "table1-epsilon", figure),
    ]

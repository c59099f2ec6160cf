"""The published files of Wu et al. 2024 → tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.benchmarks.nas_bench_201._reading import (
    DATASETS,
    Files,
    as_accuracy,
    as_id,
    as_mapping,
    as_table,
    read_codes,
    read_meta,
    read_object,
    read_page,
    refuse,
    split_key,
)
from robnas.benchmarks.nas_bench_201._reading import SPACE as SPACE

_METRICS = {
    "val_acc": "clean", "val_fgsm_3_acc": "fgsm@3/255", "val_pgd_3_acc": "pgd@3/255",
    "val_fgsm_8_acc": "fgsm@8/255", "val_pgd_8_acc": "pgd@8/255", "autoattack": "autoattack@8/255",
    "val_fgsm_3.0_acc": "fgsm@3/255", "val_pgd_3.0_acc": "pgd@3/255",
    "val_fgsm_8.0_acc": "fgsm@8/255", "val_pgd_8.0_acc": "pgd@8/255",
}  # fmt: skip
_SEEDS = 3
_RUNS = {metric: 1 if metric.startswith("autoattack") else _SEEDS for metric in _METRICS.values()}
_MOST_SEEDS = 100


def nas_robbench_201(files: Files, provenance: Mapping[str, Any]) -> Table:
    """The project page's table: means of 3 seeds, AutoAttack one seed (Wu et al. 2024)."""
    page, published = files["NAS-RobBench-201_html.json"], read_codes(files["ops.json"])
    keys, rows, values = read_page(page, published)
    columns = []
    for position, key in enumerate(keys):
        dataset, metric = split_key(page, key, DATASETS, _METRICS)
        column = Column(dataset, "test", metric, values[:, [position]], runs=_RUNS[metric], space=SPACE.key)
        columns.append(column)
    return as_table("nas-robbench-201", page, rows, columns, published, provenance)


def either_of_the_authors(meta: Path, results: Path) -> Table:
    """The project page's table or the full one, whichever `results` holds; `meta` is ``meta.json`` or ``ops.json``."""
    if results.is_file() and "" in read_object(results):
        return nas_robbench_201({"NAS-RobBench-201_html.json": results, "ops.json": meta}, {})
    return nas_robbench_201_seeds({"meta.json": meta, "NAS-RobBench-201_all.json": results}, {})


def nas_robbench_201_seeds(files: Files, provenance: Mapping[str, Any]) -> Table:
    """The official full file: ``res[dataset][id][metric][seed]``; means are computed from the seeds that are there.

    The published mean ``threeseed`` is used where a metric has no seeds at all. Provenance counts the missing runs, of
    every metric on every data set for each of the 6,466 representatives, three seeds of each at least and one of
    AutoAttack, and the means of three seeds that differ from ``threeseed``.
    """
    published, representative = read_meta(files["meta.json"])
    path = files["NAS-RobBench-201_all.json"]
    content = read_object(path)
    if unknown := [dataset for dataset in content if dataset not in DATASETS]:
        refuse(path, f"data sets {', '.join(DATASETS)}", unknown[0])
    ids = sorted({as_id(path, key) for results in content.values() for key in as_mapping(path, results)})
    if wrong := [number for number in ids if representative[number] != number]:
        refuse(path, "ids of representatives", f"{wrong[0]}, which stands for {representative[wrong[0]]}")
    expected = len(set(representative))
    columns, disagreeing = [], {}
    missing = {
        f"{dataset} test {metric}": runs * expected
        for dataset in dict.fromkeys(DATASETS.values())
        for metric, runs in _RUNS.items()
    }
    for dataset, results in content.items():
        metrics = list(dict.fromkeys(metric for entry in results.values() for metric in as_mapping(path, entry)))
        for metric in metrics:
            if metric not in _METRICS:
                refuse(path, f"metrics {', '.join(_METRICS)}", metric)
            column = _seed_column(path, results, ids, dataset, metric)
            columns.append(column)
            runs = max(_RUNS[column.metric], len(column.seeds), column.runs)
            missing[column.name] = runs * expected - int(column.counts.sum())
            disagreeing[column.name] = _disagreeing(results, ids, metric, column)
    facts = {
        **provenance,
        "missing_runs": {name: count for name, count in missing.items() if count},
        "threeseed_differs_from_mean": {name: count for name, count in disagreeing.items() if count},
    }
    own = np.argsort(published)[ids]
    return as_table("nas-robbench-201-seeds", path, own, columns, published, facts)


def _disagreeing(results: Mapping[str, Any], ids: list[int], metric: str, column: Column) -> int:
    """How many published means of three seeds differ from the mean of the three that are there."""
    cells = [results.get(str(number), {}).get(metric) for number in ids]
    published = [cell.get("threeseed") if isinstance(cell, Mapping) else None for cell in cells]
    means = np.array([mean if isinstance(mean, int | float) else np.nan for mean in published])
    return int(((column.counts == _SEEDS) & (np.abs(means - column.mean) > 1e-6)).sum())


def _seed(path: Path, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= 9 and str(int(value)) == value):
        refuse(path, "seeds as whole numbers, and threeseed", value)
    return int(value)


def _seed_column(path: Path, results: Mapping[str, Any], ids: list[int], dataset: str, metric: str) -> Column:
    name = DATASETS[dataset]
    cells = [as_mapping(path, results.get(str(number), {})).get(metric, {}) for number in ids]
    if not any(isinstance(cell, Mapping) for cell in cells if cell != {}) and any(
        cell != {} for cell in cells
    ):  # a bare number: one run of unknown seed
        values = np.array([[np.nan if cell == {} else as_accuracy(path, cell)] for cell in cells])
        return Column(name, "test", _METRICS[metric], values, space=SPACE.key)
    named = {key for cell in cells for key in as_mapping(path, cell)} - {"threeseed"}
    seeds = tuple(sorted(_seed(path, key) for key in named))
    if not seeds and any("threeseed" in cell for cell in cells):
        values = np.array([[as_accuracy(path, cell["threeseed"]) if cell else np.nan] for cell in cells])
        return Column(name, "test", _METRICS[metric], values, runs=_SEEDS, space=SPACE.key)
    if not 0 < len(seeds) <= _MOST_SEEDS:
        refuse(path, f"1 to {_MOST_SEEDS} seeds for {dataset} {metric}", len(seeds))
    values = np.array(
        [[as_accuracy(path, cell[str(seed)]) if str(seed) in cell else np.nan for seed in seeds] for cell in cells]
    )
    return Column(name, "test", _METRICS[metric], values, seeds, space=SPACE.key)

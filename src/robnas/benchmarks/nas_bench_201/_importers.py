"""Published files → tables. The files are data: they are parsed, never evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.spaces.nas_bench_201 import SIZE, CellArchitecture, NASBench201, partition

Files = Mapping[str, Path]
_LARGEST = 64 * 2**20
_DATASETS = {
    "cifar10": "cifar10", "cifar100": "cifar100", "imagenet": "imagenet16-120", "ImageNet16-120": "imagenet16-120",
}  # fmt: skip
_METRICS = {
    "val_acc": "clean", "val_fgsm_3_acc": "fgsm@3/255", "val_pgd_3_acc": "pgd@3/255",
    "val_fgsm_8_acc": "fgsm@8/255", "val_pgd_8_acc": "pgd@8/255", "autoattack": "autoattack@8/255",
    "val_fgsm_3.0_acc": "fgsm@3/255", "val_pgd_3.0_acc": "pgd@3/255",
    "val_fgsm_8.0_acc": "fgsm@8/255", "val_pgd_8.0_acc": "pgd@8/255",
}  # fmt: skip
# Jung et al. 2023 as summarised on the project page: averaged over the epsilons that they measured.
_JUNG_METRICS = {
    "clean": "clean", "aa_apgd-ce": "apgd@average", "aa_square": "square@average", "fgsm": "fgsm@average",
    "pgd": "pgd@average", "corr": "corruptions",
}  # fmt: skip
_SEEDS = 3
_RUNS = {metric: 1 if metric.startswith("autoattack") else _SEEDS for metric in _METRICS.values()}
_MOST_SEEDS = 100
SPACE = NASBench201()
"""What both groups of authors trained: the skeleton of its usual size."""


def nas_robbench_201(files: Files, provenance: Mapping[str, Any]) -> Table:
    """The project page's table: means of 3 seeds, AutoAttack one seed (Wu et al. 2024)."""
    page = files["NAS-RobBench-201_html.json"]
    return _page_table("nas-robbench-201", page, files["ops.json"], _METRICS, _SEEDS, provenance)


def jung_2023(files: Files, provenance: Mapping[str, Any]) -> Table:
    """The same space trained without adversarial training, accuracies averaged over ε (Jung et al. 2023)."""
    return _page_table("jung-2023", files["acc.json"], files["ops.json"], _JUNG_METRICS, 1, provenance)


def _page_table(
    name: str, page: Path, codes: Path, metrics: Mapping[str, str], runs: int, provenance: Mapping[str, Any]
) -> Table:
    """A table of the project page; AutoAttack is one run whatever the number of `runs` behind the other means."""
    published = _read_codes(codes)
    keys, rows, values = _read_page(page, published)
    columns = []
    for position, key in enumerate(keys):
        dataset, metric = _split_key(page, key, metrics)
        behind = min(runs, _RUNS.get(metric, runs))
        columns.append(Column(dataset, "test", metric, values[:, [position]], runs=behind, space=SPACE.key))
    return _table(name, page, rows, columns, published, provenance)


def either_of_the_authors(meta: Path, results: Path) -> Table:
    """The project page's table or the full one, whichever `results` holds; `meta` is ``meta.json`` or ``ops.json``."""
    if results.is_file() and "" in _read_object(results):
        return nas_robbench_201({"NAS-RobBench-201_html.json": results, "ops.json": meta}, {})
    return nas_robbench_201_seeds({"meta.json": meta, "NAS-RobBench-201_all.json": results}, {})


def nas_robbench_201_seeds(files: Files, provenance: Mapping[str, Any]) -> Table:
    """The official full file: ``res[dataset][id][metric][seed]``; means are computed from the seeds that are there.

    The published mean ``threeseed`` is used where a metric has no seeds at all. Provenance counts the missing runs, of
    every metric on every data set for each of the 6,466 representatives, three seeds of each at least and one of
    AutoAttack, and the means of three seeds that differ from ``threeseed``.
    """
    published, representative = _read_meta(files["meta.json"])
    path = files["NAS-RobBench-201_all.json"]
    content = _read_object(path)
    if unknown := [dataset for dataset in content if dataset not in _DATASETS]:
        _refuse(path, f"data sets {', '.join(_DATASETS)}", unknown[0])
    ids = sorted({_id(path, key) for results in content.values() for key in _mapping(path, results)})
    if wrong := [number for number in ids if representative[number] != number]:
        _refuse(path, "ids of representatives", f"{wrong[0]}, which stands for {representative[wrong[0]]}")
    expected = len(set(representative))
    columns, disagreeing = [], {}
    missing = {
        f"{dataset} test {metric}": runs * expected
        for dataset in dict.fromkeys(_DATASETS.values())
        for metric, runs in _RUNS.items()
    }
    for dataset, results in content.items():
        metrics = list(dict.fromkeys(metric for entry in results.values() for metric in _mapping(path, entry)))
        for metric in metrics:
            if metric not in _METRICS:
                _refuse(path, f"metrics {', '.join(_METRICS)}", metric)
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
    return _table("nas-robbench-201-seeds", path, own, columns, published, facts)


def _disagreeing(results: Mapping[str, Any], ids: list[int], metric: str, column: Column) -> int:
    """How many published means of three seeds differ from the mean of the three that are there."""
    cells = [results.get(str(number), {}).get(metric) for number in ids]
    published = [cell.get("threeseed") if isinstance(cell, Mapping) else None for cell in cells]
    means = np.array([mean if isinstance(mean, int | float) else np.nan for mean in published])
    return int(((column.counts == _SEEDS) & (np.abs(means - column.mean) > 1e-6)).sum())


def _seed(path: Path, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= 9 and str(int(value)) == value):
        _refuse(path, "seeds as whole numbers, and threeseed", value)
    return int(value)


def _seed_column(path: Path, results: Mapping[str, Any], ids: list[int], dataset: str, metric: str) -> Column:
    name = _DATASETS[dataset]
    cells = [_mapping(path, results.get(str(number), {})).get(metric, {}) for number in ids]
    if not any(isinstance(cell, Mapping) for cell in cells if cell != {}) and any(
        cell != {} for cell in cells
    ):  # a bare number: one run of unknown seed
        values = np.array([[np.nan if cell == {} else _accuracy(path, cell)] for cell in cells])
        return Column(name, "test", _METRICS[metric], values, space=SPACE.key)
    named = {key for cell in cells for key in _mapping(path, cell)} - {"threeseed"}
    seeds = tuple(sorted(_seed(path, key) for key in named))
    if not seeds and any("threeseed" in cell for cell in cells):
        values = np.array([[_accuracy(path, cell["threeseed"]) if cell else np.nan] for cell in cells])
        return Column(name, "test", _METRICS[metric], values, runs=_SEEDS, space=SPACE.key)
    if not 0 < len(seeds) <= _MOST_SEEDS:
        _refuse(path, f"1 to {_MOST_SEEDS} seeds for {dataset} {metric}", len(seeds))
    values = np.array(
        [[_accuracy(path, cell[str(seed)]) if str(seed) in cell else np.nan for seed in seeds] for cell in cells]
    )
    return Column(name, "test", _METRICS[metric], values, seeds, space=SPACE.key)


def _table(
    name: str,
    path: Path,
    rows: npt.NDArray[np.int64],
    columns: list[Column],
    published: npt.NDArray[np.int64],
    provenance: Mapping[str, Any],
) -> Table:
    try:
        return Table(name, rows, columns, space=SPACE, partition="official", published=published, provenance=provenance)
    except InputError as error:
        raise DataError(path.name, expected="a consistent table", got=Verbatim(str(error))) from None


def _split_key(path: Path, key: object, metrics: Mapping[str, str]) -> tuple[str, str]:
    dataset, _, metric = str(key).partition("#")
    if dataset not in _DATASETS or metric not in metrics:
        _refuse(path, f"columns such as cifar10#{next(iter(metrics))}", key)
    return _DATASETS[dataset], metrics[metric]


def _read_page(
    path: Path, published: npt.NDArray[np.int64]
) -> tuple[list[Any], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Column names, own indices and values of ``acc={…}``; references to representatives are checked."""
    content = _read_object(path)
    keys = content.pop("", None)
    if not isinstance(keys, list) or not keys or len(set(map(str, keys))) != len(keys):
        _refuse(path, 'an entry "" with the distinct column names', keys)
    entries = {_id(path, key): entry for key, entry in content.items()}
    ids = [number for number, entry in entries.items() if isinstance(entry, list)]
    values = np.empty((len(ids), len(keys)))
    for row, number in enumerate(ids):
        if len(entries[number]) != len(keys):
            _refuse(path, f"{len(keys)} numbers for id {number}", f"{len(entries[number])}")
        values[row] = [_accuracy(path, value) for value in entries[number]]
    measured = set(ids)
    for number, entry in entries.items():
        if number not in measured and _id(path, entry) not in measured:
            _refuse(path, f"numbers or the id of a measured architecture for id {number}", entry)
    if len(entries) != SIZE:
        _refuse(path, f"all {SIZE:,} ids", f"{len(entries):,}")
    stands_for = [number if number in measured else _id(path, entries[number]) for number in range(SIZE)]
    _check_isomorphic(path, published, stands_for)
    return keys, np.argsort(published)[ids], values


def _check_isomorphic(path: Path, published: npt.NDArray[np.int64], stands_for: list[int]) -> None:
    """The published indices' representatives must be those of the partition by which the table looks them up."""
    class_of = partition("official").class_of[np.argsort(published)]
    wrong = np.flatnonzero(class_of != class_of[stands_for])
    if len(wrong):
        _refuse(path, f"an isomorphic architecture for id {wrong[0]}", stands_for[wrong[0]])


def _read_codes(path: Path) -> npt.NDArray[np.int64]:
    """Published index of every architecture in the project's own order, from ``arch=[…]`` or from ``meta.json``."""
    codes = _parse(path)
    if isinstance(codes, dict) and "ids" in codes:
        return _meta(path, codes)[0]
    if not isinstance(codes, list) or len(codes) != SIZE:
        _refuse(path, f"a list of {SIZE:,} digit codes", codes)
    return _published(path, codes)


def _read_meta(path: Path) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Published index of every architecture, and the representative of every published index, from ``meta.json``."""
    return _meta(path, _read_object(path))


def _meta(path: Path, content: dict[str, Any]) -> tuple[npt.NDArray[np.int64], list[int]]:
    ids = _mapping(path, content.get("ids"))
    entries = {_id(path, key): _mapping(path, entry) for key, entry in ids.items()}
    if len(entries) != SIZE:
        _refuse(path, f"all {SIZE:,} ids", f"{len(entries):,}")
    ordered = [entries[number] for number in range(SIZE)]
    published = _published(path, [entry.get("nb201-string") for entry in ordered])
    representative = [_id(path, entry.get("isomorph")) for entry in ordered]
    _check_isomorphic(path, published, representative)
    return published, representative


def _published(path: Path, encodings: list[Any]) -> npt.NDArray[np.int64]:
    published = np.full(SIZE, -1, dtype=np.int64)
    try:
        for number, encoding in enumerate(encodings):
            published[CellArchitecture(encoding).index] = number
    except InputError as error:
        raise DataError(path.name, expected="architectures", got=Verbatim(str(error))) from None
    if (published < 0).any():
        _refuse(path, "every architecture once", "repetitions")
    return published


def _read_object(path: Path, largest: int = _LARGEST) -> dict[str, Any]:
    content = _parse(path, largest)
    if not isinstance(content, dict):
        _refuse(path, "an object", content)
    return content


def _parse(path: Path, largest: int = _LARGEST) -> Any:
    """JSON, or ``name=JSON;`` as on the project page; no code is run, no key may repeat, no number may be infinite."""
    try:
        if path.stat().st_size > largest:
            _refuse(path, f"at most {largest:,} bytes", Verbatim(f"{path.stat().st_size:,}"))
        text = path.read_bytes().decode().strip()
        name, equals, _ = text[:20].partition("=")
        if equals and name.strip().isidentifier():
            text = text[len(name) + 1 :].rstrip(";")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except DataError:
        raise
    except (ValueError, RecursionError, OSError) as error:
        raise DataError(
            path.name,
            expected="JSON, or one assignment of JSON",
            got=reason(error),
            remedy="fetch it again",
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:40]!r} stands twice")
    return content


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _mapping(path: Path, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(path, "an object", value)
    return value


def _id(path: Path, value: Any) -> int:
    """A published index or seed, written as a number or its text (without leading zeros: each id has one text)."""
    number = int(value) if isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,4}", value) else value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < SIZE:
        _refuse(path, f"an id from 0 to {SIZE - 1}", value)
    return number


def _accuracy(path: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        _refuse(path, "accuracies in [0, 1]", value)
    return float(value)


def _refuse(path: Path, expected: str, got: Any) -> NoReturn:
    raise DataError(path.name, expected=expected, got=got, remedy="fetch it again from its authors")

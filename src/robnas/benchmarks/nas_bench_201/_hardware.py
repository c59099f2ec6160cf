"""HW-NAS-Bench's file → table: what the cells cost on six devices (Li et al. 2021)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robnas._unpickle import SCALARS, unpickled
from robnas.benchmarks._column import Column, Direction
from robnas.benchmarks._table import Table
from robnas.benchmarks.nas_bench_201._reading import SPACE, refuse
from robnas.errors import InputError, Verbatim
from robnas.spaces.nas_bench_201 import SIZE, CellArchitecture, published_indices

HARDWARE = "hw-nas-bench"
HARDWARE_FILE = "HW-NAS-Bench-v1_0.pickle"
_MOST = sys.float_info.max
_SPACE, _CONFIG = "nasbench201", "config"
_DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120"}
_MINIMISE: Direction = "minimise"
_METRICS: dict[str, tuple[str, str, Direction]] = {
    "edgegpu_latency": ("latency:edgegpu", "ms", _MINIMISE),
    "edgegpu_energy": ("energy:edgegpu", "mJ", _MINIMISE),
    "raspi4_latency": ("latency:raspi4", "ms", _MINIMISE),
    "edgetpu_latency": ("latency:edgetpu", "ms", _MINIMISE),
    "pixel3_latency": ("latency:pixel3", "ms", _MINIMISE),
    "eyeriss_latency": ("latency:eyeriss", "ms", _MINIMISE),
    "eyeriss_energy": ("energy:eyeriss", "mJ", _MINIMISE),
    "eyeriss_arithmetic_intensity": ("arithmetic_intensity:eyeriss", "op/B", "maximise"),
    "fpga_latency": ("latency:fpga", "ms", _MINIMISE),
    "fpga_energy": ("energy:fpga", "mJ", _MINIMISE),
}
"""Published name → ours, unit, and which is better."""


def hw_nas_bench(files: Mapping[str, Path], provenance: Mapping[str, Any]) -> Table:
    """``HW["nasbench201"][data set][metric][published index]``; other spaces of the file are left alone.

    Where it says which architecture an index has (``config``), that is the published one. Metrics that it lacks are
    named in the provenance.

    Raises:
        DataError: it is no such pickle, a number is missing, none, negative or infinite, or an index is outside.
    """
    path = files[HARDWARE_FILE]
    content = unpickled(
        path, SCALARS, remedy="fetch it again from its authors",
        expected="a pickle of plain dictionaries, lists, numbers and NumPy arrays",
    )  # fmt: skip
    held = _mapping(path, _mapping(path, content, "spaces").get(_SPACE), f"data sets of {_SPACE}")
    if not held or (unknown := [name for name in held if name not in _DATASETS]):
        refuse(path, f"data sets {', '.join(_DATASETS)}", unknown[0] if held else Verbatim("none"))
    found = _found(path, held)
    for dataset, metrics in held.items():
        if _CONFIG in metrics:
            _check_order(path, metrics[_CONFIG], f"{_CONFIG} of {dataset}")
    columns = [_column(path, dataset, held[dataset], metric) for dataset, metric in found]
    missing = [f"{dataset} {name}" for dataset in held for name in _METRICS if name not in held[dataset]]
    facts = {**provenance, **({"missing_metrics": missing} if missing else {})}
    return Table(HARDWARE, np.arange(SIZE), columns, space=SPACE, published=published_indices(), provenance=facts)


def _found(path: Path, held: dict[str, Any]) -> list[tuple[str, str]]:
    """Published names of data set and metric of each column."""
    for dataset, metrics in held.items():
        _mapping(path, metrics, f"metrics of {dataset}")
        if unknown := [name for name in metrics if name not in (*_METRICS, _CONFIG)]:
            refuse(path, f"metrics {', '.join(_METRICS)}", unknown[0])
    found = [(dataset, name) for dataset in held for name in _METRICS if name in held[dataset]]
    if not found:
        refuse(path, f"metrics {', '.join(_METRICS)}", Verbatim("none"))
    return found


def _column(path: Path, dataset: str, metrics: dict[str, Any], name: str) -> Column:
    what = f"{name} of {dataset}"
    given = _listed(path, metrics[name], what)
    for number, value in enumerate(given):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
            refuse(path, f"a number from 0 on as {what}, index {number}", value)
    values = np.array(given, dtype=np.float64)[published_indices(), None]
    metric, unit, direction = _METRICS[name]
    return Column(_DATASETS[dataset], "test", metric, values, space=SPACE.key, unit=unit, direction=direction)


def _listed(path: Path, values: Any, what: str) -> list[Any]:
    """One entry for each published index, of a list, an array or a dictionary by index."""
    if isinstance(values, dict):
        if outside := [key for key in values if isinstance(key, bool) or key not in range(SIZE)]:
            refuse(path, f"indices from 0 to {SIZE - 1} of {what}", outside[0])
        if len(values) == SIZE:
            return [values[number] for number in range(SIZE)]
    found = values.tolist() if isinstance(values, np.ndarray) else list(values) if isinstance(values, tuple) else values
    if not isinstance(found, list) or len(found) != SIZE:
        got = Verbatim(f"{len(found):,}" if isinstance(found, list | dict) else type(found).__name__)
        refuse(path, f"{SIZE:,} entries as {what}, one for each published index", got)
    return found


def _check_order(path: Path, entries: Any, what: str) -> None:
    """Refuse a file whose ``arch_str`` of some index is another architecture than the published one."""
    order = np.argsort(published_indices())
    for number, entry in enumerate(_listed(path, entries, what)):
        wanted = CellArchitecture.from_index(int(order[number]))
        try:
            arch = CellArchitecture(_mapping(path, entry, f"{what}, index {number}").get("arch_str"))
        except InputError as error:
            refuse(path, f"an architecture as {what}, index {number}", Verbatim(str(error)))
        if arch != wanted:
            refuse(path, f"the architecture {wanted} as {what}, index {number}", Verbatim(str(arch)))


def _mapping(path: Path, value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        refuse(path, f"a dictionary of {what}", value)
    return value

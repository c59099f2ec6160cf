"""NAS-Bench-Suite-Zero's file → table: scores of untrained cells (Krishnakumar et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.benchmarks.nas_bench_201._reading import SPACE, read_object, refuse
from robnas.errors import InputError, Verbatim
from robnas.spaces.nas_bench_201 import SIZE, CellArchitecture, architectures, published_indices

SUITE_ZERO = "nas-bench-suite-zero"
SUITE_ZERO_FILE = "zc_nasbench201.json"
_LARGEST = 256 * 2**20
_DATASETS = {
    "cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120",
    "svhn": "svhn", "ninapro": "ninapro", "scifar100": "scifar100",
}  # fmt: skip
_SCORES = (
    "epe_nas", "fisher", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "plain", "snip", "synflow", "zen",
)  # fmt: skip
_SIZES = ("flops", "params")
"""In millions, of every edge."""
_ACCURACY = "val_accuracy"
_ONE_PERCENT = 0.01
_UNDEFINED = -1e8
"""What the suite writes for a score that is not finite."""
_LOGARITHM = "synflow"
"""May be written as its logarithm with the sign of the score, also where the score is `_UNDEFINED`."""
_LARGEST_NUMBER = 1e300
Floats = npt.NDArray[np.float64]


def nas_bench_suite_zero(files: Mapping[str, Path], provenance: Mapping[str, Any]) -> Table:
    """``zc[data set]["(4, 0, 3, 1, 4, 3)"][proxy]["score"]``, keys being NASLib's operations edge by edge.

    Undefined scores are missing; how many, and how many architectures each data set lacks, is in the provenance.

    Raises:
        DataError: the file is malformed, is of another space, or a score is no number.
    """
    path = files[SUITE_ZERO_FILE]
    content = read_object(path, _LARGEST)
    if not content or (unknown := [name for name in content if name not in _DATASETS]):
        refuse(path, f"data sets {', '.join(_DATASETS)}", unknown[0] if content else Verbatim("none"))
    columns: list[Column] = []
    lacking, undefined = {}, dict[str, int]()
    for name, entries in content.items():
        if not isinstance(entries, dict) or not entries:
            refuse(path, f"an object with the architectures of {name}", entries)
        if count := SIZE - len(entries):
            lacking[_DATASETS[name]] = count
        columns += _columns(path, name, entries, undefined)
    measured = [column.values for column in columns if column.is_accuracy]
    if measured and np.nanmax(measured) <= _ONE_PERCENT:
        refuse(path, f"{_ACCURACY} in percent", Verbatim("none above 1"))
    rows = np.flatnonzero(~np.all([np.isnan(column.mean) for column in columns], axis=0))
    kept = [replace(column, values=column.values[rows]) for column in columns]
    facts = {**provenance, **({"missing_architectures": lacking} if lacking else {})}
    facts |= {"undefined_scores": undefined} if undefined else {}
    return Table(SUITE_ZERO, rows, kept, space=SPACE, published=published_indices(), provenance=facts)


def _columns(path: Path, name: str, entries: dict[str, Any], undefined: dict[str, int]) -> list[Column]:
    """Of one data set, over the whole space; what is undefined is counted."""
    values = {key: np.full((SIZE, 1), np.nan) for key in (*_SCORES, *_SIZES, _ACCURACY)}
    seen = set[int]()
    for text, entry in entries.items():
        index = _index(path, name, text)
        if index in seen:
            refuse(path, f"each architecture of {name} once", text)
        seen.add(index)
        for key, value in _numbers(path, f"{name} {text}", entry):
            if key in _SCORES and _is_undefined(key, value):
                spot = f"{_DATASETS[name]} {key}"
                undefined[spot] = undefined.get(spot, 0) + 1
            else:
                values[key][index] = value
    there = {key: found for key, found in values.items() if not np.isnan(found).all()}
    if not there.keys() & {*_SCORES, *_SIZES}:
        refuse(path, f"scores {', '.join(_SCORES)} of {name}", Verbatim("none"))
    return [_column(name, key, found) for key, found in there.items()]


def _column(name: str, key: str, values: Floats) -> Column:
    dataset = _DATASETS[name]
    if key == _ACCURACY:
        return Column(dataset, "validation", "clean", values / 100, space=SPACE.key)
    return Column(dataset, "test", key, values, space=SPACE.key, unit="M" if key in _SIZES else "score")


def _numbers(path: Path, where: str, entry: Any) -> Iterator[tuple[str, float]]:
    """What is known of an architecture, by its key; other keys are left alone."""
    if not isinstance(entry, dict):
        refuse(path, f"an object as {where}", entry)
    for key in (*_SCORES, *_SIZES):
        if key in entry:
            scored = entry[key]
            value: Any = scored.get("score") if isinstance(scored, dict) else None
            if not _is_number(value):
                refuse(path, f"an object with a number as score, {where}, {key}", scored)
            yield key, float(value)
    if _ACCURACY in entry:
        value = entry[_ACCURACY]
        if not (_is_number(value) and 0 <= value <= 100):
            refuse(path, f"a percentage as {_ACCURACY}, {where}", value)
        yield _ACCURACY, float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER


def _is_undefined(key: str, value: float) -> bool:
    return value == _UNDEFINED or (key == _LOGARITHM and math.isclose(value, -math.log(-_UNDEFINED), rel_tol=1e-12))


def _index(path: Path, name: str, text: str) -> int:
    index = _indices().get(text)
    if index is None:
        try:
            index = CellArchitecture(text, encoding="naslib").index
        except InputError as error:
            refuse(path, f"architectures such as (4, 0, 3, 1, 4, 3) of {name}", Verbatim(str(error)))
    return index


@cache
def _indices() -> dict[str, int]:
    """Number of each architecture in the project's own order, by its key."""
    return {str(arch.format("naslib")): arch.index for arch in architectures()}

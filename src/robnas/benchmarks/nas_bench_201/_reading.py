"""What published files of NAS-Bench-201 have in common. The files are data: they are parsed, never evaluated."""

from __future__ import annotations

import json
import math
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
SPACE = NASBench201()
"""What both groups of authors trained: the skeleton of its usual size."""
DATASETS = {
    "cifar10": "cifar10", "cifar100": "cifar100", "imagenet": "imagenet16-120", "ImageNet16-120": "imagenet16-120",
}  # fmt: skip
"""Own name of a data set by the authors'."""
_LARGEST = 64 * 2**20


def as_table(
    name: str,
    path: Path,
    rows: npt.NDArray[np.int64],
    columns: list[Column],
    published: npt.NDArray[np.int64],
    provenance: Mapping[str, Any],
) -> Table:
    """The table of what was read from `path`, or a `DataError`."""
    try:
        return Table(name, rows, columns, space=SPACE, partition="official", published=published, provenance=provenance)
    except InputError as error:
        raise DataError(shown(path), expected="a consistent table", got=Verbatim(str(error))) from None


def split_key(path: Path, key: object, datasets: Mapping[str, str], metrics: Mapping[str, str]) -> tuple[str, str]:
    """Own names of the data set and metric of a column of the project page."""
    dataset, _, metric = str(key).partition("#")
    if dataset not in datasets or metric not in metrics:
        refuse(path, f"columns such as cifar10#{next(iter(metrics))}", key)
    return datasets[dataset], metrics[metric]


def read_page(
    path: Path, published: npt.NDArray[np.int64]
) -> tuple[list[Any], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Column names, own indices and values of ``acc={…}``; references to representatives are checked."""
    content = read_object(path)
    keys = content.pop("", None)
    if not isinstance(keys, list) or not keys or len(set(map(str, keys))) != len(keys):
        refuse(path, 'an entry "" with the distinct column names', keys)
    entries = {as_id(path, key): entry for key, entry in content.items()}
    ids = [number for number, entry in entries.items() if isinstance(entry, list)]
    values = np.empty((len(ids), len(keys)))
    for row, number in enumerate(ids):
        if len(entries[number]) != len(keys):
            refuse(path, f"{len(keys)} numbers for id {number}", f"{len(entries[number])}")
        values[row] = [as_accuracy(path, value) for value in entries[number]]
    measured = set(ids)
    for number, entry in entries.items():
        if number not in measured and as_id(path, entry) not in measured:
            refuse(path, f"numbers or the id of a measured architecture for id {number}", entry)
    if len(entries) != SIZE:
        refuse(path, f"all {SIZE:,} ids", f"{len(entries):,}")
    stands_for = [number if number in measured else as_id(path, entries[number]) for number in range(SIZE)]
    _check_isomorphic(path, published, stands_for)
    return keys, np.argsort(published)[ids], values


def _check_isomorphic(path: Path, published: npt.NDArray[np.int64], stands_for: list[int]) -> None:
    """The published indices' representatives must be those of the partition by which the table looks them up."""
    class_of = partition("official").class_of[np.argsort(published)]
    wrong = np.flatnonzero(class_of != class_of[stands_for])
    if len(wrong):
        refuse(path, f"an isomorphic architecture for id {wrong[0]}", stands_for[wrong[0]])


def read_codes(path: Path) -> npt.NDArray[np.int64]:
    """Published index of every architecture in the project's own order, from ``arch=[…]`` or from ``meta.json``."""
    codes = _parse(path)
    if isinstance(codes, dict) and "ids" in codes:
        return ids_of_meta(path, codes)[0]
    if not isinstance(codes, list) or len(codes) != SIZE:
        refuse(path, f"a list of {SIZE:,} digit codes", codes)
    return _published(path, codes)


def read_meta(path: Path) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Published index of every architecture, and the representative of every published index, from ``meta.json``."""
    return ids_of_meta(path, read_object(path))


def ids_of_meta(path: Path, content: dict[str, Any]) -> tuple[npt.NDArray[np.int64], list[int]]:
    """The same from the content of ``meta.json``."""
    ids = as_mapping(path, content.get("ids"))
    entries = {as_id(path, key): as_mapping(path, entry) for key, entry in ids.items()}
    if len(entries) != SIZE:
        refuse(path, f"all {SIZE:,} ids", f"{len(entries):,}")
    ordered = [entries[number] for number in range(SIZE)]
    published = _published(path, [entry.get("nb201-string") for entry in ordered])
    representative = [as_id(path, entry.get("isomorph")) for entry in ordered]
    _check_isomorphic(path, published, representative)
    return published, representative


def _published(path: Path, encodings: list[Any]) -> npt.NDArray[np.int64]:
    published = np.full(SIZE, -1, dtype=np.int64)
    try:
        for number, encoding in enumerate(encodings):
            published[CellArchitecture(encoding).index] = number
    except InputError as error:
        raise DataError(shown(path), expected="architectures", got=Verbatim(str(error))) from None
    if (published < 0).any():
        refuse(path, "every architecture once", "repetitions")
    return published


def read_object(path: Path, largest: int | None = None, *, nan: bool = False) -> dict[str, Any]:
    """A JSON object of at most `largest` bytes, in which ``NaN`` may stand if `nan`."""
    content = _parse(path, largest, nan=nan)
    if not isinstance(content, dict):
        refuse(path, "an object", content)
    return content


def _parse(path: Path, largest: int | None = None, *, nan: bool = False) -> Any:
    """JSON, or ``name=JSON;`` as on the project page; no code is run, no key may repeat, no number may be infinite."""
    try:
        if path.stat().st_size > (most := largest or _LARGEST):
            refuse(path, f"at most {most:,} bytes", Verbatim(f"{path.stat().st_size:,}"))
        text = path.read_bytes().decode().strip()
        name, equals, _ = text[:20].partition("=")
        if equals and name.strip().isidentifier():
            text = text[len(name) + 1 :].rstrip(";")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_nan_alone if nan else _no_constant)
    except DataError:
        raise
    except (ValueError, RecursionError, OSError) as error:
        raise DataError(
            shown(path),
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


def _nan_alone(text: str) -> float:
    return math.nan if text == "NaN" else _no_constant(text)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def as_mapping(path: Path, value: Any) -> dict[str, Any]:
    """`value`, if it is a JSON object."""
    if not isinstance(value, dict):
        refuse(path, "an object", value)
    return value


def as_id(path: Path, value: Any) -> int:
    """A published index or seed, written as a number or its text (without leading zeros: each id has one text)."""
    number = int(value) if isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,4}", value) else value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < SIZE:
        refuse(path, f"an id from 0 to {SIZE - 1}", value)
    return number


def as_accuracy(path: Path, value: Any) -> float:
    """`value`, if it is a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        refuse(path, "accuracies in [0, 1]", value)
    return float(value)


def shown(path: Path) -> str:
    """Name of a file, with its folder where that is one of a data set: there are files of one name in several."""
    return f"{path.parent.name}/{path.name}" if path.parent.name in DATASETS else path.name


def refuse(path: Path, expected: str, got: Any) -> NoReturn:
    """Raise the error of a file that does not hold what it should."""
    raise DataError(shown(path), expected=expected, got=got, remedy="fetch it again from its authors") from None

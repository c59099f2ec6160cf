"""Confusion matrices of Jung et al. 2023, read one architecture at a time: those of CIFAR-100 have a gigabyte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from robnas.benchmarks.nas_bench_201._jung import DATASETS, META, file_of, keys_of
from robnas.benchmarks.nas_bench_201._reading import ids_of_meta, read_object, refuse, shown
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.spaces.nas_bench_201 import SIZE
from robnas.types import SEVERITIES

Counts = npt.NDArray[np.int64]
_CHUNK = 2**20  # characters read at once
_LONGEST = 2**24  # of one architecture
_NAME = r'"([^"\\]{1,40})"\s*:\s*\{\s*'
_HEAD = re.compile(rf"\s*\{{\s*{_NAME}{_NAME}{_NAME}")
_ID = re.compile(r'"(0|[1-9][0-9]{0,4})"\s*:\s*')
_AFTER = re.compile(r'(?<=[\],\s])"|\}')  # the next id, whose first quote follows no digit, or the end
_TAIL = re.compile(r"\}\s*\}\s*\}\s*\}\s*")
_CLASSES = {"cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}


def confusion_matrices(
    folder: str | Path, dataset: str, key: str, *, meta: str | Path | None = None
) -> Iterator[tuple[int, Counts]]:
    """Published index and confusion matrices of every architecture of a file ``{dataset}/{key}_cm.json``.

    Args:
        folder: that holds the authors' folders of data sets.
        dataset: by the authors' name: ``cifar10``, ``cifar100`` or ``ImageNet16-120``.
        key: of the authors: ``clean``, ``pgd@Linf``, ``brightness`` …
        meta: the authors' ``meta.json``, which tells the epsilons of an attack; that of `folder` if omitted.

    Yields:
        The index and counts of images, shape (epsilons or severities, classes, classes), in the order of the file; one
        matrix for ``clean``. Which axis is the true class, the authors' code does not say.

    Raises:
        InputError: there is no such data set or key.
        DataError: a file is missing or malformed, or does not fit `meta`.
    """
    if dataset not in DATASETS:
        raise InputError("dataset", expected=f"one of {', '.join(DATASETS)}", got=dataset)
    if key not in keys_of(dataset):
        raise InputError("key", expected=f"one of {', '.join(keys_of(dataset))}", got=key)
    path, described = Path(folder) / file_of(dataset, key, "cm"), Path(meta or Path(folder) / META)
    for needed in (path, described):
        if not needed.is_file():
            raise DataError(str(needed), expected="a file of the authors", got=Verbatim("nothing"))
    content = read_object(described)
    _, representative = ids_of_meta(described, content)
    levels = _levels(described, content, key)
    return _read(path, (dataset, key, "cm"), levels, representative)


def _levels(path: Path, content: dict[str, object], key: str) -> int:
    """How many matrices an architecture has."""
    if "@" not in key:
        return 1 if key == "clean" else len(SEVERITIES)
    epsilons = content.get("epsilons")
    listed = epsilons.get(key) if isinstance(epsilons, dict) else None
    if not isinstance(listed, list) or not listed:
        refuse(path, f"epsilons of {key}", listed)
    return len(listed)


def _read(
    path: Path, steps: tuple[str, str, str], levels: int, representative: Sequence[int]
) -> Iterator[tuple[int, Counts]]:
    shape = levels, _CLASSES[steps[0]], _CLASSES[steps[0]]
    images, seen = None, set()
    for text, entry in _entries(path, steps):
        number = int(text)
        if number >= SIZE or number in seen or representative[number] != number:
            refuse(path, "ids of representatives, each once", text)
        seen.add(number)
        counts = _counts(path, number, entry, shape)
        sums = set(counts.sum(axis=(1, 2)).tolist()) | ({images} if images is not None else set())
        if len(sums) > 1:
            refuse(path, f"the same number of images in every matrix, as for id {number}", Verbatim(f"{sorted(sums)}"))
        (images,) = sums
        yield number, counts


def _counts(path: Path, number: int, entry: str, shape: tuple[int, int, int]) -> Counts:
    """The counts in a text of nested lists."""
    expected = f"counts of shape {shape} for id {number}"
    try:
        found = np.array(json.loads(entry), dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(shown(path), expected=expected, got=reason(error), remedy="fetch it again") from None
    if found.shape == shape[1:] and shape[0] == 1:
        found = found[None]
    if found.shape != shape:
        refuse(path, expected, Verbatim(f"{found.shape}"))
    if (found != np.round(found)).any() or found.min() < 0 or found.max() > 2**31:
        refuse(path, expected, Verbatim("other numbers"))
    return found.astype(np.int64)


def _entries(path: Path, steps: tuple[str, str, str]) -> Iterator[tuple[str, str]]:
    """Id and text of the nested lists of every architecture, a part of the file at a time."""
    with path.open(encoding="ascii", errors="replace") as stream:
        text = stream.read(_CHUNK)
        head = _HEAD.match(text)
        if head is None or head.groups() != steps:
            got = " → ".join(head.groups()) if head else text[:40]
            refuse(path, f"results of {' → '.join(steps)}", got)
        place = head.end()
        while not text.startswith("}", place):
            while (after := _AFTER.search(text, place + 1)) is None:
                more = stream.read(_CHUNK)
                if not more or len(text) - place > _LONGEST:
                    refuse(path, "an id, its counts and an end", text[place : place + 40])
                text, place = text[place:] + more, 0
            found = _ID.match(text, place)
            if found is None:
                refuse(path, "an id and its counts", text[place : place + 40])
            value, place = text[found.end() : after.start()].rstrip(), after.start()
            if value.endswith(",") == (after[0] == "}"):
                refuse(path, "a comma between architectures", text[place : place + 40])
            yield found[1], value.removesuffix(",")
        if not _TAIL.fullmatch(text[place:] + stream.read(_CHUNK)):
            refuse(path, "nothing after the last architecture", text[place : place + 40])

"""Jung et al. 2023: the authors' full files, or what the project page gives of them → a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.benchmarks.nas_bench_201._reading import (
    SPACE,
    Files,
    as_accuracy,
    as_id,
    as_mapping,
    as_table,
    ids_of_meta,
    read_codes,
    read_object,
    read_page,
    refuse,
    shown,
    split_key,
)
from robnas.errors import DataError, InputError, Verbatim
from robnas.spaces.nas_bench_201 import SIZE
from robnas.types import ALL_CORRUPTIONS, COMMON_CORRUPTIONS, CONFIDENCE, SEVERITIES, Metric

Floats = npt.NDArray[np.float64]
Values = dict[tuple[str, str], Floats]
"""By own names of data set and metric, and by published index; nan where there is none."""

NAME = "jung-2023"
DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120"}
"""Own name of a data set by the authors'."""
ATTACKS = {"fgsm@Linf": "fgsm", "pgd@Linf": "pgd", "aa_apgd-ce@Linf": "apgd", "aa_square@Linf": "square"}
"""Own name of an attack by the authors' key."""
KINDS = COMMON_CORRUPTIONS
"""Corruptions that the authors measured, on CIFAR-10 and CIFAR-100."""
PAGE, OPS, META = "acc.json", "ops.json", "meta.json"
_PAGE_METRICS = {
    "clean": "clean", "aa_apgd-ce": "apgd@1/255", "aa_square": "square@1/255", "fgsm": "fgsm@1/255",
    "pgd": "pgd@1/255", "corr": ALL_CORRUPTIONS,
}  # fmt: skip
RENAMED = {f"{attack}@average": f"{attack}@1/255" for attack in ATTACKS.values()}
"""What earlier versions called the page's attacks, which they took for averages over epsilons."""
PAGE_VARIANT = (
    "the project page's summary: attacks at ε = 1/255 only (inferred on imagenet16-120), corruptions as their mean "
    "only; the authors' files have the rest: robnas fetch jung-2023 --from FOLDER"
)
INFERRED = "1/255, inferred: so it is on the other data sets, where it could be checked"
"""Fact of the page's attacks on ImageNet16-120, of which the authors' files were not at hand."""
_NUMBERS = {str(number): number for number in range(SIZE)}
_UNLIKE_PAGE = 6e-4  # the page has three decimals
_MOST_EPSILONS = 100
_LEAST = 0.01  # grey levels; what is written as a fraction of 255, such as 8/255, begins below
_MOST_PARTS = 8
_PART = re.compile("[a-z][a-z0-9_]{0,20}")


def told() -> dict[str, Any]:
    """Provenance that makes the old names aliases."""
    because = "the project page's acc.json is at ε = 1/255, and no average over epsilons"
    return {"renamed": dict(RENAMED), "renamed_because": because}


def keys_of(dataset: str) -> tuple[str, ...]:
    """The authors' keys of a data set, by their name of it."""
    corruptions = () if dataset == "ImageNet16-120" else KINDS
    return ("clean", *ATTACKS, *corruptions)


def file_of(dataset: str, key: str, measure: str) -> str:
    """Name of a full file with its folder."""
    return f"{dataset}/{key}_{measure}.json"


JUNG_FILES = (
    META,
    *(file_of(dataset, key, of) for of in ("accuracy", CONFIDENCE) for dataset in DATASETS for key in keys_of(dataset)),
)
"""What the table is made of where a folder has it; confusion matrices are read by `confusion_matrices`."""


def jung_2023(files: Files, provenance: Mapping[str, Any]) -> Table:
    """The same space trained without adversarial training (Jung et al. 2023).

    Args:
        files: the authors' ``_accuracy.json`` and ``_confidence.json`` with ``meta.json``; or the page's ``acc.json``,
            which has ε = 1/255 only, with ``ops.json`` or ``meta.json``; or both, where the page gives what the others
            lack, and must agree in what they have.
        provenance: of the table, which gets the ``variant`` that it is.

    Raises:
        DataError: a file is missing, malformed, of another data set, or does not fit the others.
    """
    full = [name for name in JUNG_FILES if name in files and name != META]
    if not full and PAGE not in files:
        raise DataError(PAGE, expected=f"a file of {NAME}, or the authors' accuracies", got=Verbatim("nothing"))
    meta = _read_meta(files, full)
    published = meta.published if meta else _codes(files)
    measured: Values = {}
    for name in full:
        assert meta is not None
        measured |= _read(files[name], name, meta)
    measured |= _means(measured)
    ids, paged = _paged(files[PAGE], published) if PAGE in files else ([], {})
    _check_agreement(measured, paged)
    spots = {**measured, **{spot: values for spot, values in paged.items() if spot not in measured}}
    known = ~np.isnan(np.stack(list(spots.values()))).all(axis=0)
    ids = list(dict.fromkeys([*ids, *np.flatnonzero(known).tolist()]))
    columns = [
        Column(
            dataset, "test", metric, values[ids][:, None], space=SPACE.key,
            facts=facts_of(dataset, metric) if (dataset, metric) not in measured else {},
        )
        for (dataset, metric), values in spots.items()
    ]  # fmt: skip
    missing = {column.name: count for column in columns if (count := int(np.isnan(column.values).sum()))}
    said = {"variant": _variant(full, paged), **told(), **({"missing_runs": missing} if missing else {})}
    rows, first = np.argsort(published)[ids], files[full[0] if full else PAGE]
    return as_table(NAME, first, rows, columns, published, {**provenance, **said})


def _codes(files: Files) -> npt.NDArray[np.int64]:
    for name in (OPS, META):
        if name in files:
            return read_codes(files[name])
    raise DataError(OPS, expected=f"a file of {NAME}, or {META}", got=Verbatim("nothing"))


def facts_of(dataset: str, metric: str) -> dict[str, str]:
    """What is to be known of a column of the project page."""
    inferred = dataset == DATASETS["ImageNet16-120"] and metric in RENAMED.values()
    return {"epsilon": INFERRED} if inferred else {}


def _variant(full: list[str], paged: Values) -> str:
    """Which files the numbers are from, for people."""
    if not full:
        return PAGE_VARIANT
    counts = {
        dataset: sum(file_of(dataset, key, "accuracy") in full for key in keys_of(dataset)) for dataset in DATASETS
    }
    parts = [f"{DATASETS[name]} {count} of {len(keys_of(name))}" for name, count in counts.items() if count]
    confidences = sum(name.endswith(f"_{CONFIDENCE}.json") for name in full)
    text = f"the authors' full files of accuracies: {', '.join(parts) or 'none'}"
    if confidences:
        text += f"; {confidences} of confidences"
    others = [DATASETS[name] for name, count in counts.items() if not count and paged]
    if others:
        inferred = " (inferred on imagenet16-120)" if DATASETS["ImageNet16-120"] in others else ""
        text += f"; {' and '.join(others)} from the project page's summary, ε = 1/255 only{inferred}"
    return text


# the authors' full files


@final
@dataclass(frozen=True)
class _Meta:
    """What ``meta.json`` says."""

    published: npt.NDArray[np.int64]
    """Published index of every architecture in the project's own order."""
    representative: list[int]
    """Of every published index."""
    metrics: Mapping[str, tuple[str, ...]]
    """Own metric key at each place of a list, by the authors' key."""


def _read_meta(files: Files, full: list[str]) -> _Meta | None:
    """What ``meta.json`` says, if full files need it."""
    if not full:
        return None
    if META not in files:
        raise DataError(
            META, expected="ids and epsilons of the full files", got=Verbatim("nothing"),
            remedy="name its folder with one more --from",
        )  # fmt: skip
    path = files[META]
    content = read_object(path)
    published, representative = ids_of_meta(path, content)
    epsilons = as_mapping(path, content.get("epsilons"))
    metrics = {key: _levels(path, key, epsilons[key]) for key in ATTACKS if key in epsilons}
    metrics |= {kind: tuple(Metric(kind, None, severity=level).key for level in SEVERITIES) for kind in KINDS}
    return _Meta(published, representative, metrics)


def _levels(path: Path, key: str, levels: object) -> tuple[str, ...]:
    """Metric keys of an attack at the epsilons of ``meta.json``, which are grey levels."""
    expected = f"1 to {_MOST_EPSILONS} different grey levels of {_LEAST} to 255 for {key}"
    if not isinstance(levels, list) or not 0 < len(levels) <= _MOST_EPSILONS:
        refuse(path, expected, levels)
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, int | float) or not _LEAST <= level <= 255:
            refuse(path, expected, level)
    try:
        found = tuple(Metric.parse(f"{ATTACKS[key]}@{float(level)!r}/255").key for level in levels)
    except InputError as error:
        raise DataError(shown(path), expected=expected, got=Verbatim(str(error))) from None
    if len(set(found)) < len(found):
        refuse(path, expected, levels)
    return found


def _read(path: Path, name: str, meta: _Meta) -> Values:
    """What a full file holds."""
    dataset, _, file = name.partition("/")
    key, _, measure = file.removesuffix(".json").rpartition("_")
    if key != "clean" and key not in meta.metrics:
        refuse(path, f"epsilons of {key} in {META}", Verbatim("none"))
    metrics = meta.metrics.get(key, ("clean",))
    unsure = measure == CONFIDENCE
    listed: dict[str, dict[int, list[Any]]] = {}
    for number, entry in entries(path, (dataset, key, measure), meta.representative):
        for part, values in (_parts(path, entry) if unsure else {"": entry}).items():
            numbers = [values] if key == "clean" and not isinstance(values, list) else values
            if not isinstance(numbers, list) or len(numbers) != len(metrics):
                got = Verbatim(f"{len(numbers)}") if isinstance(numbers, list) else numbers
                refuse(path, f"{len(metrics)} numbers for id {number}: {', '.join(metrics)}", got)
            listed.setdefault(part, {})[number] = numbers
    if not listed:
        refuse(path, "results of at least one architecture", Verbatim("none"))
    found: Values = {}
    for part, by_id in listed.items():
        columns = np.full((SIZE, len(metrics)), np.nan)
        columns[list(by_id)] = _fractions(path, list(by_id.values()), nan=unsure)
        for place, metric in enumerate(metrics):
            found[DATASETS[dataset], _confidence(part, metric) if unsure else metric] = columns[:, place]
    return found


def entries(path: Path, steps: tuple[str, str, str], representative: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """Published index and entry of every architecture of a file: data set → key → measure → id → entry."""
    content = read_object(path, nan=steps[-1] == CONFIDENCE)
    for step in steps:
        if step not in content:
            refuse(path, f"results of {' → '.join(steps)}", Verbatim(f"{', '.join(content)[:80]!r}"))
        content = as_mapping(path, content[step])
    for text, entry in content.items():
        number = _NUMBERS.get(text)
        if number is None:
            number = as_id(path, text)
        if (other := representative[number]) != number:
            refuse(path, "ids of representatives", Verbatim(f"{number}, which stands for {other}"))
        yield number, entry


def _confidence(part: str, metric: str) -> str:
    return f"{CONFIDENCE}.{part}:{metric}" if part else f"{CONFIDENCE}:{metric}"


def _parts(path: Path, entry: Any) -> dict[str, Any]:
    """Confidences of one architecture by what they are of: one list, lists by name, or a list of objects."""
    if isinstance(entry, list) and entry and all(isinstance(one, dict) for one in entry):
        found = {name: [one.get(name) for one in entry] for name in entry[0]}
    elif isinstance(entry, dict):
        found = entry
    else:
        return {"": entry}
    if len(found) > _MOST_PARTS or not all(map(_PART.fullmatch, found)):
        refuse(
            path, f"at most {_MOST_PARTS} names of confidences such as label", Verbatim(f"{', '.join(found)[:80]!r}")
        )
    return found


def _fractions(path: Path, lists: list[list[Any]], *, nan: bool) -> Floats:
    """Accuracies; a confidence may be missing, such as that of wrong answers where there is none."""
    if set(map(type, chain.from_iterable(lists))) == {float}:  # thousands of lists: at once where all is well
        values = np.array(lists)
        if ((values >= 0) & (values <= 1)).all():
            return values
    return np.array([[_fraction(path, value, nan=nan) for value in listed] for listed in lists])


def _fraction(path: Path, value: Any, *, nan: bool) -> float:
    if nan and (value is None or value != value):
        return np.nan
    return as_accuracy(path, value)


def _means(measured: Values) -> Iterator[tuple[tuple[str, str], Floats]]:
    """The mean over all corruptions and severities, of the data sets that have all of them."""
    for dataset in DATASETS.values():
        spots = [(dataset, Metric(kind, None, severity=level).key) for kind in KINDS for level in SEVERITIES]
        if all(spot in measured for spot in spots):
            yield (dataset, ALL_CORRUPTIONS), np.mean([measured[spot] for spot in spots], axis=0)


# the project page's summary


def _paged(path: Path, published: npt.NDArray[np.int64]) -> tuple[list[int], Values]:
    """Published indices in the order of ``acc.json``, and values as `_read` gives them."""
    keys, rows, values = read_page(path, published)
    found: Values = {}
    for position, key in enumerate(keys):
        spot = split_key(path, key, DATASETS, _PAGE_METRICS)
        found[spot] = np.full(SIZE, np.nan)
        found[spot][published[rows]] = values[:, position]
    return published[rows].tolist(), found


def _check_agreement(measured: Values, paged: Values) -> None:
    """Refuse full files, or a ``meta.json``, that do not belong to what the page says, unless that is inferred."""
    for spot in (spot for spot in paged if spot in measured and not facts_of(*spot)):
        if wrong := int((np.abs(paged[spot] - measured[spot]) > _UNLIKE_PAGE).sum()):
            raise DataError(
                PAGE,
                expected=f"{spot[0]} test {spot[1]} as in the authors' full files",
                got=Verbatim(f"{wrong:,} other values"),
                remedy=f"check that these files and {META} are of one release",
            )

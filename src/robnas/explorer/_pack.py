"""Tables and scores as a JSON header and compact binary columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.analysis import constant_rows, critical_values, known_noise, standard_errors
from robnas.benchmarks import Column, Scores, Table
from robnas.errors import InputError
from robnas.networks import count
from robnas.spaces import EDGES, PARTITIONS, SIZE, Architecture, partition
from robnas.types import NORMS, Metric, label_order

FORMAT = "robnas-explorer"
VERSION = 2
LEVEL = 0.95  # of the confidence sets of ranks
MISSING = 65535  # in columns of 16 bits
_FINE = 65_534  # standard errors are kept as counts of 1 / _FINE
_ROUNDED = 5e-8  # published numbers went through 32-bit floats
_DIVISORS = (1000, 10_000, 6000, 18_000, 30_000, 60_000)


class Blocks:
    """Arrays one after another in one file, each at a multiple of 4 bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, values: npt.NDArray[Any], dtype: str) -> int:
        """Append `values` in little-endian order; returns the offset of the first byte."""
        offset, content = self._size, np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()
        self._parts += [content, bytes(-len(content) % 4)]
        self._size += len(content) + -len(content) % 4
        return offset

    def content(self) -> bytes:
        """The file."""
        return b"".join(self._parts)


def pack_space(tables: Iterable[Table] = ()) -> tuple[dict[str, Any], bytes]:
    """What is the same for all tables: classes of isomorphic cells, sizes by number of convolutions.

    Args:
        tables: one of these may have been made with an earlier version of a partition, whose classes are packed, too.
    """
    blocks = Blocks()
    names = dict.fromkeys([*PARTITIONS, *(table.partition for table in tables if table.partition)])
    offsets = {name: blocks.add(partition(name).class_of, "u2") for name in names}
    sizes = [[_sizes(pointwise, spatial) for spatial in range(7 - pointwise)] for pointwise in range(7)]
    return {"file": "data/space.bin", "size": SIZE, "classes": offsets, "sizes": sizes}, blocks.content()


def _sizes(pointwise: int, spatial: int) -> list[int]:
    """Parameters and MACs with so many 1×1 and 3×3 convolutions (C=16, N=5, 3×32×32, 10 classes)."""
    found = count(Architecture(("2" * pointwise + "3" * spatial).ljust(len(EDGES), "1")))
    return [found.parameters, found.macs]


def pack_table(table: Table, source: str, file: str) -> tuple[dict[str, Any], bytes]:
    """Header and binary columns of a table.

    Args:
        table: any.
        source: what `robnas.load` takes, as the page shows it in commands.
        file: name of the binary file in the site.
    """
    blocks = Blocks()
    header: dict[str, Any] = {
        "name": table.name,
        "source": source,
        "file": file,
        "partition": table.partition,
        "rows": {"count": len(table), "offset": blocks.add(table.rows, "u2")},
        "row_of": blocks.add(np.where(table.row_of() < 0, MISSING, table.row_of()), "u2"),
        "published": None if table.published is None else blocks.add(table.published, "u2"),
        "provenance": plain(table.provenance),
        "left_out": [str(reason.error(" ".join(key))) for key, reason in table.ambiguous.items()],
    }
    header["columns"] = [_pack_column(table, column, blocks) for column in table.columns]
    header["constant"] = {
        f"{dataset} {split}": _constant(table, dataset, split)
        for dataset, split in dict.fromkeys((column.dataset, column.split) for column in table.columns)
    }
    header["main"] = _main(table.columns)
    return header, blocks.content()


def _constant(table: Table, dataset: str, split: str) -> list[int] | None:
    """Rows of networks that give one answer for all images; None where that cannot be told."""
    rows = constant_rows(table, dataset, split)
    return None if rows is None else [int(row) for row in np.flatnonzero(rows)]


def _pack_column(table: Table, column: Column, blocks: Blocks) -> dict[str, Any]:
    divisor = exact_divisor(column)
    place: dict[str, int | None]
    if divisor:
        values = np.where(np.isnan(column.mean), MISSING, np.round(column.mean * divisor))
        place = {"divisor": divisor, "offset": blocks.add(values, "u2")}
    else:
        place = {"divisor": None, "offset": blocks.add(column.mean, "f4")}
    counts = np.unique(column.counts[column.counts > 0])
    varied = len(counts) > 1
    errors, of = standard_errors(table, column)
    errors = np.where(np.isnan(errors), MISSING, np.round(errors * _FINE))
    return {
        "dataset": column.dataset,
        "split": column.split,
        "metric": column.metric,
        **place,
        "runs": blocks.add(np.minimum(column.counts, MISSING), "u2") if varied else int(counts.max(initial=1)),
        "runs_vary": varied,
        "seeds": len(column.seeds),
        "errors": blocks.add(errors, "u2"),
        "errors_of": of,
        "noise": _noise(table, column),
        "facts": plain(column.facts),
    }


def exact_divisor(column: Column) -> int | None:
    """The number of answers of which every value is a whole count, so that 16 bits hold it exactly; None without one.

    Exact up to the rounding of the published 32-bit floats.
    """
    known = column.mean[~np.isnan(column.mean)]
    for divisor in _candidates(column):
        if divisor < MISSING and (np.abs(known - np.round(known * divisor) / divisor) < _ROUNDED).all():
            return divisor
    return None


def _candidates(column: Column) -> Iterable[int]:
    images = column.facts.get("images")
    if isinstance(images, int) and images > 0:
        yield from (images, images * math.lcm(*range(1, len(column.seeds) + 1)))
    yield from _DIVISORS


def _noise(table: Table, column: Column) -> dict[str, Any] | None:
    """Spread of repeated trainings; with too few, of the finite number of images; None if that is not known either."""
    found = known_noise(table, column)
    if found is None:
        images = column.facts.get("images")
        return {"kind": "images", "images": images} if isinstance(images, int) and images > 0 else None
    noise: dict[str, Any] = {
        "kind": "trainings", "source": found.source, "run_sd": found.run_sd, "groups": found.groups,
        "members": found.members,
    }  # fmt: skip
    try:
        critical = critical_values(
            table, dataset=column.dataset, metric=column.metric, split=column.split, level=LEVEL, noise=found
        )
    except InputError:  # a single architecture has no rank
        return noise
    return {**noise, "level": LEVEL, "critical": {str(runs): value for runs, value in critical.items()}}


def _main(columns: Sequence[Column]) -> int:
    """The column that is shown first: the strongest PGD, or else another attack, on the first data set."""
    first = [place for place, column in enumerate(columns) if column.dataset == columns[0].dataset]
    return max(first, key=lambda place: (*_strength(columns[place].metric), -place), default=0)


def _strength(metric: str) -> tuple[bool, bool, int, float, tuple[str | int, ...]]:
    """PGD before other attacks, L∞ before other norms, whose radii cannot be compared."""
    try:
        found = Metric.parse(metric)
    except InputError:
        return False, metric != "clean", -len(NORMS), 0.0, ()
    if found.threat is None:
        return False, False, 0, 0.0, ()
    norm, label = -NORMS.index(found.threat.norm), label_order(found.label)
    return found.attack == "pgd", True, norm, found.threat.epsilon, label


def pack_scores(scores: Scores, name: str, file: str) -> tuple[dict[str, Any], bytes]:
    """Header and binary columns of a file of scores."""
    blocks = Blocks()
    rows = np.array([Architecture(code).index for code in scores.codes])
    header: dict[str, Any] = {
        "name": name,
        "file": file,
        "rows": {"count": len(rows), "offset": blocks.add(rows, "u2")},
        "settings": plain(scores.settings),
    }
    errors = scores.standard_errors
    header["columns"] = [
        {
            "name": column,
            "offset": blocks.add(scores.means[:, place], "f4"),
            "standard_errors": None if np.isnan(errors[:, place]).all() else blocks.add(errors[:, place], "f4"),
            "missing": _reasons(scores, column),
        }
        for place, column in enumerate(scores.names)
    ]
    return header, blocks.content()


def _reasons(scores: Scores, name: str) -> dict[str, list[int]]:
    """Own indices of the architectures that lack a score, by the reason."""
    found: dict[str, list[int]] = {}
    for code, value in zip(scores.codes, scores.column(name), strict=True):
        if math.isnan(value):
            reason = scores.reasons.get((code, name), "no reason recorded")
            found.setdefault(reason, []).append(Architecture(code).index)
    return found


def plain(value: Any) -> Any:
    """Facts as JSON has them: no infinities, nothing but texts, numbers, lists and dictionaries."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)

"""Tables and scores as a JSON header and compact binary columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from robnas.benchmarks import Column, Scores, Table, exact_divisor
from robnas.errors import InputError
from robnas.explorer._blocks import MISSING, Blocks
from robnas.explorer._pack_noise import pack_noise
from robnas.networks import count
from robnas.spaces import EDGES, PARTITIONS, SIZE, Architecture, partition, partition_facts
from robnas.statistics import constant_rows
from robnas.types import NORMS, Metric, label_order

FORMAT = "robnas-explorer"
VERSION = 3


def pack_space(tables: Iterable[Table] = ()) -> tuple[dict[str, Any], bytes]:
    """What is the same for all tables: classes of isomorphic cells, sizes by number of convolutions.

    Args:
        tables: one of these may have been made with an earlier version of a partition, whose classes are packed, too.
    """
    blocks = Blocks()
    names = dict.fromkeys([*PARTITIONS, *(table.partition for table in tables if table.partition)])
    offsets = {name: blocks.add(partition(name).class_of, "u2") for name in names}
    sizes = [[_sizes(pointwise, spatial) for spatial in range(7 - pointwise)] for pointwise in range(7)]
    versions = {name: partition_facts(name).get("partition_version", 1) for name in names}
    facts = {"file": "data/space.bin", "size": SIZE, "classes": offsets, "versions": versions, "sizes": sizes}
    return facts, blocks.content()


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
        place = {"divisor": None, "offset": blocks.add(column.mean, "f8")}
    counts = np.unique(column.counts[column.counts > 0])
    varied = len(counts) > 1
    return {
        "dataset": column.dataset,
        "split": column.split,
        "metric": column.metric,
        **place,
        "runs": blocks.add(np.minimum(column.counts, MISSING), "u2") if varied else int(counts.max(initial=1)),
        "runs_vary": varied,
        "seeds": len(column.seeds),
        "noise": pack_noise(table, column, blocks),
        "facts": plain(column.facts),
    }


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
    norm, label = -list(NORMS).index(found.threat.norm), label_order(found.label)
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

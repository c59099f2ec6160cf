"""Tables of Jung et al. 2023 that earlier versions kept: their attacks are at ε = 1/255, and no averages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from robnas.benchmarks._column import Column
from robnas.benchmarks._table import Table
from robnas.benchmarks.nas_bench_201._jung import PAGE_VARIANT, RENAMED, facts_of, told

_OLD_NOTES = "Accuracies are averages over several epsilons"
_NEW_NOTES = "Attacks are at ε = 1/255"


def relabelled(table: Table) -> Table:
    """The table with the right names of its attacks, if it is Jung et al.'s or was joined with it; else as it is."""
    if not any(_old(column.metric) in RENAMED for column in table.columns) or not _is_theirs(table.provenance):
        return table
    return Table(
        table.name,
        table.rows,
        [_renamed(column) for column in table.columns],
        space=table.space,
        partition=table.partition,
        published=table.published,
        provenance=_told(table.provenance),
        ambiguous=table.ambiguous,
        curves=table.curves,
        ambiguous_curves=table.ambiguous_curves,
    )


def _old(metric: str) -> str:
    """Without what joins add to the name that two tables have."""
    return metric.rstrip("*")


def _renamed(column: Column) -> Column:
    old = _old(column.metric)
    if old not in RENAMED:
        return column
    facts = {**column.facts, **facts_of(column.dataset, RENAMED[old])}
    return replace(column, metric=column.metric.replace(old, RENAMED[old]), facts=facts)


def _is_theirs(provenance: Any) -> bool:
    """Whether this, or what was joined with it, says that it is of these authors."""
    if not isinstance(provenance, Mapping):
        return False
    named = str(provenance.get("citation", "")).startswith("Jung et al. 2023")
    return named or any(_is_theirs(inner) for inner in provenance.values())


def _told(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance with what earlier versions did not know."""
    found = {key: _told(inner) if _is_theirs(inner) else inner for key, inner in provenance.items()}
    if str(provenance.get("citation", "")).startswith("Jung et al. 2023"):
        notes = str(provenance.get("notes", "")).replace(_OLD_NOTES, _NEW_NOTES)
        found |= {"notes": notes, "variant": PAGE_VARIANT, **told()}
    return found

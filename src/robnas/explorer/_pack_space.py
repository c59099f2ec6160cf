"""The space of a site: its genes, who is the same network, and architectures as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Scores, Table
from robnas.errors import InputError, Verbatim
from robnas.explorer import _nas_bench_201
from robnas.explorer._blocks import Blocks
from robnas.spaces import Architecture, Space

_OWN = {_nas_bench_201.NAME: _nas_bench_201.page_facts}
"""Spaces that the page knows better than their genes say, and what it is told of them."""


def check_one_space(tables: Sequence[Table], scores: Iterable[tuple[str, Scores]]) -> Space:
    """The space of all tables and scores, which may differ in settings that leave the genes as they are.

    Raises:
        InputError: there are several.
    """
    space = tables[0].space
    expected = f"the space of {tables[0].name}, {space.name}"
    named = [(f"table {table.name}", table.space) for table in tables]
    named += [(f"scores {name}", found.space) for name, found in scores]
    for what, other in named:
        if other.fingerprint != space.fingerprint:
            got = Verbatim(other.key if other.name == space.name else other.name)
            raise InputError(f"{what} of the explorer", expected=expected, got=got, remedy="explore them apart")
    return space


def pack_space(space: Space, tables: Iterable[Table] = ()) -> tuple[dict[str, Any], bytes]:
    """What is the same for all tables: genes, classes of the same network, and what the page knows of the space itself.

    Args:
        space: of the tables.
        tables: one of these may have been made with an earlier version of a partition, whose classes are packed, too.
    """
    blocks = Blocks()
    names = dict.fromkeys([*space.partitions, *(table.partition for table in tables if table.partition)])
    classes = {name: space.partition(name).class_of for name in names} if space.listable else {}
    facts = {
        "name": space.name,
        "genes": [{"name": gene.name, "choices": gene.texts, "ordered": gene.ordered} for gene in space.genes],
        "size": space.size if space.listable else None,
        "file": "data/space.bin",
        "classes": {name: pack_numbers(found, blocks) for name, found in classes.items()},
        "versions": {name: space.partition_facts(name).get("partition_version", 1) for name in classes},
        "module": "genes",
        **_OWN.get(space.name, lambda _: {})(space),
    }
    return facts, blocks.content()


def is_known(space: Space) -> bool:
    """Whether the page knows more of a space than its genes."""
    return space.name in _OWN


def pack_rows(space: Space, architectures: Sequence[Architecture], blocks: Blocks) -> dict[str, Any]:
    """Architectures as numbers (the last gene changes first), or as the places of their genes where there are too many.

    Texts are kept where they are not ``gene=value,…``, unless the page knows the space.
    """
    places = space.position_array(architectures)
    facts: dict[str, Any] = {"count": len(architectures)}
    if space.listable:
        facts |= {"numbers": pack_numbers(places @ _weights(space), blocks)}
    else:
        facts |= {"positions": pack_numbers(places.T, blocks)}
    if not is_known(space):
        texts = [arch.text for arch in architectures]
        facts |= {"texts": None if texts == _written(space, places) else texts}
    return facts


def _weights(space: Space) -> npt.NDArray[np.int64]:
    """What a step of each gene adds to the number of an architecture."""
    sizes = [len(gene) for gene in space.genes]
    return np.append(np.cumprod(sizes[:0:-1], dtype=np.int64)[::-1], 1)


def _written(space: Space, places: npt.NDArray[np.int64]) -> list[str]:
    parts = [[f"{gene.name}={text}" for text in gene.texts] for gene in space.genes]
    return [",".join(part[p] for part, p in zip(parts, row, strict=True)) for row in places.tolist()]


def pack_numbers(values: npt.NDArray[Any], blocks: Blocks) -> dict[str, Any]:
    """Whole numbers from 0 up, in as few bytes as they need."""
    dtype = f"u{np.min_scalar_type(int(values.max(initial=0))).itemsize}"
    return {"offset": blocks.add(values, dtype), "type": dtype}

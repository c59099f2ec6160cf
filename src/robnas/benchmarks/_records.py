"""Records → table: benchmarks built here are queried like published ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from robnas.benchmarks._choice import Choice, ambiguity, value_of
from robnas.benchmarks._column import Column
from robnas.benchmarks._parquet import one_line
from robnas.benchmarks._table import Table
from robnas.errors import InputError, StoreError, Verbatim
from robnas.records import Record, StoreAddress
from robnas.spaces import Architecture, Space, parse_key, space_of

if TYPE_CHECKING:
    from robnas.records import RecordStore

_ALL = Choice()
_HOLDING = ("space", "dataset", "dataset_hash", "recipe_hash", "split", "metric", "attack_hash", "images")
Key = tuple[str, ...]


def table_of_records(
    name: str,
    records: Iterable[Record],
    *,
    partition: str | None = None,
    recipe_names: Mapping[str, str] | None = None,
    choice: Choice = _ALL,
) -> Table:
    """A table with the records' values per seed.

    A column needs records of one space with its settings, recipe, version of the data set, attack and number of images.
    Networks of several sizes have a column each. Where there are several of the others, the table has no such column,
    and asking for it is an error that says how to choose; all other columns can be asked. Each column's `facts` say
    what it rests on.

    Args:
        name: of the table.
        records: any.
        partition: see `Table`.
        recipe_names: hash → name, for people.
        choice: which of them to take, where there are several kinds.

    Raises:
        InputError: there are no records, none that are meant, or some of several spaces.
    """
    names = dict(recipe_names or {})
    found = list(records)
    if not found:
        raise InputError(f"table {name}", expected="records", got=Verbatim("none"))
    found = choice.of(found, names)
    space = _space(name, found)
    groups = _groups(found)
    refused = {key: reason for key, group in groups.items() if (reason := ambiguity(group, names))}
    architectures = sorted({record.architecture for record in found})
    row_of = {arch: row for row, arch in enumerate(architectures)}
    columns = [
        replace(_column(name, group, row_of, names), space=_trained(key, group[0], space))
        for key, group in groups.items()
        if key not in refused
    ]
    provenance: dict[str, object] = {
        part: sorted({str(getattr(record, part)) for record in found}) for part in ("torch_version", "device")
    }
    if refused:
        provenance["left_out"] = {" ".join(key): str(reason.error("records")) for key, reason in refused.items()}
    return Table(
        name, architectures, columns, space=space, partition=partition, provenance=provenance, ambiguous=refused
    )


def _space(name: str, records: Sequence[Record]) -> Space:
    """The space of all, with its settings where these are the same for all."""
    keys = _keys(records)
    spaces = [space_of(parse_key(key)) for key in keys]
    if len({space.fingerprint for space in spaces}) > 1:
        names = {space.name for space in spaces}
        choices = sorted(names) if len(names) > 1 else keys
        raise InputError(
            f"table {name}",
            expected="architectures of one space",
            got=Verbatim(", ".join(choices)),
            remedy=f"choose one: --space {choices[0]} on the command line, space={choices[0]!r} in Python",
        )
    return spaces[0] if len(keys) == 1 else space_of(spaces[0].name)


def _trained(spot: Key, record: Record, space: Space) -> str | None:
    """Key of the space of a column; None where it is one for all, without the settings that the space has."""
    return record.space if len(spot) > 3 or record.space == space.key else None


def _keys(records: Sequence[Record]) -> list[str]:
    return sorted({record.space for record in records})


def _groups(records: Sequence[Record]) -> dict[Key, list[Record]]:
    """By data set, split and metric, and by space where there are several of them."""
    several = len(_keys(records)) > 1
    groups: dict[Key, list[Record]] = {}
    for record in records:
        spot = (record.dataset, record.split, record.metric)
        groups.setdefault((*spot, record.space) if several else spot, []).append(record)
    return groups


def _column(name: str, group: Sequence[Record], row_of: Mapping[Architecture, int], names: Mapping[str, str]) -> Column:
    """The records of one metric on one split of one data set."""
    first = group[0]
    seeds = tuple(sorted({record.seed for record in group}))
    values = np.full((len(row_of), len(seeds)), np.nan)
    for record in group:
        cell = row_of[record.architecture], seeds.index(record.seed)
        if not np.isnan(values[cell]) and values[cell] != record.value:
            raise InputError(
                f"table {name}, {first.dataset} {first.split} {first.metric} of {record.architecture.text}, "
                f"seed {record.seed}",
                expected="one value",
                got=Verbatim(f"{values[cell]:g} and {record.value:g}"),
            )
        values[cell] = record.value
    facts: dict[str, Any] = {part: value_of(first, part) for part in ("recipe", "images", "attack", "dataset_version")}
    facts["recipe_name"] = one_line(names.get(first.recipe_hash, ""))
    for part in ("num_classes", "majority"):  # equal for all: the images are; missing in records of older versions
        known = [value for record in group if (value := getattr(record, part)) is not None]
        facts |= {part: known[0]} if known else {}
    return Column(first.dataset, first.split, first.metric, values, seeds, facts=facts)


def table_of_store(url: str | Path, choice: Choice = _ALL) -> Table:
    """The records of a store as a table, see `table_of_records`.

    Raises:
        DataError: the file of an SQLite store is missing; none is made.
        InputError: there are no records, or none that are meant.
    """
    name, records, names = _read(url, choice)
    return table_of_records(name, records, recipe_names=names, choice=choice)


def meant_records(store: RecordStore, choice: Choice) -> list[Record]:
    """The records of a store of the space that is meant; others need not be known here.

    Raises:
        InputError: none is of that space, or a space is not known here.
    """
    return store.records() if choice.space is None else store.records(space=choice.spaces(store.spaces()))


def _read(url: str | Path, choice: Choice = _ALL) -> tuple[str, list[Record], dict[str, str]]:
    """Name, records and names of the recipes of a store."""
    from robnas.records import RecordStore

    address = StoreAddress.parse(url).check_exists()
    with RecordStore(address, complete=False) as store:
        records = meant_records(store, choice)
        names = {hash_: _name(store, hash_) for hash_ in sorted({record.recipe_hash for record in records})}
    return address.name, records, names


def _name(store: Any, recipe_hash: str) -> str:
    try:
        return str(store.settings(recipe_hash).get("name", ""))
    except StoreError:  # the store was filled without settings
        return ""


@final
@dataclass(frozen=True, kw_only=True)
class Holding:
    """Comparable measurements in a store: one metric of one recipe on one split of one version of a data set."""

    space: str
    """Key of the space that was trained in: its name and settings."""
    dataset: str
    """Name of the data set."""
    dataset_version: str
    """Its content hash."""
    recipe: str
    """Hash of the recipe."""
    recipe_name: str
    """Its name, empty if the store does not know it."""
    split: str
    """``train``, ``validation`` or ``test``."""
    metric: str
    """Key of the metric."""
    attack: str
    """Hash of the attack's settings; empty for clean accuracy."""
    images: int
    """How many images of the split were asked."""
    seeds: tuple[int, ...]
    """Seeds of the trainings."""
    attack_seeds: tuple[int, ...]
    """Seeds of the attack."""
    architectures: int
    """How many architectures were measured."""
    records: int
    """Measurements in all."""


def holdings(url: str | Path, space: str | None = None) -> list[Holding]:
    """What a store holds.

    Args:
        url: of the store.
        space: only what is of this one, named as in `Choice`; others need not be known here.

    Raises:
        DataError: the file of an SQLite store is missing; none is made.
        InputError: nothing is of that space, or a space is not known here.
    """
    _, records, names = _read(url, Choice(space=space))
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        key = tuple(getattr(record, part) for part in _HOLDING)
        groups.setdefault(key, []).append(record)
    return [
        Holding(
            space=group[0].space,
            dataset=group[0].dataset,
            dataset_version=group[0].dataset_hash,
            recipe=group[0].recipe_hash,
            recipe_name=names[group[0].recipe_hash],
            split=group[0].split,
            metric=group[0].metric,
            attack=group[0].attack_hash,
            images=group[0].images,
            seeds=tuple(sorted({record.seed for record in group})),
            attack_seeds=tuple(sorted({record.attack_seed for record in group})),
            architectures=len({record.architecture for record in group}),
            records=len(group),
        )
        for _, group in sorted(groups.items())
    ]

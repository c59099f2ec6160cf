"""Records → table: benchmarks built here are queried like published ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, final

import numpy as np

from robnas.benchmarks._choice import Choice, ambiguity, value_of
from robnas.benchmarks._column import Column
from robnas.benchmarks._columns import name_of_key, whole_key
from robnas.benchmarks._curve import CurveColumn
from robnas.benchmarks._fields import one_line
from robnas.benchmarks._recipes import Recipes
from robnas.benchmarks._table import Table
from robnas.errors import InputError, StoreError, Verbatim
from robnas.records import Curve, Record, StoreAddress
from robnas.spaces import Architecture, Space, parse_key, space_of
from robnas.types import check_split

if TYPE_CHECKING:
    from robnas.records import RecordStore

_ALL = Choice()
_HOLDING = ("space", "dataset", "dataset_hash", "recipe_hash", "split", "metric", "attack_hash", "images")
Key = tuple[Any, ...]
_R = TypeVar("_R", Record, Curve)


def table_of_records(
    name: str,
    records: Iterable[Record],
    *,
    partition: str | None = None,
    recipe_names: Mapping[str, str] | None = None,
    recipes: Mapping[str, Mapping[str, Any]] | None = None,
    choice: Choice = _ALL,
    curves: Iterable[Curve] = (),
) -> Table:
    """A table with the records' values per seed.

    A column needs records of one space with its settings, recipe, version of the data set, attack and number of images.
    Networks of several sizes have a column each, and so have recipes that differ in nothing but their beta. Where there
    are several of the others, the table has no such column, and asking for it is an error that says in what they differ
    and how to choose; all other columns can be asked. Each column's `facts` say what it rests on.

    Args:
        name: of the table.
        records: any.
        partition: see `Table`.
        recipe_names: hash → name, for people.
        recipes: hash → settings, which tell betas and names, of those that are known.
        choice: which of them to take, where there are several kinds.
        curves: of these trainings and others, which are left out: a row needs a record.

    Raises:
        InputError: there are no records, none that are meant, or some of several spaces.
    """
    told = _recipes(recipe_names, recipes)
    found = list(records)
    if not found:
        raise InputError(f"table {name}", expected="records", got=Verbatim("none"))
    found = choice.of(found, told)
    space = _space(name, found)
    several = len(_keys(found)) > 1
    groups = _groups(found, several, told)
    refused = {key: reason for key, group in groups.items() if (reason := ambiguity(group, told))}
    trained = {_training(record) for record in found}
    drawn = _groups([curve for curve in curves if _training(curve) in trained], several, told)
    drawn = {key: choice.among_curves(group) for key, group in drawn.items()}
    refused_curves = {key: reason for key, group in drawn.items() if (reason := ambiguity(group, told))}
    architectures = sorted({record.architecture for record in found})
    row_of = {arch: row for row, arch in enumerate(architectures)}
    columns = [
        replace(_column(name, group, row_of, told), space=_trained(key, group[0], space))
        for key, group in groups.items()
        if key not in refused
    ]
    curve_columns = [
        replace(_curve_column(name, group, row_of, told), space=_trained(key, group[0], space))
        for key, group in drawn.items()
        if key not in refused_curves
    ]
    provenance: dict[str, object] = {
        part: sorted({str(getattr(record, part)) for record in found}) for part in ("torch_version", "device")
    }
    left_out = {name_of_key(key): str(reason.error("records")) for key, reason in refused.items()}
    left_out |= {f"curves {name_of_key(key)}": str(why.error("curves")) for key, why in refused_curves.items()}
    if left_out:
        provenance["left_out"] = left_out
    return Table(
        name, architectures, columns, space=space, partition=partition, provenance=provenance, ambiguous=refused,
        curves=curve_columns, ambiguous_curves=refused_curves,
    )  # fmt: skip


def _recipes(names: Mapping[str, str] | None, settings: Mapping[str, Mapping[str, Any]] | None) -> Recipes:
    known = {hash_: one for hash_, one in (settings or {}).items() if one}
    return Recipes({hash_: str(one.get("name", "")) for hash_, one in known.items()} | dict(names or {}), known)


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


def _trained(spot: Key, record: Record | Curve, space: Space) -> str | None:
    """Key of the space of a column; None where it is one for all, without the settings that the space has."""
    return record.space if whole_key(spot)[3] is not None or record.space == space.key else None


def _keys(records: Sequence[Record]) -> list[str]:
    return sorted({record.space for record in records})


def _training(one: Record | Curve) -> tuple[object, ...]:
    """What identifies the training that a record or curve is of."""
    return one.architecture, one.space, one.dataset_hash, one.recipe_hash, one.seed


def _groups(records: Sequence[_R], several: bool, recipes: Recipes) -> dict[Key, list[_R]]:
    """By data set, split and metric, and by space and beta where there are several of them."""
    groups: dict[Key, list[_R]] = {}
    for record in records:
        spot: Key = (record.dataset, record.split, record.metric)
        groups.setdefault((*spot, record.space) if several else spot, []).append(record)
    return {key: part for spot, group in groups.items() for key, part in _by_beta(spot, group, recipes).items()}


def _by_beta(spot: Key, records: list[_R], recipes: Recipes) -> dict[Key, list[_R]]:
    """The records of one spot by beta, if their recipes differ in nothing else."""
    used = {record.recipe_hash for record in records}
    if len(used) == 1 or not recipes.differ_by_beta(used):
        return {spot: records}
    dataset, split, metric, space, source, _ = whole_key(spot)
    betas = {recipe: recipes.beta(recipe) for recipe in used}
    return {
        (dataset, split, metric, space, source, betas[recipe]): [
            record for record in records if record.recipe_hash == recipe
        ]
        for recipe in sorted(used, key=lambda recipe: betas[recipe] or 0.0)
    }


def _column(name: str, group: Sequence[Record], row_of: Mapping[Architecture, int], recipes: Recipes) -> Column:
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
    facts = _facts(first, recipes)
    for part in ("num_classes", "majority"):  # equal for all: the images are; missing in records of older versions
        known = [value for record in group if (value := getattr(record, part)) is not None]
        facts |= {part: known[0]} if known else {}
    beta = recipes.beta(first.recipe_hash)
    return Column(first.dataset, first.split, first.metric, values, seeds, facts=facts, beta=beta)


def _curve_column(
    name: str, group: Sequence[Curve], row_of: Mapping[Architecture, int], recipes: Recipes
) -> CurveColumn:
    """The curves of one metric on one split of one data set."""
    first = group[0]
    seeds = tuple(sorted({curve.seed for curve in group}))
    epochs = tuple(sorted({epoch for curve in group for epoch in curve.epochs}))
    place = {epoch: number for number, epoch in enumerate(epochs)}
    values = np.full((len(row_of), len(seeds), len(epochs)), np.nan)
    for curve in group:
        own = values[row_of[curve.architecture], seeds.index(curve.seed)]  # a view
        at = [place[epoch] for epoch in curve.epochs]
        if ((known := own[at]) != curve.values)[~np.isnan(known)].any():
            raise InputError(
                f"table {name}, curve {first.dataset} {first.split} {first.metric} of {curve.architecture.text}, "
                f"seed {curve.seed}",
                expected="one value after each epoch",
                got=Verbatim("several"),
            )
        own[at] = curve.values
    split = check_split(first.split)
    facts, beta = _facts(first, recipes), recipes.beta(first.recipe_hash)
    return CurveColumn(first.dataset, split, first.metric, epochs, values, seeds, facts=facts, beta=beta)


def _facts(one: Record | Curve, recipes: Recipes) -> dict[str, Any]:
    """What a column rests on."""
    facts: dict[str, Any] = {part: value_of(one, part) for part in ("recipe", "images", "attack", "dataset_version")}
    return facts | {"recipe_name": one_line(recipes.names.get(one.recipe_hash, ""))}


def table_of_store(url: str | Path, choice: Choice = _ALL) -> Table:
    """The records of a store as a table, see `table_of_records`.

    Raises:
        DataError: the file of an SQLite store is missing; none is made.
        InputError: there are no records, or none that are meant.
    """
    name, records, recipes, curves = _read(url, choice)
    return table_of_records(name, records, recipes=recipes, choice=choice, curves=curves)


def meant_records(store: RecordStore, choice: Choice) -> list[Record]:
    """The records of a store of the space that is meant; others need not be known here.

    Raises:
        InputError: none is of that space, or a space is not known here.
    """
    return store.records() if choice.space is None else store.records(space=choice.spaces(store.spaces()))


def meant_curves(store: RecordStore, records: Iterable[Record]) -> list[Curve]:
    """The curves of a store of the spaces of these records."""
    return store.curves(space=sorted({record.space for record in records}))


def _read(url: str | Path, choice: Choice = _ALL) -> tuple[str, list[Record], dict[str, dict[str, Any]], list[Curve]]:
    """Name, records, settings of the recipes and curves of a store."""
    from robnas.records import RecordStore

    address = StoreAddress.parse(url).check_exists()
    with RecordStore(address, complete=False) as store:
        records = meant_records(store, choice)
        recipes = known_recipes(store, records)
        curves = meant_curves(store, records)
    return address.name, records, recipes, curves


def known_recipes(store: RecordStore, records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """The settings of the recipes of records by their hash; none where the store was filled without."""
    found: dict[str, dict[str, Any]] = {}
    for hash_ in sorted({record.recipe_hash for record in records}):
        try:
            found[hash_] = store.settings(hash_)
        except StoreError:
            found[hash_] = {}
    return found


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
    beta: float | None
    """Weight of the robust loss in its objective; None where it is not known, or the objective has none."""
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
    _, records, settings, _ = _read(url, Choice(space=space))
    recipes = _recipes(None, settings)
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
            recipe_name=recipes.names.get(group[0].recipe_hash, ""),
            beta=recipes.beta(group[0].recipe_hash),
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

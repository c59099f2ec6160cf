"""Plans made known to a store, and those refused that would spoil what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from robnas._settings import content_hash
from robnas.building._plan import Expansion
from robnas.errors import StoreError, Verbatim
from robnas.records import (
    ON_DEMAND,
    RecordStore,
    StoredPlan,
    TrialQueue,
    WantedTrials,
    plan_pairs,
    stored_plans,
    timing,
)

_LONGEST_NAME = 100  # characters


def resumed(expansion: Expansion, store: RecordStore) -> Expansion:
    """The plan as the store has it.

    One that says no version of its partition goes on with that of the plan of its name in the store, also if it was
    given more seeds since, or with that of which the store has the same trials under another name.
    """
    if not (earlier := expansion.earlier):
        return expansion
    plans, versions = stored_plans(store), (expansion, *earlier)
    ours = [one for one in versions if any(_is_grown_from(one, plan) for plan in plans)]
    known = [one for one in versions if one.hash in {plan.hash for plan in plans}]
    return (*ours, *known, expansion)[0]


def _is_grown_from(expansion: Expansion, stored: StoredPlan) -> bool:
    """Whether the store has the plan, perhaps with other seeds, with this version of its partition."""
    space, said = stored.facts.get("space"), expansion.plan.space.of.partition_facts(expansion.plan.space.classes)
    return (
        (stored.name, stored.setup) == (expansion.plan.name, expansion.setup)
        and isinstance(space, Mapping)
        and space.get("partition") == said["partition"]
        and space.get("partition_version", 1) == said.get("partition_version", 1)
    )


def enrol(expansion: Expansion, store: RecordStore, **options: Any) -> TrialQueue:
    """The queue of a plan, which is made known to the store first.

    Args:
        expansion: of the plan.
        store: where it goes.
        options: of `TrialQueue`.

    Raises:
        StoreError: the store holds another plan whose records would have the same keys, or one of another content of
            a file of one's own; or it cannot be written.
    """
    return _enrolled(resumed(expansion, store), store, whole=True, **options)


def enrol_on_demand(expansion: Expansion, store: RecordStore, seeds: Sequence[int], **options: Any) -> WantedTrials:
    """The queue of those trials of a plan that searches will ask for, which share one plan in the store.

    Args:
        expansion: of the plan, see `resumed`.
        store: where it goes.
        seeds: of the trainings.
        options: of `TrialQueue`.

    Raises:
        StoreError: as `enrol`; any architecture may be asked for.
    """
    _check_imports(expansion, store)
    _check_collisions(expansion, store, seeds)
    facts = {**expansion.facts(), ON_DEMAND: True}
    hash_ = content_hash({"setup": expansion.setup, "space": facts["space"], ON_DEMAND: True})
    queue = TrialQueue(store, hash_, **options)
    name = f"{expansion.plan.name}, {ON_DEMAND}"[:_LONGEST_NAME]
    queue.enrol(name, expansion.setup, expansion.settings(), facts, (), whole=False)
    return WantedTrials(queue, expansion.setup)


def enrol_designed(expansion: Expansion, store: RecordStore, **options: Any) -> WantedTrials:
    """The queue of those trials of a plan with a design that are chosen, which the plan has in the store.

    Args:
        expansion: of the plan, see `resumed`.
        store: where it goes.
        options: of `TrialQueue`.

    Raises:
        StoreError: as `enrol`.
    """
    return WantedTrials(_enrolled(expansion, store, whole=False, **options), expansion.setup)


def _enrolled(expansion: Expansion, store: RecordStore, *, whole: bool, **options: Any) -> TrialQueue:
    """The queue of a plan, with all its trials or, as yet, none."""
    _check_imports(expansion, store)
    _check_collisions(expansion, store)
    queue = TrialQueue(store, expansion.hash, **options)
    trials = expansion.trials if whole else ()
    queue.enrol(expansion.plan.name, expansion.setup, expansion.settings(), expansion.facts(), trials, whole=whole)
    return queue


def _check_imports(expansion: Expansion, store: RecordStore) -> None:
    """Refuse a file of one's own that has changed since the store was built with it: records do not name it.

    What goes on with the trials of another plan needs all files with which that was built.
    """
    ours = expansion.plan.imports
    contents = {own.hash for own in ours}
    for other in stored_plans(store):
        known = other.facts.get("imports", [])
        for one in known if isinstance(known, list) else []:
            name, content = (one.get("file"), one.get("hash")) if isinstance(one, Mapping) else (None, None)
            same = [own for own in ours if own.name == name]
            if content in contents or not isinstance(content, str) or not (same or other.setup == expansion.setup):
                continue
            raise StoreError(
                f"file {same[0].path if same else name}",
                expected=f"the content {content}, with which plan {other.name} ({other.hash}) of this store was built",
                got=Verbatim(same[0].hash if same else "not imported"),
                remedy="restore the file, or build into another store" if same else f"give it with --import {name}",
            )


def _check_collisions(expansion: Expansion, store: RecordStore, seeds: Sequence[int] | None = None) -> None:
    """Refuse new trials that would write under the keys of another plan's records.

    A record's key names neither the batch size of the evaluation, which has a say in its value, nor the training behind
    it: measured by another plan, the same network is trained again, and on a GPU or another machine to other values.

    Args:
        expansion: of the plan.
        store: with the others.
        seeds: of trials of any architecture; the plan's own trials if omitted.
    """
    pairs = set[tuple[str, int]]()
    if seeds is None:
        known = timing(store, expansion.setup).states
        pairs = {(trial.architecture, trial.seed) for trial in expansion.trials if trial.hash not in known}
        if not pairs:
            return
    ours = expansion.settings()
    keys = {_key(entry) for entry in ours["measurements"]}
    for other in stored_plans(store):
        theirs = other.settings
        if (
            other.setup == expansion.setup
            or other.space != ours["space"]
            or theirs["dataset_hash"] != ours["dataset_hash"]
            or theirs["recipe_hash"] != ours["recipe_hash"]
            or not (shared := keys & {_key(entry) for entry in theirs["measurements"]})
        ):
            continue
        if theirs["batch_size"] != ours["batch_size"]:
            raise StoreError(
                f"plan {expansion.plan.name}, evaluation batch_size",
                expected=f"{theirs['batch_size']}, as plan {other.name} ({other.hash}) of this store has it for the "
                "same measurements",
                got=Verbatim(ours["batch_size"]),
                remedy="the plans collide: use the same batch size or another store",
            )
        taken = plan_pairs(store, other)
        if common := pairs & taken if seeds is None else {pair for pair in taken if pair[1] in seeds}:
            raise StoreError(
                f"plan {expansion.plan.name}, evaluation",
                expected=f"that of plan {other.name} ({other.hash}) of this store, or nothing in common with it",
                got=Verbatim(
                    f"{len(shared)} of its {len(theirs['measurements'])} measurements, of {len(common):,} of its trials"
                ),
                remedy="their networks would be trained again, and one table hold values of two trainings: use another "
                "store",
            )


def _key(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(entry[name] for name in ("split", "metric", "attack_hash", "images"))

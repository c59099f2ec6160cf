"""The plans that a store knows, and the records that belong to one."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, final

import sqlalchemy as sa

from robnas.errors import InputError, StoreError, Verbatim
from robnas.records import _schema
from robnas.records._earlier import UNKNOWN
from robnas.records._record import Record
from robnas.records._store import RecordStore
from robnas.types import canonical_metric

ON_DEMAND = "on demand"
"""Mark in the facts of a plan whose trials are those that searches asked for."""
_OF_BETA = re.compile(r" beta=(\d[\d.e-]*)$")
_plans, _trials, _members = _schema.plans, _schema.trials, _schema.members


@final
@dataclass(frozen=True)
class StoredPlan:
    """A plan as the store knows it."""

    hash: str
    name: str
    setup: str
    """Hash of what all its trials share."""
    facts: dict[str, Any]
    """The plan in plain values."""
    settings: dict[str, Any]
    """What the setup's hash stands for."""
    created: float
    """Seconds since 1970."""
    earlier: str | None = None
    """Hash by which an earlier version of robnas knew it, which still names it."""

    @property
    def space(self) -> str:
        """`Space.key` of its trials."""
        return str(self.settings.get("space", UNKNOWN))

    @property
    def base(self) -> str:
        """Its name without the beta that a plan asked for several has in it."""
        return _OF_BETA.sub("", self.name)

    @property
    def beta(self) -> float:
        """The beta in its name; nan where there is none."""
        found = _OF_BETA.search(self.name)
        return float(found[1]) if found else math.nan


def stored_plans(store: RecordStore) -> list[StoredPlan]:
    """All plans, in the order in which they came."""
    settings = _schema.settings
    query = (
        sa.select(_plans, settings.c.json.label("settings"))
        .join(settings, settings.c.hash == _plans.c.setup)
        .order_by(_plans.c.created, _plans.c.hash)
    )
    with store.read() as connection:
        return [_plan(store, row) for row in connection.execute(query).all()]


def _plan(store: RecordStore, row: Any) -> StoredPlan:
    settings = store.decoded(row.settings, f"setup {row.setup}")
    if not _is_setup(settings):
        raise StoreError(
            f"store {store.shown}, setup {row.setup}",
            expected="dataset_hash, recipe_hash, measurements and batch_size",
            got=settings,
            remedy="the store is damaged: restore it from a copy",
        )
    facts = store.decoded(row.json, f"plan {row.name}")
    return StoredPlan(row.hash, row.name, row.setup, facts, settings, row.created, row.earlier)


def _is_setup(settings: dict[str, Any]) -> bool:
    """Whether these are the settings that all trials of a plan share, as a build writes them."""
    entries = settings.get("measurements")
    return (
        all(isinstance(settings.get(key), str) for key in ("dataset_hash", "recipe_hash"))
        and isinstance(settings.get("space", ""), str)
        and isinstance(settings.get("batch_size"), int)
        and isinstance(entries, list)
        and all(
            isinstance(entry, dict)
            and all(isinstance(entry.get(key), str) for key in ("split", "metric", "attack_hash"))
            and isinstance(entry.get("images"), int)
            for entry in entries
        )
    )


def find_plan(store: RecordStore, name: str | None = None) -> StoredPlan:
    """The plan of that name, of a hash that begins so, or the only one; what searches trained is one, too.

    Of a plan that was given more seeds or architectures since, the one with all of them.

    Raises:
        InputError: there is none, or more than one; the text lists them.
    """
    known = stored_plans(store)
    if name is None:
        found = _grown(store, [plan for plan in known if ON_DEMAND not in plan.facts] or known)
    else:
        found = _grown(store, [plan for plan in known if plan.name == name]) + [
            plan
            for plan in known
            if plan.name != name and any(hash_.startswith(name) for hash_ in (plan.hash, plan.earlier or ""))
        ]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(f"{plan.name} ({plan.hash})" for plan in (found or known))
    raise InputError(
        "plan",
        expected=f"one of {shown}" if shown else "a store in which a plan was built",
        got=Verbatim("no plan" if not known else "none named" if name is None else repr(name)),
        remedy="give --plan with a hash" if shown else "robnas build PLAN.toml --store URL",
    )


def find_plans(store: RecordStore, name: str | None = None) -> list[StoredPlan]:
    """The plan of `find_plan`, or those that are called ``NAME beta=…``: one plan asked for several betas.

    Raises:
        InputError: there is none, or more than one; the text lists them.
    """
    known = [plan for plan in stored_plans(store) if ON_DEMAND not in plan.facts]
    known = _grown(store, known)
    betas = [plan for plan in known if plan.base != plan.name and name in (None, plan.base)]
    whole = name is not None or len(betas) == len(known)
    if betas and whole and len({plan.base for plan in betas}) == 1 and len({plan.name for plan in betas}) == len(betas):
        return sorted(betas, key=lambda plan: plan.beta)
    return [find_plan(store, name)]


def _grown(store: RecordStore, plans: list[StoredPlan]) -> list[StoredPlan]:
    """Without those whose trials are all trials of a larger one that shares name and setup."""
    alike = Counter((plan.name, plan.setup) for plan in plans)
    pairs = {plan.hash: plan_pairs(store, plan) for plan in plans if alike[plan.name, plan.setup] > 1}
    return [
        plan
        for plan in plans
        if plan.hash not in pairs
        or not any(
            (other.name, other.setup) == (plan.name, plan.setup) and pairs[plan.hash] < pairs[other.hash]
            for other in plans
        )
    ]


def plan_pairs(store: RecordStore, plan: StoredPlan) -> set[tuple[str, int]]:
    """Architecture and seed of each trial of the plan, in whatever state."""
    inside = (_members.c.trial == _trials.c.hash) & (_members.c.plan == plan.hash)
    query = sa.select(_trials.c.architecture, _trials.c.seed).join(_members, inside)
    with store.read() as connection:
        return {(row.architecture, row.seed) for row in connection.execute(query)}


def plan_records(store: RecordStore, plan: StoredPlan) -> list[Record]:
    """The records of the plan's finished trials, in the order of their keys; others in the store are left out."""
    done = _finished(plan, _trials.c.architecture, _trials.c.seed)
    with store.read() as connection:
        wanted = {(row.architecture, row.seed) for row in connection.execute(done)}
    entries = plan.settings["measurements"]
    measured = {(one["split"], canonical_metric(one["metric"]), one["attack_hash"], one["images"]) for one in entries}
    return [
        record
        for record in store.records(
            space=plan.space,
            dataset_hash=plan.settings["dataset_hash"],
            recipe_hash=plan.settings["recipe_hash"],
        )
        if (record.architecture.text, record.seed) in wanted
        and (record.split, record.metric, record.attack_hash, record.images) in measured
        and record.has_seed_of_trial
    ]


def plan_doubts(store: RecordStore, plan: StoredPlan) -> list[str]:
    """What the evaluations of the plan's finished trials doubt, a line per doubt that begins with the architecture."""
    found = _finished(plan, _trials.c.architecture, _trials.c.message)
    doubtful = found.where(_trials.c.message.is_not(None)).order_by(_trials.c.architecture, _trials.c.seed)
    with store.read() as connection:
        rows = connection.execute(doubtful).all()
    return [f"{row.architecture}: {text}" for row in rows for text in row.message.splitlines()]


def _finished(plan: StoredPlan, *columns: sa.Column[Any]) -> sa.Select[Any]:
    """Columns of the plan's finished trials."""
    inside = (_members.c.trial == _trials.c.hash) & (_members.c.plan == plan.hash)
    return sa.select(*columns).join(_members, inside).where(_trials.c.state == "done")

"""A finished build as a table."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from robnas.benchmarks import Table, meant_curves, table_of_records
from robnas.errors import StoreError
from robnas.records import RecordStore, StoredPlan, plan_records, store_status
from robnas.spaces import parse_key, space_of


def table_of_plan(store: RecordStore, plan: StoredPlan) -> Table:
    """The plan's finished trials as a table that says where it comes from.

    Raises:
        InputError: no trial is finished.
        StoreError: what the store says about the plan is damaged.
    """
    return table_of_plans(store, [plan])


def table_of_plans(store: RecordStore, plans: Sequence[StoredPlan]) -> Table:
    """The finished trials of plans that differ in the beta of their recipe, as one table.

    Args:
        store: that holds them.
        plans: at least one, see `robnas.records.find_plans`.

    Raises:
        InputError: no trial is finished.
        StoreError: what the store says about a plan is damaged.
    """
    for plan in plans:
        _check(store, plan)
    first = plans[0]
    records = [record for plan in plans for record in plan_records(store, plan)]
    recipes = {str(plan.settings["recipe_hash"]): plan.facts["recipe"] for plan in plans}
    table = table_of_records(
        first.name if len(plans) == 1 else first.base,
        records,
        partition=space_of(parse_key(first.space)).partition_of(first.facts["space"]),
        recipes=recipes,
        curves=meant_curves(store, records),
    )
    known = {found.plan: found for found in store_status(store)}
    states = [known[plan.hash] for plan in plans]
    finished = max(state.finished or 0.0 for state in states)
    made: dict[str, Any] = {
        "plan": first.facts if len(plans) == 1 else _of_betas(plans),
        "plan_hash": _one([plan.hash for plan in plans]),
        "setup_hash": _one([plan.setup for plan in plans]),
        "trials": sum(state.done for state in states),
        "missing_trials": sum(state.total - state.done for state in states),
        "failed_trials": sum(state.failed for state in states),
        "doubtful_trials": sum(state.doubtful for state in states),
        "core_hours": round(sum(state.core_hours for state in states), 3),
        "date": datetime.datetime.fromtimestamp(finished, datetime.UTC).date().isoformat(),
    }
    table.provenance.update(made)
    return table


def _check(store: RecordStore, plan: StoredPlan) -> None:
    space, recipe = plan.facts.get("space"), plan.facts.get("recipe")
    if not (isinstance(space, dict) and isinstance(recipe, dict) and isinstance(recipe.get("name"), str)):
        raise StoreError(
            f"store {store.shown}, plan {plan.name}",
            expected="its space and recipe",
            got=plan.facts,
            remedy="the store is damaged: restore it from a copy",
        )


def _of_betas(plans: Sequence[StoredPlan]) -> dict[str, Any]:
    """The plan that asked for several betas, as it was written."""
    facts = plans[0].facts
    recipe = {key: value for key, value in facts["recipe"].items() if key not in ("name", "beta")}  # a name says a beta
    betas = [plan.facts["recipe"].get("beta") for plan in plans]
    return {**facts, "name": plans[0].base, "recipe": {**recipe, "betas": betas}}


def _one(found: list[str]) -> str | list[str]:
    return found[0] if len(found) == 1 else found

"""A finished build as a table."""

from __future__ import annotations

import datetime
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
    space, recipe = plan.facts.get("space"), plan.facts.get("recipe")
    if not (isinstance(space, dict) and isinstance(recipe, dict) and isinstance(recipe.get("name"), str)):
        raise StoreError(
            f"store {store.shown}, plan {plan.name}",
            expected="its space and recipe",
            got=plan.facts,
            remedy="the store is damaged: restore it from a copy",
        )
    records = plan_records(store, plan)
    names = {record.recipe_hash: recipe["name"] for record in records}
    table = table_of_records(
        plan.name,
        records,
        partition=space_of(parse_key(plan.space)).partition_of(space),
        recipe_names=names,
        curves=meant_curves(store, records),
    )
    status = next(found for found in store_status(store) if found.plan == plan.hash)
    made: dict[str, Any] = {
        "plan": plan.facts,
        "plan_hash": plan.hash,
        "setup_hash": plan.setup,
        "trials": status.done,
        "missing_trials": status.total - status.done,
        "failed_trials": status.failed,
        "doubtful_trials": status.doubtful,
        "core_hours": round(status.core_hours, 3),
        "date": datetime.datetime.fromtimestamp(status.finished or 0.0, datetime.UTC).date().isoformat(),
    }
    table.provenance.update(made)
    return table

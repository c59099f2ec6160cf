"""The report of a store of records: its table, how far its builds are, what failed, what the numbers rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robnas.benchmarks import Choice, Table, known_recipes, meant_curves, meant_records, table_of_records
from robnas.building import table_of_plans
from robnas.errors import InputError, RobnasError
from robnas.records import (
    PlanStatus,
    RecordStore,
    StoreAddress,
    StoredPlan,
    find_plans,
    plan_doubts,
    store_status,
    stored_plans,
)
from robnas.reports._page import Block, Bullets, Grid, Section, Text
from robnas.reports._space import check_space
from robnas.reports._table_facts import table_facts
from robnas.reports._table_sections import provenance_grid, short, table_lead, table_sections
from robnas.types import Progress

_DOUBTS = 25  # that are listed one by one


def store_report(
    url: str | Path, rank_by: str | None, plan: str | None, choice: Choice, beta: float | None, progress: Progress
) -> tuple[str, list[Block], list[Section], dict[str, Any]]:
    """Title, lead, sections and numbers of the report of a store; arguments and errors as for `report_of`."""
    address = StoreAddress.parse(url).check_exists()
    name = address.name
    with RecordStore(address, complete=False) as store:  # to read is not to write
        known = [] if store.version is None else stored_plans(store)
        if plan is not None:
            known = find_plans(store, plan)
            if choice != Choice(space=choice.space):
                raise InputError("--plan", expected="no further choice of records", got=plan)
            check_space(choice, known[0].space, f"plan {known[0].name}")
        known = [found for found in known if choice.means(found.space)]
        wanted = {found.hash for found in known}
        states = [state for state in store_status(store) if state.plan in wanted] if known else []
        doubts = [text for found in known for text in plan_doubts(store, found)]
        table = _table(store, name, known, plan, choice)
        table = table if table is None or beta is None else table.select(beta=beta)
        settings = {} if table is None else _settings(store, table)
    title = f"Report of {(known[0].name if len(known) == 1 else known[0].base) if plan is not None else name}"
    sections, facts = _build_sections(states), {"plans": states, "doubts": doubts}
    lead: list[Block] = [Text("No trial has ended with records.", strong=True)]
    if table is not None:
        found = table_facts(table, rank_by, progress)
        lead = table_lead(table, found)
        sections = [*table_sections(table, found), *sections]
        facts |= {"space": table.space_key, "table": found, "provenance": table.provenance}
    if doubts:
        sections.append(_doubts(doubts))
    sections += _store_provenance(table, known, settings)
    return title, lead, sections, facts


def _table(
    store: RecordStore, name: str, known: Sequence[StoredPlan], plan: str | None, choice: Choice
) -> Table | None:
    """What there is to report; None if trials have ended, but none with records."""
    try:
        if plan is not None:
            return table_of_plans(store, known)
        records = meant_records(store, choice)
        recipes, curves = known_recipes(store, records), meant_curves(store, records)
        return table_of_records(name, records, recipes=recipes, choice=choice, curves=curves)
    except InputError:
        if known and not choice and not store.spaces():
            return None
        raise


def _known_settings(store: RecordStore, hash_: str) -> dict[str, Any]:
    try:
        return store.settings(hash_)
    except RobnasError:  # the store was filled without settings
        return {}


def _settings(store: RecordStore, table: Table) -> dict[str, dict[str, Any]]:
    """Recipes and attacks behind the columns, by their hash."""
    hashes = [column.facts.get(part) for column in table.columns for part in ("recipe", "attack")]
    return {hash_: _known_settings(store, hash_) for hash_ in dict.fromkeys(hashes) if isinstance(hash_, str) and hash_}


def _build_sections(states: Sequence[PlanStatus]) -> list[Section]:
    if not states:
        return []
    header = ("plan", "hash", "trials", "done", "running", "failed", "remaining", "doubtful", "s per trial", "hours")
    rows = tuple(
        (
            state.name, state.plan, *(f"{count:,}" for count in (
                state.total, state.done, state.running, state.failed, state.remaining, state.doubtful)),
            "–" if state.mean_seconds is None else f"{state.mean_seconds:.3g}", f"{state.core_hours:.3g}",
        )
        for state in states
    )  # fmt: skip
    blocks: list[Block] = [Grid("How far the builds of this store are", header, rows, texts=(1,))]
    for state in states:
        if state.failures:
            failed = tuple((f.architecture, f"{f.seed}", f.kind, short(f.message)) for f in state.failures)
            more = f", the first {len(failed)} of {state.failed:,}" if state.failed > len(failed) else ""
            caption = f"Failed trials of {state.name}{more}"
            named = ("architecture", "seed", "kind", "message")
            blocks.append(Grid(caption, named, failed, texts=(2, 3), architectures=(0,)))
    return [Section("Build", tuple(blocks))]


def _doubts(doubts: Sequence[str]) -> Section:
    listed = Bullets(tuple(short(text) for text in doubts[:_DOUBTS]))
    more = (Text(f"… and {len(doubts) - _DOUBTS:,} more."),) if len(doubts) > _DOUBTS else ()
    head = Text("What the evaluations doubt: failed sanity checks, which suggest that an attack was weak.")
    return Section("Doubts", (head, listed, *more))


def _store_provenance(
    table: Table | None, known: Sequence[StoredPlan], settings: Mapping[str, Mapping[str, Any]]
) -> list[Section]:
    blocks: list[Block] = []
    if table is not None:
        blocks.append(provenance_grid("Where the numbers come from", table.provenance))
    if settings:
        shown = {f"{values.get('name', '?')} {hash_}": values for hash_, values in settings.items()}
        blocks.append(provenance_grid("Settings of recipes and attacks, with their hashes", shown))
    for plan in known:
        identity = {"hash": plan.hash, "setup": plan.setup, "data set": plan.settings.get("dataset_hash", "")}
        blocks.append(provenance_grid(f"Plan {plan.name}", {**identity, **plan.facts}))
    return [Section("Provenance", tuple(blocks))] if blocks else []

"""The main job in small: train architectures that span the space, attack them, rank them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from robnas._brief import brief
from robnas.benchmarks import load, table_of_records
from robnas.building import Measuring, Plan, Selection, Source, load_and_expand, run_plan
from robnas.errors import RobnasError
from robnas.evaluation import Suite
from robnas.records import Record, RecordStore, find_plan, plan_doubts, plan_records, store_status
from robnas.reports import report_of, write_page, write_picture
from robnas.spaces import Architecture, Space
from robnas.spaces.nas_bench_201 import SPANNING
from robnas.statistics import Row, leaderboard
from robnas.training import Recipe
from robnas.types import Progress, Split, check_count, silent

ARCHITECTURES = SPANNING
SPLIT: Split = "test"
RANK_BY = "pgd@32/255"
SUITE = Suite.digits()


@final
@dataclass(frozen=True)
class DemoResult:
    """What the demo leaves behind."""

    __repr__ = brief

    records: list[Record]
    rows: tuple[Row, ...]
    """The architectures, best first."""
    warnings: list[str]
    differences: tuple[float, ...]
    """What was measured minus what the bundled table says, for each accuracy that it has under the same settings."""
    report: Path
    figure: Path
    store: Path
    seconds: float


def run_demo(
    directory: Path,
    *,
    architectures: Sequence[Architecture] = ARCHITECTURES,
    recipe: Recipe | None = None,
    jobs: int | None = None,
    progress: Progress = silent,
) -> DemoResult:
    """Train and evaluate on the digits with all cores, and write records, report and plot to `directory`.

    What an earlier, interrupted run has finished is not done again.

    Args:
        directory: where everything goes.
        architectures: what to compare.
        recipe: of the trainings; the digits preset if omitted.
        jobs: worker processes, each on one core; all cores if omitted.
        progress: told about the trials done.

    Raises:
        RobnasError: a trial failed; the text says which and why.
    """
    begun = time.perf_counter()
    recipe = recipe or Recipe.digits()
    jobs = len(os.sched_getaffinity(0)) if jobs is None else check_count("jobs", jobs)
    plan = Plan(
        name="demo",
        space=Selection(kind="list", listed=tuple(arch.text for arch in architectures)),
        source=Source(name="digits"),
        recipe=recipe,
        measuring=Measuring(suite=SUITE, splits=(SPLIT,)),
        seeds=(0,),
    )
    directory.mkdir(parents=True, exist_ok=True)
    store_path = directory / "records.db"
    progress(0, len(architectures), "start workers")
    with RecordStore(store_path) as store:
        expansion = load_and_expand(plan)
        run_plan(expansion, store, options={"jobs": jobs}, progress=progress)
        _check_failures(store, expansion.hash)
        built = find_plan(store, expansion.hash)
        records, warnings = plan_records(store, built), plan_doubts(store, built)
    report, figure = directory / "report.html", directory / "clean-vs-robust.png"
    found = report_of(store_path, rank_by=RANK_BY, plan=expansion.hash)
    write_page(found.page, report)
    write_picture(figure, next(found.page.pictures).figure)
    rows = leaderboard(table_of_records("demo", records), "digits", SPLIT, RANK_BY)
    differences = _differences(records, recipe, plan.space.of)
    seconds = time.perf_counter() - begun
    return DemoResult(records, tuple(rows), warnings, differences, report, figure, store_path, seconds)


def _differences(records: list[Record], recipe: Recipe, space: Space) -> tuple[float, ...]:
    """Where the table holds the architecture itself: an isomorphic one is another training."""
    table = load("digits")
    trained = set(table.architectures)
    recipes = {recipe.hash, recipe.earlier_hash(space.settings)}  # by which the table may know it
    parts = ("images", "attack", "dataset_version")
    settings = {
        (column.split, column.metric): (column.space, *(column.facts[part] for part in parts))
        for column in table.columns
        if column.facts["recipe"] in recipes
    }
    return tuple(
        record.value
        - table.peek(record.architecture, dataset="digits", split=record.split, metric=record.metric, seed=record.seed)
        for record in records
        if record.architecture in trained
        and settings.get((record.split, record.metric))
        == (record.space, record.images, record.attack_hash, record.dataset_hash)
    )


def _check_failures(store: RecordStore, plan: str) -> None:
    status = next(found for found in store_status(store) if found.plan == plan)
    for failed in status.failures:
        raise RobnasError(
            f"{failed.architecture} failed: {failed.message}; robnas build retry --failed --store with the demo's "
            "records.db, and then the same command, tries it again"
        )

"""A report: everything that a table, a store or the results of a search tell, to read and to print."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from robnas._brief import brief
from robnas.benchmarks import BUNDLED, CATALOGUE, Choice, load
from robnas.errors import InputError
from robnas.records import is_store
from robnas.reports._page import Block, Grid, Page, Section
from robnas.reports._search_planned import run_notes
from robnas.reports._search_report import read_results, search_page
from robnas.reports._space import check_space
from robnas.reports._table_facts import table_facts
from robnas.reports._table_sections import provenance_grid, table_lead, table_sections
from robnas.search import Result
from robnas.spaces import Architecture, space_of
from robnas.statistics import HOLM_FAMILY, paired_tests, summarise
from robnas.types import Progress, silent

_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "SQLAlchemy", "matplotlib")
_ALL = Choice()


@final
@dataclass(frozen=True, eq=False)
class Report:
    """A page and the numbers behind it."""

    __repr__ = brief

    kind: str
    """``table``, ``store`` or ``search``."""
    page: Page
    facts: dict[str, Any]
    """Plain values for machines."""


def report_of(
    source: str | Path,
    *,
    rank_by: str | None = None,
    plan: str | None = None,
    choice: Choice = _ALL,
    beta: float | None = None,
    progress: Progress = silent,
) -> Report:
    """The report of a table, a store of records, or what `robnas search --out` has written.

    Args:
        source: name of a published table, path of a table file or of an SQLite store, URL of a store, a folder that a
            search has written, or its ``results.json``.
        rank_by: metric by which architectures are ranked; the strongest PGD of each split if omitted.
        plan: of a store, report the finished trials of this plan only: its name, or the beginning of its hash.
        choice: of a store without `plan`, which records to take where there are several kinds.
        beta: of a table or store, report the columns of this weight of the robust loss only.
        progress: told about the parts done.

    Raises:
        DataError: the source is missing or damaged.
        InputError: it is nothing of these, holds no measurement, or there is no such plan or metric.
    """
    text, path = str(source), Path(source)
    named = text in BUNDLED or text in CATALOGUE  # comes first, as for `load`
    if not named and is_store(source):
        from robnas.reports._store import store_report  # needs a database

        title, lead, sections, numbers = store_report(source, rank_by, plan, choice, beta, progress)
        return Report("store", _page(title, lead, sections), plain(numbers))
    if plan is not None:
        raise InputError("--plan", expected="a store, which has plans", got=text)
    if not named and (path.is_dir() or path.suffix == ".json"):
        if rank_by is not None or beta is not None or choice != Choice(space=choice.space):
            raise InputError("report of a search", expected="no choice of metrics or records", got=text)
        return _search_report(path, choice)
    fields = dataclasses.fields(Choice)
    table = load(source, progress, beta=beta, **{field.name: getattr(choice, field.name) for field in fields})
    facts = table_facts(table, rank_by, progress)
    provenance = Section("Provenance", (provenance_grid("Where the numbers come from", table.provenance),))
    page = _page(f"Report of {table.name}", table_lead(table, facts), [*table_sections(table, facts), provenance])
    return Report(
        "table", page, {"space": table.space_key, "table": plain(facts), "provenance": plain(table.provenance)}
    )


def _page(title: str, lead: Sequence[Block], sections: Sequence[Section]) -> Page:
    rows = tuple((name, importlib.metadata.version(name)) for name in ("robnas", *_LIBRARIES))
    versions = Grid("What made this page", ("software", "version"), (*rows, ("Python", platform.python_version())), 0)
    made = f"Made by robnas {importlib.metadata.version('robnas')}."
    return Page(title, tuple(lead), (*sections, Section("Versions", (versions,))), made)


# searches


def _search_report(path: Path, choice: Choice) -> Report:
    kept = read_results(path)
    results, version = kept.results, kept.version
    for result in results:
        key = result.task.get("space", space_of(None).name)  # of an earlier version, which named none
        check_space(choice, key, f"task {result.task['name']}")
    finished = [result for result in results if result.seeds]
    tests = paired_tests(finished, finished[0].budget, rope=kept.rope) if finished else []
    facts = {
        "searched_by": version,
        "spaces": {result.task["name"]: result.task.get("space", space_of(None).key) for result in results},
        "summary": plain(summarise(results)),
        "planned": run_notes(results, kept.planned),
        "holm": HOLM_FAMILY,
        "tests": plain(tests),
        "failures": [
            {"algorithm": result.algorithm, "task": result.task["name"], **vars(failure)}
            for result in results
            for failure in result.failures
        ],
    }
    page = search_page(results, kept.notes, kept.planned, kept.rope)
    searched = Section("Provenance", (provenance_grid("How it was searched", _searched(results, version)),))
    whole = _page(page.title, page.lead, [*page.sections, searched])
    return Report("search", whole, facts)


def _searched(results: Sequence[Result], version: str) -> dict[str, Any]:
    first = results[0]
    facts: dict[str, Any] = {"searched by robnas": version, "queries": first.budget, "planned runs": first.runs}
    facts["seeds"] = f"{first.seed} to {first.seed + first.runs - 1}"
    for result in results:
        facts[f"settings of {result.algorithm}"] = result.settings or "none"
        facts[f"task {result.task['name']}"] = result.task
    return facts


# plain values


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses as objects of the fields that they print, nan as null."""
    if isinstance(value, Architecture):
        return value.text
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value) if field.repr}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value

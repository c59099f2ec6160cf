"""Search results as files: summary, tests, everything as JSON, and a page to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robnas._content import note_unverified, seal, unseal
from robnas._files import read_text, write_text
from robnas._version import __version__
from robnas.errors import DataError, Verbatim, reason
from robnas.reports._outputs import write_csv, write_pictures
from robnas.reports._page import Block, Bullets, Grid, Page, Picture, Section, Text, to_markdown
from robnas.reports._search_figures import anytime_curves, attainment_fronts, critical_differences
from robnas.reports._search_planned import run_notes
from robnas.reports._search_sections import saved_grid, test_sections
from robnas.reports._search_units import regret_number, regret_words
from robnas.search import FORMAT, KIND, ROWS, Planned, Result, charged_by, read_planned
from robnas.spaces import parse_key, space_of
from robnas.statistics import (
    ROPE,
    SUMMARY,
    PairedTest,
    all_rankings,
    all_tests,
    by_regret,
    by_task,
    finished,
    queries_saved,
    summarise,
    upright,
)
from robnas.types import check_range

RESULTS = "results.json"
_FAILED = 50  # that the page lists


def write_search_report(
    results: Sequence[Result], out: Path, notes: Sequence[str] = (), *, rope: float = ROPE
) -> list[Path]:
    """Write everything there is to know about some results into a folder.

    Args:
        results: of `search.repeat_all` or an experiment.
        out: folder.
        notes: shown at the end of the page.
        rope: half the width of the region within which differences of mean regret do not matter, see `paired_tests`.

    Returns:
        The files: ``results.json`` with everything, ``summary.csv``, ``tests.csv``, ``queries.csv``, ``report.md``, and
        its pictures ``curves``, ``ranks-BUDGET`` and ``attainment-N`` as PNG and SVG.
    """
    check_range("rope", rope, 0.0, 1.0)
    plans = _plans(results, out)
    kept = {
        "robnas": __version__, "format": FORMAT, "notes": [*notes], "rope": rope,
        "planned": [asdict(plan) for plan in plans], "results": [r.to_dict() for r in results],
    }  # fmt: skip
    write_text(out / RESULTS, json.dumps(seal(KIND, kept)) + "\n")
    rows = summarise(results)
    cells = [[_cell(row[key]) for key in SUMMARY] for row in rows]
    files = [out / RESULTS, write_csv(out / "summary.csv", SUMMARY, cells)]
    if tests := all_tests(results, rope):
        cells = [[_cell(value) for value in vars(test).values()] for test in tests]
        files.append(write_csv(out / "tests.csv", list(vars(tests[0])), cells))
    if saved := queries_saved(results):
        rows_ = [[_cell(value) for value in vars(row).values()] for row in saved]
        files.append(write_csv(out / "queries.csv", list(vars(saved[0])), rows_))
    page = _page(results, notes, plans, tests)
    for picture in page.pictures:
        files += write_pictures(out / picture.name, picture.figure)
    write_text(out / "report.md", to_markdown(page, lambda picture: f"{picture.name}.png"))
    return [*files, out / "report.md"]


@dataclass(frozen=True, eq=False)
class Kept:
    """What `write_search_report` has left."""

    results: list[Result]
    notes: list[str]
    version: str
    """Of robnas."""
    planned: tuple[Planned, ...] = ()
    """Every plan of runs that the folder has seen, in order; empty in files of earlier versions."""
    rope: float = ROPE


def _plans(results: Sequence[Result], out: Path) -> list[Planned]:
    """Every plan of runs that the folder has seen, those of these results last."""
    try:
        earlier = read_results(out)
        seen = [*earlier.planned, *map(Planned.by, earlier.results)]
    except DataError:  # the first report in this folder
        seen = []
    return list(dict.fromkeys([*seen, *read_planned(out), *map(Planned.by, results)]))


_TRACE = "a trace is read by search.Trace.from_dict; reports are of searches that were repeated on a table"


def read_results(path: Path) -> Kept:
    """What `write_search_report` has left.

    Args:
        path: the folder, or its ``results.json``.

    Raises:
        DataError: the file is missing, damaged or of another format.
    """
    file = path / RESULTS if path.is_dir() else path
    expected = f"the {RESULTS} that robnas search --out DIR writes"
    if not file.is_file():
        remedy = "robnas evaluate it with --store, and report the store" if (path / "trial.json").exists() else ""
        if (path / "trace.json").exists():  # of a search by training
            remedy = _TRACE
        raise DataError(str(file), expected=expected, got=Verbatim("nothing"), remedy=remedy)
    try:
        kept = json.loads(read_text(file))
        if isinstance(kept, dict) and kept.keys() >= {"architectures", "values", "questions"}:
            raise DataError(str(file), expected=expected, got=Verbatim("the trace of one search"), remedy=_TRACE)
        version = kept["format"]
        old = version == 3 and kept.keys() <= {"robnas", "format", "notes", "results"}  # without a hash
        if old or version == FORMAT:
            if not old:
                kept = unseal(file, KIND, kept, "search again")
            found = _kept(kept)
            if old:
                note_unverified(file)
            return found
    except DataError:
        raise
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        ArithmeticError,
        RecursionError,
        OSError,
    ) as error:
        raise DataError(str(file), expected=expected, got=reason(error), remedy="search again") from None
    raise DataError(str(file), expected=f"format {FORMAT}", got=version, remedy="read it with the robnas that wrote it")


def _kept(values: dict[str, Any]) -> Kept:
    """Raise `ValueError` or the like unless there are results, with the same checkpoints."""
    results = [Result.from_dict(one) for one in values["results"]]
    if not results:
        raise ValueError("no results")
    for result in results:
        counted = {"duplicates", "infeasible", "failed"} <= set(result.counts)
        if not counted or result.checkpoints != results[0].checkpoints:
            raise ValueError(f"{result.algorithm}: numbers that do not belong together")
    by_task(results)
    rope = values.get("rope", ROPE)
    check_range("rope", rope, 0.0, 1.0)
    planned = tuple(Planned.from_dict(one) for one in values.get("planned", ()))
    return Kept(results, [str(note) for note in values["notes"]], str(values["robnas"]), planned, float(rope))


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join("-" if entry is None else f"{entry:.6g}" for entry in value)
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else value


def oracle_notice(results: Sequence[Result]) -> str:
    """One line that names the test columns on which something was selected; empty if there are none."""
    seen = dict.fromkeys(name for result in results for name in result.oracle_selection)
    return notice_on(list(seen)) if seen else ""


def notice_on(columns: Sequence[str]) -> str:
    """`oracle_notice` of the names of columns."""
    return (
        f"oracle selection: the search sees {', '.join(columns)}, measured on test images; what it finds is the best "
        "of the table's test column, not what a search without test images would find"
    )


def search_page(
    results: Sequence[Result], notes: Sequence[str] = (), planned: Sequence[Planned] = (), rope: float = ROPE
) -> Page:
    """What the results say: a table per task, curves, ranks, differences and tests, what failed, what was planned.

    Args:
        results: at least one.
        notes: shown at the end.
        planned: every plan of runs that is known, in order.
        rope: of `paired_tests`.
    """
    return _page(results, notes, planned, all_tests(results, rope))


def _page(
    results: Sequence[Result], notes: Sequence[str], planned: Sequence[Planned], tests: Sequence[PairedTest]
) -> Page:
    notice = oracle_notice(results)
    lead = (Text(f"{notice[0].upper()}{notice[1:]}.", strong=True),) if notice else ()
    rows, ran = summarise(results), finished(results)
    sections = [
        Section(task, (_regrets([row for row in rows if row["task"] == task], found),))
        for task, found in by_task(results).items()
    ]
    if ran:
        sections.append(Section("Pictures", tuple(_pictures(ran))))
        sections.append(Section("Queries to 99 % of the optimum", (saved_grid(queries_saved(ran)),)))
    if tests:
        sections += test_sections(tests)
    failed = [f"{r.algorithm} on {r.task['name']}, seed {f.seed}: {f.error}" for r in results for f in r.failures]
    more = [f"… and {len(failed) - _FAILED:,} more"] if len(failed) > _FAILED else []
    for title, texts in (
        ("Runs that failed", [*failed[:_FAILED], *more]),
        ("Number of runs", run_notes(results, planned)),
        ("Notes", notes),
    ):
        if texts:
            sections.append(Section(title, (Bullets(tuple(texts)),)))
    return Page("Search", lead, tuple(sections))


def _regrets(rows: Sequence[dict[str, Any]], found: Sequence[Result]) -> Grid:
    first = found[0]
    checkpoints = first.checkpoints
    best = zip(first.goals, upright(first, first.oracle), strict=True)
    oracle = ", ".join(f"{goal.name} {value:.6g} {goal.unit}".rstrip() for goal, value in best)
    unit = regret_words(first)
    caption = (
        f"{unit} ± standard error [average rank], against the {first.optimum}; {first.runs} planned runs from seed "
        f"{first.seed}, noise {first.task['noise']}, charged once per {_charged(first.task)}{_of_space(first.task)}. "
        f"{'Expected best' if first.task.get('regret') == 'expected' else _best_of(first)} per metric: {oracle}."
    )
    last = {row["algorithm"]: row for row in rows if row["budget"] == checkpoints[-1]}
    lines = []
    for name in by_regret(last):
        cells = [regret_text(row) for row in rows if row["algorithm"] == name]
        share, hours = last[name]["found_best"], last[name]["hours"]
        lines.append(
            (name, *cells, "–" if share is None else f"{100 * share:.1f} %", "" if hours is None else f"{hours:,.0f}")
        )
    header = ("algorithm", *(f"{budget} {budget_unit(found)}" for budget in checkpoints), "best found", "hours")
    return Grid(caption, header, tuple(lines))


def _best_of(result: Result) -> str:
    """What the oracle has of each metric, by its direction."""
    return "Highest table value" if all(goal.is_accuracy for goal in result.goals) else "Best table value"


def _charged(task: Mapping[str, Any]) -> str:
    return "architecture" if (classes := charged_by(task)) == ROWS else f"{classes} class"


def _of_space(task: Mapping[str, Any]) -> str:
    """Which space was searched, unless it is the one that is meant where none is named."""
    key = task.get("space")
    return f" of space {key}" if key is not None and parse_key(key)["name"] != space_of(None).name else ""


def _pictures(results: Sequence[Result]) -> Iterator[Block]:
    curves = "; ".join(f"{task}: {_names(found)}" for task, found in by_task(results).items())
    yield Picture(
        "curves", f"Mean regret after each query, a panel per task, a curve per algorithm: {curves}",
        anytime_curves(results), "Mean regret after each query.",
    )  # fmt: skip
    of_all = all_rankings(results)
    for budget in results[0].checkpoints:
        if rankings := [ranking for ranking in of_all if ranking.budget == budget]:
            best = "; ".join(f"{r.title}: {', '.join(r.algorithms)}" for r in rankings)
            alt = f"Average ranks after {budget} {budget_unit(results)} with critical differences; best first, {best}"
            caption = f"Average ranks after {budget} {budget_unit(results)}; a bar joins what is not distinguished."
            yield Picture(f"ranks-{budget}", alt, critical_differences(rankings), caption)
    several = [found for found in by_task(results).values() if found[0].several]
    for number, found in enumerate(several, start=1):
        alt = f"Attainment fronts of {_names(found)} on {found[0].task['name']}"
        yield Picture(f"attainment-{number}", alt, attainment_fronts(found), "What half of the runs attain.")


def _names(results: Sequence[Result]) -> str:
    return ", ".join(result.algorithm for result in results)


def budget_unit(results: Sequence[Result]) -> str:
    """What the budgets of one task count: where some trained for fewer epochs, so many of them are a training."""
    return "trainings' worth" if any(result.multi_fidelity for result in results) else "queries"


def regret_text(row: dict[str, Any]) -> str:
    """``0.123 ±0.004 [2.1]``: in percentage points or the unit, with its standard error and the average rank."""
    if row["mean_regret"] is None:
        return "every run failed"
    unit = row["unit"]
    error = "" if row["standard_error"] is None else f" ±{regret_number(row['standard_error'], unit)}"
    rank = "" if row["average_rank"] is None else f" [{row['average_rank']:.1f}]"
    return f"{regret_number(row['mean_regret'], unit)}{error}{rank}"

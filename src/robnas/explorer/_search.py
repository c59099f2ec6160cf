"""Recorded searches: what ``robnas search --out`` keeps, and the runs behind it, query by query."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from robnas._content import CONTENT, note_unverified, unseal
from robnas._files import read_text
from robnas.benchmarks import Column, Table
from robnas.errors import DataError, InputError, RobnasError, Verbatim, reason, unknown_name
from robnas.search import (
    FORMAT,
    KIND,
    ROWS,
    SEARCHERS,
    Algorithm,
    Constraint,
    Result,
    Task,
    Trace,
    charged_by,
    goals_of,
    is_optimum,
    run,
    searcher,
    space_of_task,
)
from robnas.spaces import Space
from robnas.types import Progress, silent

_LARGEST = 64 * 2**20  # bytes of a file that is opened at all
_TRACE_KEYS = {"algorithm", "task", "seed", "architectures", "values", "regret"}


@final
@dataclass(frozen=True, eq=False)
class Replay:
    """One search: mean regret over its runs, and some of the runs."""

    result: Result | None
    """None for a run that was recorded alone."""
    traces: tuple[dict[str, Any], ...]
    """Of runs, as `Trace.to_dict` gives them."""
    note: str = ""
    """Why there are no traces, or what they are."""

    @property
    def label(self) -> str:
        """Name of the algorithm in results."""
        return self.result.algorithm if self.result else str(self.traces[0]["algorithm"])

    @property
    def task(self) -> dict[str, Any]:
        """See `Task.to_dict`."""
        found: dict[str, Any] = self.result.task if self.result else self.traces[0]["task"]
        return found

    def to_dict(self, space: Space | None = None) -> dict[str, Any]:
        """What the page needs, as plain values.

        Args:
            space: that the page shows; of runs in another one there is no replay. That of the search if omitted.

        Raises:
            InputError: a trace holds what is no architecture of its space.
        """
        facts: dict[str, Any] = {"algorithm": self.label, "task": self.task, "note": self.note, "mean": None}
        facts |= _units(self.task)
        if (found := self.result) and found.seeds:
            facts |= {
                "settings": found.settings, "budget": found.budget, "runs": len(found.seeds),
                "several": found.several, "found_best": found.found_best, "hours": found.hours,
                "mean": _rounded(found.mean),
                "standard_error": _rounded(found.standard_error) if len(found.seeds) > 1 else None,
                "oracle_selection": list(found.oracle_selection), "failures": len(found.failures),
            }  # fmt: skip
        if not self.traces:
            return {**facts, "traces": []}
        own = space_of_task(self.task)
        if space is not None and own.fingerprint != space.fingerprint:
            return {**facts, "traces": [], "note": f"no replay: its architectures are of space {own.name}"}
        return {**facts, "traces": [_trace(trace, own) for trace in self.traces]}


def _units(task: Mapping[str, Any]) -> dict[str, Any]:
    """The unit of the regret, None where it is a share that is shown in percent, and what told values are of."""
    task = {"reported": task["seen"], "costs": (), **task}
    reported, seen = (goals_of(task, key) for key in ("reported", "seen"))
    own = len(reported) == 1 and not reported[0].is_accuracy
    return {
        "unit": reported[0].unit if own else None,
        "told": {"sign": seen[0].sign, "unit": None if seen[0].is_accuracy else seen[0].unit},
    }


def _rounded(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None or not np.isfinite(value) else round(float(value), 7) for value in values]


def _trace(trace: Mapping[str, Any], space: Space) -> dict[str, Any]:
    return {
        "seed": int(trace["seed"]),
        "architectures": [space.parse(text).text for text in trace["architectures"]],
        "values": _rounded(None if row[0] is None else float(row[0]) for row in trace["values"]),
        "regret": _rounded(trace["regret"]),
    }


def read_searches(
    folder: str | Path, tables: Sequence[Table], traces: int = 3, progress: Progress = silent
) -> list[Replay]:
    """The results and traces in a folder.

    A result keeps what its runs found, not their queries. A run is decided by its algorithm, task and seed, so the
    first ones are run again on the table that the result names, and shown if they end as the result says they did.

    Args:
        folder: what ``robnas search --out`` made, its subfolder ``results``, or files with `Trace.to_dict` as JSON.
        tables: in which the runs are repeated.
        traces: how many runs per result.
        progress: told about the runs.

    Raises:
        DataError: the folder is missing, holds no search, or a file too large to be one.
    """
    place = Path(folder)
    if not os.path.isdir(place):
        raise DataError(str(folder), expected="a folder of search results", got=Verbatim("nothing"))
    paths = [*sorted(place.glob("*.json")), *sorted(place.glob("results/*.json"))]
    found = _distinct(entry for path in paths for entry in _read(path))
    if not found:
        raise DataError(
            str(folder),
            expected="results of robnas search --out",
            got=Verbatim(f"{len(paths)} JSON files, none of them a result or trace"),
        )
    replays = []
    for done, entry in enumerate(found):
        progress(done, len(found), "search runs")
        replays.append(entry if isinstance(entry, Replay) else _replay(entry, tables, traces))
    return sorted(replays, key=lambda replay: (str(replay.task.get("name")), replay.label))


def _distinct(entries: Iterable[Result | Replay]) -> list[Result | Replay]:
    """Each result once: a folder holds them together, and those that can be found again one by one."""
    found: dict[object, Result | Replay] = {}
    for entry in entries:
        key = (entry.algorithm, str(entry.task.get("name"))) if isinstance(entry, Result) else len(found)
        found.setdefault(key, entry)
    return list(found.values())


def _read(path: Path) -> list[Result | Replay]:
    """Results or a recorded run; nothing from a file of something else.

    Raises:
        DataError: the file is too large, or one that a search has written, and damaged.
    """
    if path.stat().st_size > _LARGEST:
        raise DataError(str(path), expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{path.stat().st_size:,}"))
    try:
        values = json.loads(read_text(path))
        if values.keys() >= _TRACE_KEYS and "mean" not in values:
            if values["regret"] is None:
                expected, got = "the trace of a search on a table, whose regret is known", Verbatim("one without")
                raise DataError(str(path), expected=expected, got=got, remedy="search.Trace.from_dict reads it")
            return [_checked(Replay(None, (values,), "recorded"))]
        results = [Result.from_dict(one) for one in _results(path, values)]
        for result in results:
            _checked(Replay(result, ()))
        return [*results]
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError) as error:
        if path.name != "results.json" and path.parent.name != "results":
            return []
        expected = "results of robnas search --out"
        raise DataError(str(path), expected=expected, got=reason(error), remedy="search again") from None


def _results(path: Path, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the file holds of results; that of an earlier version, which has no hash, is said to be unverified."""
    if CONTENT in values:
        kept = unseal(path, KIND, values, "search again")
        if (version := kept.pop("format")) != FORMAT:
            remedy = "read it with the robnas that wrote it"
            raise DataError(str(path), expected=f"format {FORMAT}", got=version, remedy=remedy)
        return list(kept.get("results", [kept]))
    if values.get("format") == FORMAT:
        raise ValueError("without a hash of its content")
    note_unverified(path)
    return list(values.get("results", [values]))


def _checked(replay: Replay) -> Replay:
    """The same, once everything that the page needs is there and belongs together."""
    facts = replay.to_dict()
    if (found := replay.result) and not found.mean.shape == found.sd.shape == (
        (found.budget,) if found.seeds else (0,)
    ):
        raise ValueError("a curve that is not as long as the budget")
    if any(len({len(trace[key]) for key in ("architectures", "values", "regret")}) > 1 for trace in facts["traces"]):
        raise ValueError("a run of several lengths")
    if not all(isinstance(facts["task"][key], kind) for key, kind in (("name", str), ("table", str), ("seen", list))):
        raise TypeError("task")
    if not is_optimum(facts["task"].get("optimum")):
        raise TypeError("optimum")
    return replay


def _replay(result: Result, tables: Sequence[Table], traces: int) -> Replay:
    """The first runs again, if that is possible and they end as recorded."""
    table = next((table for table in tables if table.name == result.task.get("table")), None)
    if not result.seeds:
        return Replay(result, (), "no replay: every run failed")
    if table is None:
        return Replay(result, (), f"no replay: table {result.task.get('table')} is not loaded")
    try:
        algorithm, task = _algorithm(result), _task(result.task, table)
        again = [run(algorithm, task, result.budget, seed) for seed in result.seeds[:traces]]
    except (RobnasError, TypeError) as error:
        return Replay(result, (), f"no replay: {error}")
    if not all(_agrees(trace, result, place) for place, trace in enumerate(again)):
        return Replay(result, (), "no replay: run again, it does not end as recorded; the table or version differs")
    return Replay(result, tuple(trace.to_dict() for trace in again), "run again, ends as recorded")


def _algorithm(result: Result) -> Algorithm:
    """The algorithm of a result: by its name, or by the only one that has these settings."""
    name = result.algorithm.partition(" (")[0]
    if name not in SEARCHERS:
        same = [known for known, kind in SEARCHERS.items() if _fields(kind) == set(result.settings)]
        if len(same) != 1:
            raise unknown_name("algorithm", result.algorithm, SEARCHERS, own=True)
        name = same[0]
    return searcher(name, result.settings)


def _fields(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()


def _task(facts: Mapping[str, Any], table: Table) -> Task:
    """The task of `Task.to_dict`."""
    space = facts.get("space")
    meant = [one for one in table.columns if one.beta in (None, facts.get("beta", 1.0))]  # see `Task.to_dict`
    meant = meant if meant or "beta" in facts else list(table.columns)
    columns: dict[str, Column] = {column.name: column for column in meant if column.space in (None, space)}
    columns = {column.name: column for column in meant} | columns
    if unknown := [name for name in (*facts["seen"], *facts["reported"]) if name not in columns]:
        raise InputError(f"column of table {table.name}", expected=f"one of {', '.join(columns)}", got=unknown[0])
    return Task(
        table,
        tuple(columns[name] for name in facts["seen"]),
        tuple(columns[name] for name in facts["reported"]),
        costs=tuple(facts["costs"]),
        noise=facts["noise"],
        seed=facts["seed"],
        partition=None if (classes := charged_by(facts)) in (table.partition, ROWS) else classes,
        max_parameters=facts["max_parameters"],
        constraints=tuple(map(_constraint, facts.get("constraints", ()))),
        count=facts.get("count", "live"),
        regret=facts.get("regret", "table"),
        name=facts["name"],
    )


def _constraint(facts: Mapping[str, Any]) -> Constraint:
    """The constraint of `Constraint.to_dict`, on the column that it names."""
    if "column" not in facts:
        expected, got = "no constraint by a function, which no file keeps", Verbatim(str(facts["name"]))
        raise InputError("task of search results", expected=expected, got=got)
    bounds = {key: facts[key] for key in ("unit", "at_most", "at_least")}
    return Constraint(facts["column"], **bounds)


def _agrees(trace: Trace, result: Result, place: int) -> bool:
    regrets = [trace.regret[min(point, len(trace)) - 1] for point in result.checkpoints]
    return trace.best.text == result.architectures[place] and bool(np.allclose(regrets, result.regrets[place]))

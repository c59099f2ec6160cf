"""Many algorithms on many tasks, as a file says."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from robnas import __version__
from robnas._files import write_text
from robnas._settings import check_keys, content_hash
from robnas.benchmarks import Table, load
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.search._algorithm import Algorithm, ObjectivesError
from robnas.search._repeat import Cell, Plan, repeat_all
from robnas.search._result import FORMAT, Result
from robnas.search._run import settings_of
from robnas.search._searchers import SEARCHERS, searcher
from robnas.search._task import Task
from robnas.types import Progress, silent

_TOP = ("table", "budget", "runs", "seed", "checkpoints", "task", "algorithm")
_TASK = (
    "name", "dataset", "split", "metric", "metrics", "costs", "report_dataset", "report_metrics", "report_split",
    "noise", "seed", "partition", "max_parameters",
)  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """Every algorithm on every task that it can do."""

    cells: tuple[Cell, ...]
    plan: Plan
    left_out: tuple[str, ...] = ()
    """Pairs of algorithm and task that do not go together, in words."""

    @classmethod
    def of(
        cls,
        algorithms: Mapping[str, Algorithm],
        tasks: Sequence[Task],
        plan: Plan,
        only: Mapping[str, Sequence[str]] | None = None,
    ) -> Experiment:
        """All pairs; an algorithm for one objective is left out of tasks with several.

        Args:
            algorithms: by the label that results give them.
            tasks: what is searched.
            plan: how often and how long.
            only: names of tasks by the label of an algorithm that does no others.

        Raises:
            InputError: no pair is left, or a setting is wrong.
        """
        cells, left_out = [], []
        names = [task.name for task in tasks]
        if again := [name for name in names if names.count(name) > 1]:
            raise InputError("tasks", expected="different names", got=again[0], remedy="give each [[task]] a name")
        for task in tasks:
            for label, algorithm in algorithms.items():
                if task.name not in (only or {}).get(label, [task.name]):
                    continue
                try:
                    algorithm.start(task.space, np.random.default_rng(0))
                    cells.append(Cell(algorithm, task, label))
                except ObjectivesError as error:
                    if len(algorithms) == 1:
                        raise
                    left_out.append(f"{label} on {task.name}: {error}")
        if not cells:
            raise InputError(
                "experiment", expected="an algorithm that can do a task", got=Verbatim("; ".join(left_out))
            )
        return cls(tuple(cells), plan, tuple(left_out))

    @classmethod
    def read(cls, path: str | Path, changes: Mapping[str, Any] | None = None) -> Experiment:
        """The experiment of a TOML file.

        ``dataset``, ``metric`` and ``noise`` of a ``[[task]]`` may be lists: one task per combination. ``metrics`` and
        ``costs`` make one task with several objectives. An ``[[algorithm]]`` has a name, its settings, and may have a
        label and the names of the only tasks that it does.

        Args:
            path: the file.
            changes: top-level entries that override those of the file.

        Raises:
            DataError: the file is missing or no TOML.
            InputError: an entry is unknown or wrong.
        """
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(str(path), expected="a TOML file", got=reason(error)) from None
        values |= {key: value for key, value in (changes or {}).items() if value is not None}
        check_keys(f"entry of {path}", values, _TOP)
        for key in ("table", "budget", "runs", "task", "algorithm"):
            if values.get(key) in (None, "", []):
                raise InputError(f"entry {key} of {path}", expected="a value", got=Verbatim("none"))
        table = load(values["table"])
        plan = Plan(values["budget"], values["runs"], values.get("seed", 0), tuple(values.get("checkpoints", ())))
        tasks = [task for entry in values["task"] for task in _tasks(table, entry)]
        for entry in values["algorithm"]:
            check_keys("tasks of [[algorithm]]", entry.get("tasks", ()), [task.name for task in tasks])
        algorithms = _algorithms(values["algorithm"])
        only = {
            label: entry["tasks"]
            for label, entry in zip(algorithms, values["algorithm"], strict=True)
            if "tasks" in entry
        }
        return cls.of(algorithms, tasks, plan, only)

    def run(self, jobs: int = 1, out: str | Path | None = None, progress: Progress = silent) -> Iterator[Result]:
        """The result of each cell, in order.

        Args:
            jobs: processes; the results do not depend on it.
            out: folder in which finished cells are kept and found again, so that an interrupted experiment goes on.
            progress: told about finished runs.
        """
        folder = None if out is None else Path(out)
        paths = [None if folder is None else self._path(folder, cell) for cell in self.cells]
        kept = [_read(path) for path in paths]
        open_cells = [cell for cell, found in zip(self.cells, kept, strict=True) if found is None]
        fresh = repeat_all(open_cells, self.plan, jobs=jobs, progress=progress)
        for path, found in zip(paths, kept, strict=True):
            result = found or next(fresh)
            if found is None and path is not None and not result.failures:  # a failure may be mended: not kept
                write_text(path, json.dumps(result.to_dict()) + "\n")
            yield result

    def _path(self, folder: Path, cell: Cell) -> Path | None:
        """A file whose name changes with everything that decides the result: the table's values, and the version.

        None for an algorithm of one's own or with a function among its settings: what those do cannot be seen.
        """
        fields = vars(cell.algorithm).values()
        if type(cell.algorithm) not in SEARCHERS.values() or any(callable(value) for value in fields):
            return None
        files = [Path(value) for value in fields if isinstance(value, str) and Path(value).is_file()]
        facts = {
            "robnas": __version__,
            "format": FORMAT,
            "algorithm": cell.label,
            "kind": type(cell.algorithm).__name__,
            "settings": settings_of(cell.algorithm),
            "task": cell.task.to_dict(),
            "values": _hash(cell.task.answers.tobytes(), cell.task.outcomes.tobytes()),
            "files": _hash(*(file.read_bytes() for file in files)),
            **{key: getattr(self.plan, key) for key in ("budget", "runs", "seed")},
            "checkpoints": list(self.plan.checkpoints),
        }
        return folder / f"{cell.label.split()[0].replace('/', '-')}-{content_hash(facts)}.json"


def _hash(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(contents)).hexdigest()


def _read(path: Path | None) -> Result | None:
    if path is None or not path.exists():
        return None
    try:
        return Result.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError):
        return None  # not ours, or of another version: made again


def _tasks(table: Table, entry: Mapping[str, Any]) -> Iterator[Task]:
    """One task per combination of the lists."""
    check_keys("entry of [[task]]", entry, _TASK)
    if ("metric" in entry) == ("metrics" in entry):
        raise InputError("[[task]]", expected="metric, or metrics for several objectives", got=dict(entry))
    rest = {key: value for key, value in entry.items() if key not in ("dataset", "metric", "metrics", "noise")}
    rest["costs"] = tuple(rest.get("costs", ()))
    wanted = [entry["metrics"]] if "metrics" in entry else _listed(entry["metric"])
    combinations = list(product(_listed(entry.get("dataset")), wanted, _listed(entry.get("noise", "none"))))
    for dataset, metrics, noise in combinations:
        name = rest.pop("name", "") if len(combinations) == 1 else ""
        yield Task.named(table, dataset, metrics, noise=noise, **{**rest, "name": name})


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _algorithms(entries: Sequence[Mapping[str, Any]]) -> dict[str, Algorithm]:
    """By label: the name, with the settings where a name comes more than once."""
    names = [str(entry.get("name")) for entry in entries]
    found: dict[str, Algorithm] = {}
    for name, entry in zip(names, entries, strict=True):
        settings = {key: value for key, value in entry.items() if key not in ("name", "label", "tasks")}
        shown = ", ".join(f"{key}={value}" for key, value in settings.items())
        label = entry.get("label") or (f"{name} ({shown})" if names.count(name) > 1 and shown else name)
        if label in found:
            raise InputError("[[algorithm]]", expected="different labels", got=label, remedy="give each a label")
        found[label] = searcher(name, settings)
    return found

"""Many algorithms on many tasks, as a file says."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, final

import numpy as np

from robnas._brief import brief
from robnas._content import seal, unseal
from robnas._files import read_text, write_text
from robnas._own import load_entries
from robnas._settings import check_keys, content_hash
from robnas._version import __version__
from robnas.benchmarks import Column, Table, load
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.search._after import curves_seen
from robnas.search._algorithm import Algorithm, EpochsError, ObjectivesError
from robnas.search._charged import charged_by, facts_of_classes, without_usual_space
from robnas.search._planned import Planned, record
from robnas.search._repeat import Case, Repetitions, repeat_all
from robnas.search._result import FORMAT, KIND, Result
from robnas.search._run import settings_of
from robnas.search._searchers import searcher
from robnas.search._task import Task
from robnas.spaces import Space, parse_key, space_of
from robnas.types import Progress, check_count, silent

Kind = tuple[str, Callable[[Any], bool]]
"""What an entry of the file has to be, in words and as a test."""


def _list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(entry, kind) for entry in value)


_ANY: Kind = ("", lambda value: True)  # checked by what takes it
_TEXT: Kind = ("a text", lambda value: isinstance(value, str))
_TEXTS: Kind = ("a text, or a list of texts", lambda value: isinstance(value, str) or _list_of(str, value))
_NUMBERS: Kind = ("a list of whole numbers", lambda value: _list_of(object, value))
_TOP = {
    "table": _TEXT, "budget": _ANY, "runs": _ANY, "seed": _ANY, "checkpoints": _NUMBERS, "imports": _ANY, "space": _ANY,
    "beta": _ANY,
    "task": ("tables under [[task]]", lambda value: _list_of(dict, value)),
    "algorithm": ("tables under [[algorithm]]", lambda value: _list_of(dict, value)),
}  # fmt: skip
_TASK = {
    "name": _TEXT, "dataset": _TEXTS, "split": _TEXT, "metric": _TEXTS, "metrics": _TEXTS, "costs": _TEXTS,
    "report_dataset": _TEXT, "report_metrics": _TEXTS, "report_split": _TEXT, "noise": _TEXTS, "seed": _ANY,
    "partition": _TEXT, "max_parameters": _ANY, "count": _TEXT, "regret": _TEXT, "space": _ANY, "beta": _ANY,
    "constraints": _TEXTS,
}  # fmt: skip
_ALGORITHM = {"name": _TEXT, "label": _TEXT, "tasks": _TEXTS}


@final
@dataclass(frozen=True)
class Experiment:
    """Every algorithm on every task that it can do."""

    __repr__ = brief

    cases: tuple[Case, ...]
    repetitions: Repetitions
    left_out: tuple[str, ...] = ()
    """Pairs of algorithm and task that do not go together, in words."""

    @property
    def notes(self) -> tuple[str, ...]:
        """`Task.notes` of every task, each once."""
        tasks = {id(case.task): case.task for case in self.cases}.values()
        return tuple(dict.fromkeys(note for task in tasks for note in task.notes))

    @classmethod
    def of(
        cls,
        algorithms: Mapping[str, Algorithm],
        tasks: Sequence[Task],
        repetitions: Repetitions,
        only: Mapping[str, Sequence[str]] | None = None,
    ) -> Experiment:
        """All pairs; an algorithm for one objective is left out of tasks with several.

        Args:
            algorithms: by the label that results give them.
            tasks: what is searched.
            repetitions: how often and how long.
            only: names of tasks by the label of an algorithm that does no others.

        Raises:
            InputError: no pair is left, or a setting is wrong.
        """
        cases, left_out = [], []
        names = [task.name for task in tasks]
        if again := [name for name in names if names.count(name) > 1]:
            raise InputError("tasks", expected="different names", got=again[0], remedy="give each [[task]] a name")
        for task in tasks:
            for label, algorithm in algorithms.items():
                if task.name not in (only or {}).get(label, [task.name]):
                    continue
                try:
                    algorithm.start(task.classes, np.random.default_rng(0))
                    cases.append(Case(algorithm, task, label))
                except (EpochsError, ObjectivesError) as error:
                    if len(algorithms) == 1:
                        raise
                    left_out.append(f"{label} on {task.name}: {error}")
        if not cases:
            got = Verbatim("; ".join(left_out) or "none")
            raise InputError("experiment", expected="an algorithm that can do a task", got=got)
        return cls(tuple(cases), repetitions, tuple(left_out))

    @classmethod
    def read(cls, path: str | Path, changes: Mapping[str, Any] | None = None) -> Experiment:
        """The experiment of a TOML file.

        ``dataset``, ``metric``, ``noise`` and ``beta`` of a ``[[task]]`` may be lists: one task per combination.
        ``metrics`` and ``costs`` make one task with several objectives. ``constraints`` are texts such as
        ``latency:pixel3 <= 5``. An ``[[algorithm]]`` has a name, its settings, and may have a label and the names of
        the only tasks that it does. ``imports`` lists Python files of one's own, relative to the file. ``space``,
        at the top or in a task, chooses among columns that were measured in several: a text such as
        ``nas-bench-201:channels=16,cells=5``, or a table of name and settings. So does ``beta``, a number.

        Args:
            path: the file.
            changes: top-level entries that override those of the file. With another budget the file's checkpoints
                above it are left out.

        Raises:
            DataError: the file is missing or no TOML.
            InputError: an entry is unknown or wrong.
        """
        try:
            values = tomllib.loads(read_text(Path(path)))
        except (OSError, ValueError) as error:
            raise DataError(str(path), expected="a TOML file", got=reason(error)) from None
        changes = {key: value for key, value in (changes or {}).items() if value is not None}
        values |= changes
        check_keys(f"entry of {path}", values, _TOP)
        load_entries(f"imports of {path}", values.get("imports", []), Path(path).parent)  # before names are looked up
        _check_kinds(str(path), values, _TOP)
        for key in ("table", "budget", "runs", "task", "algorithm"):
            if values.get(key) in (None, "", []):
                raise InputError(f"entry {key} of {path}", expected="a value", got=Verbatim("none"))
        shared_space = _space_key(values.get("space"))
        of = None if shared_space is None else parse_key(shared_space)["name"]
        table = load(values["table"], space=of)  # a task may be of other settings
        repetitions = Repetitions(
            values["budget"], values["runs"], values.get("seed", 0), _checkpoints(values, changes)
        )
        shared: dict[str, Any] = {key: values[key] for key in ("space", "beta") if key in values}
        tasks = [task for entry in values["task"] for task in _tasks(table, {**shared, **entry})]
        for entry in values["algorithm"]:
            _check_kinds("[[algorithm]]", entry, _ALGORITHM)
            check_keys("tasks of [[algorithm]]", _listed(entry.get("tasks", [])), [task.name for task in tasks])
        algorithms = _algorithms(values["algorithm"])
        only = {
            label: _listed(entry["tasks"])
            for label, entry in zip(algorithms, values["algorithm"], strict=True)
            if "tasks" in entry
        }
        return cls.of(algorithms, tasks, repetitions, only)

    def record_planned(self, out: str | Path) -> None:
        """Write down, before anything runs, how many runs are planned: a line per pair in ``planned.jsonl``.

        Args:
            out: folder of the report, whose lines say later whether other numbers were planned before.
        """
        repetitions = self.repetitions
        record(
            Path(out),
            [
                Planned.of(
                    case.label,
                    settings_of(case.algorithm),
                    case.task.to_dict(),
                    repetitions.budget,
                    repetitions.runs,
                    repetitions.seed,
                )
                for case in self.cases
            ],
        )

    def check(self, out: str | Path) -> None:
        """Raise `InputError` if the folder holds results of another version of a partition."""
        _check_versions(Path(out), {case.task.charged_by: case.task.space for case in self.cases})

    def run(self, jobs: int = 1, out: str | Path | None = None, progress: Progress = silent) -> Iterator[Result]:
        """The result of each case, in order.

        Args:
            jobs: processes; the results do not depend on it.
            out: folder in which finished cases are kept and found again, so that an interrupted experiment goes on.
            progress: told about finished runs.

        Raises:
            InputError: the folder holds results of another version of a partition.
        """
        folder = None if out is None else Path(out)
        if folder is not None:
            self.check(folder)
        paths = [None if folder is None else self._path(folder, case) for case in self.cases]
        kept = [_read(path) for path in paths]
        open_cases = [case for case, found in zip(self.cases, kept, strict=True) if found is None]
        fresh = repeat_all(open_cases, self.repetitions, jobs=jobs, progress=progress)
        for path, found in zip(paths, kept, strict=True):
            result = found or next(fresh)
            if found is None and path is not None and not result.failures:  # a failure may be mended: not kept
                write_text(path, json.dumps(seal(KIND, {"format": FORMAT, **result.to_dict()})) + "\n")
            yield result

    def _path(self, folder: Path, case: Case) -> Path | None:
        """A file whose name changes with everything that decides the result: the table's values, and the version.

        None for an algorithm of one's own, whatever its name, or with a function among its settings, and for a task
        with constraints by a function: what those do cannot be seen.
        """
        if any(callable(constraint.of) for constraint in case.task.constraints):
            return None
        fields = vars(case.algorithm).values()
        if not type(case.algorithm).__module__.startswith("robnas.") or not all(map(_is_plain, fields)):
            return None
        files = [Path(value) for value in fields if isinstance(value, str) and Path(value).is_file()]
        task = without_usual_space(case.task.to_dict())
        facts = {
            "robnas": __version__,
            "format": FORMAT,
            "algorithm": case.label,
            "kind": type(case.algorithm).__name__,
            "settings": settings_of(case.algorithm),
            "task": {key: value for key, value in task.items() if key != "beta"},  # the values tell betas apart
            "values": _hash(*_contents(case.task)),
            "files": _hash(*(file.read_bytes() for file in files)),
            **({} if case.task.max_parameters is None else {"infeasible": "never asked"}),
            **({} if case.task.hours is None else {"hours": "by operations"}),  # earlier ones were by MACs
            **{key: getattr(self.repetitions, key) for key in ("budget", "runs", "seed")},
            "checkpoints": list(self.repetitions.checkpoints),
        }
        return folder / f"{case.label.split()[0].replace('/', '-')}-{content_hash(facts)}.json"


def _is_plain(setting: Any) -> bool:
    """Whether its text says all about a setting: no function and no object, however deep inside."""
    if isinstance(setting, Mapping):
        return all(map(_is_plain, setting.values()))
    if isinstance(setting, list | tuple):
        return all(map(_is_plain, setting))
    return setting is None or isinstance(setting, str | int | float | bool)


def _contents(task: Task) -> Iterator[bytes]:
    """All numbers of the table that a run may see, single trainings and noise included."""
    yield "@".join(
        map(str, task.table.space.partition_facts(task.table.partition).values())
    ).encode()  # version 1 as before versions
    if task.space.listable:
        yield task.table.rows.tobytes()
    else:
        yield "\n".join(arch.text for arch in task.table.architectures).encode()
    yield b"" if task.space.name == space_of(None).name else task.space.fingerprint.encode()
    bounds = (constraint.of for constraint in task.constraints)
    for column in (*task.seen, *task.reported, *(of for of in bounds if isinstance(of, Column))):
        yield column.values.tobytes()
        yield from (part.tobytes() for part in (column.predicted, column.sd) if part is not None)
    for curve in curves_seen(task.table, task.seen):
        yield curve.values.tobytes()
    if task.noise in ("gaussian", "local", "predictive"):
        yield task.noise_sd.tobytes()
    if task.regret == "expected":
        yield task.outcomes.tobytes()


def _hash(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(contents)).hexdigest()


def _check_versions(folder: Path, partitions: Mapping[str, Space]) -> None:
    """Refuse a folder whose results were charged by another version of a partition: they do not compare."""
    wanted = {name.partition("@")[0]: name for name in partitions}
    if not any("partition_version" in facts_of_classes(name, partitions[wanted[name]]) for name in wanted):
        return
    for path in sorted(folder.glob("*.json")):
        try:
            task = json.loads(path.read_text(encoding="utf-8"))["task"]
            found = charged_by(task)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # no result, or damaged: not gone on with
        if found not in partitions and (ours := wanted.get(found.partition("@")[0])):
            raise InputError(
                f"search folder {folder}",
                expected=f"results charged once per class of {ours}",
                got=Verbatim(f"of {found}, another version of the partition, in {path.name}"),
                remedy=f"choose another folder, or search with partition {found}",
            )


def _read(path: Path | None) -> Result | None:
    if path is None or not path.exists():
        return None
    try:
        values = unseal(path, KIND, json.loads(path.read_text(encoding="utf-8")), "")
        return Result.from_dict(values) if values.pop("format") == FORMAT else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError):
        return None  # not ours, damaged, or of another version: made again


def _check_kinds(where: str, entry: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    """Raise `InputError` at the first known entry that is of another kind."""
    for key, value in entry.items():
        expected, fits = kinds.get(key, _ANY)
        if not fits(value):
            raise InputError(f"entry {key} of {where}", expected=expected, got=value)


def _checkpoints(values: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[int, ...]:
    """Those of the file are only kept up to a budget that was changed from outside."""
    points = tuple(values.get("checkpoints", ()))
    if "budget" not in changes or "checkpoints" in changes:
        return points
    budget = check_count("budget", values["budget"])
    return tuple(point for point in points if check_count("checkpoint", point) <= budget)


def _tasks(table: Table, entry: Mapping[str, Any]) -> Iterator[Task]:
    """One task per combination of the lists."""
    check_keys("entry of [[task]]", entry, _TASK)
    _check_kinds("[[task]]", entry, _TASK)
    if ("metric" in entry) == ("metrics" in entry):
        raise InputError("[[task]]", expected="metric, or metrics for several objectives", got=dict(entry))
    rest = {key: value for key, value in entry.items() if key not in ("dataset", "metric", "metrics", "noise", "beta")}
    rest["space"] = _space_key(rest.get("space"))
    wanted = [entry["metrics"]] if "metrics" in entry else _listed(entry["metric"])
    lists = [_listed(entry.get("dataset")), wanted, _listed(entry.get("noise", "none")), _listed(entry.get("beta"))]
    combinations = list(product(*lists))
    if not combinations:
        raise InputError("[[task]]", expected="at least one dataset, metric, noise and beta", got=dict(entry))
    for dataset, metrics, noise, beta in combinations:
        name = rest.pop("name", "") if len(combinations) == 1 else ""
        yield Task.named(table, dataset, metrics, noise=noise, beta=beta, **{**rest, "name": name})


def _space_key(given: Any) -> str | None:
    """Name and settings that an entry ``space`` gives; the name where it gives no more."""
    if given is None:
        return None
    if not isinstance(given, str | dict):
        raise InputError("entry space", expected="a name, or a table of name and settings", got=given)
    facts = parse_key(given) if isinstance(given, str) else given
    space = space_of(facts)
    return space.key if len(facts) > 1 else space.name


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

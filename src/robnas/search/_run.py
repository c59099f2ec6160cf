"""The one loop that runs every algorithm."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from robnas._seeds import derive_seed
from robnas._settings import content_hash
from robnas.benchmarks import Objective
from robnas.errors import InputError, Verbatim
from robnas.search._algorithm import Algorithm, Values, name_of, settled
from robnas.search._classes import Class
from robnas.search._task import Task
from robnas.search._trace import Stopped, Trace
from robnas.spaces import Architecture
from robnas.types import check_count

_STALLED = 156_250
"""Free questions in a row after which a run is over: it has nothing new to ask."""
_MOST = 20  # entries of a mapping that settings repeat


def run(algorithm: Algorithm, objective: Objective | Task, budget: int, seed: int) -> Trace:
    """One run of an algorithm; what it asked is charged to the table, see `Table.charge`.

    A question is charged once per class of the task's partition. Later questions about the class are free and get
    the same answer, noise included. An architecture for which the table lacks a value is charged, because its training
    failed, and told as -inf in every objective, costs included; one that breaks a constraint of the task is told the
    same and charged nothing.

    Args:
        algorithm: its settings.
        objective: what the search sees: of `Table.objective`, or a `Task`.
        budget: distinct architectures that may be charged.
        seed: decides everything random, and nothing else does.

    Raises:
        InputError: a budget of 0 or above the space, or an algorithm that asks outside the space.
    """
    task = Task.of(objective)
    trace, rows = simulate(algorithm, task, budget, seed)
    task.table.charge(rows)
    return trace


def simulate(algorithm: Algorithm, task: Task, budget: int, seed: int) -> tuple[Trace, list[int]]:
    """`run` free of charge, as comparisons of many runs need it, and the rows of the table that it asked for."""
    check_budget(task, budget)
    algorithm = settled(algorithm, task.space)
    searcher = algorithm.start(task.classes, np.random.default_rng(derive_seed(seed, "algorithm")))
    asked, find = _Asked(task, seed), task.classes.find
    stopped: Stopped = "budget"
    while len(asked.rows) < budget:
        arch = searcher.ask()
        if arch is None or asked.idle > _STALLED:
            stopped = "finished" if arch is None else "stalled"
            break
        number = find(arch)
        if number is None:
            raise _outside(algorithm, arch, task)
        searcher.tell(arch, asked.answer(arch, number))
    if not asked.rows:
        found = Verbatim(f"none in {asked.idle}")
        raise InputError(f"{name_of(algorithm)} on {task.name}", expected="a question with an answer", got=found)
    values = np.array(asked.told, dtype=np.float64)
    trace = Trace(
        algorithm=name_of(algorithm),
        settings=settings_of(algorithm),
        task=task.to_dict(),
        budget=budget,
        seed=seed,
        architectures=tuple(asked.architectures),
        values=values,
        outcomes=task.outcomes[asked.rows],
        scale=task.scale,
        hours=None if task.hours is None else np.cumsum(task.hours[asked.rows]),
        questions=np.array(asked.questions, dtype=np.int64),
        duplicates=asked.duplicates,
        infeasible=asked.infeasible,
        failed=int((~np.isfinite(values)).any(axis=1).sum()),
        stopped=stopped,
        oracle_selection=task.oracle_selection,
        least=task.least,
    )
    return trace, asked.rows


class _Asked:
    """What a run asked and was told; its length is held against the budget, and ends as the trace."""

    def __init__(self, task: Task, seed: int) -> None:
        self._classes, self._allowed = task.classes, task.allowed
        answers = task.answers_of_run(np.random.default_rng(derive_seed(seed, "noise")))
        if (missing := np.isnan(answers)).any():  # told without costs, or a cheap failure would look undominated
            answers = np.where(missing.any(axis=1, keepdims=True), -np.inf, answers)
        self._answers = answers
        self._known: dict[Class, Values] = {}
        self.architectures: list[Architecture] = []
        self.rows: list[int] = []
        self.told: list[Values] = []
        self.questions: list[int] = []
        self.duplicates = self.infeasible = self.idle = 0

    def answer(self, arch: Architecture, number: Class) -> Values:
        """What the search is told of an architecture and its class; a new class counts."""
        self.idle += 1
        values = self._known.get(number)
        if values is not None:
            self.duplicates += 1
            return values
        row = self._classes.row_of(arch)
        if self._allowed is not None and not self._allowed[row]:
            self.infeasible += 1
            return (-np.inf,) * self._classes.objectives
        values = tuple(self._answers[row].tolist())
        self._known[number] = values
        self.architectures.append(arch)
        self.rows.append(row)
        self.told.append(values)
        self.questions.append(len(self.rows) + self.duplicates + self.infeasible)
        self.idle = 0
        return values


def check_budget(task: Task, budget: int) -> None:
    """Raise `InputError` unless the task has as many distinct architectures as the budget."""
    check_count("budget", budget)
    if budget > task.size:
        raise InputError(
            "budget",
            expected=f"at most {task.size:,}, the distinct architectures of {task.name} under {task.charged_by}",
            got=Verbatim(f"{budget:,}"),
        )


def settings_of(algorithm: object) -> dict[str, Any]:
    """Fields of an algorithm as plain values; functions by their name, many scores by a hash."""
    if not dataclasses.is_dataclass(algorithm) or isinstance(algorithm, type):
        return {}
    return {field.name: _plain(getattr(algorithm, field.name)) for field in dataclasses.fields(algorithm)}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        plain = {str(key): _plain(entry) for key, entry in value.items()}
        return plain if len(plain) < _MOST else f"{len(plain)} entries, {content_hash(plain)}"
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return getattr(value, "__name__", type(value).__name__)


def _outside(algorithm: object, arch: object, task: Task) -> InputError:
    if isinstance(arch, Architecture):
        got = f"one of space {arch.space}" if arch.space != task.space.name else "another"
        return InputError(
            f"{name_of(algorithm)} asked for {arch}",
            expected=f"an architecture that table {task.table.name} holds",
            got=Verbatim(got),
            remedy="draw from space.architectures, space.neighbours and space.mutate, or test `arch in space`",
        )
    return InputError(f"{name_of(algorithm)} asked", expected="for an Architecture, or None at its end", got=arch)

"""The one loop that runs every algorithm."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Any, final

import numpy as np

from robnas._seeds import derive_seed
from robnas._settings import ABSENT_IF_EMPTY, content_hash
from robnas.benchmarks import Objective as TableObjective
from robnas.errors import InputError, StoreError, Verbatim
from robnas.search._algorithm import Algorithm, Loop, WaitingError, name_of, settled
from robnas.search._budget import check_budget
from robnas.search._evolution import Population
from robnas.search._journal import Event, Journal
from robnas.search._ledger import Charge, Ledger, Unit
from robnas.search._objective import Answer, Objective, Question, check_objective, checked, facts_of
from robnas.search._task import Task
from robnas.search._trace import Stopped, Trace
from robnas.spaces import Architecture
from robnas.types import Progress, check_count, silent

_STALLED = 156_250
"""Free questions in a row after which a run is over: it has nothing new to ask."""
_WAIT = object()
_MOST = 20  # entries of a mapping that settings repeat


def run(
    algorithm: Algorithm,
    objective: Objective | TableObjective,
    budget: float,
    seed: int,
    *,
    unit: Unit = "trainings",
    batch: int | None = None,
    journal: Journal | None = None,
    progress: Progress = silent,
) -> Trace:
    """One run of an algorithm; what it asked of a table is charged to that, see `Table.charge`.

    A question is charged once per class. Later questions about the class are free and get the same answer, noise
    included; a further fidelity is charged with the epochs that are added. An architecture whose training failed is
    charged, and told as -inf in every objective, costs included; one that breaks a constraint is told the same, and
    charged nothing if the constraint is known without an answer.

    Args:
        algorithm: its settings.
        objective: what the search sees: of `Table.objective`, a `Task`, a `Function`, a training, or another
            `Objective`.
        budget: what may be charged, in `unit`.
        seed: decides everything random, and nothing else does.
        unit: ``trainings``: distinct architectures, or with fidelities so many whole trainings' worth of epochs;
            ``epochs``; ``seconds`` that the answers took; GPU-``hours`` of a cost model. What is counted before it is
            asked is never exceeded, seconds and hours by the last answers.
        batch: ask for so many at a time, and tell all of them in the order of asking before the next ones: the trace
            does then not depend on the order of the answers. If omitted, each answer is told when it is there, which
            makes the same trace where the objective answers one by one, and for every algorithm that is written as a
            `Loop`; an algorithm that is not asynchronous, and no loop, is asked for one at a time.
        journal: brings back a run that was interrupted, in whatever order its answers came; that of the objective if
            omitted, where it has one.
        progress: told about what is spent, and the best so far.

    Returns:
        Every charged query in the order of asking.

    Raises:
        InputError: a budget of 0 or above the space, an algorithm that asks outside the space, an objective that
            answers something else than it should.
        StoreError: the journal is of another search.
    """
    answering = _objective_of(objective)
    found = _Run(algorithm, answering, budget, seed, unit, batch, journal, progress)
    trace = found.trace()
    if isinstance(answering, Task):
        answering.table.charge(found.rows)
    return trace


def _objective_of(given: Any) -> Objective:
    if isinstance(given, TableObjective):
        return Task.of(given)
    if isinstance(given, type) or not isinstance(given, Objective):
        remedy = "a function of an architecture is made one by search.Function(f, space)"
        raise InputError("objective", expected="that of Table.objective, or a Task", got=given, remedy=remedy)
    return check_objective(given)


def simulate(algorithm: Algorithm, task: Task, budget: int, seed: int) -> Trace:
    """`run` free of charge, as comparisons of many runs need it."""
    return _Run(algorithm, task, budget, seed).trace()


@final
class _Run:
    """One run: between the searcher, which asks, and the objective, which takes questions when it has time."""

    def __init__(
        self,
        algorithm: Algorithm,
        objective: Objective,
        budget: float,
        seed: int,
        unit: Unit = "trainings",
        batch: int | None = None,
        journal: Journal | None = None,
        progress: Progress = silent,
    ) -> None:
        budget = check_budget(objective, budget, unit, algorithm)
        if isinstance(algorithm, type) or not callable(getattr(algorithm, "start", None)):
            remedy = "search.searcher(name) makes it of its name"
            raise InputError("algorithm", expected="such as search.RandomSearch()", got=algorithm, remedy=remedy)
        self._objective, self._seed, self._journal, self._progress = objective, seed, journal, progress
        self._classes = objective.classes
        self._algorithm = algorithm = settled(algorithm, self._classes.space)
        self._ledger = Ledger(self._classes, budget, unit)
        self._searcher: Any = algorithm.start(self._classes, np.random.default_rng(derive_seed(seed, "algorithm")))
        if batch is None and not (
            getattr(algorithm, "asynchronous", False) or isinstance(self._searcher, Loop | Population)
        ):
            batch = 1
        self._size = None if batch is None else check_count("batch", batch)
        self._batch: list[tuple[Any, Charge]] = []  # what was asked since the last telling, in that order
        self._again: list[Question] = []  # pending ones of an interrupted run
        self._over = False
        self._stopped: Stopped = "budget"
        self._short: int | None = None  # epochs of a question that the budget was too small for
        self._best: tuple[int, float] | None = None

    # the run

    def trace(self) -> Trace:
        if self._journal is None:
            self._journal = self._journal_of_objective()
        if self._journal is not None:
            self._replay(self._journal)
        for question, found in self._served():
            if self._journal is not None:
                place = (question.architecture.text, question.epochs, self._ledger.asked)
                self._journal.append(Event("tell", *place, found))
            self._receive(question, found)
        self._tell_batch()  # so that every answer is told
        if self._ledger.pending:
            raise InputError(
                f"objective {self._objective.name}", expected="an answer to every question",
                got=Verbatim(f"none to {self._ledger.pending}"),
            )  # fmt: skip
        if not (self._over or self._ledger.full):
            raise InputError(
                f"objective {self._objective.name}", expected="to ask until no question is left",
                got=Verbatim(f"an end after {len(self._ledger.entries)}"),
            )  # fmt: skip
        if not self._ledger.entries:
            if self._short is not None:
                unit, known = self._ledger.unit, self._short
                expected = f"enough for the first question of {name_of(self._algorithm)}, {known:,} epochs"
                raise InputError("budget", expected=expected, got=Verbatim(f"{self._ledger.budget:,} {unit}"))
            found_ = Verbatim(f"none in {self._ledger.idle}")
            what = f"{name_of(self._algorithm)} on {self._objective.name}"
            raise InputError(what, expected="a question with an answer", got=found_)
        return self._traced()

    def _journal_of_objective(self) -> Journal | None:
        make: Callable[[Mapping[str, Any]], Journal] | None = getattr(self._objective, "journal", None)
        if make is None:
            return None
        algorithm = {"algorithm": name_of(self._algorithm), "settings": settings_of(self._algorithm)}
        return make({**algorithm, "seed": self._seed, "batch": self._size})

    def _served(self) -> Iterable[tuple[Question, Answer]]:
        served = self._objective.serve(self._ask, self._seed)
        return served if isinstance(self._objective, Task) else checked(self._objective, served)

    def _replay(self, journal: Journal) -> None:
        """Ask and tell again what was asked and told before; what is still pending is asked of the objective again."""
        pending = dict[tuple[str, int | None], Question]()
        for event in journal.events():
            place = (event.architecture, event.epochs)
            if event.kind == "tell":
                while self._ledger.asked < event.asked and self._may_ask():
                    self._step()  # what was free was asked before this answer came
                if place in pending and event.answer is not None:
                    self._receive(pending.pop(place), event.answer)
                continue
            question = self._next()
            if question is None and self._stopped == "budget":
                continue  # of a longer search
            if question is None or (question.architecture.text, question.epochs) != place:
                raise StoreError(
                    "journal of the search",
                    expected=f"the next question, {'none' if question is None else question}",
                    got=Verbatim(f"{event.architecture}, {event.epochs} epochs"),
                    remedy="it was written by other code: search again with another seed, or in another store",
                )
            pending[place] = question
        self._again = list(pending.values())

    # what the objective calls

    def _ask(self, n: int) -> tuple[Question, ...]:
        if n == 1 and self._journal is None:
            question = self._next()
            return () if question is None else (question,)
        found: list[Question] = []
        while len(found) < n:
            if self._again:
                found.append(self._again.pop(0))
                continue
            question = self._next()
            if question is None:
                break
            if self._journal is not None:
                place = (question.architecture.text, question.epochs, self._ledger.asked)
                self._journal.append(Event("ask", *place))
            found.append(question)
        return tuple(found)

    def _next(self) -> Question | None:
        """The next question that is charged; None where there is none, or none before answers are told."""
        while self._may_ask():
            entry = self._step()
            if entry is not None:
                return entry.question
        return None

    def _may_ask(self) -> bool:
        """Whether there is something to ask now; tells the batch where that is due."""
        if self._over or self._ledger.full:
            return False
        return self._size is None or len(self._batch) < self._size or self._tell_batch()

    def _step(self) -> Charge | None:
        """Ask the searcher once; what is charged. `_over` is set where it is not to be asked again, for now or ever."""
        try:
            asked = self._searcher.ask()
        except WaitingError:
            asked = _WAIT
            if not (self._batch or self._ledger.pending):
                raise
        if asked is _WAIT or asked is None or self._ledger.idle > _STALLED:
            if not self._tell_batch():  # of which nothing is missing, if it is not empty
                self._over = True
                self._stopped = "stalled" if self._ledger.idle > _STALLED else "finished"
            return None
        return self._enter(asked)

    def _enter(self, asked: Any) -> Charge | None:
        """Charge what is asked, unless it is free; then it is told at once, or with what it repeats."""
        ledger = self._ledger
        arch, epochs = (asked.architecture, asked.epochs) if isinstance(asked, Question) else (asked, None)
        number = self._classes.find(arch)
        if number is None and self._classes.refuses(arch):  # one's own algorithm, which does not look
            ledger.asked, ledger.idle, ledger.infeasible = ledger.asked + 1, ledger.idle + 1, ledger.infeasible + 1
            self._searcher.tell(asked, (-np.inf,) * self._classes.objectives)
            return None
        if number is None or (epochs is not None and epochs not in self._classes.epochs):
            raise _outside(self._algorithm, arch, epochs, self._objective)
        key = ledger.key(number, epochs)
        known = ledger.known.get(key)
        if known is not None:
            ledger.asked, ledger.idle, ledger.duplicates = ledger.asked + 1, ledger.idle + 1, ledger.duplicates + 1
            self._wait(asked, known)
            return None
        entry = ledger.charge(asked if isinstance(asked, Question) else Question(arch), key)
        if entry is None:
            self._over, self._stopped, self._short = True, "budget", key[1]
        else:
            self._wait(asked, entry)
        return entry

    def _wait(self, asked: Any, entry: Charge) -> None:
        """Tell the answer once it is there, or due."""
        if self._size is not None and (self._batch or entry.answer is None):
            self._batch.append((asked, entry))
        elif entry.answer is None:
            entry.waiting = (*entry.waiting, asked)
        else:
            self._searcher.tell(asked, entry.answer.values)

    # what it answers

    def _receive(self, question: Question, found: Answer) -> None:
        entry = self._ledger.receive(question, found)
        assert entry.answer is not None
        waiting, entry.waiting = entry.waiting, ()
        for asked in waiting:
            self._searcher.tell(asked, entry.answer.values)
        if self._stopped == "finished":  # there may be more to ask now
            self._over, self._stopped = False, "budget"
        if self._progress is not silent:
            self._show(entry)

    def _tell_batch(self) -> bool:
        """Tell the whole batch in the order of asking; False where an answer is missing, or it is empty."""
        found = [entry.answer for _, entry in self._batch]
        if not found or None in found:
            return False
        batch, self._batch = self._batch, []
        for asked, entry in batch:
            if entry.answer is not None:
                self._searcher.tell(asked, entry.answer.values)
        return True

    def _show(self, entry: Charge) -> None:
        assert entry.answer is not None
        value = entry.answer.values[0]
        rank = (entry.key[1] if value > -np.inf else 0, value)
        self._best = rank if self._best is None else max(rank, self._best)
        goal = self._objective.goals[0]
        total = self._ledger.budget
        whole = total if self._ledger.unit in ("epochs", "trainings") else max(total, self._ledger.spent)
        text = f"best {goal.name} {goal.sign * self._best[1]:.4g}{' ' + goal.unit if goal.unit else ''}"
        scale = self._ledger.whole if self._ledger.unit == "trainings" else 1
        self._progress(round(scale * self._ledger.spent), round(scale * whole), text)

    # what is left of it

    @cached_property
    def rows(self) -> list[int]:
        """Of the table, that were charged."""
        row_of = self._classes.row_of
        return [row_of(entry.question.architecture) for entry in self._ledger.entries]

    def _traced(self) -> Trace:
        ledger, objective = self._ledger, self._objective
        task = objective if isinstance(objective, Task) else None
        values, broken = ledger.values, ledger.broken
        return Trace(
            algorithm=name_of(self._algorithm),
            settings=settings_of(self._algorithm),
            task=facts_of(objective),
            budget=ledger.budget,
            seed=int(self._seed),
            architectures=tuple(entry.question.architecture for entry in ledger.entries),
            values=values,
            outcomes=values if task is None else task.outcomes[self.rows],
            scale=None if task is None else task.scale,
            hours=ledger.total(attrgetter("hours")),
            questions=np.array([entry.questions for entry in ledger.entries], dtype=np.int64),
            duplicates=ledger.duplicates,
            infeasible=ledger.infeasible + broken,
            failed=int((~np.isfinite(values)).any(axis=1).sum()) - broken,
            stopped=self._stopped,
            oracle_selection=() if task is None else task.oracle_selection,
            least=0.0 if task is None else task.least,
            unit=ledger.unit,
            fidelities=ledger.fidelities,
            charged=ledger.charged,
            seconds=ledger.total(attrgetter("seconds")),
        )


def settings_of(algorithm: object) -> dict[str, Any]:
    """Fields of an algorithm as plain values; functions by their name, many scores by a hash."""
    if not dataclasses.is_dataclass(algorithm) or isinstance(algorithm, type):
        return {}
    values = ((field, getattr(algorithm, field.name)) for field in dataclasses.fields(algorithm))
    return {field.name: _plain(value) for field, value in values if value or field.metadata != ABSENT_IF_EMPTY}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        plain = {str(key): _plain(entry) for key, entry in value.items()}
        return plain if len(plain) < _MOST else f"{len(plain)} entries, {content_hash(plain)}"
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if settings := settings_of(value):
        return {"name": name_of(value), **settings}
    return getattr(value, "__name__", type(value).__name__)


def _outside(algorithm: object, arch: Any, epochs: int | None, objective: Objective) -> InputError:
    name = name_of(algorithm)
    if not isinstance(arch, Architecture):
        return InputError(f"{name} asked", expected="for an Architecture, or None at its end", got=arch)
    if arch in objective.classes:
        known = ", ".join(map(str, objective.classes.epochs)) or "none, whole trainings only"
        return InputError(f"{name} asked for {arch}", expected=f"epochs of {known}", got=epochs)
    holder = f"table {objective.table.name} holds" if isinstance(objective, Task) else f"{objective.name} answers"
    space = objective.classes.space.name
    return InputError(
        f"{name} asked for {arch}",
        expected=f"an architecture that {holder}",
        got=Verbatim(f"one of space {arch.space}" if arch.space != space else "another"),
        remedy="draw from space.architectures, space.neighbours and space.mutate, or test `arch in space`",
    )

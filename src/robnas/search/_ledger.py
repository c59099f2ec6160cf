"""What a run has asked, what it was charged for that, and what it was told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, final, get_args

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys
from robnas.errors import InputError
from robnas.search._algorithm import answer
from robnas.search._classes import Class, Classes
from robnas.search._objective import Answer, Question

Unit = Literal["trainings", "epochs", "seconds", "hours"]
UNITS: tuple[str, ...] = get_args(Unit)
Key: TypeAlias = tuple[Class, int]


@final
@dataclass(slots=True, eq=False)
class Charge:
    """A charged question."""

    question: Question
    key: Key
    """Its class, and the epochs that its answer rests on."""
    added: int
    """Epochs that were charged for it."""
    questions: int
    """Asked up to it, free ones included."""
    answer: Answer | None = None
    waiting: tuple[Any, ...] = ()
    """What is to be told the answer, in the searcher's own words: the question, and repetitions of it."""

    @property
    def seconds(self) -> float | None:
        """That its answer took."""
        return None if self.answer is None else self.answer.seconds

    @property
    def hours(self) -> float | None:
        """GPU-hours of the epochs that were added, of those that its answer rests on in proportion."""
        if self.answer is None or self.answer.hours is None:
            return None
        return self.answer.hours * (self.added / self.key[1])


@final
class Ledger:
    """Charges every objective alike: a class once, a further fidelity of it with the epochs that are added.

    Args:
        classes: what is charged once.
        budget: what may be spent.
        unit: of the budget: ``trainings`` (whole ones' worth of epochs: without fidelities, distinct architectures),
            ``epochs``, ``seconds`` that answers took, or GPU-``hours`` of a cost model.

    Raises:
        InputError: no positive budget, another unit, or epochs where there are none.
    """

    def __init__(self, classes: Classes, budget: float, unit: Unit = "trainings") -> None:
        check_keys("unit of a budget", [unit], UNITS)
        if unit == "epochs" and not classes.epochs:
            expected = "trainings, seconds or hours, for this objective knows no epochs"
            raise InputError("unit of a budget", expected=expected, got=unit)
        self.classes, self.unit, self.budget = classes, unit, budget
        self.whole = classes.epochs[-1] if classes.epochs else 1
        """Epochs of a whole training; 1 where there are no fidelities."""
        self._most = budget * (self.whole if unit == "trainings" else 1) if unit in ("trainings", "epochs") else None
        self.entries: list[Charge] = []
        self.epochs = 0
        """Charged so far."""
        self.full = False
        """Whether nothing more can be charged."""
        self.asked = self.duplicates = self.infeasible = self.idle = self.pending = 0
        self.broken = 0
        """Answers that break a measured constraint."""
        self._trained: dict[Class, int] = {}
        self.known: dict[Key, Charge] = {}
        """The charged questions; answers may be pending."""
        self._last: Charge | None = None  # the next answer, where an objective answers one by one
        self._cost = 0.0  # in seconds or hours

    @property
    def spent(self) -> float:
        """In the unit of the budget."""
        if self.unit == "trainings":
            return self.epochs / self.whole
        return self.epochs if self.unit == "epochs" else self._cost

    def key(self, number: Class, epochs: int | None) -> Key:
        """Of a question about an architecture of this class after so many epochs, all of them if None."""
        return number, self.whole if epochs is None else epochs

    def charge(self, question: Question, key: Key) -> Charge | None:
        """Enter a question that is asked of the objective; None where it does not fit into what is left."""
        number, epochs = key
        before = self._trained.get(number, 0)
        added = max(0, epochs - before)
        spent = self.epochs + added
        if self._most is not None:
            if spent > self._most:
                return None
            self.full = spent >= self._most
        self.asked += 1
        self.idle, self.pending = 0, self.pending + 1
        entry = Charge(question, key, added, self.asked)
        self._trained[number], self.epochs = before + added, spent
        self.known[key] = self._last = entry
        self.entries.append(entry)
        return entry

    def receive(self, question: Question, found: Answer) -> Charge:
        """Enter the answer of a question that is pending.

        Raises:
            InputError: it is none, or the answer has other values than it should.
        """
        entry = self._last
        if entry is None or entry.question is not question:
            entry = self.known.get(self.key(self.classes.find(question.architecture), question.epochs))
        if entry is None or entry.answer is not None:
            raise InputError("answer", expected="one to a question that waits for it", got=str(question))
        if self._most is None:
            entry.answer = found
            cost = entry.seconds if self.unit == "seconds" else entry.hours
            if cost is None:
                expected = "trainings or epochs, for the answers of this objective do not tell what they took"
                raise InputError("unit of a budget", expected=expected, got=self.unit)
            self._cost += cost
            self.full = self._cost >= self.budget
        if type(found.values) is not tuple or len(found.values) != self.classes.objectives:
            answer(found.values, self.classes.objectives)  # the searcher looks at each of them
        if not found.feasible:
            self.broken += 1
            found = replace(found, values=(-np.inf,) * self.classes.objectives)
        entry.answer = found
        self.pending -= 1
        return entry

    # as arrays, in the order of asking

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """What was told, shape (queries, objectives)."""
        return np.array([entry.answer.values for entry in self.entries if entry.answer], dtype=np.float64)

    @property
    def fidelities(self) -> npt.NDArray[np.int64] | None:
        """Epochs that each answer rests on, shape (queries,); None where there are whole trainings only."""
        return np.array([entry.key[1] for entry in self.entries]) if self.classes.epochs else None

    @property
    def charged(self) -> npt.NDArray[np.float64]:
        """Whole trainings' worth charged up to each query, shape (queries,)."""
        return np.cumsum([entry.added for entry in self.entries]) / self.whole

    def total(self, cost: Callable[[Charge], float | None]) -> npt.NDArray[np.float64] | None:
        """What the answers took up to each query, shape (queries,); None where one does not say."""
        found = list(map(cost, self.entries))
        return None if None in found else np.cumsum(np.array(found, dtype=np.float64))

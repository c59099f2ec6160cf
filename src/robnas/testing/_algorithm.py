"""What every search algorithm does, whatever the space."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from robnas.errors import InputError
from robnas.search import Algorithm, Classes, Question, Searcher, WaitingError
from robnas.spaces import Architecture, Space
from robnas.testing._examiner import global_state

Asked: TypeAlias = Architecture | Question
_EPOCHS = (1, 2, 4, 8)
_FLYING = 4  # questions without an answer at a time
_FAILS = 7  # every such answer is that of a training that failed


def check_algorithm(algorithm: Algorithm, space: Space | Classes, *, questions: int = 60, seed: int = 0) -> None:
    """Whether an algorithm does in a space what `robnas.search.Algorithm` and `robnas.search.Searcher` promise.

    Equal seeds ask equal questions, all of them in the space; global random states stay as they are.
    Answers come one by one or several at a time and in any order, and some trainings fail. Asking again before an
    answer gives another question or an `InputError`, and harms nothing; what calls itself asynchronous asks on while an
    answer is missing. Equal orders of answers with several in flight lead to equal questions. An answer to what nobody
    asked is an `InputError`.

    An algorithm of several fidelities (attribute ``multi_fidelity``) gets 1, 2, 4 and 8 epochs where `space` has none.

    Args:
        algorithm: its settings.
        space: whole, or what a table or a partition makes of it.
        questions: how many are asked in each run; a run may end before.
        seed: of the runs.

    Raises:
        AssertionError: it does not; the line says what.
        InputError: the algorithm says that it cannot search there.
    """
    classes = Classes.of(space)
    if getattr(algorithm, "multi_fidelity", False) and not classes.epochs:
        classes = classes.answering(classes.objectives, _EPOCHS)
    _Check(algorithm, classes, questions, seed).all()


@dataclasses.dataclass(frozen=True)
class _Check:
    algorithm: Algorithm
    classes: Classes
    questions: int
    seed: int

    def all(self) -> None:
        frozen = getattr(getattr(self.algorithm, "__dataclass_params__", None), "frozen", False)
        self._expect(frozen, "is no frozen dataclass, so that results could not say by which settings they were made")
        first = self._one_by_one()
        self._expect(len(first) > 0, "asks for nothing")
        before = global_state()  # a first run may import libraries that draw when they are imported
        again = self._one_by_one()
        self._expect(global_state() == before, "draws from, or seeds, the global random state")
        self._expect(first == again, "asks other questions when it is started again with the same seed")
        self._several()
        self._out_of_turn()
        self._expect(self._in_flight() == self._in_flight(), "asks otherwise after equal answers in an equal order")

    def _expect(self, fine: bool, text: str) -> None:
        if not fine:
            name = getattr(self.algorithm, "name", type(self.algorithm).__name__)
            raise AssertionError(f"{name} on space {self.classes.space.name}: {text}")

    def _start(self) -> Searcher:
        return self.algorithm.start(self.classes, np.random.default_rng(self.seed))

    def _one_by_one(self) -> list[Asked]:
        searcher, asked = self._start(), list[Asked]()
        while len(asked) < self.questions and (arch := searcher.ask()) is not None:
            self._check_asked(arch)
            asked.append(arch)
            searcher.tell(arch, self._answer(arch))
        return asked

    def _several(self) -> None:
        """Answers in reverse order, and by the architecture alone."""
        searcher, count = self._start(), 0
        for size in range(1, self.questions):
            found = searcher.ask(size)
            self._expect(isinstance(found, tuple) and len(found) <= size, f"ask({size}) is no tuple of at most {size}")
            if not found or count >= self.questions:
                break
            for arch in found:
                self._check_asked(arch)
            for arch in reversed(found):
                searcher.tell(arch, self._answer(arch))
            count += len(found)
        self._expect(count > 0, "ask(1) gives nothing, though ask() does")

    def _out_of_turn(self) -> None:
        searcher, waiting, told = self._start(), list[Asked](), 0
        self._refused(lambda: searcher.tell(self._any(), self._answer(self._any())), "an answer that nobody asked for")
        while told < self.questions:
            try:
                arch = searcher.ask()
            except InputError:
                self._expect(bool(waiting), "refuses to ask though all answers are told")
                arch = None
            if arch is not None and len(waiting) < 5:
                self._check_asked(arch)
                waiting.append(arch)
                continue
            if arch is not None:
                waiting.append(arch)
            if not waiting:
                return
            for one in waiting:
                searcher.tell(one, self._answer(one))
            told += len(waiting)
            waiting.clear()

    def _in_flight(self) -> list[Asked]:
        """What is asked while up to four answers are missing, which come in a random order."""
        searcher, rng = self._start(), np.random.default_rng(self.seed)
        asked, flying, told = list[Asked](), list[Asked](), 0
        while told < self.questions:
            try:
                one = searcher.ask() if len(flying) < _FLYING else None
            except WaitingError:
                self._expect(bool(flying), "waits for an answer though all are told")
                free = told > 0 and getattr(self.algorithm, "asynchronous", False) and not self._exhausted(asked)
                self._expect(not free, "calls itself asynchronous, and waits for an answer")
                one = None
            if one is not None:
                self._check_asked(one)
                asked.append(one)
                flying.append(one)
            elif not flying:
                break
            else:
                back = flying.pop(int(rng.integers(len(flying))))
                searcher.tell(back, self._answer(back))
                told += 1
        return asked

    def _exhausted(self, asked: Sequence[Asked]) -> bool:
        """Whether every class was asked for, so that there may be nothing left but to wait."""
        found = {self.classes.class_of(one.architecture if isinstance(one, Question) else one) for one in asked}
        return self.classes.size is not None and len(found) >= self.classes.size

    def _refused(self, act: Callable[[], Any], what: str) -> None:
        try:
            act()
        except InputError:
            return
        self._expect(False, f"takes {what}")

    def _check_asked(self, asked: object) -> None:
        arch = asked.architecture if isinstance(asked, Question) else asked
        self._expect(isinstance(arch, Architecture), f"asks for {asked!r:.60}, which is no architecture")
        self._expect(arch in self.classes, f"asks for {asked!s:.60}, which it may not")
        epochs = asked.epochs if isinstance(asked, Question) else None
        known = self.classes.epochs
        self._expect(epochs is None or epochs in known, f"asks for {epochs} epochs, which are none of {known}")

    def _any(self) -> Architecture:
        return self.classes.random(np.random.default_rng(self.seed + 1))

    def _answer(self, asked: Asked) -> tuple[float, ...]:
        """By the text alone, so that equal questions have equal answers."""
        number = zlib.crc32(str(asked).encode() if isinstance(asked, Question) else asked.text.encode())
        if number % _FAILS == 0:
            return (-np.inf,) * self.classes.objectives
        return tuple(np.random.default_rng([number, place]).random() for place in range(self.classes.objectives))

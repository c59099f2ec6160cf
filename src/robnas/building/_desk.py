"""The questions of a search that wait for trainings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from robnas.building._known import Known
from robnas.errors import StoreError, Verbatim
from robnas.records import QueuedTrial, State, WantedTrials
from robnas.search import Answer, Question
from robnas.spaces import Architecture


@final
@dataclass(slots=True)
class _Open:
    """A question that waits."""

    trials: tuple[QueuedTrial, ...]
    asked_for: bool = False
    """Whether its trials are wanted of the driver."""
    values: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Hash → what was measured, of those that are known."""


@final
class Desk:
    """Takes questions, has trained what is missing, and gives answers.

    Args:
        known: what the store has.
        wanted: what the driver works on.
        costs: what is known of an architecture without a training, as the last values of an answer.
        note: told in a line what is trained again.
        forget: removes what is left of a training, named by the hash of its trial.
    """

    def __init__(
        self,
        known: Known,
        wanted: WantedTrials,
        costs: Callable[[Architecture], tuple[float, ...]],
        note: Callable[[str], None],
        forget: Callable[[str], None],
    ) -> None:
        self._known, self._wanted, self._costs = known, wanted, costs
        self._note, self._forget = note, forget
        self._open: dict[Question, _Open] = {}
        self._repeated = set[QueuedTrial]()  # that were trained again because something of them was missing
        self._told: dict[str, float] = {}  # hash → seconds that earlier answers have told of

    def __len__(self) -> int:
        return len(self._open)

    def take(self, question: Question, trials: Sequence[QueuedTrial]) -> None:
        """One more question, which is answered by these trials."""
        self._open[question] = _Open(tuple(trials))

    def answered(self) -> list[tuple[Question, Answer]]:
        """The questions to which all is known now, which leave the desk; the others are worked on.

        Raises:
            StoreError: the store cannot be read or written, or lacks what was trained for it.
        """
        if not self._open:
            return []
        states = self._wanted.states([trial.hash for one in self._open.values() for trial in one.trials])
        missing = [trial for one in self._open.values() for trial in one.trials if trial.hash not in one.values]
        values = self._known.values(missing)  # read after the states: what was done by then has its values
        found = []
        for question, one in list(self._open.items()):
            one.values.update((trial.hash, values[trial]) for trial in one.trials if trial in values)
            answer = self._answer(question.architecture, one, states)
            if answer is None:
                self._work_on(one, states)
            else:
                self._wanted.drop(trial.hash for trial in one.trials)
                self._wanted.use(trial.hash for trial in one.trials if trial.hash in states)
                del self._open[question]
                found.append((question, answer))
        return found

    def _answer(self, arch: Architecture, one: _Open, states: Mapping[str, State]) -> Answer | None:
        """None while it is not known."""
        left = [trial for trial in one.trials if trial.hash not in one.values]
        costs = self._costs(arch)
        if any(self._has_failed(trial, states) for trial in left):  # told without costs, or it would look undominated
            return Answer((-math.inf,) * (self._known.metrics + len(costs)), seconds=self._seconds(one, states))
        if left:
            return None
        means = np.array([one.values[trial.hash] for trial in one.trials]).mean(axis=0).tolist()
        return Answer((*means, *costs), seconds=self._seconds(one, states))

    def _has_failed(self, trial: QueuedTrial, states: Mapping[str, State]) -> bool:
        state = states.get(trial.hash)
        return trial.hash in self._wanted.failed_again or (state is not None and state.name == "failed")

    def _seconds(self, one: _Open, states: Mapping[str, State]) -> float | None:
        """Of workers, since the last answer that rests on the same trainings."""
        spent = {trial.hash: states[trial.hash].seconds for trial in one.trials if trial.hash in states}
        if not spent or None in spent.values():
            return None
        found = sum(max(0.0, (now or 0.0) - self._told.get(hash_, 0.0)) for hash_, now in spent.items())
        self._told.update((hash_, now or 0.0) for hash_, now in spent.items())
        return found

    def _work_on(self, one: _Open, states: Mapping[str, State]) -> None:
        """Want what is missing."""
        left = [trial for trial in one.trials if trial.hash not in one.values]
        again = [trial for trial in left if self._lacks(trial, states)]
        for trial in again:
            self._repeat(trial)
        if again or not one.asked_for:
            self._wanted.want(left, {trial.hash for trial in again})
            one.asked_for = True

    def _lacks(self, trial: QueuedTrial, states: Mapping[str, State]) -> bool:
        """Whether it was trained far enough, and still has no value."""
        state = states.get(trial.hash)
        if state is None or trial.hash in self._wanted.again:
            return False
        paused = state.name == "paused" and trial.until is not None and (state.reached or 0) >= trial.until
        return paused or state.name == "done"

    def _repeat(self, trial: QueuedTrial) -> None:
        what = f"{self._known.shown} of {trial.architecture} seed {trial.seed}"
        what += "" if trial.until is None else f" after {trial.until} epochs"
        if trial in self._repeated:
            raise StoreError(what, expected="a value, since it was trained again", got=Verbatim("none"))
        self._note(f"{what} is not in the store, though it was trained: it is trained again")
        if all(other.hash != trial.hash for other in self._repeated):
            self._forget(trial.hash)  # what is left of it was not measured
        self._repeated.add(trial)

"""A build that trains what it is told to: choose, train, look, choose again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, final

import numpy as np

from robnas._settings import content_hash
from robnas.building._designing import Chooser, Designing, DesignResult, Measured, checked
from robnas.building._driver import Driver
from robnas.building._known import Known, seen_of
from robnas.building._plan import Expansion, Plan
from robnas.building._selection import Selection
from robnas.errors import InputError, StoreError, StoreUnavailableError, Verbatim
from robnas.records import LoggedEvent, QueuedTrial, RecordStore, SearchLog, WantedTrials, timing
from robnas.spaces import Architecture
from robnas.types import Metric, Progress, Split

_ENDED = ("done", "failed")
_CHUNK = 5_000  # trials in one question to a store
_DIGITS = 6  # of an estimate that is kept: the last ones may differ between machines


def pooled(plan: Plan) -> Plan:
    """The plan, of a space that cannot be listed with a random sample of it as the pool of its design."""
    design, space = plan.design, plan.space
    if design is None or space.kind != "all" or space.of.listable:
        return plan
    return replace(plan, space=Selection(of=space.of, kind="sample", count=design.pool, seed=design.seed))


def budget_of(design: Designing, architectures: int) -> int:
    """How many architectures may be known at the end.

    Raises:
        InputError: nothing says when it is enough.
    """
    if design.budget is None and design.until_mae is None:
        raise InputError(
            "design", expected="a budget, or until_mae", got=Verbatim("neither"), remedy="say --budget or --until-mae"
        )
    return architectures if design.budget is None else min(design.budget, architectures)


def spent(measured: Measured) -> int:
    """How much of a budget is used."""
    return len(measured.rows) + len(measured.closed)


def left_of(budget: int, measured: Measured) -> int:
    """How many more architectures may be chosen."""
    return max(0, min(budget - spent(measured), measured.open))


def check_design(expansion: Expansion) -> None:
    """Nothing happens if the plan has no design, or one by which it can be built.

    Raises:
        InputError: it does not measure what the design looks at, or nothing says when it is enough.
    """
    if expansion.plan.design is not None:
        looked_at(expansion)
        budget_of(expansion.plan.design, 1)


def looked_at(expansion: Expansion) -> tuple[str, Split]:
    """Metric and split that the design of a plan looks at.

    Raises:
        InputError: the plan does not measure this.
    """
    design, splits = expansion.plan.design, expansion.plan.measuring.splits
    assert design is not None
    split = design.split or ("validation" if "validation" in splits else splits[0])
    metric = design.metric
    if metric is None:
        keys = [str(entry["metric"]) for entry in expansion.measurements if entry["split"] == split]
        attacks = {key: one.threat.epsilon for key in keys if (one := Metric.parse(key)).threat is not None}
        pgd = [key for key in attacks if Metric.parse(key).attack == "pgd"]
        metric = max(pgd, key=lambda key: attacks[key]) if pgd else ["clean", *attacks][-1]
    seen_of(expansion, split, (metric,))
    return metric, split


@final
class KnownPart:
    """What a store knows of the trials of a plan with a design.

    Args:
        expansion: of the plan.
        store: where it is looked for; nothing is known if there is none yet.
    """

    def __init__(self, expansion: Expansion, store: RecordStore | None) -> None:
        design = expansion.plan.design
        assert design is not None
        self.design, self.expansion, self._store = design, expansion, store
        self.metric, self.split = looked_at(expansion)
        self._seen = seen_of(expansion, self.split, (self.metric,))

    @cached_property
    def trials(self) -> dict[Architecture, tuple[QueuedTrial, ...]]:
        """Architecture → its trials, in the order of the plan."""
        found: dict[Architecture, list[QueuedTrial]] = {}
        for (arch, _), trial in zip(self.expansion.plan.pairs, self.expansion.trials, strict=True):
            found.setdefault(arch, []).append(trial)
        return {arch: tuple(trials) for arch, trials in found.items()}

    @cached_property
    def _pool(self) -> frozenset[Architecture]:
        """A random part of the plan, if it is larger than the pool of its design."""
        listed = list(self.trials)
        if len(listed) <= self.design.pool:
            return frozenset(listed)
        drawn = np.random.default_rng(self.design.seed).permutation(len(listed))[: self.design.pool]
        return frozenset(listed[row] for row in drawn.tolist())

    @property
    def pool(self) -> int | None:
        """How many architectures the choices are among, where these are a random part of what could be built."""
        space = self.expansion.plan.space
        if len(self._pool) == len(self.trials) and (space.kind != "sample" or space.of.listable):
            return None
        return len(self._pool)

    @property
    def seeds(self) -> int:
        """With how many an architecture is trained at most."""
        return max(map(len, self.trials.values()))

    def _values(self) -> tuple[set[str], dict[QueuedTrial, float]]:
        """Hashes of the trials that have ended, and the values of those that have one."""
        if self._store is None:
            return set(), {}
        states = timing(self._store, self.expansion.setup).states
        ended = [trial for trials in self.trials.values() for trial in trials if states.get(trial.hash) in _ENDED]
        found = Known(self._store, self.expansion, self.split, self._seen)
        done = [trial for trial in ended if states[trial.hash] == "done"]
        values: dict[QueuedTrial, float] = {}
        for start in range(0, len(done), _CHUNK):
            part = found.values(done[start : start + _CHUNK])
            values |= {trial: value for trial, (value,) in part.items()}
        return {trial.hash for trial in ended}, values

    def measured(self) -> Measured:
        """What is known now; what a plan has outside the pool counts if it is known.

        Raises:
            StoreError: the store cannot be read.
        """
        ended, values = self._values()
        seeds = {seed: place for place, seed in enumerate(dict.fromkeys(seed for _, seed in self.expansion.plan.pairs))}
        candidates, rows, found, closed = list[Architecture](), list[int](), list[np.ndarray[Any, Any]](), list[int]()
        for arch, trials in self.trials.items():
            of_arch = {trial.seed: values[trial] for trial in trials if trial in values}
            if not (of_arch or arch in self._pool):
                continue
            if of_arch:
                rows.append(len(candidates))
                found.append(np.full(len(seeds), np.nan))
                for seed, value in of_arch.items():
                    found[-1][seeds[seed]] = value
            elif all(trial.hash in ended for trial in trials):
                closed.append(len(candidates))
            candidates.append(arch)
        shape = (len(rows), len(seeds))
        space = self.expansion.plan.space.of
        return Measured(tuple(candidates), tuple(rows), np.reshape(np.array(found), shape), tuple(closed), space)


@final
class DesignedBuild:
    """Made by `run_plan` where the plan has a design.

    Args:
        known: of the plan in the store.
        store: where its journal is.
        wanted: what the driver works on.
        chooser: says what to train next.
        progress: told about the trials to be done here.
        note: told in a line what was chosen.

    Raises:
        InputError: nothing says when it is enough.
        StoreError: the store cannot be written.
    """

    def __init__(
        self,
        known: KnownPart,
        store: RecordStore,
        wanted: WantedTrials,
        chooser: Chooser,
        *,
        progress: Progress,
        note: Callable[[str], None],
    ) -> None:
        self._known, self._wanted, self._chooser = known, wanted, chooser
        self._progress, self._note = progress, note
        self._chosen: list[Architecture] = []
        self._told: Mapping[str, Any] = {}
        self._error: float | None = None
        self._events = 0  # of the journal, that are known here
        self._design = known.design
        self._budget = budget_of(self._design, len(known.trials))
        facts = {
            "design": self._design.choices,
            "chooser": dict(chooser.to_dict()),
            "plan": known.expansion.hash,
            "metric": known.metric,
            "split": known.split,
        }
        if known.pool is not None:
            note(f"the choices are among {known.pool:,} architectures, drawn at random")
        self._log = SearchLog(store, content_hash(facts), facts)
        self._catch_up()
        self._measured = known.measured()
        self._begun, self._spent = time.monotonic(), spent(self._measured)

    def run(self, driver: Driver) -> DesignResult:
        """Choose and train until it is enough, or the driver goes no further.

        Raises:
            StoreError: the store cannot be written.
            InputError: the chooser chose what it may not.
        """
        while True:
            if not self._train(driver):
                self._measured = driver.patiently(self._known.measured)
                return self._result("the build was stopped")
            if driver.patiently(self._catch_up):
                continue
            self._measured = driver.patiently(self._known.measured)
            reason = self._choose(waiting=bool(self._waiting(driver)))
            driver.patiently(self._wanted.join)  # a fit may take longer than a lease
            if self._is_kept(driver) and reason:
                return self._result(reason)

    def _catch_up(self) -> bool:
        """Take over what is chosen in the store; whether another process has gone on meanwhile."""
        events, before = self._log.catch_up(), self._events
        space = self._known.expansion.plan.space.of
        self._chosen = [space.parse(event.architecture) for event in events if event.kind == "ask"]
        self._told = next((event.facts for event in reversed(events) if event.kind == "tell"), {})
        self._error = self._told.get("error")
        self._events = len(events)
        return self._events > before

    def _is_kept(self, driver: Driver) -> bool:
        """Keep what was chosen; False if another process was first, whose choices are taken over."""
        try:
            driver.patiently(self._log.flush)
        except StoreUnavailableError:
            raise
        except StoreError:
            if not driver.patiently(self._catch_up):
                raise
            return False
        driver.patiently(self._catch_up)
        return True

    # training

    def _train(self, driver: Driver) -> bool:
        """What is due; False if the driver goes no further."""
        due = self._due(driver)
        left = {trial.hash: trial for arch in due for trial in self._known.trials[arch]}
        self._forget_ended(driver, left)
        self._wanted.want(list(left.values()))
        while left:
            self._show(driver, len(left), due)
            if not driver.turn():
                return False
            self._forget_ended(driver, left)
        return True

    def _due(self, driver: Driver) -> list[Architecture]:
        """Of what was chosen, in that order, what is trained before anything is decided again.

        That is all that has not ended, unless it was chosen for a larger budget, or at once by a build that had no
        accuracy to reach.
        """
        waiting = self._waiting(driver)
        if not waiting:
            return []
        known = driver.patiently(self._known.measured)
        begun = {known.candidates[row] for row in known.rows}
        room = self._budget - spent(known)
        if self._design.until_mae is not None:
            room = min(room, self._design.next_count(len(known.rows)))
        new = [arch for arch in waiting if arch not in begun]
        return [arch for arch in waiting if arch in begun or arch in new[: max(0, room)]]

    def _waiting(self, driver: Driver) -> list[Architecture]:
        """What was chosen and has trials that have not ended."""
        hashes = {trial.hash: arch for arch in self._chosen for trial in self._known.trials[arch]}
        states = driver.patiently(lambda: self._wanted.states(list(hashes)))
        open_ = {arch for hash_, arch in hashes.items() if hash_ not in states or states[hash_].name not in _ENDED}
        return [arch for arch in self._chosen if arch in open_]

    def _forget_ended(self, driver: Driver, left: dict[str, QueuedTrial]) -> None:
        states = driver.patiently(lambda: self._wanted.states(list(left)))
        ended = [hash_ for hash_, state in states.items() if state.name in _ENDED]
        self._wanted.drop(ended)
        for hash_ in ended:
            del left[hash_]

    def _show(self, driver: Driver, left: int, due: Sequence[Architecture]) -> None:
        """Progress over all that may still be trained here, for a build that ends earlier than that too."""
        seeds = self._known.seeds
        rest = max(0, self._budget - len({*due, *self._ended_architectures})) * seeds
        done = driver.done
        text = f"{min(self._spent + done // seeds, self._budget):,}/{self._budget:,} architectures"
        elapsed = time.monotonic() - self._begun
        if done and elapsed > 0:
            text += f", {done / elapsed:.3g} trials/s"
        if self._error is not None:
            text += f", error {100 * self._error:.2f} points"
        self._progress(done, done + left + rest, text)

    @property
    def _ended_architectures(self) -> list[Architecture]:
        rows = (*self._measured.rows, *self._measured.closed)
        return [self._measured.candidates[row] for row in rows]

    # choosing

    def _choose(self, waiting: bool) -> str:
        """Choose what is trained next, unless something that was chosen waits; why it is enough, if it is."""
        measured, design = self._measured, self._design
        count = left_of(self._budget, measured)
        reason = "" if count else self._at_its_end(measured)
        if waiting:
            count = 0
        elif self._chooser.sequential or design.until_mae is not None:
            count = min(count, design.next_count(len(measured.rows)))
        chosen = self._chooser.choose(measured, count)
        rows = checked(chosen, measured, count)
        self._error = None if chosen.error is None else float(f"{chosen.error:.{_DIGITS}g}")
        if self._is_precise(measured):
            reason = f"the estimated mean absolute error is {self._error:.4g}, at most {design.until_mae:g}"
        elif not (rows or reason or waiting):
            reason = "nothing else is worth a training"
        self._tell(measured, () if reason else rows, reason)
        return reason

    def _is_precise(self, measured: Measured) -> bool:
        until = self._design.until_mae
        enough = len(measured.rows) >= min(self._design.start, len(measured.candidates) - len(measured.closed))
        return until is not None and enough and self._error is not None and self._error <= until

    def _at_its_end(self, measured: Measured) -> str:
        if not measured.open:
            return f"all {len(measured.candidates):,} architectures are measured or have failed"
        return f"the budget of {self._budget:,} architectures is used"

    def _tell(self, measured: Measured, rows: tuple[int, ...], reason: str) -> None:
        """Append to the journal what is known and chosen."""
        told = {
            "known": len(measured.rows),
            "failed": len(measured.closed),
            "error": self._error,
            "budget": self._budget,
            "seeds": self._known.seeds,
            "until_mae": self._design.until_mae,
            "reason": reason,
        }
        if told != self._told:
            self._log.append(LoggedEvent("tell", "", None, len(self._chosen), told))
        for place, row in enumerate(rows, start=len(self._chosen)):
            self._log.append(LoggedEvent("ask", measured.candidates[row].text, None, place))
        if rows:
            error = "" if self._error is None else f", whose predictions err by about {100 * self._error:.2f} points"
            self._note(f"{len(rows):,} architectures are chosen beside {len(measured.rows):,} known ones{error}")

    def _result(self, reason: str) -> DesignResult:
        known, failed = len(self._measured.rows), len(self._measured.closed)
        return DesignResult(known, failed, self._budget, self._error, reason)

"""Real trainings as the objective of a search."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, final

from robnas._settings import content_hash
from robnas.building._desk import Desk
from robnas.building._driver import Driver, Policy, driving
from robnas.building._enrol import enrol_on_demand, resumed
from robnas.building._executor import Limits
from robnas.building._journal import StoredJournal
from robnas.building._known import Known, seen_of
from robnas.building._plan import Expansion, Plan
from robnas.building._run import executor_of, load_and_expand, made_folder
from robnas.building._searched import Searched
from robnas.errors import InputError, RobnasError
from robnas.records import QueuedTrial, RecordStore, SearchLog, WantedTrials
from robnas.search import Answer, Ask, Constraint, Goal, Question, check_constraints
from robnas.spaces import Architecture
from robnas.types import Progress, Split, check_count, check_split, silent


@final
class TrainingObjective:
    """An objective of `robnas.search.run` that trains what it is asked for, as `run_plan` would, and keeps it.

    What the store holds is not trained again, nor what another search or build trains at the same time: their trials
    are waited for. Where the plan has a curve of all that is seen, a part of the epochs of a training may be asked for:
    it pauses then, and goes on when more is asked for. Used as a context, workers live until its end; else until that
    of one search.

    Args:
        plan: what a training is, what is measured of it, and by its ``[space]`` what may be asked for: the whole space,
            the classes of a partition, whose representatives are trained, or a sample or list.
        store: a store or its address; another driver may work on it at the same time.
        metric: what is maximised, one of those that the plan measures; or several.
        split: on which.
        seeds: how many of the plan's seeds one question trains, the first ones; the answer is the mean.
        costs: further goals, to be minimised: ``parameters``, ``macs``; as in `robnas.search.Task`, like the next ones.
        max_parameters: larger architectures are not asked for.
        count: edges that are counted, ``live`` or ``all``.
        constraints: further ones that keep architectures from being asked for: functions, or texts such as
            ``macs <= 2e6``, of ``parameters`` or ``macs``.
        executor: one of `EXECUTORS`.
        jobs: trainings at a time; one per core if omitted.
        options: further ones of the executor.
        limits: what one trial may use; what goes beyond has failed.
        policy: what to do when something goes wrong.
        data_dir: where data sets lie, on all machines.
        work_dir: where unfinished trainings keep a checkpoint per epoch, seen from all machines; beside an SQLite store
            if omitted and all workers are on this machine.
        device: where the networks are: ``cpu`` or ``cuda``.
        progress: told about the reading of the images.
        note: told in a line about troubles.

    Raises:
        InputError: the plan does not measure this, or has fewer seeds.
        StoreError: the plan collides with another one of the store, or the store cannot be written.
    """

    def __init__(
        self,
        plan: Plan | Expansion,
        store: RecordStore | str | Path,
        *,
        metric: str | Sequence[str],
        split: Split,
        seeds: int = 1,
        costs: Sequence[str] = (),
        max_parameters: int | None = None,
        count: str = "live",
        constraints: Constraint | str | Sequence[Constraint | str] = (),
        executor: str = "local",
        jobs: int | None = None,
        options: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        policy: Policy | None = None,
        data_dir: Path | None = None,
        work_dir: Path | None = None,
        device: str = "cpu",
        progress: Progress = silent,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        metrics = (metric,) if isinstance(metric, str) else tuple(metric)
        plan_ = plan.plan if isinstance(plan, Expansion) else plan
        if not isinstance(plan_, Plan):
            raise InputError("plan", expected="a Plan, such as Plan.read(path)", got=plan)
        check_split(split)
        check_count("seeds", seeds)
        if seeds > len(plan_.seeds):
            expected = f"at most {len(plan_.seeds)}, as plan {plan_.name} has"
            raise InputError("seeds", expected=expected, got=seeds, remedy="give the plan more seeds")
        expansion = plan if isinstance(plan, Expansion) else load_and_expand(plan_, data_dir, progress, listed=False)
        seen = seen_of(expansion, split, metrics)
        self._stack = ExitStack()
        self._owns_store = not isinstance(store, RecordStore)
        self._store = store if isinstance(store, RecordStore) else RecordStore(store)
        self._expansion = expansion = resumed(expansion, self._store)
        self.plan = expansion.plan
        """With the version of its partition that the store has."""
        self.seeds = self.plan.seeds[:seeds]
        """Of the trainings of one question."""
        self._split, self._known = split, Known(self._store, expansion, split, seen)
        bounds = check_constraints(constraints, measured=True)
        self._searched = Searched(expansion, tuple(costs), max_parameters, count, bounds)
        costs_ = (Goal(cost, direction="minimise") for cost in costs)
        self.goals = (*(Goal(one.metric) for one in seen), *costs_)
        """See `robnas.search.Objective`, as for `classes`."""
        curves = all(one.curve is not None for one in seen)
        epochs = tuple(range(1, self.plan.recipe.epochs + 1)) if curves else ()
        self.classes = self._searched.classes.answering(len(self.goals), epochs)
        self._policy, self._note = policy or Policy(), note
        self._work_dir = made_folder("work_dir", work_dir or _beside(self._store, executor, options or {}))
        self._executor = partial(
            executor_of,
            expansion,
            executor,
            options={**({} if jobs is None else {"jobs": jobs}), **(options or {})},
            limits=limits,
            data_dir=data_dir,
            work_dir=self._work_dir,
            device=device,
        )
        self._at_work: tuple[Driver, WantedTrials] | None = None
        self._inside = False
        self._log: SearchLog | None = None  # of the search that runs
        self._trained = 0  # before the present driver

    def __enter__(self) -> TrainingObjective:
        self._inside = True
        return self

    def __exit__(self, *error: Any) -> None:
        self._inside = False
        self.close()

    @property
    def trained(self) -> int:
        """Trainings that were done here, not taken from the store; further epochs of one count as one more."""
        return self._trained + (0 if self._at_work is None else self._at_work[0].done)

    @property
    def name(self) -> str:
        """How it is called in results."""
        return f"{self.plan.name} {self._split} {' × '.join(goal.name for goal in self.goals)}"

    def to_dict(self) -> dict[str, Any]:
        """What decides the answers, as plain values."""
        space = self.plan.space
        return {
            "name": self.name,
            "plan": self.plan.name,
            "setup": self._expansion.setup,
            "space": space.of.key,
            "selection": space.facts(),
            "split": self._split,
            "goals": [goal.to_dict() for goal in self.goals],
            "seeds": list(self.seeds),
            **self._searched.to_dict(),
        }

    def trained_for(self, arch: Architecture) -> Architecture:
        """The architecture that is trained where `arch` is asked for: the representative of its class."""
        return self._searched.trained_for(arch)

    def journal(self, run: Mapping[str, Any]) -> StoredJournal:
        """By which a search goes on that was interrupted; with a larger budget also one that was finished.

        Args:
            run: plain values of all that decides a run besides this objective, but the budget.

        Raises:
            StoreError: the store has another search under the same hash, or cannot be written.
        """
        plain = self.to_dict()
        facts = {**run, "objective": {key: plain[key] for key in plain if key not in ("name", "plan")}}
        self._log = SearchLog(self._store, content_hash(facts), facts)
        return StoredJournal(self._log, len(self.goals))

    # answers

    def serve(self, ask: Ask, seed: int) -> Iterator[tuple[Question, Answer]]:
        """See `robnas.search.Objective.serve`; the answers depend on no seed but those of the plan.

        Raises:
            StoreError: the store cannot be written, or stayed away longer than the policy's patience.
            RobnasError: the workers cannot start, or one training after the other failed.
            KeyboardInterrupt: stopped by Ctrl-C or SIGTERM; what is finished is kept.
        """
        with self._working() as (driver, wanted):
            wanted.log = self._log
            desk = Desk(self._known, wanted, self._searched.costs_of, self._note, self._forget)
            while True:
                room = math.ceil((driver.slots - len(wanted)) / len(self.seeds))
                for question in ask(room) if room > 0 else ():
                    desk.take(question, self._trials(question))
                if not desk:
                    driver.patiently(wanted.flush)
                    return
                found = driver.patiently(desk.answered)
                yield from found
                if not found and not driver.turn():
                    raise self._stopped(driver)

    def _trials(self, question: Question) -> tuple[QueuedTrial, ...]:
        text = self.trained_for(question.architecture).text
        whole = self.plan.recipe.epochs
        until = None if question.epochs is None or question.epochs >= whole else question.epochs
        trials = (QueuedTrial.of(self._expansion.setup, text, seed) for seed in self.seeds)
        return tuple(replace(trial, until=until) for trial in trials)

    def _forget(self, hash_: str) -> None:
        if self._work_dir is not None:
            shutil.rmtree(self._work_dir / hash_, ignore_errors=True)

    def _stopped(self, driver: Driver) -> BaseException:
        """Why a driver goes no further."""
        if driver.interrupted:
            return KeyboardInterrupt()
        return RobnasError(
            f"search: expected trainings that succeed, got {driver.failures_in_a_row} that failed one after the other; "
            f"robnas build status --store {self._store.shown} says why, and retry lets them be tried again"
        )

    # the driver

    @contextmanager
    def _working(self) -> Iterator[tuple[Driver, WantedTrials]]:
        """The driver, which is started if it does not run."""
        if self._at_work is None:
            wanted = enrol_on_demand(self._expansion, self._store, self.seeds)
            policy, work_dir, note = self._policy, self._work_dir, self._note
            context = driving(wanted, self._executor(), policy=policy, work_dir=work_dir, note=note, on_demand=True)
            self._at_work = self._stack.enter_context(context), wanted
        try:
            yield self._at_work
        finally:
            if not self._inside:
                self.close()

    def close(self) -> None:
        """Stop the workers; what is finished is kept."""
        self._trained, self._at_work = self.trained, None
        self._stack.close()
        if self._work_dir is not None:
            with suppress(OSError):  # something is unfinished
                self._work_dir.rmdir()
        if self._owns_store:
            self._store.close()


def _beside(store: RecordStore, executor: str, options: Mapping[str, Any]) -> Path | None:
    """A folder for checkpoints beside an SQLite store, unless workers may be on other machines."""
    far = executor != "local" and (executor != "ray" or options.get("address") or os.environ.get("RAY_ADDRESS"))
    return None if store.file is None or far else store.file.with_name(f"{store.file.name}.work")

"""Plan + store + executor: the whole of a build."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from robnas.attacks import check_radius
from robnas.building._designed import DesignedBuild, KnownPart, budget_of, check_design, left_of, pooled
from robnas.building._designing import Chooser
from robnas.building._driver import BuildResult, Policy, drive, driving
from robnas.building._enrol import enrol, enrol_designed, resumed
from robnas.building._executor import Executor, Limits
from robnas.building._executors import EXECUTORS
from robnas.building._keeping import without_weights
from robnas.building._plan import Expansion, Plan, expand
from robnas.building._trainer import TrainAndEvaluate, corrupted_splits
from robnas.data import DATASETS
from robnas.errors import InputError, Verbatim, reason
from robnas.evaluation import check_suite
from robnas.records import (
    RecordStore,
    Timing,
    timing,
)
from robnas.types import Progress, silent


@final
@dataclass(frozen=True)
class Estimate:
    """What a plan will cost, from the trials of its kind that the store has."""

    plan: str
    """Hash."""
    total: int
    done: int
    failed: int
    to_do: int
    """Neither done nor failed."""
    measured: int
    """Trials on which the cost rests; 0 if none was measured."""
    mean_seconds: float | None
    """Of a trial on one worker."""
    standard_error: float | None
    """Of that mean; None below two trials."""
    curves: tuple[str, ...] = ()
    """Metrics that are measured after each epoch."""
    without_curves: int = 0
    """Finished trials of which the store has no such curve, because the plan said nothing of it then."""
    known: int | None = None
    """Of a plan with a design: architectures that are measured; what is to do is what its budget leaves at most."""
    budget: int | None = None
    """Of a plan with a design: architectures that are known at the end at most."""
    looks_at: str | None = None
    """Of a plan with a design: metric and split by which it chooses."""
    pool: int | None = None
    """Of a plan with a design: architectures that its choices are among, where these are a random part."""

    @property
    def worker_hours(self) -> float | None:
        """For what is to do."""
        return None if self.mean_seconds is None else self.mean_seconds * self.to_do / 3600


def load_and_expand(
    plan: Plan, data_dir: Path | None = None, progress: Progress = silent, *, listed: bool = True
) -> Expansion:
    """The plan's trials; the content of its data set, which is read for the purpose, is a part of their hashes.

    Args:
        plan: what is to be built.
        data_dir: where data sets lie.
        progress: told about the reading.
        listed: False where only some of its trials will be asked for: a space may then be too large to list.

    Raises:
        InputError: no architectures are selected, the data set has fewer images than the plan asks for, or its images
            or classes are none for the attacks of the plan.
        DataError: the data set cannot be read.
    """
    if listed:
        plan = pooled(plan)
        plan.pairs  # noqa: B018 (a selection that is empty is said before the images are read)
    data = plan.source.load(data_dir, progress)
    check_suite(plan.measuring.suite, data)
    if plan.measuring.curve is not None:
        check_suite(plan.measuring.curve.suite(plan.recipe.attack.threat), data)
    if plan.recipe.attacks:
        check_radius(plan.recipe.attack.threat, data.image_shape)
    sizes: dict[str, int] = {split: len(part) for split, part in data.splits.items()}
    found = expand(plan, data.content_hash, sizes, corrupted_splits(plan.measuring, data, plan.source, data_dir))
    if listed:  # what is only asked for now and then needs none
        check_design(found)
    return found


def estimate(expansion: Expansion, store: RecordStore | None) -> Estimate:
    """What is to do and what it will cost; nothing is written.

    Args:
        expansion: of the plan.
        store: where trials are looked for; None if it does not exist yet.
    """
    if store is not None:
        expansion = resumed(expansion, store)
    trials = expansion.trials
    found = Timing(0, None, None, {}) if store is None else timing(store, expansion.setup)
    ended = [found.states.get(trial.hash) for trial in trials]
    done, failed = ended.count("done"), ended.count("failed")
    plain = Estimate(
        plan=expansion.hash,
        total=len(trials),
        done=done,
        failed=failed,
        to_do=len(trials) - done - failed,
        measured=found.measured,
        mean_seconds=found.mean,
        standard_error=found.standard_error,
        curves=tuple(one["metric"] for one in expansion.curve),
        without_curves=0 if store is None else _without_curves(expansion, store, found.states),
    )
    return plain if expansion.plan.design is None else _of_design(plain, expansion, store)


def _of_design(plain: Estimate, expansion: Expansion, store: RecordStore | None) -> Estimate:
    """The same of what the design of the plan leaves to do at most."""
    known = KnownPart(expansion, store)
    measured = known.measured()
    budget = budget_of(known.design, len(known.trials))
    to_do = min(left_of(budget, measured) * known.seeds, plain.to_do)
    looks_at = f"{known.metric} on {known.split} images"
    plain = replace(plain, total=plain.done + plain.failed + to_do, to_do=to_do)
    return replace(plain, known=len(measured.rows), budget=budget, looks_at=looks_at, pool=known.pool)


def _without_curves(expansion: Expansion, store: RecordStore, states: Mapping[str, str]) -> int:
    done = {(one.architecture, one.seed) for one in expansion.trials if states.get(one.hash) == "done"}
    where = {"space": expansion.plan.space.of.key, "dataset_hash": expansion.dataset_hash}
    lacking: set[tuple[str, int]] = set()
    for asked in expansion.curve if done else ():
        found = store.curves(recipe_hash=expansion.plan.recipe.hash, **where, **asked)
        lacking |= done - {(curve.architecture.text, curve.seed) for curve in found}
    return len(lacking)


def run_plan(
    expansion: Expansion,
    store: RecordStore,
    *,
    executor: str = "local",
    options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    limit: int | None = None,
    policy: Policy | None = None,
    chooser: Chooser | None = None,
    data_dir: Path | None = None,
    work_dir: Path | None = None,
    weights_dir: Path | None = None,
    device: str = "cpu",
    progress: Progress = silent,
    note: Callable[[str], None] = lambda text: None,
) -> BuildResult:
    """Build what is missing of a plan; of one with a design, what its chooser chooses of that.

    Args:
        expansion: the plan, expanded on its data set.
        store: where it goes; another driver may work on the same plan at the same time.
        executor: one of `EXECUTORS`.
        options: of the executor, such as ``{"jobs": 2}``.
        limits: what one trial may use.
        limit: run at most so many trials.
        policy: what to do when something goes wrong.
        chooser: what is trained next, of a plan with a design; `robnas.surrogates.Chooser` makes one.
        data_dir: where data sets lie, on all machines.
        work_dir: where unfinished trainings keep a checkpoint per epoch, seen from all machines; nowhere if omitted.
        weights_dir: where the weights of each trial are kept in a file named by its hash, seen from all machines;
            nowhere if omitted. Trials that are done already are not trained again for them.
        device: where the networks are: ``cpu`` or ``cuda``.
        progress: told about the trials done.
        note: told in a line about costs and troubles.

    Raises:
        InputError: an unknown executor; a design without a chooser, or one that does not say when it is enough.
        StoreError: the plan collides with another one of the store, or the store cannot be written.
        KeyboardInterrupt: stopped by Ctrl-C or SIGTERM; what is finished is kept.
    """
    if executor not in EXECUTORS:
        raise InputError("executor", expected=f"one of {', '.join(EXECUTORS)}", got=executor)
    asked, expansion = expansion, resumed(expansion, store)
    if expansion is not asked:
        plan = expansion.plan
        note(f"plan {plan.name} goes on with the trials that the store has, those of partition {plan.space.classes}")
    if (expansion.plan.design is None) != (chooser is None):
        expected = "a design in the plan and a chooser, or neither"
        remedy = "give chooser=robnas.surrogates.Chooser(plan.design.kind), or set the plan's design"
        raise InputError("chooser", expected=expected, got=Verbatim("one of them"), remedy=remedy)
    known = None if chooser is None else KnownPart(expansion, store)
    work_dir, weights_dir = made_folder("work_dir", work_dir), made_folder("weights_dir", weights_dir)
    workers = executor_of(
        expansion,
        executor,
        options=options,
        limits=limits,
        data_dir=data_dir,
        work_dir=work_dir,
        weights_dir=weights_dir,
        device=device,
    )
    if known is None or chooser is None:
        queue = enrol(expansion, store)
        result = drive(queue, workers, limit=limit, policy=policy, work_dir=work_dir, progress=progress, note=note)
    else:
        wanted = enrol_designed(expansion, store)
        build = DesignedBuild(known, store, wanted, chooser, progress=progress, note=note)
        options = {"limit": limit, "policy": policy, "work_dir": work_dir, "note": note}
        with driving(wanted, workers, on_demand=True, **options) as driver:
            found = build.run(driver)
        result = replace(driver.result(), design=found)
    if weights_dir is not None:
        states = timing(store, expansion.setup).states
        done = [trial.hash for trial in expansion.trials if states.get(trial.hash) == "done"]
        if missing := without_weights(weights_dir, done):
            note(f"{missing:,} of {len(done):,} done trials have no weights in {weights_dir}; their records are kept")
    return result


def made_folder(what: str, folder: Path | None) -> Path | None:
    """The folder, which is made if need be, as workers name it, who may start elsewhere.

    Raises:
        InputError: it cannot be made.
    """
    if folder is None:
        return None
    try:
        folder.resolve().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(what, expected="a folder that can be written", got=reason(error)) from None
    return folder.resolve()


def executor_of(
    expansion: Expansion,
    executor: str = "local",
    *,
    options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    data_dir: Path | None = None,
    work_dir: Path | None = None,
    weights_dir: Path | None = None,
    device: str = "cpu",
) -> Executor:
    """What runs the trials of a plan; the arguments are those of `run_plan`.

    Raises:
        InputError: an unknown executor, or options that it does not take.
    """
    if executor not in EXECUTORS:
        raise InputError("executor", expected=f"one of {', '.join(EXECUTORS)}", got=executor)
    plan, source = expansion.plan, expansion.plan.source
    if source.name not in DATASETS:
        source = replace(source, name=str(Path(source.name).resolve()))  # workers may start in another folder
    trainer = TrainAndEvaluate(
        space=plan.space.of,
        source=source,
        recipe=plan.recipe,
        measuring=plan.measuring,
        dataset_hash=expansion.dataset_hash,
        measurements=expansion.measurements if plan.measuring.suite.corruptions else (),
        earlier_setup=expansion.earlier_setup,
        data_dir=None if data_dir is None else data_dir.resolve(),
        work_dir=work_dir,
        weights_dir=weights_dir,
        device=device,
    )
    return _made(executor, trainer, {} if limits in (None, Limits()) else {"limits": limits}, options or {})


def _made(executor: str, trainer: TrainAndEvaluate, *options: Mapping[str, Any]) -> Executor:
    kind, given = EXECUTORS[executor], {name: value for some in options for name, value in some.items()}
    try:
        inspect.signature(kind).bind(trainer, **given)
    except TypeError as error:
        raise InputError(f"options of executor {executor}", expected="those it takes", got=reason(error)) from None
    return kind(trainer, **given)

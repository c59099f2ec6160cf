"""``robnas search --plan``: what the algorithm asks for is trained."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robnas.cli._build import executor_options
from robnas.cli._common import print_json, progress_bar, say
from robnas.cli._space import check_agrees

if TYPE_CHECKING:
    from robnas.search import Goal, Trace
    from robnas.types import Progress, Split

TRACE = "trace.json"


_USUAL = {"executor": "local", "gpu-share": 0.0, "device": "cpu", "attempts": 3, "keep-going": False}
_OF_TRAINING = ("metric", "cost", "split", "algorithm", "set", "max-parameters", "constraint", "count")
"""Choices of a task that a search by training takes too."""


def check_only_with_plan(run: Mapping[str, Any]) -> None:
    """Refuse options of trainings where nothing is trained."""
    from robnas.errors import InputError, Verbatim

    for name, value in run.items():
        if value != _USUAL.get(name):
            raise InputError(f"--{name}", expected="--plan beside it", got=Verbatim("none"))


def _check(given: Mapping[str, Any], run: Mapping[str, Any], budget: int | None) -> None:
    """Refuse what belongs to tables, and say what is missing."""
    from robnas.errors import InputError, Verbatim
    from robnas.search import SEARCHERS
    from robnas.types import check_count

    for name, value in given.items():
        if name not in _OF_TRAINING and value:
            raise InputError("--plan", expected="no choice of tables and comparisons", got=Verbatim(f"--{name}"))
    needed = {"store": run["store"], "algorithm": given["algorithm"], "budget": budget, "metric": given["metric"]}
    for name, value in needed.items():
        if value in (None, []):
            what = f"one of {', '.join(SEARCHERS.names())}" if name == "algorithm" else "a value"
            raise InputError(f"--{name}", expected=what, got=Verbatim("none"))
    if len(given["algorithm"]) > 1:
        raise InputError("--algorithm", expected="one with --plan", got=Verbatim(", ".join(given["algorithm"])))
    check_count("--budget", budget)
    for name in ("seeds", "batch", "jobs", "attempts"):
        if run[name] is not None:
            check_count(f"--{name}", run[name])


def settings_of(texts: list[str] | None) -> dict[str, str]:
    """What ``--set`` says."""
    from robnas.errors import InputError

    found = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise InputError("--set", expected="NAME=VALUE, such as population=30", got=text)
        found[key] = value
    return found


def search_by_training(
    path: Path,
    given: Mapping[str, Any],
    run: Mapping[str, Any],
    changes: Mapping[str, Any],
    out: Path | None,
    as_json: bool,
) -> bool:
    """Search, print what was found, and say whether a training failed.

    Args:
        path: of the plan.
        given: options that name tasks and algorithms.
        run: those of trainings.
        changes: space, budget and seed.
        out: folder for the trace.
        as_json: print one document.
    """
    from robnas import search
    from robnas._files import write_json
    from robnas.building import Limits, Plan, Policy, TrainingObjective, load_and_expand
    from robnas.records import RecordStore, StoreAddress

    _check(given, run, changes["budget"])
    settings = settings_of(given["set"])
    algorithm = search.searcher(given["algorithm"][0], settings)
    several = run["batch"] if run["batch"] is not None else run["jobs"]
    if several > 1 and getattr(algorithm, "asynchronous", None) is False and "asynchronous" not in settings:
        algorithm = search.searcher(given["algorithm"][0], {**settings, "asynchronous": "true"})
        if run["batch"] is None:
            how = "asks while others are trained, so what it finds depends on their order; --batch does without that"
            say(f"{given['algorithm'][0]} {how}", sys.stderr)
    wanted, place = Plan.read(path), StoreAddress.parse(run["store"])
    check_agrees(changes["space"], wanted.space.of.key, f"plan {wanted.name}")
    split = _split(given["split"], wanted.measuring.splits)
    jobs, executor, device = run["jobs"], run["executor"], run["device"]
    options = executor_options(executor, jobs, run["address"], run["gpu-share"], device)
    limits = Limits(seconds=run["time-limit"], memory=run["memory-limit"])
    policy = Policy(attempts=run["attempts"], brake=None if run["keep-going"] else Policy.brake)
    with progress_bar(as_json) as progress:
        expansion = load_and_expand(wanted, run["data-dir"], progress, listed=False)
    with (
        RecordStore(place) as records,
        TrainingObjective(
            expansion,
            records,
            metric=given["metric"],
            split=split,
            seeds=run["seeds"] or 1,
            costs=given["cost"] or (),
            max_parameters=given["max-parameters"],
            constraints=given["constraint"] or (),
            count=given["count"] or "live",
            executor=executor,
            options=options,
            limits=limits,
            policy=policy,
            data_dir=run["data-dir"],
            work_dir=run["work-dir"],
            device=device,
            note=lambda text: say(text, sys.stderr),
        ) as objective,
        progress_bar(as_json) as progress,
    ):
        trace = search.run(
            algorithm,
            objective,
            changes["budget"],
            changes["seed"] or 0,
            batch=run["batch"],
            progress=with_rate(progress, "epochs" if objective.classes.epochs else "trainings"),
        )
        trained = objective.trained
    facts = {"plan": wanted.name, "space": trace.space, "trained": trained, "trace": trace.to_dict()}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / TRACE, facts["trace"])
    if split == "test":
        say("oracle selection: the search sees test images, so what it finds tells of no unseen images", sys.stderr)
    if as_json:
        best = trace.best
        print_json({**facts, "best": {"architecture": best.text, "values": _measured(trace, trace.goals)}})
    else:
        _print(trace, trained, place.shown)
    return trace.failed > 0


def _split(given: str | None, known: tuple[Split, ...]) -> Split:
    """The one that is named, or the only one of the plan."""
    from robnas.errors import InputError, Verbatim
    from robnas.types import check_split

    if given is None and len(known) > 1:
        raise InputError("--split", expected=f"one of {', '.join(known)}", got=Verbatim("none"))
    return known[0] if given is None else check_split(given)


def with_rate(progress: Progress, unit: str) -> Progress:
    """The same with the rate of what was done since the first answer; the time left at that is shown beside it."""
    begun, first = time.monotonic(), -1

    def report(done: int, total: int, text: str, /) -> None:
        nonlocal begun, first
        if first < 0:
            begun, first = time.monotonic(), done
        hours = (time.monotonic() - begun) / 3600
        if done > first and hours > 0:
            text += f", {(done - first) / hours:,.0f} {unit}/h"
        progress(done, total, text)

    return report


def _measured(trace: Trace, goals: tuple[Goal, ...]) -> dict[str, float]:
    """What was measured of the best one, in the units of the goals."""
    row = trace.values[int(trace.incumbents[-1])].tolist()
    return {goal.name: goal.sign * value for goal, value in zip(goals, row, strict=True)}


def _print(trace: Trace, trained: int, store: str) -> None:
    say(f"{trace.algorithm} on {trace.task['name']}: {len(trace)} questions, {trained} of them trained now")
    if trace.failed:
        say(f"{trace.failed} failed: robnas build status --store {store} says why")
    queries = trace.front.tolist() if len(trace.goals) > 1 else [int(trace.incumbents[-1])]
    for query in queries:
        row = trace.values[query].tolist()
        shown = ", ".join(f"{goal} {goal.sign * value:.4g}" for goal, value in zip(trace.goals, row, strict=True))
        say(f"{'front' if len(trace.goals) > 1 else 'best'}  {trace.architectures[query].text}  {shown}")

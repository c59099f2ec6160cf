"""The commands under ``build``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from robnas.cli._build_design import (
    Budget,
    DesignName,
    FocusOn,
    LooksAt,
    LooksOn,
    UntilMae,
    chooser_of,
    estimate_lines,
    result_line,
    status_line,
    with_design,
)
from robnas.cli._common import DataDir, Json, checked_device, print_json, progress_bar, say
from robnas.cli._space import SpaceName, check_agrees, is_meant

if TYPE_CHECKING:
    from robnas.building import BuildResult, Estimate, Plan
    from robnas.records import PlanStatus, RecordStore, StoreAddress, StoredPlan

_DEFAULT = "run"


class _PlanFirst(TyperGroup):
    """``build plan.toml`` means ``build run plan.toml``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The commands, then the options of the one whose name may be left out."""
        super().format_help(ctx, formatter)
        run = self.commands[_DEFAULT]
        run.format_help(type(ctx)(run, info_name=_DEFAULT, parent=ctx), formatter)


app = typer.Typer(
    cls=_PlanFirst,
    help="Build a whole benchmark from a plan: resumable, on this machine or on a Ray cluster.",
    epilog="Example: robnas build plan.toml --store sqlite:///runs.db",
    no_args_is_help=True,
)

Store = Annotated[str, typer.Option(help="Such as runs.db, sqlite:///runs.db or postgresql://user@host/name.")]
Address = Annotated[str | None, typer.Option(help="Of a Ray cluster; a local one if omitted.")]
GpuShare = Annotated[float, typer.Option(help="With ray: GPUs per worker, such as 0.25.")]
Device = Annotated[str, typer.Option(help="cpu or cuda; local workers share all GPUs in turn.")]
TimeLimit = Annotated[float | None, typer.Option(help="Seconds that one trial may take.")]
MemoryLimit = Annotated[float | None, typer.Option(help="GiB that one worker may use.")]
Attempts = Annotated[int, typer.Option(help="A trial whose workers die is tried so often.")]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Do not stop when 20 trials have failed one after the other.")
]
PlanName = Annotated[str | None, typer.Option("--plan", help="Name or hash, if the store has several plans.")]


@app.command(epilog="Example: robnas build plan.toml --store sqlite:///runs.db --jobs 2")
def run(
    plan: Annotated[Path, typer.Argument(help="TOML file.", show_default=False)],
    store: Store,
    space: SpaceName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is to do and its cost; write nothing.")] = False,
    limit: Annotated[int | None, typer.Option(help="Run at most so many trials.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Workers; one per core, or as many as fit, if omitted.")] = None,
    executor: Annotated[str, typer.Option(help="local or ray.")] = "local",
    address: Address = None,
    gpu_share: GpuShare = 0.0,
    device: Device = "cpu",
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    attempts: Attempts = 3,
    keep_going: KeepGoing = False,
    work_dir: Annotated[
        Path | None, typer.Option(help="Keep a checkpoint per epoch here, so that long trainings go on after a kill.")
    ] = None,
    keep_weights: Annotated[
        bool, typer.Option("--keep-weights", help="Keep the weights of each trial, in safetensors, beside the store.")
    ] = False,
    weights_dir: Annotated[
        Path | None, typer.Option(help="Keep them in this folder, which all machines see; means --keep-weights.")
    ] = None,
    design: DesignName = None,
    budget: Budget = None,
    until_mae: UntilMae = None,
    focus: FocusOn = None,
    metric: LooksAt = None,
    split: LooksOn = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Run what is missing of a plan; the word run may be left out, and the same command goes on after a kill."""
    from robnas._files import check_writable
    from robnas.building import Limits, Plan, Policy
    from robnas.records import StoreAddress
    from robnas.types import check_count

    given = {"kind": design, "budget": budget, "until_mae": until_mae, "focus": focus, "metric": metric, "split": split}
    place, plans = StoreAddress.parse(store), [with_design(one, given) for one in Plan.read_all(plan)]
    check_agrees(space, plans[0].space.of.key, f"plan {plans[0].name}")
    options: dict[str, Any] = {
        "executor": executor,
        "options": executor_options(executor, jobs, address, gpu_share, device),
        "limits": Limits(seconds=time_limit, memory=memory_limit),
        "policy": Policy(attempts=check_count("--attempts", attempts), brake=None if keep_going else Policy.brake),
        "work_dir": work_dir,
        "weights_dir": _weights_dir(place, weights_dir) if keep_weights else weights_dir,
        "device": device,
    }
    if limit is not None:
        check_count("--limit", limit, 0)
    for folder in (work_dir, options["weights_dir"]):
        if folder is not None and not dry_run:
            check_writable(folder, folder=True)
    told, failed = [], False
    for wanted in plans:
        facts, result = _build(wanted, place, dry_run, limit, data_dir, as_json, options)
        told.append(facts)
        if result is not None:
            limit = None if limit is None else limit - result.done - result.failed
            failed |= result.failed > 0
            if result.stopped:
                break
    if as_json:
        print_json(told[0] if len(plans) == 1 else {"plans": told})
    if failed:
        raise typer.Exit(1)


def _build(
    wanted: Plan,
    place: StoreAddress,
    dry_run: bool,
    limit: int | None,
    data_dir: Path | None,
    as_json: bool,
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], BuildResult | None]:
    """Run what is missing of one plan, and say so; what there is to tell as JSON, and the result if it was run."""
    from robnas.building import estimate, load_and_expand, run_plan
    from robnas.records import RecordStore

    chooser = chooser_of(wanted)
    with progress_bar(as_json) as progress:
        expansion = load_and_expand(wanted, data_dir, progress)
    if dry_run and not place.exists():
        return _tell(estimate(expansion, None), wanted, as_json), None
    with RecordStore(place, complete=not dry_run) as records:
        found = estimate(expansion, None if records.version is None else records)
        facts = _tell(found, wanted, as_json)
        if dry_run:
            return facts, None
        with progress_bar(as_json) as progress:
            result = run_plan(
                expansion, records, limit=limit, chooser=chooser, data_dir=data_dir, progress=progress, note=_note,
                **options,
            )  # fmt: skip
    if not as_json:
        print(
            f"{result.done:,} done, {result.failed:,} failed in {_duration(result.seconds)}; {result.remaining:,} left"
        )
        if result.design is not None:
            print(result_line(result.design))
        if result.failed:
            say(f"why: robnas build status --store {place.shown}")
        if result.stopped:
            print("to go on nevertheless: the same command with --keep-going")
    return {"plan": wanted.name, "space": wanted.space.of.key, "hash": found.plan, **vars(result)}, result


@app.command(epilog="Example: robnas build status --store sqlite:///runs.db")
def status(store: Store, space: SpaceName = None, as_json: Json = False) -> None:
    """Say how far the plans of a store are, those of one space if it is named."""
    from robnas.records import RecordStore, store_status, stored_plans

    with RecordStore(_existing(store), complete=False) as records:
        plans = [] if records.version is None else stored_plans(records)
        spaces = {plan.hash: plan.space for plan in plans}
        found = [one for one in store_status(records) if is_meant(space, spaces[one.plan])]
    if as_json:
        print_json({"plans": [{"space": spaces[one.plan], **asdict(one)} for one in found]})
        return
    for line in [line for one in found for line in _status_lines(one)] or ["no plan was built here"]:
        say(line)


@app.command(epilog="Example: robnas build retry --failed --store sqlite:///runs.db")
def retry(
    store: Store,
    failed: Annotated[bool, typer.Option("--failed", help="Let the failed trials wait again.")] = False,
    plan: PlanName = None,
    space: SpaceName = None,
    as_json: Json = False,
) -> None:
    """Let failed trials be run again by the next build."""
    from robnas.errors import InputError, Verbatim
    from robnas.records import RecordStore, TrialQueue

    if not failed:
        raise InputError("retry", expected="--failed", got=Verbatim("nothing to try again"))
    with RecordStore(_existing(store)) as records:
        chosen = _chosen_plans(records, plan, space)
        count = sum(TrialQueue(records, one.hash).retry() for one in chosen)
    if as_json:
        print_json({"waiting_again": count})
    else:
        print(f"{count:,} failed trials wait again")


@app.command(epilog="Example: robnas build export --store sqlite:///runs.db --out table.parquet")
def export(
    store: Store,
    out: Annotated[Path, typer.Option(help="File ending in .parquet, which robnas.load reads.")],
    plan: PlanName = None,
    space: SpaceName = None,
    as_json: Json = False,
) -> None:
    """Write the finished trials of a plan, of all its betas, as a table."""
    from robnas._files import check_writable
    from robnas.benchmarks import write_table
    from robnas.building import table_of_plans
    from robnas.errors import InputError
    from robnas.records import RecordStore

    if out.suffix != ".parquet":
        raise InputError("--out", expected="a file ending in .parquet", got=str(out))
    check_writable(out)
    with RecordStore(_existing(store), complete=False) as records:
        table = table_of_plans(records, _chosen_plans(records, plan, space))
    write_table(table, out)
    facts = {
        "path": str(out),
        "space": table.space_key,
        "architectures": len(table),
        "trials": table.provenance["trials"],
    }
    if as_json:
        print_json(facts | {"missing_trials": table.provenance["missing_trials"]})
    else:
        missing = table.provenance["missing_trials"]
        print(f"{len(table):,} architectures, {facts['trials']:,} trials: {out}")
        if missing:
            print(f"{missing:,} trials of the plan are not in it")


def _weights_dir(place: StoreAddress, given: Path | None) -> Path:
    """Where weights are kept: as it is given, or beside the file of the store."""
    from robnas.errors import InputError

    if given is not None:
        return given
    if place.path is None:
        remedy = "name a folder that all machines see by --weights-dir"
        raise InputError("--keep-weights", expected="a store that is a file", got=place.shown, remedy=remedy)
    return place.path.with_name(f"{place.path.stem}-weights")


def _chosen_plans(store: RecordStore, name: str | None, space: str | None) -> list[StoredPlan]:
    """The plan of this name, or the only one, of the space if that is named; of several betas all."""
    from robnas.records import ON_DEMAND, find_plans, stored_plans

    if name is None and space is not None:
        of_space = [plan for plan in stored_plans(store) if is_meant(space, plan.space)]
        of_space = [plan for plan in of_space if ON_DEMAND not in plan.facts] or of_space
        if len(of_space) == 1:
            return of_space
        if len(names := {plan.base for plan in of_space}) == 1:  # given more since, or several betas
            name = names.pop()
    found = find_plans(store, name)
    check_agrees(space, found[0].space, f"plan {found[0].name}")
    return found


def executor_options(
    executor: str, jobs: int | None, address: str | None, gpu_share: float, device: str
) -> dict[str, Any]:
    """What the executor is made with; wrong values are said before anything is done."""
    from robnas.building import EXECUTORS
    from robnas.errors import InputError, Verbatim
    from robnas.types import check_count

    if executor not in EXECUTORS:
        raise InputError("--executor", expected=f"one of {', '.join(EXECUTORS)}", got=executor)
    if jobs is not None:
        check_count("--jobs", jobs)
    if device not in ("cpu", "cuda"):
        raise InputError(
            "--device", expected="cpu or cuda", got=device, remedy="CUDA_VISIBLE_DEVICES says which GPUs a build uses"
        )
    if executor == "ray":
        if device != "cpu" and gpu_share <= 0:
            raise InputError(
                "--gpu-share", expected=f"above 0 with --device {device}", got=gpu_share, remedy="1 for a whole GPU"
            )
        return {"jobs": jobs, "address": address, "gpu_share": gpu_share, "note": _note}
    for option, value in (("--address", address), ("--gpu-share", gpu_share)):
        if value:
            raise InputError(option, expected="--executor ray", got=Verbatim(f"--executor {executor}"))
    checked_device(device)  # that of this machine; the driver of a cluster may have none
    options = {"jobs": jobs, "gpus": _gpus(device)}
    return {name: value for name, value in options.items() if value}  # an executor of one's own may know neither


def _gpus(device: str) -> list[str]:
    """The GPUs that local workers share: all visible ones."""
    if device != "cuda":
        return []
    import os

    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",") if visible else [str(number) for number in range(torch.cuda.device_count())]


def _existing(store: str) -> StoreAddress:
    from robnas.records import StoreAddress

    return StoreAddress.parse(store).check_exists("a store of a build")


def _note(text: str) -> None:
    say(text, sys.stderr)


def _duration(seconds: float) -> str:
    from robnas.building import duration

    return duration(seconds)


def _tell(found: Estimate, plan: Plan, as_json: bool) -> dict[str, Any]:
    """Say what is to do, unless it is told as JSON; the same for that."""
    facts = {"plan": plan.name, "space": plan.space.of.key, **vars(found), "worker_hours": found.worker_hours}
    if as_json:
        return facts
    print(
        f"plan {plan.name} ({found.plan}): {found.total:,} trials, {found.done:,} done, {found.failed:,} failed, ",
        end="",
    )
    print(f"{found.to_do:,} to do{'' if found.budget is None else ' at most'}")
    for line in estimate_lines(found, plan):
        print(line)
    if found.curves:
        print(f"after each epoch: {', '.join(found.curves)} on validation images")
    if found.without_curves:
        print(f"{found.without_curves:,} finished trials have no such curve and are not trained again for it")
    if found.mean_seconds is not None and found.worker_hours is not None:
        error = "" if found.standard_error is None else f" ±{found.standard_error:.2g}"
        print(
            f"estimate from {found.measured:,} measured trials: {found.mean_seconds:.3g}{error} s each, "
            f"{found.worker_hours:.3g} worker-hours"
        )
    else:
        print("no trial of this kind was measured yet; the first ones tell the cost (try --limit 8)")
    return facts


def _status_lines(one: PlanStatus) -> list[str]:
    lines = [
        f"{one.name} ({one.plan}): {one.done:,} of {one.total:,} done, {one.running:,} running in {one.drivers} "
        f"drivers, {one.failed:,} failed, {one.remaining:,} remaining"
    ]
    if one.mean_seconds is not None:
        lines.append(f"  {one.mean_seconds:.3g} s per trial, {one.core_hours:.3g} worker-hours so far")
    if one.rate is not None and one.seconds_left is not None:
        lines.append(f"  {one.rate:.3g} trials/s, {_duration(one.seconds_left)} left")
    if one.design is not None:
        lines.append(status_line(one.design))
    if one.doubtful:
        lines.append(f"  {one.doubtful:,} done with failed sanity checks, which suggest that an attack was weak")
    lines += [f"  failed: {f.architecture} seed {f.seed}: {f.kind}: {f.message}" for f in one.failures]
    if one.failed > len(one.failures):
        lines.append(f"  … and {one.failed - len(one.failures):,} more failed")
    return lines

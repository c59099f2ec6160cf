"""The command line: parse, call, print. Heavy imports happen inside the commands."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from robnas.errors import RobnasError
from robnas.types import Progress, silent

if TYPE_CHECKING:
    from robnas.data import Dataset
    from robnas.evaluation import Evaluation
    from robnas.training import EpochLog, Recipe

app = typer.Typer(
    help="Adversarially robust neural architecture search: train, attack, measure and compare architectures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Arch = Annotated[str, typer.Argument(help="Digit code such as 323133, or genotype string.", show_default=False)]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the data sets; $ROBNAS_DATA or the user's cache if omitted."),
]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 …")]


@app.callback()
def _root() -> None:
    """Shared by all commands."""


@app.command(epilog="Example: robnas info 323133")
def info(architecture: Arch, as_json: Json = False) -> None:
    """Show an architecture: encodings, parameters, MACs, class sizes, a drawing of the cell."""
    from robnas.networks import count
    from robnas.spaces import FORMATS, PARTITIONS, Architecture, draw_cell, partition

    arch = Architecture(architecture)
    published, live = count(arch), count(arch, live=True)
    classes = {name: len(partition(name).members(arch)) for name in PARTITIONS}
    facts = {
        **{encoding: arch.format(encoding) for encoding in FORMATS},
        "index": arch.index,
        "parameters": published.parameters,
        "macs": published.macs,
        "live_parameters": live.parameters,
        "live_macs": live.macs,
        "live_edges": sum(arch.live_edges),
        "class_sizes": classes,
    }
    if as_json:
        _print_json(facts)
        return
    print(draw_cell(arch), end="\n\n")
    for key in FORMATS:
        print(f"{key:<12} {facts[key]}")
    print(f"{'index':<12} {arch.index} in the project's own order")
    print(f"{'parameters':<12} {published.parameters:,} as published, {live.parameters:,} on live edges")
    print(f"{'MACs':<12} {published.macs / 1e6:,.2f} M as published, {live.macs / 1e6:,.2f} M on live edges")
    print(f"{'':<12} (C=16, N=5, 3×32×32, 10 classes)")
    for name, size in classes.items():
        others = "no other architecture" if size == 1 else f"{size - 1} other architecture{'s' * (size > 2)}"
        print(f"{name:<12} same class as {others}")


@app.command(
    epilog="Example: robnas train 323133 --data digits --recipe digits --out runs/323133. "
    "The same command goes on with a training that was interrupted."
)
def train(
    architecture: Arch,
    data: Annotated[str, typer.Option(help="digits, cifar10, cifar100, imagenet16-120, an .npz file or a folder.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint and log; one training each.")],
    recipe: Annotated[str, typer.Option(help="nas-robbench-201 or digits.")] = "nas-robbench-201",
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    channels: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    cells: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    beta: Annotated[float | None, typer.Option(help="Weight of the robust loss, instead of the recipe's.")] = None,
    objective: Annotated[str | None, typer.Option(help="mixed or trades, instead of the recipe's.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order, augmentation and attack.")] = 0,
    limit_train: Annotated[int | None, typer.Option(help="Train on the first images only.")] = None,
    validation: Annotated[float, typer.Option(help="Share of training images held out for validation.")] = 0.1,
    allow_partial: Annotated[bool, typer.Option(help="Accept fewer images than the official data set has.")] = False,
    data_dir: DataDir = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Train the network of an architecture adversarially."""
    from robnas.build import Source, Trial
    from robnas.spaces import Architecture
    from robnas.training import recipe as preset

    changes = {
        "epochs": epochs,
        "channels": channels,
        "cells": cells,
        "batch_size": batch_size,
        "beta": beta,
        "objective": objective,
    }
    settings = preset(recipe).replace(**{key: value for key, value in changes.items() if value is not None})
    trial = Trial(
        architecture=Architecture(architecture),
        source=Source(name=data, validation=validation, limit_train=limit_train, allow_partial=allow_partial),
        recipe=settings,
        seed=seed,
    )
    with _progress(as_json) as progress:
        images = trial.source.load(data_dir, progress)
        _, history = trial.train(
            images, out, device=_device(device), progress=progress, on_epoch=None if as_json else _print_epoch
        )
    if as_json:
        _print_json({"trial": trial.to_dict(), "data_hash": images.content_hash, "history": history})
    else:
        print(f"trained {trial.architecture} on {_describe(images, settings)}: {out}")


@app.command(epilog="Example: robnas evaluate runs/323133 --suite nas-robbench-201 --split test --limit-test 500")
def evaluate(
    directory: Annotated[Path, typer.Argument(help="Folder of a finished training.", show_default=False)],
    suite: Annotated[str, typer.Option(help="nas-robbench-201 or digits.")] = "nas-robbench-201",
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    limit_test: Annotated[int | None, typer.Option(help="Take the first images of the split only.")] = None,
    seed: Annotated[int, typer.Option(help="Of the attacks.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Images per forward pass.")] = 256,
    store: Annotated[str | None, typer.Option(help="Add the records to a store such as sqlite:///runs.db.")] = None,
    data_dir: DataDir = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Measure clean and robust accuracy of a trained network; what was measured before is not measured again."""
    from robnas.build import load_trial
    from robnas.evaluation import evaluate as run
    from robnas.evaluation import suite as preset
    from robnas.records import RecordStore

    attacks, trial, where = preset(suite), load_trial(directory), _device(device)
    with _progress(as_json) as progress:
        data = trial.source.load(data_dir, progress)
        network = trial.trained_network(data, directory, where)
        result = run(
            network,
            data,
            attacks,
            split=split,
            seed=seed,
            limit=limit_test,
            batch_size=batch_size,
            directory=directory,
            device=where,
            progress=progress,
        )
    if store is not None:
        with RecordStore(store) as records:
            records.add(*trial.records(data, result, where))
    if as_json:
        _print_json(_evaluation_facts(result, trial.architecture.code))
    else:
        _print_evaluation(result, trial.architecture.code, data.name)


@app.command(epilog="Example: robnas demo --out runs/demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for records, report and plot.")] = Path("runs/demo"),
    jobs: Annotated[int | None, typer.Option(help="Worker processes; all cores if omitted.")] = None,
    as_json: Json = False,
) -> None:
    """Train 14 architectures on the digits, attack them, rank them, and write a report."""
    from robnas.analysis import leaderboard
    from robnas.demo import RANK_BY, run_demo

    with _progress(as_json) as progress:
        result = run_demo(out, jobs=jobs, progress=progress)
    rows = leaderboard(result.records, RANK_BY)
    if as_json:
        _print_json(
            {
                "ranking": [
                    {"architecture": row.architecture.code, **{key: row.value(key) for key in row.records}}
                    for row in rows
                ],
                "warnings": result.warnings,
                "report": str(result.report),
                "plot": str(result.figure),
                "store": f"sqlite:///{result.store}",
                "seconds": result.seconds,
            }
        )
        return
    _print_rows(rows)
    if result.warnings:
        plural = "s" * (len(result.warnings) > 1)
        print(f"{len(result.warnings)} doubt{plural} about single measurements, listed in the report")
    print(f"report   {result.report}\nplot     {result.figure}\nrecords  sqlite:///{result.store}")
    print(f"{len(rows)} architectures in {result.seconds:.0f} s")


def _print_rows(rows: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from robnas.analysis import cell_text, metrics_of

    metrics, most = metrics_of(rows), max(record.images for row in rows for record in row.records.values())
    table = Table("rank", "architecture", *metrics, title=f"accuracy in % ± standard error on {rows[0].split}")
    for column in table.columns:
        column.justify, column.no_wrap = "right", True
    for rank, row in enumerate(rows, start=1):
        table.add_row(str(rank), row.architecture.code, *(cell_text(row, metric, most) for metric in metrics))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    fewer = {record.images for row in rows for record in row.records.values()} - {most}
    if fewer:
        print(f"* on the first {min(fewer)} of {most} images")


def _print_epoch(entry: EpochLog) -> None:
    robust = "" if entry.robust_accuracy is None else f"  robust {entry.robust_accuracy:.3f}"
    print(
        f"epoch {entry.epoch:>3}  loss {entry.loss:.4f}  clean {entry.clean_accuracy:.3f}{robust}"
        f"  {entry.images_per_second:,.0f} images/s",
        flush=True,
    )


def _describe(data: Dataset, recipe: Recipe) -> str:
    return f"{len(data.split('train')):,} images of {data.name} with {recipe.name} ({recipe.hash})"


def _evaluation_facts(result: Evaluation, code: str) -> dict[str, Any]:
    return {
        "architecture": code,
        "suite": result.suite,
        "split": result.split,
        "seed": result.seed,
        "measurements": [
            {
                "metric": found.metric,
                "value": found.value,
                "standard_error": found.standard_error,
                "images": found.images,
                "seconds": found.seconds,
                "attack": found.attack,
            }
            for found in result.measurements
        ],
        "flags": result.flags,
        "warnings": result.warnings,
    }


def _print_evaluation(result: Evaluation, code: str, data: str) -> None:
    print(f"{code} on {data} {result.split}, suite {result.suite}")
    for found in result.measurements:
        print(
            f"  {found.metric:<18} {100 * found.value:6.2f} % ±{100 * found.standard_error:.2f}"
            f"  {found.images:>6,} images  {found.seconds:8.1f} s"
        )
    passed = sum(flag.passed for flag in result.flags)
    print(f"  sanity checks: {passed} of {len(result.flags)} passed")
    for text in result.warnings:
        print(f"  warning: {text}")


def _device(name: str) -> str:
    """Check a device name before long work begins."""
    import torch

    from robnas.errors import InputError

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError("device", expected="cpu or a GPU of this machine", got=name, remedy=reason) from None
    return name


@contextmanager
def _progress(hidden: bool) -> Iterator[Progress]:
    """A bar with rate and time left on the terminal; nothing where the output goes to a machine."""
    if hidden:
        yield silent
        return
    if not sys.stderr.isatty():
        yield _occasional_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("start", total=None)

        def report(done: int, total: int, text: str, /) -> None:
            bar.update(task, completed=done, total=total, description=text[:60])

        yield report


def _occasional_lines(every: float = 10.0) -> Progress:
    """A line on standard error now and then, for logs."""
    last = time.monotonic()

    def report(done: int, total: int, text: str, /) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            print(f"{text}: {100 * done / max(total, 1):.0f} %", file=sys.stderr, flush=True)

    return report


def _print_json(value: Any) -> None:
    import dataclasses

    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return dataclasses.asdict(item)
        return str(item)

    print(json.dumps(value, default=plain, ensure_ascii=False))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 done, 2 bad input with one line on standard error, 130 interrupted."""
    code: Any = 0
    try:
        code = app(arguments, standalone_mode=False)
    except (RobnasError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
        code = _fail(str(error))
    except Exception as error:  # usage errors of the parser, whose class depends on its version
        if not hasattr(error, "format_message"):
            raise
        code = _fail(f"{error.format_message()} (see robnas --help)")
    if code == 130:
        print("interrupted: the same command goes on with what is finished", file=sys.stderr)
    sys.exit(code or 0)


def _fail(text: str) -> int:
    print(f"error: {' '.join(text.split())}", file=sys.stderr)
    return 2

"""Commands that train and evaluate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robnas.cli._common import AllowPartial, Arch, DataDir, Json, checked_device, print_json, progress_bar, say
from robnas.cli._space import SpaceName, architecture_in, check_agrees, chosen_space

if TYPE_CHECKING:
    from robnas.cli._subjects import Subject
    from robnas.data import Dataset
    from robnas.statistics import Row
    from robnas.training import EpochLog, Recipe

Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 …")]


def train(
    architecture: Arch,
    data: Annotated[str, typer.Option(help="digits, cifar10, cifar100, imagenet16-120, an .npz file or a folder.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint and log; one training each.")],
    recipe: Annotated[
        str, typer.Option(help="A recipe by name (robnas recipes lists them), or a TOML file of its settings.")
    ] = "nas-robbench-201",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting instead of the recipe's, such as optimizer.lr=0.05, schedule=cosine or averaging.name=ema; "
            "may be given several times.",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    space: SpaceName = None,
    channels: Annotated[int | None, typer.Option(help="Setting of the space, if not that of the recipe.")] = None,
    cells: Annotated[int | None, typer.Option(help="Setting of the space, if not that of the recipe.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, tf32 or bf16 products, instead of the recipe's.")
    ] = None,
    beta: Annotated[float | None, typer.Option(help="Weight of the robust loss, instead of the recipe's.")] = None,
    objective: Annotated[str | None, typer.Option(help="mixed or trades, instead of the recipe's.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order, augmentation and attack.")] = 0,
    limit_train: Annotated[int | None, typer.Option(help="Train on the first images only.")] = None,
    validation: Annotated[float, typer.Option(help="Share of training images held out for validation.")] = 0.1,
    allow_partial: AllowPartial = False,
    data_dir: DataDir = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Train the network of an architecture adversarially."""
    from robnas._files import check_writable
    from robnas.building import Source, Trial
    from robnas.training import find_recipe, weights_text, with_settings

    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "precision": precision,
        "beta": beta,
        "objective": objective,
    }
    check_writable(out, folder=True)
    changed = with_settings(find_recipe(recipe), settings or [])
    chosen = changed.replace(**{key: value for key, value in changes.items() if value is not None})
    of = chosen_space(space, chosen.preset, channels=channels, cells=cells)
    arch = architecture_in(of, architecture)
    where, source = checked_device(device), str(Path(data).resolve()) if Path(data).exists() else data
    trial = Trial(
        space=of,
        architecture=arch,
        source=Source(name=source, validation=validation, limit_train=limit_train, allow_partial=allow_partial),
        recipe=chosen,
        seed=seed,
    )
    with progress_bar(as_json) as progress:
        images = trial.source.load(data_dir, progress)
        _, history = trial.train(
            images, out, device=where, progress=progress, on_epoch=None if as_json else _print_epoch
        )
    if as_json:
        weights = weights_text(chosen, history) or "of the last epoch"
        facts = {"trial": trial.to_dict(), "data_hash": images.content_hash, "weights": weights, "history": history}
        print_json(facts)
    else:
        say(f"trained {trial.architecture} on {_describe(images, chosen)}: {out}")
        if text := weights_text(chosen, history):
            say(f"weights: {text}")


def evaluate(
    directory: Annotated[
        Path | None,
        typer.Argument(help="Folder of a finished training; with --module where measurements are kept, if anywhere."),
    ] = None,
    suite: Annotated[
        str,
        typer.Option(help="nas-robbench-201, digits, few-classes; corruptions, or corruptions-19 with the extra ones."),
    ] = "nas-robbench-201",
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    limit_test: Annotated[int | None, typer.Option(help="Take the first images of the split only.")] = None,
    seed: Annotated[int, typer.Option(help="Of the attacks.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Images per forward pass.")] = 256,
    store: Annotated[str | None, typer.Option(help="Add the records to a store such as sqlite:///runs.db.")] = None,
    module: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:FUNCTION",
            help="Evaluate a network of your own: a function of a Python file that takes nothing, or num_classes.",
        ),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="With --module: a state_dict (.pt) or .safetensors.")] = None,
    data: Annotated[
        str | None, typer.Option(help="With --module: digits, cifar10 …, an .npz file or a folder of images.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="With --module and --store: what records call it; the file's name if omitted.")
    ] = None,
    space: SpaceName = None,
    allow_partial: AllowPartial = False,
    data_dir: DataDir = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Measure clean accuracy of a trained network, and that under attacks or corruptions; nothing twice.

    Corruptions are those of CIFAR-10-C: the official images where the data folder has them, else made from the images.
    """
    from robnas._files import check_writable
    from robnas.cli._evaluation import evaluation_facts, print_evaluation
    from robnas.cli._subjects import TrialSubject
    from robnas.evaluation import EVALUATION
    from robnas.evaluation import evaluate as run
    from robnas.evaluation import suite as preset
    from robnas.records import RecordStore
    from robnas.training import weights_text

    attacks = preset(suite)
    subject = _subject(directory, module, weights, data, name, space, allow_partial)
    where = checked_device(device)
    if directory is not None:
        check_writable(directory / EVALUATION, folder=True)
    if store is not None:
        RecordStore(store).close()  # a store that cannot be opened is said before the long work, not after it
    with progress_bar(as_json) as progress:
        images, network = subject.load(data_dir, where, progress)
        result = run(
            network,
            images,
            attacks,
            split=split,
            seed=seed,
            limit=limit_test,
            batch_size=batch_size,
            directory=directory,
            device=where,
            progress=progress,
            data_dir=data_dir,
            allow_partial=allow_partial or subject.allow_partial,
        )
    if store is not None:
        with RecordStore(store) as records:
            records.add(*subject.records(images, result))
    if as_json:
        print_json({**subject.facts, **evaluation_facts(result)})
    else:
        print_evaluation(result, subject.title, images.name)
        if isinstance(subject, TrialSubject) and (text := weights_text(subject.trial.recipe)):
            say(f"  weights: {text}")


def _subject(
    directory: Path | None,
    module: str | None,
    weights: Path | None,
    data: str | None,
    name: str | None,
    space: str | None,
    allow_partial: bool,
) -> Subject:
    """What the options of `evaluate` mean."""
    from robnas.cli._subjects import ModuleSubject, TrialSubject
    from robnas.errors import InputError, Verbatim

    if module is not None:
        if data is None:
            raise InputError("--data", expected="the images for --module, such as mine.npz", got=Verbatim("none"))
        if space is not None:
            raise InputError("--space", expected="none with --module, which is of no space", got=space)
        return ModuleSubject.of(module, weights, data, name, directory, allow_partial)
    if unused := [key for key, value in {"weights": weights, "data": data, "name": name}.items() if value is not None]:
        raise InputError(f"--{unused[0]}", expected="--module with it", got=Verbatim("none"))
    if directory is None:
        got, remedy = Verbatim("neither"), "give the folder of a training, or --module FILE.py:FUNCTION --data DATA"
        raise InputError("evaluate", expected="a folder or --module", got=got, remedy=remedy)
    return TrialSubject.of(directory, space)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for records, report and plot.")] = Path("runs/demo"),
    space: SpaceName = None,
    jobs: Annotated[int | None, typer.Option(help="Worker processes; all cores if omitted.")] = None,
    as_json: Json = False,
) -> None:
    """Train 14 architectures on the digits, attack them, rank them, and write a report."""
    from robnas._files import check_writable
    from robnas.demo import RANK_BY, run_demo
    from robnas.records import StoreAddress

    key = chosen_space(None, "digits").key
    check_agrees(space, key, "the demo")
    check_writable(out, folder=True)
    with progress_bar(as_json) as progress:
        result = run_demo(out, jobs=jobs, progress=progress)
    rows = result.rows
    if as_json:
        print_json(
            {
                "space": key,
                "ranked_by": RANK_BY,
                "ranking": [
                    {
                        "rank": row.rank,
                        "architecture": row.architecture.text,
                        **{key: row.value(key) for key in row.entries},
                    }
                    for row in rows
                ],
                "warnings": result.warnings,
                "differences_from_bundled_table": result.differences,
                "report": str(result.report),
                "plot": str(result.figure),
                "store": StoreAddress.parse(result.store).shown,
                "seconds": result.seconds,
            }
        )
        return
    _print_rows(rows)
    if result.warnings:
        plural = "s" * (len(result.warnings) > 1)
        print(f"{len(result.warnings)} doubt{plural} about single measurements, listed in the report")
    if result.differences:
        equal, largest = result.differences.count(0.0), 100 * max(map(abs, result.differences))
        rest = "" if equal == len(result.differences) else f", the others to {largest:.1f} points"
        print(f"{equal} of {len(result.differences)} accuracies are those of the bundled table to the last digit{rest}")
    print(f"report   {result.report}\nplot     {result.figure}\nrecords  {StoreAddress.parse(result.store).shown}")
    print(f"{len(rows)} architectures in {result.seconds:.0f} s")


def _print_rows(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    from robnas.demo import SPLIT
    from robnas.reports import cell_text, code_text, rank_text
    from robnas.statistics import most_images

    metrics, most = list(rows[0].entries), most_images(rows)
    table = Table("rank", "architecture", *metrics, title=f"accuracy in % ± standard error on {SPLIT}")
    for column in table.columns:
        column.justify, column.no_wrap = "right", True
    for row in rows:
        table.add_row(rank_text(row), code_text(row), *(cell_text(row.entries[metric], most) for metric in metrics))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    if any(row.sharing > 1 for row in rows):
        print("= others share the rank")
    if any(row.constant for row in rows):
        print("† gives one answer whatever the image shows, or learned nothing")
    fewer = {entry.images for row in rows for entry in row.entries.values() if entry.images is not None} - {most}
    if fewer:
        print(f"* on the first {min(fewer)} of {most} images")


def _print_epoch(entry: EpochLog) -> None:
    robust = "" if entry.robust_accuracy is None else f"  robust {entry.robust_accuracy:.3f}"
    print(
        f"epoch {entry.epoch:>3}  loss {entry.loss:.4f}  clean {entry.clean_accuracy:.3f}{robust}"
        f"  {entry.images_per_second:,.0f} images/s{'  overfitted to its attack' * entry.overfitted}",
        flush=True,
    )


def _describe(data: Dataset, recipe: Recipe) -> str:
    return f"{len(data.split('train')):,} images of {data.name} with {recipe.name} ({recipe.hash})"

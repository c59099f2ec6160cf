"""The command that predicts what a table lacks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import Information, Json, Model, print_json, progress_bar, say
from robnas.cli._space import SpaceName
from robnas.cli._tables import (
    Attack,
    AttackSeed,
    Beta,
    DatasetVersion,
    Images,
    Recipe,
    check_table_file,
    left_out_of,
    load_chosen,
    write_as_named,
)

if TYPE_CHECKING:
    from robnas.benchmarks import Column, Table
    from robnas.spaces import Architecture


_SHOWN = 12  # columns that an error lists


def complete(
    source: Annotated[str, typer.Argument(help="What was measured, as --table of query.", show_default=False)],
    out: Annotated[Path, typer.Option(help="File ending in .parquet, .csv or .json.", show_default=False)],
    dataset: Annotated[str | None, typer.Option(help="Only columns of this data set; all if omitted.")] = None,
    metric: Annotated[str | None, typer.Option(help="Only columns of this metric; all if omitted.")] = None,
    split: Annotated[str | None, typer.Option(help="Only columns of this split; all if omitted.")] = None,
    beta: Beta = None,
    architectures: Annotated[
        Path | None,
        typer.Option(help="File of the architectures to predict, a line each; every one of the space if omitted."),
    ] = None,
    model: Model = "gaussian-process",
    information: Information = None,
    level: Annotated[float, typer.Option(help="Of the intervals that the fit is calibrated to.")] = 0.9,
    seed: Annotated[int, typer.Option(help="Of what is random in a fit.")] = 0,
    space: SpaceName = None,
    recipe: Recipe = None,
    images: Images = None,
    attack: Attack = None,
    dataset_version: DatasetVersion = None,
    attack_seed: AttackSeed = None,
    as_json: Json = False,
) -> None:
    """Complete a table: keep what was measured, and predict the rest with a standard deviation.

    The file knows which values are measured and which predicted, and so do all commands that read it.
    """
    from robnas._files import check_writable
    from robnas.surrogates import complete as completed
    from robnas.surrogates import information_of

    check_table_file(out)
    check_writable(out)
    table = load_chosen(source, as_json, recipe, images, attack, dataset_version, attack_seed, space)
    listed = None if architectures is None else _listed(architectures, table)
    chosen = _chosen(table, dataset, metric, split, beta)
    looked_at = information_of(information, table.space) if information else None
    with progress_bar(as_json) as progress:
        found = completed(
            table, columns=chosen, architectures=listed, model=model, information=looked_at, level=level, seed=seed,
            progress=progress,
        )  # fmt: skip
    write_as_named(found, out)
    facts = [_facts(found, column) for column in found.columns if column.predicted is not None]
    reasons = found.provenance["completed"].get("not_completed", {})
    left_out = left_out_of(found)
    if as_json:
        print_json({
            "path": str(out), "name": found.name, "space": found.space_key, "architectures": len(found),
            "measured_architectures": len(table), "partition": found.partition, "columns": facts,
            "not_completed": reasons, "left_out": left_out,
        })  # fmt: skip
        return
    each = f", one per class of {found.partition}" if found.partition else ""
    say(f"{len(table):,} architectures from {table.name} and {len(found) - len(table):,} others{each}: {out}")
    for column in facts:
        say(f"  {_line(column)}")
    for name, why in reasons.items():
        say(f"not completed: {name}: {why}")
    for text in left_out:
        say(f"left out: {text}", sys.stderr)


def _listed(path: Path, table: Table) -> list[Architecture]:
    """The architectures of a file, a line each."""
    from robnas._files import read_text
    from robnas.errors import InputError, Verbatim

    if not path.is_file():
        got = Verbatim("a folder" if path.is_dir() else "nothing")
        raise InputError("--architectures", expected=f"a file {path}", got=got)
    found = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            found += [table.architecture(line.strip())] if line.strip() else []
        except InputError as error:
            expected, got = f"an architecture of space {table.space.name}", Verbatim(str(error))
            raise InputError(f"{path}, line {number}", expected=expected, got=got) from None
    return found


def _chosen(
    table: Table, dataset: str | None, metric: str | None, split: str | None, beta: float | None
) -> list[Column] | None:
    """The columns that the options name; None where they name nothing."""
    from robnas.errors import InputError, Verbatim

    if (dataset, metric, split, beta) == (None,) * 4 or not table.columns:
        return None
    found = [
        column
        for column in table.columns
        if dataset in (None, column.dataset) and split in (None, column.split) and beta in (None, column.beta)
        and (metric is None or column.is_called(metric))
    ]  # fmt: skip
    if not found:
        if None not in (dataset, metric, split):
            table.column(dataset, metric, split, beta=beta)  # says so where it was measured in several ways
        names = [table.column_name(column) for column in table.columns]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        asked = " ".join(filter(None, (dataset, split, metric, None if beta is None else f"beta={beta:.12g}")))
        raise InputError(
            f"columns to complete of table {table.name}", expected=f"one of {', '.join(names[:_SHOWN])}{more}",
            got=Verbatim(f"none of {asked}"),
        )  # fmt: skip
    return found


def _facts(table: Table, column: Column) -> dict[str, Any]:
    import numpy as np

    from robnas.benchmarks import predicted_rows

    rows = predicted_rows(column)
    sd = np.empty(0) if column.sd is None else column.sd[rows]
    known = sd[~np.isnan(sd)]
    return {
        "name": table.column_name(column), "dataset": column.dataset, "split": column.split, "metric": column.metric,
        "beta": column.beta, "unit": column.unit, "measured": int(column.measured.sum()), "predicted": int(rows.sum()),
        "median_sd": float(np.median(known)) if len(known) else None,
        **table.provenance["completed"]["columns"].get(table.column_name(column), {}),  # not of a part of a table
    }  # fmt: skip


def _line(facts: dict[str, Any]) -> str:
    sd, text = facts["median_sd"], f"{facts['name']}: {facts['measured']:,} measured, {facts['predicted']:,} predicted"
    if sd is None:  # of a file that says none
        return text
    scale = f"{sd:.3g} {facts['unit']}" if facts["unit"] else f"{100 * sd:.2f} points"
    return f"{text}, median ±{scale}"

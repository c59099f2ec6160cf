"""The command that puts several tables side by side."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from robnas.cli._common import Json, print_json, progress_bar, say
from robnas.cli._space import SpaceName
from robnas.cli._tables import (
    Attack,
    AttackSeed,
    DatasetVersion,
    Images,
    Recipe,
    check_table_file,
    left_out_of,
    shown,
    write_as_named,
)


def join(
    tables: Annotated[
        list[str], typer.Argument(help="Two or more, each as --table of query.", show_default=False, metavar="TABLE...")
    ],
    out: Annotated[Path, typer.Option(help="File ending in .parquet, .csv or .json.", show_default=False)],
    recipe: Recipe = None,
    images: Images = None,
    attack: Attack = None,
    dataset_version: DatasetVersion = None,
    attack_seed: AttackSeed = None,
    space: SpaceName = None,
    as_json: Json = False,
) -> None:
    """Put tables of one space side by side: all that they know about the architectures that all of them hold.

    Columns carry the name of the table that they are from, as in jung-2023:pgd@8/255, and keep its licence. Where one
    table has a column only, its metric will do.
    """
    from robnas._files import check_writable
    from robnas.benchmarks import load
    from robnas.errors import InputError, Verbatim
    from robnas.records import is_store

    check_table_file(out)
    if len(tables) < 2:
        raise InputError("tables to join", expected="at least 2", got=Verbatim(str(len(tables))))
    check_writable(out)
    chosen: dict[str, Any] = {
        "recipe": recipe, "images": images, "attack": attack, "dataset_version": dataset_version,
        "attack_seed": attack_seed,
    }  # fmt: skip
    stores = [name for name in tables if is_store(name)] or tables  # where there is none, the error of a choice says so
    with progress_bar(as_json) as progress:
        found = [load(name, progress, space=space, **(chosen if name in stores else {})) for name in tables]
    joined = functools.reduce(lambda one, other: one.join(other), found)
    write_as_named(joined, out)
    left_out = left_out_of(joined)
    sources: dict[str, dict[str, Any]] = {}
    for column in joined.columns:
        told = joined.provenance_of(column)
        about = {key: told[key] for key in ("citation", "licence") if told.get(key)}
        facts = sources.setdefault(column.source, {"columns": 0, "relatives": 0, **about})
        facts["columns"] += 1
        if column.predicted is not None:
            facts["predicted"] = facts.get("predicted", 0) + 1
        facts["relatives"] = max(facts["relatives"], column.facts.get("relatives", 0))
    if as_json:
        print_json({
            "path": str(out), "name": joined.name, "space": joined.space_key, "architectures": len(joined),
            "tables": [{"name": table.name, "architectures": len(table)} for table in found],
            "columns": len(joined.columns), "sources": sources, "left_out": left_out,
        })  # fmt: skip
        return
    held = ", ".join(f"{table.name} {len(table):,}" for table in found)
    say(f"{len(joined):,} architectures that all hold ({held}), {len(joined.columns)} columns: {out}")
    for source, facts in sources.items():
        say(f"  {source}: {facts['columns']} columns; licence: {shown(facts.get('licence', 'not stated'))}")
        if facts.get("predicted"):
            say(f"    {facts['predicted']} columns hold predicted values beside measured ones")
        if facts["relatives"]:
            say(f"    for up to {facts['relatives']:,} architectures values of another network of their class")
    for text in left_out:
        say(f"left out: {text}", sys.stderr)

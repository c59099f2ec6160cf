"""Commands about tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import Json, print_json, progress_bar

if TYPE_CHECKING:
    from robnas.benchmarks import Table

TableName = Annotated[
    str, typer.Option("--table", help="Name of a published table, a table file, or a store such as sqlite:///runs.db.")
]
Resolve = Annotated[
    str, typer.Option(help="declared, exact, official, effective or identical: which architectures stand in.")
]


def tables(as_json: Json = False) -> None:
    """List the published tables: what they hold, their licence, whether they are in the cache."""
    from robnas.benchmarks import CATALOGUE, cached_path

    facts = [
        {
            "name": entry.name,
            "cached": cached_path(entry.name).exists(),
            "files": [file.name for file in entry.files],
            "citation": entry.citation,
            "licence": entry.licence,
            "notes": entry.notes,
        }
        for entry in CATALOGUE.values()
    ]
    if as_json:
        print_json(facts)
        return
    for fact in facts:
        where = "in the cache" if fact["cached"] else f"not fetched: robnas fetch {fact['name']}"
        print(f"{fact['name']}  ({where})")
        for key in ("citation", "licence", "notes"):
            print(f"  {key:<9} {fact[key]}")


def fetch(
    name: Annotated[str, typer.Argument(help="Name of a published table, see robnas tables.", show_default=False)],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with the published files, instead of the network."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Download a published table, verify it, convert it once and keep it in the cache."""
    from robnas.benchmarks import cached_path
    from robnas.benchmarks import fetch as get

    with progress_bar(as_json) as progress:
        table = get(name, source, progress)
    facts = {**_facts(table), "path": str(cached_path(name))}
    if as_json:
        print_json(facts)
        return
    _print_facts(facts)


def _facts(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "architectures": len(table),
        "partition": table.partition,
        "columns": [
            {
                "dataset": column.dataset,
                "split": column.split,
                "metric": column.metric,
                "seeds": list(column.seeds),
                "runs": int(column.counts.max()),
            }
            for column in table.columns
        ],
        "provenance": table.provenance,
    }


def _print_facts(facts: dict[str, Any]) -> None:
    print(f"{facts['name']}: {facts['architectures']:,} architectures, one per class of {facts['partition']}")
    groups: dict[tuple[str, str], list[str]] = {}
    for column in facts["columns"]:
        runs = f"{column['runs']} runs" if column["runs"] > 1 else "one run"
        groups.setdefault((column["dataset"], column["split"]), []).append(f"{column['metric']} ({runs})")
    for (dataset, split), metrics in groups.items():
        print(f"  {dataset} {split}: {', '.join(metrics)}")
    for key in ("citation", "licence", "notes", "missing_runs"):
        if facts["provenance"].get(key):
            print(f"  {key}: {facts['provenance'][key]}")
    print(f"  kept in {facts['path']}")


def query(
    architecture: Annotated[
        str, typer.Argument(help="Any encoding, or a published index written as #2581.", show_default=False)
    ],
    table: TableName,
    dataset: Annotated[str | None, typer.Option(help="Such as cifar10.")] = None,
    metric: Annotated[str | None, typer.Option(help="Such as clean or pgd@8/255.")] = None,
    split: Annotated[str | None, typer.Option(help="validation or test; never guessed.")] = None,
    seed: Annotated[str, typer.Option(help="mean, or the number of a run.")] = "mean",
    resolve: Resolve = "declared",
    as_json: Json = False,
) -> None:
    """Look up one accuracy, with its rank and what is uncertain about it."""
    from robnas.analysis import rank_set
    from robnas.benchmarks import load
    from robnas.errors import InputError

    found = load(table)
    arch: object = architecture
    if architecture.startswith("#"):
        if not (architecture[1:].isascii() and architecture[1:].isdecimal()):
            raise InputError("published index", expected="digits after #", got=architecture)
        arch = int(architecture[1:])
    if seed != "mean" and not (seed.isascii() and seed.isdecimal()):
        raise InputError("--seed", expected="mean or the number of a run", got=seed)
    run: Any = seed if seed == "mean" else int(seed)
    value = found.query(arch, dataset=dataset, metric=metric, split=split, seed=run, resolve=resolve)  # type: ignore[arg-type]
    row = found.row(arch, resolve)  # type: ignore[arg-type]
    asked = found.architecture(arch)
    facts: dict[str, Any] = {
        "asked": asked.code,
        "architecture": found.architectures[row].code,
        "genotype": found.architectures[row].genotype,
        "dataset": dataset,
        "metric": metric,
        "split": split,
        "seed": run,
        "value": float(value),
        "runs": value.runs,
    }
    if run == "mean" and dataset and metric and split:
        try:
            place = rank_set(found, found.architectures[row], dataset=dataset, metric=metric, split=split)
            facts |= {"rank": place.rank, "rank_low": place.low, "rank_high": place.high, "of": len(found)}
        except InputError:
            pass  # a table without repeated trainings: the noise is not known
    if as_json:
        print_json(facts)
        return
    runs = "one run" if value.runs == 1 else f"mean of {value.runs} runs"
    print(f"{facts['architecture']} {dataset} {split} {metric}: {100 * value:.2f} % ({runs})")
    if "rank" in facts:
        print(
            f"rank {facts['rank']:,} of {facts['of']:,}; with the noise of repeated trainings anything from "
            f"{facts['rank_low']:,} to {facts['rank_high']:,} (95 %)"
        )
    if asked != found.architectures[row]:
        print(f"{asked} itself was not trained: {facts['architecture']} is isomorphic to it and was")


def export(
    table: Annotated[str, typer.Argument(help="As --table of query.", show_default=False)],
    out: Annotated[Path, typer.Option(help="File ending in .parquet, .csv or .json.")],
    dataset: Annotated[str | None, typer.Option(help="Only this data set; all if omitted.")] = None,
    as_json: Json = False,
) -> None:
    """Write a table to a file: .parquet is read back by robnas, .csv and .json hold the means for others."""
    from robnas._files import write_text
    from robnas.benchmarks import load, write_table
    from robnas.errors import InputError

    found = load(table)
    if out.suffix not in (".parquet", ".csv", ".json"):
        raise InputError("--out", expected="a file ending in .parquet, .csv or .json", got=str(out))
    if out.suffix == ".parquet":
        write_table(found.select(dataset) if dataset else found, out)
    else:
        frame = found.to_pandas(dataset).reset_index()
        write_text(out, frame.to_csv(index=False) if out.suffix == ".csv" else frame.to_json(orient="records") + "\n")
    if as_json:
        print_json({"path": str(out), "architectures": len(found)})
    else:
        print(f"{len(found):,} architectures of {found.name}: {out}")


def reproduce(
    name: Annotated[str, typer.Argument(help="table1, figure2, figure3 or duplicates.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for CSV, PNG and SVG.")] = Path("reproduced"),
    as_json: Json = False,
) -> None:
    """Make a table or figure of the paper again from the published tables."""
    from robnas.analysis import reproduce as run

    with progress_bar(as_json) as progress:
        paths = run(name, out, progress)
    if as_json:
        print_json({"files": [str(path) for path in paths]})
    else:
        print("\n".join(map(str, paths)))

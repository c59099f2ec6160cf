"""Commands about tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import DataDir, Json, print_json, progress_bar, say
from robnas.cli._noise import noise_facts, print_noise, spot_text
from robnas.cli._space import SpaceName, check_agrees, is_meant, is_usual, space_choice
from robnas.types import Metric, by_severity

if TYPE_CHECKING:
    from robnas.benchmarks import Column, Table

Recipe = Annotated[
    str | None, typer.Option(help="Of a store: records of this recipe only, its name or the beginning of its hash.")
]
Images = Annotated[int | None, typer.Option(help="Of a store: records on so many images only.")]
Attack = Annotated[
    str | None, typer.Option(help="Of a store: records of the attack whose settings have a hash that begins so.")
]
DatasetVersion = Annotated[
    str | None, typer.Option(help="Of a store: records of the data set whose content hash begins so.")
]
AttackSeed = Annotated[int | None, typer.Option(help="Of a store: records of this seed of the attack only.")]
Beta = Annotated[
    float | None, typer.Option(help="Weight of the robust loss in training, such as 0.5; where there are several.")
]


def tables(
    name: Annotated[
        str | None,
        typer.Argument(help="A published table, a table file, or a store such as sqlite:///runs.db: what it holds."),
    ] = None,
    space: SpaceName = None,
    as_json: Json = False,
) -> None:
    """List the bundled and published tables: what they hold, their licence, where they are; or what one holds."""
    if name is not None:
        _one_table(name, space, as_json)
        return
    from robnas.benchmarks import BUNDLED, CATALOGUE, cached_path, load

    facts: list[dict[str, Any]] = [
        {
            "name": bundled,
            "space": held.space_key,
            "bundled": True,
            "cached": True,
            "files": [path.name],
            **{key: held.provenance[key] for key in ("citation", "licence", "notes")},
        }
        for bundled, path in BUNDLED.items()
        for held in [load(bundled)]
    ]
    facts += [
        {
            "name": entry.name,
            "space": entry.space,
            "bundled": False,
            "cached": cached_path(entry.name).exists(),
            "files": [file.name for file in entry.files],
            "citation": entry.citation,
            "licence": entry.licence,
            "notes": entry.notes,
        }
        for entry in CATALOGUE.values()
    ]
    facts = [fact for fact in facts if is_meant(space, fact["space"])]
    if as_json:
        print_json(facts)
        return
    if not facts:
        say(f"no table of {space} is bundled or published; one of your own is named by its path")
    for fact in facts:
        fetched = "in the cache" if fact["cached"] else f"not fetched: robnas fetch {fact['name']}"
        where = "comes with robnas" if fact["bundled"] else fetched
        print(f"{fact['name']}  ({where})\n  {'space':<9} {fact['space']}")
        for key in ("citation", "licence", "notes"):
            print(f"  {key:<9} {fact[key]}")


def _one_table(name: str, space: str | None, as_json: bool) -> None:
    from robnas.benchmarks import holdings, load
    from robnas.records import is_store

    if not is_store(name):
        with progress_bar(as_json) as progress:
            facts = _facts(load(name, progress, space=space))
        print_json(facts) if as_json else _print_facts(facts)
        return
    found = holdings(name, space_choice(space))
    if as_json:
        print_json(found)
        return
    print(f"{sum(entry.records for entry in found):,} records")
    last = ""
    for entry in found:
        recipe = (
            f"recipe {entry.recipe} ({shown(entry.recipe_name)})" if entry.recipe_name else f"recipe {entry.recipe}"
        )
        beta = "" if entry.beta in (None, 1) else f", beta {entry.beta:.12g}"
        head = f"{entry.dataset}, version {entry.dataset_version}, {recipe}{beta}, space {entry.space}"
        if head != last:
            say(head)
        last = head
        what = "corrupted" if Metric.parse(entry.metric).kind == "corruption" else "attack"
        attack = f"{what} {entry.attack} seeds {_numbers(entry.attack_seeds)}" if entry.attack else "no attack"
        say(
            f"  {entry.split:<10} {entry.metric:<18} {entry.images:>6,} images  {entry.records:>6,} records"
            f"  {entry.architectures:>6,} architectures  seeds {_numbers(entry.seeds)}  {attack}"
        )


def _numbers(values: Sequence[int]) -> str:
    """``0, 1, 2`` or, for many, ``0 … 99 (100)``."""
    if len(values) <= 5:
        return ", ".join(map(str, values))
    return f"{values[0]} … {values[-1]} ({len(values)})"


def fetch(
    name: Annotated[str, typer.Argument(help="Name of a published table, see robnas tables.", show_default=False)],
    source: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Folder with the published files, instead of the network; may be repeated."),
    ] = None,
    space: SpaceName = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Download a published table, verify it, convert it once and keep it in the cache."""
    from robnas.benchmarks import CATALOGUE, cached_path
    from robnas.benchmarks import fetch as get

    if name in CATALOGUE:
        check_agrees(space, CATALOGUE[name].space, f"table {name}")
    with progress_bar(as_json) as progress:
        table = get(name, source or None, progress, data_dir=data_dir)
    path = cached_path(name, data_dir)
    facts = {**_facts(table), "path": str(path)}
    if as_json:
        print_json(facts)
        return
    _print_facts(facts)
    if cached_path(name) != path:
        print(f"  --table {path} or ROBNAS_DATA={data_dir} leads other commands to it")


def _facts(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "space": table.space_key,
        "architectures": len(table),
        **table.space.partition_facts(table.partition),
        "columns": [
            {
                "dataset": column.dataset,
                "split": column.split,
                "metric": column.metric,
                "space": column.space,
                **({} if column.beta is None else {"beta": column.beta}),
                "seeds": list(column.seeds),
                "runs": int(column.counts.max()),
                "noise": noise_facts(table, column),
                **_predicted(column),
                **({} if column.is_accuracy else {"unit": column.unit, "direction": column.direction}),
                **({"source": column.source} if column.source else {}),
                **column.facts,
            }
            for column in table.columns
        ],
        "curves": [
            {
                "dataset": curve.dataset,
                "split": curve.split,
                "metric": curve.metric,
                "space": curve.space,
                **({} if curve.beta is None else {"beta": curve.beta}),
                "seeds": list(curve.seeds),
                "runs": int(curve.counts.max()),
                "epochs": list(curve.epochs),
                **({"source": curve.source} if curve.source else {}),
                **curve.facts,
            }
            for curve in table.curves
        ],
        "provenance": table.provenance,
    }


def _predicted(column: Column) -> dict[str, int]:
    """How many values are measured and how many predicted; nothing where all are measured."""
    from robnas.benchmarks import predicted_rows

    if column.predicted is None:
        return {}
    return {"measured": int(column.measured.sum()), "predicted": int(predicted_rows(column).sum())}


_PROVENANCE = (
    "citation", "licence", "variant", "notes", "missing_runs", "missing_architectures", "threeseed_differs_from_mean",
    "unverified",
)  # fmt: skip


def _print_facts(facts: dict[str, Any]) -> None:
    each = f"one per class of {_partition_text(facts)}" if facts["partition"] else "each standing for itself"
    of = "" if is_usual(facts["space"]) else f" of {facts['space']}"
    say(f"{facts['name']}: {facts['architectures']:,} architectures{of}, {each}")
    groups: dict[str, dict[str, str]] = {}
    for column in facts["columns"]:
        runs = f"{column['runs']} runs" if column["runs"] > 1 else "one run"
        if "images" in column:
            runs += f", {column['images']:,} images"
        if "predicted" in column:
            runs += f", {column['measured']:,} measured and {column['predicted']:,} predicted"
        unit = f"{column['unit'] or 'no unit'}, to {column['direction']}, " if "unit" in column else ""
        groups.setdefault(spot_text(column, facts["columns"]), {})[column["metric"]] = unit + runs
    for spot, metrics in groups.items():
        say(f"  {spot}: {', '.join(_with_details(metrics))}")
    for curve in facts["curves"]:
        images = f", {curve['images']:,} images" if curve.get("images") else ""
        epochs = _numbers(curve["epochs"])
        say(f"  learning curves {spot_text(curve, facts['curves'])} {curve['metric']}: epochs {epochs}{images}")
    print_noise(facts["columns"])
    sources = dict.fromkeys(one["source"] for one in (*facts["columns"], *facts["curves"]) if one.get("source"))
    for source in sources or ("",):
        of = facts["provenance"].get(source, {}) if source else facts["provenance"]
        for key in _PROVENANCE:
            if isinstance(of, Mapping) and of.get(key):
                print(f"  {f'{source}, ' if source else ''}{key}: {shown(of[key])}")
    if "path" in facts:
        say(f"  kept in {facts['path']}")


def _with_details(metrics: Mapping[str, str]) -> Iterator[str]:
    """Each metric with what is said of it, the severities of a corruption together where that is the same."""
    for text, keys in by_severity(metrics).items():
        details = dict.fromkeys(metrics[key] for key in keys)
        yield from (
            [f"{text} ({next(iter(details))})"] if len(details) == 1 else [f"{key} ({metrics[key]})" for key in keys]
        )


def _partition_text(facts: Mapping[str, Any]) -> str:
    from robnas.spaces import parse_key, space_of

    return str(space_of(parse_key(facts["space"])["name"]).partition_of(facts))


def shown(value: Any) -> str:
    """What a file says about itself, as one line that does nothing to the terminal."""
    from robnas.reports import printable, short

    text = ", ".join(f"{name} {entry}" for name, entry in value.items()) if isinstance(value, Mapping) else str(value)
    return short(printable(text))


def load_chosen(
    name: str, as_json: bool, recipe: str | None, images: int | None, attack: str | None,
    dataset_version: str | None, attack_seed: int | None, space: str | None = None, beta: float | None = None,
) -> Table:  # fmt: skip
    """A table with progress; all but the first two choose among the records of a store, the last two also columns."""
    from robnas.benchmarks import load

    with progress_bar(as_json) as progress:
        return load(
            name, progress, recipe=recipe, images=images, attack=attack, dataset_version=dataset_version,
            attack_seed=attack_seed, space=space, beta=beta,
        )  # fmt: skip


def check_table_file(out: Path) -> None:
    """Raise `InputError` where ``--out`` names no kind of file that `write_as_named` writes."""
    from robnas.errors import InputError

    if out.suffix not in (".parquet", ".csv", ".json"):
        raise InputError("--out", expected="a file ending in .parquet, .csv or .json", got=str(out))


def write_as_named(table: Table, out: Path) -> None:
    """Write a whole table as the kind of file that its name says."""
    from robnas.benchmarks import write_rows, write_table

    write_table(table, out) if out.suffix == ".parquet" else write_rows(table, out)


def left_out_of(table: Table) -> list[str]:
    """Why columns that the records of a table would make are not in it, a text each."""
    from robnas.benchmarks import name_of_key

    return [str(why.error(name_of_key(key))) for key, why in table.ambiguous.items()]


_CROISSANT = ".croissant.json"


def _check_described(table: str, path: Path, *, whole: bool) -> None:
    """Raise `InputError` where a file that is there already is another one than the table that is to be described."""
    from robnas.benchmarks import BUNDLED, CATALOGUE, cached_path
    from robnas.errors import InputError, Verbatim

    held = BUNDLED.get(table) or (cached_path(table) if table in CATALOGUE else Path(table))
    if not (whole and held.exists() and held.samefile(path)):
        raise InputError(
            str(path), expected=f"{table} itself, or no file", got=Verbatim("another file"),
            remedy="choose another name, or describe that file: robnas export FILE.parquet --out FILE.croissant.json",
        )  # fmt: skip


def export(
    table: Annotated[str, typer.Argument(help="As --table of query.", show_default=False)],
    out: Annotated[Path, typer.Option(help="File ending in .parquet, .csv, .json or .croissant.json.")],
    dataset: Annotated[str | None, typer.Option(help="Only this data set; all if omitted.")] = None,
    space: SpaceName = None,
    beta: Beta = None,
    recipe: Recipe = None,
    images: Images = None,
    attack: Attack = None,
    dataset_version: DatasetVersion = None,
    attack_seed: AttackSeed = None,
    as_json: Json = False,
) -> None:
    """Write a table to a file: .parquet is read back by robnas, .csv and .json hold the means for others.

    In .csv and .json an architecture is its genotype, since spreadsheets and pandas read the code 000014 as the number
    14. A .croissant.json describes the .parquet of the same name, which is written beside it unless it is TABLE itself.
    """
    from robnas._files import check_writable
    from robnas.benchmarks import name_of_key, write_croissant, write_rows, write_table

    check_table_file(out)
    check_writable(out)
    found = load_chosen(table, as_json, recipe, images, attack, dataset_version, attack_seed, space, beta)
    if dataset:
        found = found.select(dataset)
    if out.name.endswith(_CROISSANT):
        described = out.with_name(out.name.removesuffix(_CROISSANT) + ".parquet")
        if not described.exists():
            write_table(found, described)
        else:
            _check_described(table, described, whole=dataset is None and space is None and beta is None)
        write_croissant(described)
    elif out.suffix == ".parquet":
        found.to_pandas(dataset)  # an error if nothing can be written
        write_table(found, out)
    else:
        write_rows(found, out, dataset)
    left_out = left_out_of(found)
    left_out += [str(reason.error(f"curves {name_of_key(key)}")) for key, reason in found.ambiguous_curves.items()]
    if as_json:
        facts = {"path": str(out), "space": found.space_key, "architectures": len(found), "left_out": left_out}
        print_json(facts)
        return
    say(f"{len(found):,} architectures of {found.name}: {out}")
    for text in left_out:
        say(f"left out: {text}", sys.stderr)

"""Commands about tables."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from robnas.cli._common import ENCODINGS, DataDir, Json, TableName, parse_architecture, print_json, progress_bar, say
from robnas.cli._noise import noise_facts, noise_text, print_noise, rank_set_text

if TYPE_CHECKING:
    from robnas.benchmarks import LocalNoise, Noise, Table
    from robnas.spaces import Architecture

Resolve = Annotated[
    str, typer.Option(help="declared, exact, official, effective or identical: which architectures stand in.")
]


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


def tables(
    name: Annotated[
        str | None,
        typer.Argument(help="A published table, a table file, or a store such as sqlite:///runs.db: what it holds."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the bundled and published tables: what they hold, their licence, where they are; or what one holds."""
    if name is not None:
        _one_table(name, as_json)
        return
    from robnas.benchmarks import BUNDLED, CATALOGUE, cached_path, load

    facts: list[dict[str, Any]] = [
        {
            "name": bundled,
            "bundled": True,
            "cached": True,
            "files": [path.name],
            **{key: load(bundled).provenance[key] for key in ("citation", "licence", "notes")},
        }
        for bundled, path in BUNDLED.items()
    ]
    facts += [
        {
            "name": entry.name,
            "bundled": False,
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
        fetched = "in the cache" if fact["cached"] else f"not fetched: robnas fetch {fact['name']}"
        where = "comes with robnas" if fact["bundled"] else fetched
        print(f"{fact['name']}  ({where})")
        for key in ("citation", "licence", "notes"):
            print(f"  {key:<9} {fact[key]}")


def _one_table(name: str, as_json: bool) -> None:
    from robnas.benchmarks import holdings, load
    from robnas.records import is_store

    if not is_store(name):
        with progress_bar(as_json) as progress:
            facts = _facts(load(name, progress))
        print_json(facts) if as_json else _print_facts(facts)
        return
    found = holdings(name)
    if as_json:
        print_json(found)
        return
    print(f"{sum(entry.records for entry in found):,} records")
    last = ""
    for entry in found:
        recipe = (
            f"recipe {entry.recipe} ({_shown(entry.recipe_name)})" if entry.recipe_name else f"recipe {entry.recipe}"
        )
        head = f"{entry.dataset}, version {entry.dataset_version}, {recipe}"
        if head != last:
            say(head)
        last = head
        attack = f"attack {entry.attack} seeds {_numbers(entry.attack_seeds)}" if entry.attack else "no attack"
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
        Path | None,
        typer.Option("--from", help="Folder with the published files, instead of the network."),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Download a published table, verify it, convert it once and keep it in the cache."""
    from robnas.benchmarks import cached_path
    from robnas.benchmarks import fetch as get

    with progress_bar(as_json) as progress:
        table = get(name, source, progress, data_dir=data_dir)
    path = cached_path(name, data_dir)
    facts = {**_facts(table), "path": str(path)}
    if as_json:
        print_json(facts)
        return
    _print_facts(facts)
    if cached_path(name) != path:
        print(f"  --table {path} or ROBNAS_DATA={data_dir} leads other commands to it")


def _facts(table: Table) -> dict[str, Any]:
    from robnas.spaces import partition_facts

    return {
        "name": table.name,
        "architectures": len(table),
        **partition_facts(table.partition),
        "columns": [
            {
                "dataset": column.dataset,
                "split": column.split,
                "metric": column.metric,
                "seeds": list(column.seeds),
                "runs": int(column.counts.max()),
                "noise": noise_facts(table, column),
                **column.facts,
            }
            for column in table.columns
        ],
        "provenance": table.provenance,
    }


def _print_facts(facts: dict[str, Any]) -> None:
    from robnas.spaces import partition_of

    each = f"one per class of {partition_of(facts)}" if facts["partition"] else "each standing for itself"
    say(f"{facts['name']}: {facts['architectures']:,} architectures, {each}")
    groups: dict[tuple[str, str], list[str]] = {}
    for column in facts["columns"]:
        runs = f"{column['runs']} runs" if column["runs"] > 1 else "one run"
        if "images" in column:
            runs += f", {column['images']:,} images"
        groups.setdefault((column["dataset"], column["split"]), []).append(f"{column['metric']} ({runs})")
    for (dataset, split), metrics in groups.items():
        say(f"  {dataset} {split}: {', '.join(metrics)}")
    print_noise(facts["columns"])
    for key in ("citation", "licence", "notes", "missing_runs", "threeseed_differs_from_mean", "unverified"):
        if facts["provenance"].get(key):
            print(f"  {key}: {_shown(facts['provenance'][key])}")
    if "path" in facts:
        say(f"  kept in {facts['path']}")


def _shown(value: Any) -> str:
    """What a file says about itself, as one line that does nothing to the terminal."""
    from robnas.analysis import printable, short

    text = ", ".join(f"{name} {entry}" for name, entry in value.items()) if isinstance(value, Mapping) else str(value)
    return short(printable(text))


def _load(
    name: str, as_json: bool, recipe: str | None, images: int | None, attack: str | None,
    dataset_version: str | None, attack_seed: int | None,
) -> Table:  # fmt: skip
    """A table with progress; the last five choose among the records of a store."""
    from robnas.benchmarks import load

    with progress_bar(as_json) as progress:
        return load(
            name, progress, recipe=recipe, images=images, attack=attack, dataset_version=dataset_version,
            attack_seed=attack_seed,
        )  # fmt: skip


def query(
    architecture: Annotated[
        str, typer.Argument(help=f"{ENCODINGS}; or a published index written as '#2581'.", show_default=False)
    ],
    table: TableName = "digits",
    dataset: Annotated[str | None, typer.Option(help="Such as cifar10.")] = None,
    metric: Annotated[str | None, typer.Option(help="Such as clean or pgd@8/255.")] = None,
    split: Annotated[
        str | None, typer.Option(help="validation or test; may be omitted where there is one only.")
    ] = None,
    seed: Annotated[str, typer.Option(help="mean, or the number of a run.")] = "mean",
    resolve: Resolve = "declared",
    recipe: Recipe = None,
    images: Images = None,
    attack: Attack = None,
    dataset_version: DatasetVersion = None,
    attack_seed: AttackSeed = None,
    noise: Annotated[
        str,
        typer.Option(help="local: that of architectures of similar accuracy, if enough were repeated; pooled: of all."),
    ] = "local",
    ranks: Annotated[
        str,
        typer.Option(
            help="Ranks that the noise leaves possible: marginal, at least 95 % for one architecture; "
            "stepwise, the same and a little narrower; simultaneous, for all at once; bayes, narrower, about 95 % on "
            "average over architectures."
        ),
    ] = "marginal",
    as_json: Json = False,
) -> None:
    """Look up one accuracy, with its rank and what is uncertain about it."""
    from robnas.analysis import RankMethod
    from robnas.errors import InputError

    found = _load(table, as_json, recipe, images, attack, dataset_version, attack_seed)
    arch = parse_architecture(architecture)
    if seed != "mean" and not (seed.isascii() and seed.isdecimal()):
        raise InputError("--seed", expected="mean or the number of a run", got=seed)
    if noise not in ("pooled", "local"):
        raise InputError("--noise", expected="pooled or local", got=noise)
    if ranks not in get_args(RankMethod):
        raise InputError("--ranks", expected=f"one of {', '.join(get_args(RankMethod))}", got=ranks)
    run: Any = seed if seed == "mean" else int(seed)
    left_out = split is None
    split = split or _only_split(found, dataset, metric)
    value = found.query(arch, dataset=dataset, metric=metric, split=split, seed=run, resolve=resolve)  # type: ignore[arg-type]
    if left_out:
        say(f"--split {split}: the only one of {dataset} {metric} in {found.name}", sys.stderr)
    row = found.row(arch, resolve)  # type: ignore[arg-type]
    asked = found.architecture(arch)
    facts: dict[str, Any] = {
        "asked": asked.code,
        "architecture": found.architectures[row].code,
        "genotype": found.architectures[row].genotype,
        "identical": value.identical,
        "dataset": dataset,
        "metric": metric,
        "split": split,
        "seed": run,
        "value": float(value),
        "runs": value.runs,
        **found.column(dataset, metric, split).facts,
    }
    known = _noise(found, dataset, metric, split, noise)
    error = _error(found, row, dataset, metric, split, value.runs, known)
    if error is not None:
        low, high = max(0.0, value - error[0]), min(1.0, value + error[0])
        facts |= {"standard_error": error[0], "error_of": error[1], "low": low, "high": high}
    constant = _constant(found, row, dataset, split)
    facts["constant"] = constant
    if run == "mean" and dataset and metric and split:
        facts |= _rank(found, row, dataset, metric, split, known, ranks)
    if as_json:
        print_json(facts)
        return
    runs = "one run" if value.runs == 1 else f"mean of {value.runs} runs"
    say(f"{facts['architecture']} {dataset} {split} {metric}: {100 * value:.2f} % ({runs})")
    if "recipe" in facts:
        say(_settings(facts))
    if "rank" in facts:
        print(f"rank {facts['rank']:,} of {facts['of']:,}{_shared(facts['sharing'])}; {rank_set_text(facts)}")
    if facts.get("noise"):
        print(noise_text(facts, noise))
    if error is not None:
        print(
            f"standard error {100 * error[0]:.2f} points, {100 * facts['low']:.2f} to {100 * facts['high']:.2f} %: "
            f"{_ERROR_OF[facts['error_of']]}"
        )
    if constant:
        print(
            "this network gives one answer whatever the image shows, or learned nothing, as far as accuracies tell: "
            "what it keeps under attack is no robustness"
        )
    elif constant is None:
        print("not checked whether the network is constant: number of classes or clean accuracy unknown")
    if asked != found.architectures[row]:
        print(f"{asked} itself was not trained: {_relation(asked, found.architectures[row], value.identical)}")


def _relation(asked: Architecture, trained: Architecture, identical: bool) -> str:
    """Who answers for an architecture that was not trained itself."""
    from robnas.networks import count
    from robnas.spaces import partition

    if identical:
        return f"{trained} is isomorphic to it and was"
    if partition("effective").same(asked, trained):
        return f"{trained} of its class was, which computes the same functions up to a constant"
    ours, theirs = (count(arch, live=True).parameters for arch in (asked, trained))
    sizes = f", of {theirs:,} parameters on live edges where {asked} has {ours:,}" if ours != theirs else ""
    return f"{trained} of its class was, which is another network{sizes}"


def _only_split(table: Table, dataset: str | None, metric: str | None) -> str | None:
    """The split of this metric, or of the data set where it is not there, if there is no other one."""
    keys = [*((column.dataset, column.split, column.metric) for column in table.columns), *table.ambiguous]
    of_dataset = {(split, measured) for known, split, measured in keys if known == dataset}
    splits = {split for split, measured in of_dataset if measured == metric} or {split for split, _ in of_dataset}
    return splits.pop() if len(splits) == 1 else None


_ERROR_OF = {
    "similar": "repeated trainings of networks of similar accuracy",
    "trainings": "repeated trainings of all networks",
    "images": "the number of images; another training adds its own",
}


def _noise(
    table: Table, dataset: str | None, metric: str | None, split: str | None, asked: str
) -> Noise | LocalNoise | None:
    """That of trainings; None where it is not known."""
    from robnas.analysis import known_noise, shown_noise

    return (shown_noise if asked == "local" else known_noise)(table, table.column(dataset, metric, split))


def _error(
    table: Table,
    row: int,
    dataset: str | None,
    metric: str | None,
    split: str | None,
    runs: int,
    noise: Noise | LocalNoise | None,
) -> tuple[float, str] | None:
    """Standard error of a mean of so many trainings and what it is made of; None where it is not known."""
    from robnas.analysis import standard_errors

    column = table.column(dataset, metric, split)
    errors, source = standard_errors(table, column, noise)
    error = float(errors[row])
    if math.isnan(error):
        return None
    return (error if source == "images" else error * math.sqrt(column.counts[row] / runs)), source


def _constant(table: Table, row: int, dataset: str | None, split: str | None) -> bool | None:
    """Whether the network of a row is constant; None where that cannot be told."""
    from robnas.analysis import constant_rows

    rows = constant_rows(table, str(dataset), str(split))
    return None if rows is None else bool(rows[row])


def _rank(
    table: Table, row: int, dataset: str, metric: str, split: str, noise: Noise | LocalNoise | None, ranks: Any
) -> dict[str, Any]:
    """Rank among others, if there are some, and its confidence set where the noise is known."""
    from robnas.analysis import rank_set
    from robnas.benchmarks import competition_ranks, sharing

    column = table.column(dataset, metric, split)
    placed = competition_ranks(column.mean)
    count = int((column.counts > 0).sum())
    if count < 2:
        return {}
    facts = {"rank": int(placed[row]), "sharing": int(sharing(placed)[row]), "of": count}
    if noise is None:
        return facts | {"noise": None}
    place = rank_set(
        table, table.architectures[row], dataset=dataset, metric=metric, split=split, noise=noise, method=ranks
    )
    low, high = noise.interval_at(place.value)
    return facts | {
        "rank_low": place.low, "rank_high": place.high, "rank_method": ranks, "rank_guarantee": place.guarantee,
        "noise": noise.kind, "run_sd": float(noise.run_sd_at(place.value)), "run_sd_low": low, "run_sd_high": high,
        "noise_groups": noise.groups,
    }  # fmt: skip


def _shared(sharing: int) -> str:
    return f", shared by {sharing:,}" if sharing > 1 else ""


def _settings(facts: Mapping[str, Any]) -> str:
    """What an own measurement rests on, in one line."""
    recipe = f"{facts['recipe']} ({_shown(facts['recipe_name'])})" if facts.get("recipe_name") else facts["recipe"]
    attack = f", attack {facts['attack']}" if facts.get("attack") else ""
    return (
        f"recipe {recipe}, {facts['images']:,} images of {facts['dataset']} version {facts['dataset_version']}{attack}"
    )


def export(
    table: Annotated[str, typer.Argument(help="As --table of query.", show_default=False)],
    out: Annotated[Path, typer.Option(help="File ending in .parquet, .csv or .json.")],
    dataset: Annotated[str | None, typer.Option(help="Only this data set; all if omitted.")] = None,
    recipe: Recipe = None,
    images: Images = None,
    attack: Attack = None,
    dataset_version: DatasetVersion = None,
    attack_seed: AttackSeed = None,
    as_json: Json = False,
) -> None:
    """Write a table to a file: .parquet is read back by robnas, .csv and .json hold the means for others.

    In .csv and .json an architecture is its genotype, since spreadsheets and pandas read the code 000014 as the number
    14.
    """
    from robnas._files import check_writable, write_text
    from robnas.benchmarks import write_table
    from robnas.errors import InputError

    if out.suffix not in (".parquet", ".csv", ".json"):
        raise InputError("--out", expected="a file ending in .parquet, .csv or .json", got=str(out))
    check_writable(out)
    found = _load(table, as_json, recipe, images, attack, dataset_version, attack_seed)
    if dataset:
        found = found.select(dataset)
    frame = found.to_pandas(dataset).reset_index()  # an error if nothing can be written
    frame["architecture"] = frame["genotype"]
    if out.suffix == ".parquet":
        write_table(found, out)
    else:
        as_csv = out.suffix == ".csv"
        text = frame.to_csv(index=False) if as_csv else frame.to_json(orient="records", double_precision=15) + "\n"
        write_text(out, text)
    left_out = [str(reason.error(" ".join(key))) for key, reason in found.ambiguous.items()]
    if as_json:
        print_json({"path": str(out), "architectures": len(found), "left_out": left_out})
        return
    say(f"{len(found):,} architectures of {found.name}: {out}")
    for text in left_out:
        say(f"left out: {text}", sys.stderr)

"""The command that looks up one accuracy."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from robnas.cli._common import ENCODINGS, Json, TableName, parse_architecture, print_json, progress_bar, say
from robnas.cli._noise import noise_text, rank_set_text
from robnas.cli._space import SpaceName
from robnas.cli._tables import Attack, AttackSeed, Beta, DatasetVersion, Images, Recipe, load_chosen, shown
from robnas.types import is_attacked

if TYPE_CHECKING:
    from robnas.benchmarks import Column, LocalNoise, Noise, Table
    from robnas.spaces import Architecture, Space

_SAME_FUNCTIONS = "effective"
"""The partition into architectures whose networks compute the same functions up to a constant."""
Resolve = Annotated[
    str, typer.Option(help="declared, exact, official, effective or identical: which architectures stand in.")
]


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
    epoch: Annotated[
        int | None, typer.Option(help="Of the learning curves, the value after this epoch; if omitted, the last.")
    ] = None,
    resolve: Resolve = "declared",
    space: SpaceName = None,
    beta: Beta = None,
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
    everything: Annotated[
        bool,
        typer.Option("--all", help="Everything known about the architecture, by source, data set and kind of figure."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Look up one accuracy, with its rank and what is uncertain about it; or with --all everything that is known."""
    from robnas.errors import InputError
    from robnas.statistics import RankMethod

    found = load_chosen(table, as_json, recipe, images, attack, dataset_version, attack_seed, space, beta)
    arch = parse_architecture(architecture)
    if seed != "mean" and not (seed.isascii() and seed.isdecimal()):
        raise InputError("--seed", expected="mean or the number of a run", got=seed)
    if noise not in ("pooled", "local"):
        raise InputError("--noise", expected="pooled or local", got=noise)
    if ranks not in get_args(RankMethod):
        raise InputError("--ranks", expected=f"one of {', '.join(get_args(RankMethod))}", got=ranks)
    if everything:
        for option, given in (("--metric", metric), ("--epoch", epoch), ("--seed", None if seed == "mean" else seed)):
            if given is not None:
                raise InputError(option, expected="no such option beside --all, which shows them all", got=given)
        _print_all(found, arch, dataset, split, resolve, as_json)
        return
    run: Any = seed if seed == "mean" else int(seed)
    if epoch is not None:
        _after_epoch(found, arch, dataset, metric, split, run, resolve, epoch, as_json)
        return
    left_out = split is None
    split = split or _only_split(found, dataset, metric)
    value = found.query(arch, dataset=dataset, metric=metric, split=split, seed=run, resolve=resolve)
    if left_out:
        say(f"--split {split}: the only one of {dataset} {metric} in {found.name}", sys.stderr)
    row, column = found.row(arch, resolve), found.column(dataset, metric, split)
    metric = column.qualified  # which may have been asked for by an old name
    asked, trained = found.architecture(arch), found.architectures[row]
    facts: dict[str, Any] = {
        "space": column.space or found.space.name,
        "asked": asked.text,
        "architecture": trained.text,
        **found.space.spellings(trained),
        "identical": value.identical,
        "dataset": dataset,
        "metric": metric,
        "split": split,
        "seed": run,
        "value": float(value),
        **({} if column.is_accuracy else {"unit": column.unit, "direction": column.direction}),
        **({"source": column.source} if column.source else {}),
        **({} if column.beta is None else {"beta": column.beta}),
        "runs": value.runs,
        "measured": value.runs > 0,
        "sd": None,
        **column.facts,
    }
    known = _noise(found, column, noise)
    error = _error(found, row, column, value.runs, known)
    if error is not None:
        low, high = (value - error[0], value + error[0])
        if column.is_accuracy:
            low, high = max(0.0, low), min(1.0, high)
        told = {"standard_error": error[0], "error_of": error[1]} if facts["measured"] else {"sd": error[0]}
        facts |= {**told, "low": low, "high": high}
    facts["constant"] = _constant(found, row, column) if facts["measured"] else None
    if run == "mean":
        facts |= _rank(found, row, column, known, ranks)
    if as_json:
        print_json(facts)
        return
    _print(facts, value.runs, noise)
    if asked != trained:
        say(f"{asked} itself {_lacks(facts['measured'])}: {_relation(found.space, asked, trained, value.identical)}")


def _print_all(table: Table, arch: object, dataset: str | None, split: str | None, resolve: str, as_json: bool) -> None:
    from robnas.cli._card import print_card
    from robnas.statistics import card

    with progress_bar(as_json) as progress:
        found = card(table, arch, dataset=dataset, split=split, resolve=resolve, progress=progress)
    print_card(table, found, as_json)
    if not as_json and found.asked != found.architecture:
        relation = _relation(table.space, found.asked, found.architecture, found.identical)
        say(f"{found.asked} itself was not trained: {relation}")


def _after_epoch(
    table: Table, arch: object, dataset: str | None, metric: str | None, split: str | None, seed: Any, resolve: str,
    epoch: int, as_json: bool,
) -> None:  # fmt: skip
    """What the learning curves say; ranks and noise belong to whole trainings."""
    if split is None:
        splits = {one.split for one in table.curves if one.dataset == dataset and one.is_called(metric or "")}
        split = splits.pop() if len(splits) == 1 else None
        if split is not None:
            say(f"--split {split}: the only one of the curves {dataset} {metric} in {table.name}", sys.stderr)
    value = table.query(arch, dataset=dataset, metric=metric, split=split, seed=seed, resolve=resolve, epoch=epoch)
    curve = table.curve_column(dataset, metric, split)
    asked, trained = table.architecture(arch), table.at(table.row(arch, resolve))
    facts = {
        "space": curve.space or table.space.name, "asked": asked.text, "architecture": trained.text,
        **table.space.spellings(trained), "identical": value.identical, "dataset": dataset, "metric": metric,
        "split": split, "seed": seed, "epoch": epoch, "epochs": list(curve.epochs), "value": float(value),
        "runs": value.runs, **curve.facts,
    }  # fmt: skip
    if as_json:
        print_json(facts)
        return
    runs = "one run" if value.runs == 1 else f"mean of {value.runs} runs"
    shown_value = f"{100 * value:.2f} %" if curve.is_accuracy else f"{value:.4g}"
    say(f"{trained.text} {dataset} {split} {metric} after epoch {epoch}: {shown_value} ({runs})")
    if curve.images is not None and "recipe" in facts:
        say(_settings(facts))
    if asked != trained:
        say(f"{asked} itself was not trained: {_relation(table.space, asked, trained, value.identical)}")


def _print(facts: Mapping[str, Any], trainings: int, noise: str) -> None:
    """What was found, a line each; `noise` as it was asked for."""
    where = f"{facts['architecture']} {facts['dataset']} {facts['split']} {facts['metric']}"
    if facts["measured"]:
        runs = "one run" if trainings == 1 else f"mean of {trainings} runs"
        say(f"{where}: {_value_text(facts)} ({runs})")
    else:
        say(f"{where}: predicted {_value_text(facts)}{_sd_text(facts)}, not measured")
    if "recipe" in facts:
        say(_settings(facts))
    if relatives := facts.get("relatives"):
        print(
            f"for up to {relatives:,} architectures of this table this is the value of another network of their class"
        )
    if "epsilon" in facts:
        say(f"ε {facts['epsilon']}")
    if "rank" in facts:
        told = f"the best is what one would {facts['direction']}" if "direction" in facts else ""
        if "predicted" in facts:
            told = f"{facts['predicted']:,} of these values are predicted, and no noise tells which ranks are possible"
        elif "noise" in facts:
            told = rank_set_text(facts)
        print(f"rank {facts['rank']:,} of {facts['of']:,}{_shared(facts['sharing'])}; {told}")
    if facts.get("noise"):
        print(noise_text(facts, noise))
    if facts["sd"] is not None:
        print(_predicted_text(facts))
    if "predicted_by" in facts and not facts["measured"]:
        say(f"predicted by {shown(facts['predicted_by'])}")
    if "standard_error" in facts:
        print(
            f"standard error {100 * facts['standard_error']:.2f} points, {100 * facts['low']:.2f} to "
            f"{100 * facts['high']:.2f} %: {_ERROR_OF[facts['error_of']]}"
        )
    if "unit" in facts or not facts["measured"]:
        return
    if facts["constant"]:
        print(
            "this network gives one answer whatever the image shows, or learned nothing, as far as accuracies tell: "
            "what it keeps under attack is no robustness"
        )
    elif facts["constant"] is None:
        print("not checked whether the network is constant: number of classes or clean accuracy unknown")


def _sd_text(facts: Mapping[str, Any]) -> str:
    """`` ±7.30`` in percentage points or in the unit; nothing where it is not known."""
    if facts["sd"] is None:
        return ""
    return f" ±{facts['sd']:.3g}" if "unit" in facts else f" ±{100 * facts['sd']:.2f}"


def _predicted_text(facts: Mapping[str, Any]) -> str:
    """What the standard deviation of a predicted value means."""
    ends = [f"{facts[key]:.6g}" if "unit" in facts else f"{100 * facts[key]:.2f}" for key in ("low", "high")]
    unit = f" {facts['unit']}".rstrip() if "unit" in facts else " %"
    return f"{' to '.join(ends)}{unit}: one standard deviation of what one training would measure"


def _lacks(measured: bool) -> str:
    return "was not trained" if measured else "has no value of its own"


def _relation(space: Space, asked: Architecture, trained: Architecture, identical: bool) -> str:
    """Who answers for an architecture that was not trained itself."""
    from robnas.networks import count

    if identical:
        return f"{trained} is isomorphic to it and was"
    if _SAME_FUNCTIONS in space.partitions and space.partition(_SAME_FUNCTIONS).same(asked, trained):
        return f"{trained} of its class was, which computes the same functions up to a constant"
    ours, theirs = (count(arch, live=True, space=space).parameters for arch in (asked, trained))
    sizes = f", of {theirs:,} parameters on live edges where {asked} has {ours:,}" if ours != theirs else ""
    return f"{trained} of its class was, which is another network{sizes}"


def _only_split(table: Table, dataset: str | None, metric: str | None) -> str | None:
    """The split of this metric, or of the data set where it is not there, if there is no other one."""
    splits = table.splits(dataset, metric) or table.splits(dataset)
    return splits[0] if len(splits) == 1 else None


_ERROR_OF = {
    "similar": "repeated trainings of networks of similar accuracy",
    "trainings": "repeated trainings of all networks",
    "images": "the number of images; another training adds its own",
}


def _noise(table: Table, column: Column, asked: str) -> Noise | LocalNoise | None:
    """That of trainings; None where it is not known."""
    from robnas.statistics import known_noise, shown_noise

    return (shown_noise if asked == "local" else known_noise)(table, column)


def _error(
    table: Table, row: int, column: Column, runs: int, noise: Noise | LocalNoise | None
) -> tuple[float, str] | None:
    """Standard error of a mean of so many trainings and what it is made of; None where it is not known.

    Of what is predicted the standard deviation of its predictive distribution.
    """
    from robnas.statistics import standard_errors

    if not runs:
        return None if column.sd is None or math.isnan(column.sd[row]) else (float(column.sd[row]), "")
    errors, source = standard_errors(table, column, noise)
    error = float(errors[row])
    if math.isnan(error):
        return None
    return (error if source == "images" else error * math.sqrt(column.counts[row] / runs)), source


def _constant(table: Table, row: int, column: Column) -> bool | None:
    """Whether the network of a row is constant; None where that cannot be told."""
    from robnas.statistics import constant_in, part_with

    rows = constant_in(part_with(table, column))
    return None if rows is None else bool(rows[row])


def _rank(table: Table, row: int, column: Column, noise: Noise | LocalNoise | None, ranks: Any) -> dict[str, Any]:
    """Rank among others, if there are some, and its confidence set where the noise is known."""
    import numpy as np

    from robnas.benchmarks import column_ranks, predicted_rows, sharing
    from robnas.statistics import rank_set

    placed = column_ranks(column)
    count = int((~np.isnan(column.mean)).sum())
    if count < 2:
        return {}
    facts = {"rank": int(placed[row]), "sharing": int(sharing(placed)[row]), "of": count}
    if column.predicted is not None:
        return facts | {"predicted": int(predicted_rows(column).sum())}
    if not column.is_accuracy:
        return facts
    if noise is None:
        return facts | {"noise": None}
    place = rank_set(
        table, table.at(row), dataset=column.dataset, metric=column.address, split=column.split, noise=noise,
        method=ranks, space=column.space, beta=column.beta,
    )  # fmt: skip
    low, high = noise.interval_at(place.value)
    return facts | {
        "rank_low": place.low, "rank_high": place.high, "rank_method": ranks, "rank_guarantee": place.guarantee,
        "noise": noise.kind, "run_sd": float(noise.run_sd_at(place.value)), "run_sd_low": low, "run_sd_high": high,
        "noise_groups": noise.groups,
    }  # fmt: skip


def _value_text(facts: Mapping[str, Any]) -> str:
    """An accuracy in percent, or a value with its unit."""
    if "unit" not in facts:
        return f"{100 * facts['value']:.2f} %"
    return f"{facts['value']:.6g} {facts['unit']}".rstrip()


def _shared(sharing: int) -> str:
    return f", shared by {sharing:,}" if sharing > 1 else ""


def _settings(facts: Mapping[str, Any]) -> str:
    """What an own measurement rests on, in one line."""
    recipe = f"{facts['recipe']} ({shown(facts['recipe_name'])})" if facts.get("recipe_name") else facts["recipe"]
    what = "attack" if is_attacked(facts["metric"]) else "corrupted"
    attack = f", {what} {facts['attack']}" if facts.get("attack") else ""
    return (
        f"recipe {recipe}, {facts['images']:,} images of {facts['dataset']} version {facts['dataset_version']}{attack}"
    )

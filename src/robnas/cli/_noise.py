"""What commands say about the noise of trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from robnas.cli._common import say

if TYPE_CHECKING:
    from robnas.benchmarks import Column, Table

_OF_NOISE = {"local": " of similar accuracy", "pooled": ", pooled over all accuracies,"}


def noise_facts(table: Table, column: Column) -> dict[str, Any] | None:
    """Standard deviation of one training, pooled; None where too few were repeated."""
    from robnas.statistics import known_noise

    found = known_noise(table, column)
    if found is None:
        return None
    low, high = found.interval
    return {
        "run_sd": found.run_sd, "low": low, "high": high, "source": found.source, "groups": found.groups,
        "members": found.members,
    }  # fmt: skip


def print_noise(columns: Sequence[Mapping[str, Any]]) -> None:
    """The noise of each column in one line per split."""
    groups: dict[str, list[str]] = {}
    for column in columns:
        if (noise := column["noise"]) is not None:
            sd, low, high = (f"{100 * noise[key]:.2f}" for key in ("run_sd", "low", "high"))
            groups.setdefault(spot_text(column, columns), []).append(f"{column['metric']} {sd} ({low} to {high})")
    if groups:
        say("  standard deviation of one training in percentage points (95 %), pooled over repeated trainings:")
    for name, texts in groups.items():
        say(f"    {name}: {', '.join(texts)}")


def spot_text(column: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> str:
    """Data set and split with the source, if it has one, and space and beta where the columns are of several."""
    space, beta = (len({one.get(key) for one in columns}) > 1 for key in ("space", "beta"))
    source = f"{column['source']}:" if column.get("source") else ""
    told = (f", {column['space']}" if space and column["space"] else "") + (
        f", beta {column['beta']:.12g}" if beta and "beta" in column else ""
    )
    return f"{source}{column['dataset']} {column['split']}{told}"


def rank_set_text(facts: Mapping[str, Any]) -> str:
    """The ranks that noise leaves possible, or why that cannot be told."""
    if facts["noise"] is None:
        return "how far noise may move it is not known: too few trainings were repeated, or none differed"
    return (
        f"with the noise of repeated trainings{_OF_NOISE[facts['noise']]} anything from "
        f"{facts['rank_low']:,} to {facts['rank_high']:,} ({facts['rank_guarantee']})"
    )


def noise_text(facts: Mapping[str, Any], asked: str) -> str:
    """The noise behind the ranks, in one line."""
    sds = " to ".join(f"{100 * facts[key]:.2f}" for key in ("run_sd_low", "run_sd_high"))
    text = f"standard deviation of one training {100 * facts['run_sd']:.2f} points, {sds} (95 %), {facts['noise']}: "
    text += f"{facts['noise_groups']:,} networks were trained several times"
    return f"{text}, too few for that of similar accuracy" if facts["noise"] != asked else text

"""What `robnas query --all` prints: everything known about one architecture."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from robnas.cli._common import print_json, say
from robnas.cli._tables import shown
from robnas.types import SEVERITIES, is_one_corruption

if TYPE_CHECKING:
    from robnas.benchmarks import Table
    from robnas.statistics import Card, Group, Known

_KINDS = {
    "clean": "clean accuracy", "attack": "accuracy under attack", "corruption": "accuracy on corrupted images",
    "other": "other accuracies", "cost": "cost, lower is better", "score": "scores, higher is better",
}  # fmt: skip


def print_card(table: Table, card: Card, as_json: bool) -> None:
    """A card as one JSON document, or as text."""
    if as_json:
        print_json(card_facts(table, card))
        return
    spelled = " ".join(f"{name} {text}" for name, text in table.space.spellings(card.architecture).items())
    say(f"{card.architecture.text} {spelled}".rstrip())
    spaces = {known.space for group in card.groups for known in group.known} - {None}
    if len(spaces) == 1:
        say(f"trained as {spaces.pop()}")
    for group in card.groups:
        several = len(card.sources) > 1 or group.source != table.name
        say(f"{f'{group.source}: ' if several else ''}{group.dataset}, {_KINDS[group.kind]}")
        for line in _lines(group, tell_space=bool(spaces)):
            say(f"  {line}")
    if card.curves:
        say(f"learning curves: {', '.join(card.curves)}")
    for source, about in card.sources.items():
        for what, text in about.items():
            say(f"{source}, {what}: {shown(text)}")


def _lines(group: Group, tell_space: bool) -> Iterator[str]:
    """A line for each value, then one for each corruption, and one for what is missing."""
    yield from _below(
        [_cells(known, tell_space, _beta(known, group)) for known in group.known if not is_one_corruption(known.metric)]
    )
    grid: dict[tuple[str, ...], dict[int, str]] = {}
    for known in filter(lambda known: is_one_corruption(known.metric), group.known):
        corruption, _, severity = known.metric.partition("@")
        told = (known.space or "") if tell_space else None, _beta(known, group) or None
        place = corruption, known.split, *(one for one in told if one is not None)
        grid.setdefault(place, {})[int(severity)] = f"{'' if known.measured else '~'}{100 * known.value:.1f}"
    if grid:
        guessed = ", ~ predicted" if any("~" in text for at in grid.values() for text in at.values()) else ""
        yield f"in % at severity 1 to 5{guessed} (errors and ranks of each: --json)"
        yield from _below(
            [(name, *(at.get(one, "-") for one in SEVERITIES), *rest) for (name, *rest), at in grid.items()]
        )
    if group.missing:
        yield f"not measured: {', '.join(group.missing)}"
    if relatives := max((known.relatives for known in group.known), default=0):
        yield f"for up to {relatives:,} architectures of this table these are values of another network of their class"


def _below(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Rows as text, their cells below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _beta(known: Known, group: Group) -> str:
    """The beta, where a group has several."""
    from robnas._betas import beta_text

    return beta_text(known.beta) if len({one.beta for one in group.known}) > 1 else ""


def _cells(known: Known, tell_space: bool, beta: str) -> tuple[str, ...]:
    accuracy = not known.unit and known.direction == "maximise"
    value = f"{100 * known.value:.2f} %" if accuracy else f"{known.value:.6g} {known.unit}".rstrip()
    sd = known.standard_error if known.measured else known.sd
    error = "" if sd is None else f"±{_of_scale(sd, accuracy)}"
    shared = f", shared by {known.sharing:,}" if known.sharing > 1 else ""
    noise = "" if known.ranks is None else f" ({known.ranks[0]:,} to {known.ranks[1]:,} with the noise)"
    runs = "one run" if known.runs == 1 else f"{known.runs} runs" if known.measured else "predicted"
    images = "" if known.images is None or not known.measured else f", {known.images:,} images"
    space = f", {known.space}" if tell_space and known.space else ""
    rank = f"rank {known.rank:,} of {known.of:,}{shared}{noise}"
    value = value if known.measured else f"~{value}"
    return f"{known.metric} {beta}".rstrip(), value, error, rank, f"{known.split}, {runs}{images}{space}"


def _of_scale(error: float, accuracy: bool) -> str:
    return f"{100 * error:.2f}" if accuracy else f"{error:.3g}"


def card_facts(table: Table, card: Card) -> dict[str, Any]:
    """A card as plain values."""
    return {
        "table": table.name,
        "space": table.space.name,
        "asked": card.asked.text,
        "architecture": card.architecture.text,
        **table.space.spellings(card.architecture),
        "identical": card.identical,
        "groups": [
            {
                "source": group.source, "dataset": group.dataset, "kind": group.kind, "missing": list(group.missing),
                "values": [dataclasses.asdict(known) for known in group.known],
            }
            for group in card.groups
        ],
        "curves": list(card.curves),
        "sources": card.sources,
    }  # fmt: skip

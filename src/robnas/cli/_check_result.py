"""The command that sets published rows beside a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import Json, TableName, print_json, progress_bar, say
from robnas.cli._space import SpaceName
from robnas.cli._tables import Beta

if TYPE_CHECKING:
    from robnas.benchmarks import Finding, Table

_MOST_SHOWN = 5


def check_result(
    rows: Annotated[
        Path,
        typer.Argument(
            help="CSV of published rows: name and dataset, if any, and metrics such as clean or pgd@8/255; accuracies "
            "in percent or fractions, with the digits that were printed.",
            show_default=False,
        ),
    ],
    table: TableName = "nas-robbench-201",
    dataset: Annotated[str | None, typer.Option(help="Of rows that do not say it, such as cifar10.")] = None,
    split: Annotated[
        str | None, typer.Option(help="validation or test; may be omitted where there is one only.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="percent or fraction; if omitted, rows with a number above 1 are in percent.")
    ] = None,
    space: SpaceName = None,
    beta: Beta = None,
    as_json: Json = False,
) -> None:
    """Tell which architectures of a table have the numbers of published rows, within rounding, or that none has.

    Exit code 1 where there is a row that no architecture has.
    """
    from robnas.benchmarks import check_claim, load, read_claims

    with progress_bar(as_json) as progress:
        held = load(table, progress, space=space, beta=beta)
        claims = read_claims(rows, unit, held)  # type: ignore[arg-type]
        findings = [check_claim(held, claim, dataset=dataset, split=split) for claim in claims]
    if as_json:
        print_json({"table": held.name, "space": held.space_key, "rows": [_facts(held, found) for found in findings]})
    else:
        for found in findings:
            _print(held, found)
    if not all(found.possible for found in findings):
        raise typer.Exit(1)


def _facts(table: Table, found: Finding) -> dict[str, Any]:
    nearest = None
    if found.nearest is not None:
        nearest = {"architecture": found.nearest.text, **table.space.spellings(found.nearest), "values": found.values}
    return {
        "name": found.claim.name,
        "dataset": found.dataset,
        "split": found.split,
        "unit": found.claim.unit,
        "average": found.claim.average,
        "numbers": {
            metric: {"printed": number.text, "value": number.value, "rounding": number.rounding}
            for metric, number in zip(found.metrics, found.claim.numbers.values(), strict=True)
        },
        "possible": found.possible,
        "architectures": [arch.text for arch in found.architectures],
        "undecided": [arch.text for arch in found.undecided],
        "nearest": nearest,
        "misses_by": found.misses_by,
        "best_of_each": found.best_of_each,
        "beyond": list(found.beyond),
    }


def _print(table: Table, found: Finding) -> None:
    claim, have = found.claim, found.architectures
    where = f"{claim.name} ({found.dataset} {found.split}, {len(claim.numbers)} numbers read as {claim.unit}s)"
    where = where.replace("percents", "percent").replace(" 1 numbers", " 1 number")
    if have:
        others = "s" if len(have) > 1 else ""
        names = ", ".join(arch.text for arch in have[:_MOST_SHOWN]) + (" …" if len(have) > _MOST_SHOWN else "")
        say(f"{where}: {len(have):,} architecture{others} of {table.name} within rounding: {names}")
    elif claim.average:
        may = "can be" if found.possible else f"cannot be, by {100 * found.misses_by:.2f} points,"
        say(f"{where}: means of several runs; they {may} those of architectures of {table.name}")
    else:
        say(f"{where}: no architecture of {table.name} is {'known to be ' if found.undecided else ''}within rounding")
    if found.beyond:
        say(f"  beyond all values of the table: {', '.join(found.beyond)}")
    if found.best_of_each and len(claim.numbers) > 1:
        say("  each number is the best of its column" + ("" if have else ", and no architecture has them all"))
    if found.undecided:
        say(f"  {len(found.undecided):,} more cannot be told: the table lacks some of their values")
    if not have and found.nearest is not None:
        values = ", ".join(f"{metric} {value:.4f}" for metric, value in found.values.items())
        off = "" if claim.average else f", {100 * found.misses_by:.2f} points beyond rounding"
        say(f"  nearest is {found.nearest.text}{off}: {values}")

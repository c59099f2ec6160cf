"""The command that writes everything about a table, a store or a search into one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robnas.cli._common import print_json, progress_bar
from robnas.cli._space import SpaceName, space_choice
from robnas.cli._tables import Attack, AttackSeed, Beta, DatasetVersion, Images, Recipe


def report(
    source: Annotated[
        str,
        typer.Argument(
            help="A store such as runs.db or postgresql://…, a table file, the name of a published table, or a folder "
            "of robnas search --out.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="File ending in .html, or in .md with the pictures in a folder of the same name.")
    ] = Path("report.html"),
    rank_by: Annotated[
        str | None, typer.Option(help="Metric that ranks, such as pgd@8/255; the strongest PGD if omitted.")
    ] = None,
    plan: Annotated[
        str | None, typer.Option(help="Of a store: the finished trials of this plan only, its name or hash.")
    ] = None,
    space: SpaceName = None,
    beta: Beta = None,
    recipe: Recipe = None,
    images: Images = None,
    attack: Attack = None,
    dataset_version: DatasetVersion = None,
    attack_seed: AttackSeed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as one JSON document as well.")] = False,
) -> None:
    """Write a report: ranking with errors, clean against robust, noise floor, correlations, flags, provenance."""
    from robnas.benchmarks import Choice
    from robnas.reports import check_page, report_of, write_page

    check_page(out)
    choice = Choice(
        recipe=recipe, images=images, attack=attack, dataset_version=dataset_version, attack_seed=attack_seed,
        space=space_choice(space),
    )  # fmt: skip
    with progress_bar(as_json) as progress:
        found = report_of(source, rank_by=rank_by, plan=plan, choice=choice, beta=beta, progress=progress)
        files = write_page(found.page, out)
    if as_json:
        print_json({"kind": found.kind, "files": [str(path) for path in files], **found.facts})
    else:
        print(f"report  {out}")

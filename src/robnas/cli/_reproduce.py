"""The command that makes tables and figures again."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas._files import read_text
from robnas.cli._common import AllowPartial, DataDir, Json, print_json, progress_bar
from robnas.cli._space import SpaceName, check_agrees, chosen_space
from robnas.types import Progress

if TYPE_CHECKING:
    from robnas.benchmarks import Scores, Table
    from robnas.data import Dataset
    from robnas.proxies import ProxySettings
    from robnas.spaces import Architecture, Space

_RADII = ("8/255", "3/255")  # those of the paper


def reproduce(
    name: Annotated[
        str, typer.Argument(help="table1, table2, figure2, figure3, duplicates, proxies, figure5.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for CSV, PNG and SVG.")] = Path("reproduced"),
    scores: Annotated[
        list[str] | None,
        typer.Option(
            help="proxies, figure5: file of robnas score; for figure5 one per radius of the attack, for proxies also "
            "others of equal settings with other scores, and a table of scores such as nas-bench-suite-zero."
        ),
    ] = None,
    table: Annotated[str, typer.Option(help="proxies, figure5: as --table of query.")] = "nas-robbench-201",
    dataset: Annotated[str, typer.Option(help="proxies, figure5: data set of the table.")] = "cifar10",
    data: Annotated[
        str | None,
        typer.Option(help="proxies, figure5, instead of --scores: score with these images; goes on if interrupted."),
    ] = None,
    architectures: Annotated[int, typer.Option(help="With --data: random architectures, one per class.")] = 300,
    images: Annotated[int, typer.Option(help="With --data: training images.")] = 64,
    repeats: Annotated[int, typer.Option(help="With --data: initialisations and batches.")] = 1,
    channels: Annotated[int, typer.Option(help="With --data: channels C of the first stage.")] = 16,
    cells: Annotated[int, typer.Option(help="With --data: cells N per stage.")] = 5,
    reduction: Annotated[str, typer.Option(help="With --data: as --reduction of score.")] = "trace",
    space: SpaceName = None,
    jobs: Annotated[int, typer.Option(help="With --data: processes.")] = 1,
    data_dir: DataDir = None,
    allow_partial: AllowPartial = False,
    as_json: Json = False,
) -> None:
    """Make a table or figure of the paper again from the published tables, or set scores beside a table."""
    from robnas._files import check_writable
    from robnas.benchmarks import load, load_scores
    from robnas.errors import InputError, Verbatim
    from robnas.paper import SCORED, TABLE2_NOTICE
    from robnas.paper import reproduce as run

    if data is not None and (scores or name not in SCORED):
        got = Verbatim("both" if scores else f"--data for {name}")
        raise InputError("--data", expected=f"{' or '.join(SCORED)} without --scores", got=got)
    of = chosen_space(None, channels=channels, cells=cells)
    check_agrees(space, of.key, "the paper")
    check_writable(out, folder=True)
    with progress_bar(as_json) as progress:
        found = [load_scores(source, dataset=dataset) for source in scores or ()]
        truth = load(table, progress) if name in SCORED else None
        if data is not None and truth is not None:
            from robnas.data import load_data
            from robnas.kernels import NTKSettings
            from robnas.proxies import ProxySettings

            kernel = NTKSettings(reduction=reduction)  # type: ignore[arg-type]
            settings = ProxySettings(images=images, kernel=kernel)
            archs = _drawn(architectures, truth, dataset)
            source = load_data(data, data_dir=data_dir, allow_partial=allow_partial, progress=progress)
            found = _score(name, out, source, archs, of, repeats, jobs, settings, progress)
        paths = run(name, out, progress, scores=found, table=truth, dataset=dataset)
    if name == "table2":
        print(TABLE2_NOTICE, file=sys.stderr)
    if as_json:
        print_json({"files": [str(path) for path in paths], "tables": _rows(paths)})
    else:
        print("\n".join(map(str, paths)))


def _drawn(count: int, table: Table, dataset: str) -> Sequence[Architecture]:
    """Random architectures, once it is known that the table has what hours of scoring will be set against."""
    import numpy as np

    from robnas.spaces import sample
    from robnas.statistics import trained
    from robnas.types import check_count

    archs = sample(np.random.default_rng(0), check_count("architectures", count, 3), "official")
    trained([arch.text for arch in archs], table, dataset)
    return archs


def _score(
    name: str, out: Path, source: Dataset, archs: Sequence[Architecture], space: Space, repeats: int, jobs: int,
    settings: ProxySettings, progress: Progress,
) -> list[Scores]:  # fmt: skip
    """Scores of these architectures, in files beside the figure.

    Those are all cheap ones and, apart, those made for robustness; or kernels at both radii.
    """
    from robnas.kernels import SCORES
    from robnas.proxies import CHEAP, ROBUSTNESS, as_table, score_many, score_settings
    from robnas.types import ThreatModel

    attacked = [one for one, score in SCORES.items() if score.attacks]
    parts = {"proxies": [("", _RADII[0], list(CHEAP)), ("-robustness", _RADII[0], list(ROBUSTNESS))],
             "figure5": [("-8", _RADII[0], list(SCORES)), ("-3", _RADII[1], attacked)]}[name]  # fmt: skip
    found = []
    for suffix, radius, names in parts:
        path = out / f"{name}-scores{suffix}.parquet"
        at_radius = replace(settings, threat=ThreatModel.linf(radius))
        scored = score_many(
            archs, source, names, space=space, repeats=repeats, settings=at_radius, jobs=jobs, out=path,
            progress=progress,
        )  # fmt: skip
        found.append(as_table(scored, score_settings(source, names, repeats, 0, at_radius, space)))
    return found


def _rows(paths: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """The figures in the CSV files among `paths`, by the name of the file."""
    import csv

    return {
        path.stem: [
            {key: value if key == "architecture" else _plain(value) for key, value in row.items()}
            for row in csv.DictReader(read_text(path).splitlines())
        ]
        for path in paths
        if path.suffix == ".csv"
    }


def _plain(text: str) -> str | bool | int | float | None:
    """A cell as JSON has it; nan, which JSON does not know, is null."""
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            number: int | float = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return text

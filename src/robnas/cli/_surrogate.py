"""The commands under ``surrogate``: what predicts a table from few trainings, and how well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robnas.cli._common import Information, Json, Model, print_json, progress_bar, say
from robnas.cli._space import SpaceName
from robnas.cli._tables import Attack, AttackSeed, Beta, DatasetVersion, Images, Recipe, load_chosen

if TYPE_CHECKING:
    from robnas.surrogates import Assessment

app = typer.Typer(help="Predict a whole table from few trainings.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Predict a whole table from few trainings."""


@app.command(
    epilog="Example: robnas surrogate assess digits --dataset digits --metric pgd@32/255 --split test --train 100"
)
def assess(
    table: Annotated[
        str,
        typer.Argument(
            help="A table with every value: digits, a published table, a file or a store.", show_default=False
        ),
    ],
    dataset: Annotated[str | None, typer.Option(help="Of the values that are predicted.")] = None,
    metric: Annotated[str | None, typer.Option(help="Of the values, such as pgd@8/255.")] = None,
    split: Annotated[str | None, typer.Option(help="Of the values: validation or test.")] = None,
    train: Annotated[int, typer.Option(help="Values that a fit knows, one per class of architectures.")] = 100,
    splits: Annotated[int, typer.Option(help="Fits, each with values of other architectures.")] = 20,
    design: Annotated[str, typer.Option(help="Which are known: random, spread or active.")] = "spread",
    focus: Annotated[
        str, typer.Option(help="Where active lowers the uncertainty: everywhere, or near the top.")
    ] = "everywhere",
    information: Information = None,
    model: Model = "gaussian-process",
    same_dataset: Annotated[
        bool, typer.Option("--same-dataset", help="Accept other columns of the predicted data set as information.")
    ] = False,
    beta: Beta = None,
    space: SpaceName = None,
    recipe: Recipe = None,
    images: Images = None,
    attack: Attack = None,
    dataset_version: DatasetVersion = None,
    attack_seed: AttackSeed = None,
    seed: Annotated[int, typer.Option(help="Of the first fit; the others have the numbers after it.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes; the numbers do not depend on it.")] = 1,
    picture: Annotated[
        Path | None, typer.Option(help="A .png or .svg file: measured against predicted values of the first fit.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure a surrogate on a table that knows every value: fit on a few, predict all others, and again."""
    import numpy as np

    from robnas._files import check_writable
    from robnas.errors import InputError
    from robnas.statistics import prediction_ceiling
    from robnas.surrogates import assess as measure
    from robnas.surrogates import information_of

    if picture is not None:
        if picture.suffix not in (".png", ".svg"):
            raise InputError("--picture", expected="a file ending in .png or .svg", got=str(picture))
        check_writable(picture)
    held = load_chosen(table, as_json, recipe, images, attack, dataset_version, attack_seed, space)
    with progress_bar(as_json) as progress:
        found = measure(
            held, dataset=dataset, metric=metric, split=split, train=train, splits=splits, design=design,
            focus=focus,  # type: ignore[arg-type]
            information=information_of(information, held.space) if information else None, model=model, seed=seed,
            jobs=jobs, same_dataset=same_dataset, beta=beta, progress=progress,
        )  # fmt: skip
    ceiling = prediction_ceiling(held, held.column(dataset, metric, split, beta=beta), np.random.default_rng(0))
    if picture is not None:
        from robnas.reports import measured_against_predicted, write_picture

        write_picture(picture, measured_against_predicted(found, ceiling))
    if as_json:
        print_json({**found.to_dict(), "ceiling": ceiling})
        return
    _print(found, ceiling)
    if picture is not None:
        print(f"picture  {picture}")


_LINES = (
    ("spearman", "Spearman, all", 1, 3),
    ("top_decile_spearman", "  in the true top decile", 1, 3),
    ("r2", "R²", 1, 3),
    ("mae", "mean absolute error", 100, 2),
    ("regret_top10", "regret of the best of ten", 100, 2),
    ("coverage_90", "coverage of 90 % intervals", 1, 3),
    ("coverage_90_top", "  in the predicted top decile", 1, 3),
    ("coverage_90_min", "  in the worst split", 1, 3),
    ("width_90", "their width", 100, 2),
    ("median_width_90", "  median", 100, 2),
)


def _print(found: Assessment, ceiling: dict[str, float] | None) -> None:
    facts = found.to_dict()
    beta = "" if found.beta is None else f", beta {found.beta:.12g}"
    design = found.design + (f" ({found.focus})" if "focus" in facts else "")
    say(
        f"{found.table}, {found.dataset} {found.split} {found.metric}{beta}: {found.train} known values, design "
        f"{design}, {found.model} on {', '.join(found.information)}"
    )
    splits = len(found.splits)
    say(f"judged on {facts['held']:,.0f} architectures of other classes, mean over {splits} splits ± sd between them")
    unit = "points" if found.is_accuracy else found.unit
    for key, name, scale, digits in _LINES:
        text, scale = (f"{name}, {unit}", scale if found.is_accuracy else 1) if scale > 1 else (name, 1)
        best = None if ceiling is None else ceiling.get(key)
        beside = "" if best is None else f"   with the noise of trainings at best {scale * best:.{digits}f}"
        print(f"  {text:<35}{_number(facts[key], scale, digits)} ±{_number(facts[f'{key}_sd'], scale, digits)}{beside}")


def _number(value: Any, scale: int, digits: int) -> str:
    return "–" if value is None else f"{scale * value:.{digits}f}"

"""How much of a published benchmark do few trainings give? Surrogates on a table that knows every value.

    python experiments/surrogates.py --out runs/surrogates --jobs 2
    python experiments/surrogates.py --out runs/surrogates --only structure --train 20,50,100 --splits 20

Assesses surrogates on nas-robbench-201, split by split (`robnas.surrogates.assess`): robust and clean accuracies of its
three data sets, 20 to 500 known values, from the structure alone and from the values of other data sets; the designs
random, spread and active against each other at equal budget; the other models; robust accuracy of the bundled digits.
Each finished assessment is a line of OUT/assessments.jsonl, and the same command goes on behind it. What there is is
printed as Markdown and written to OUT/surrogates.md: means over splits and, of designs, the difference to random choice
with its 95 % interval (bootstrap over splits, which are the same for all designs up to what they choose). The same
stands in `assessments.csv`, `ceilings.csv` and `designs.csv`, accuracies as fractions; experiments/results/surrogates
has these.

Models and their constants were chosen on CIFAR-10 and on the digits. CIFAR-100 is judged here for the first time;
ImageNet16-120 was seen by an earlier study.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from journal import kept_rows

import robnas
from robnas.reports import write_csv
from robnas.statistics import prediction_ceiling
from robnas.surrogates import assess, information_of

TABLE, SPLIT = "nas-robbench-201", "test"
ROBUST, CLEAN = "pgd@8/255", "clean"
DATASETS = ("cifar10", "cifar100", "imagenet16-120")
CIFARS = ("cifar100", "cifar10")
SIZES = (20, 50, 100, 200, 500)
FIRST = 20
MODELS = ("ridge", "trees", "ensemble")
RESAMPLES = 2000
SHOWN = {
    "spearman": (1, 3), "top_decile_spearman": (1, 2), "r2": (1, 3), "mae": (100, 2), "regret_top10": (100, 2),
    "coverage_90": (1, 3), "coverage_90_min": (1, 3), "coverage_90_top": (1, 3), "median_width_90": (100, 2),
}  # fmt: skip
"""Numbers of a table: by what they are multiplied, and digits."""


@dataclass(frozen=True)
class Wanted:
    """One assessment."""

    part: str
    dataset: str
    metric: str
    train: int
    information: tuple[str, ...] = ("structure",)
    design: str = "spread"
    focus: str = "everywhere"
    model: str = "gaussian-process"
    seed: int = 0


def wanted(sizes: tuple[int, ...], seed: int) -> Iterator[Wanted]:
    """All assessments, the most asked first."""
    for dataset in DATASETS:
        for size in sizes:
            yield Wanted("structure", dataset, ROBUST, size, seed=seed)
    for size in sizes:
        yield Wanted("others", "cifar10", ROBUST, size, _with("cifar100"), seed=seed)
        yield Wanted("others", "imagenet16-120", ROBUST, size, _with(*CIFARS), seed=seed)
        yield Wanted("others", "cifar100", ROBUST, size, _with("cifar10"), seed=seed)
    for size in (one for one in sizes if one <= 200):
        yield Wanted("designs", "cifar10", ROBUST, size, design="random", seed=seed)
        for focus in ("everywhere", "top") if size > FIRST else ():  # so many are spread
            yield Wanted("designs", "cifar10", ROBUST, size, design="active", focus=focus, seed=seed)
    for dataset in DATASETS:
        for size in sizes:
            yield Wanted("clean", dataset, CLEAN, size, seed=seed)
    for model in MODELS:
        for size in (one for one in sizes if one <= 200):
            yield Wanted("models", "cifar10", ROBUST, size, model=model, seed=seed)
    for size in (one for one in sizes if one == 200):
        yield Wanted("digits", "digits", "pgd@32/255", size, seed=seed)


def source(dataset: str) -> tuple[str, str]:
    """Table and split of a data set: small trainings, with images to choose on, or the published table."""
    return ("digits", "validation") if dataset == "digits" else (TABLE, SPLIT)


def _with(*datasets: str) -> tuple[str, ...]:
    return ("structure", *(f"columns:{TABLE}::{name}::{ROBUST}::{SPLIT}" for name in datasets))


def main() -> None:
    """Assess what is missing, then print what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/surrogates"))
    parser.add_argument("--only", help="structure, others, designs, clean, models or digits; with commas between")
    parser.add_argument("--dataset", help="with commas between; all if omitted")
    parser.add_argument("--train", default=",".join(map(str, SIZES)))
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first split")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="assess nothing")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    journal = given.out / "assessments.jsonl"
    found = read(journal)
    sizes = tuple(map(int, given.train.split(",")))
    parts, datasets = ((text or "").split(",") for text in (given.only, given.dataset))
    for one in () if given.report else wanted(sizes, given.seed):
        asked = (not given.only or one.part in parts) and (not given.dataset or one.dataset in datasets)
        if asked and key(one, given.splits) not in found:
            found[key(one, given.splits)] = run(one, given.splits, given.jobs)
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found[key(one, given.splits)]) + "\n")
    text = report(list(found.values()))
    print(text)
    (given.out / "surrogates.md").write_text(text, encoding="utf-8")
    keep(list(found.values()), given.out)


def read(journal: Path) -> dict[str, dict[str, Any]]:
    """Finished assessments by their key."""
    return {key(_wanted(one), one["count"]): one for one in kept_rows(journal)}


def _wanted(one: Mapping[str, Any]) -> Wanted:
    """What a line of the journal was asked."""
    return Wanted(**{**one["wanted"], "information": tuple(one["wanted"]["information"])})


def key(one: Wanted, splits: int) -> str:
    """What makes two assessments the same."""
    return json.dumps([asdict(one), splits])


def run(one: Wanted, splits: int, jobs: int) -> dict[str, Any]:
    """One assessment with the numbers of each split."""
    name, split = source(one.dataset)
    table = robnas.load(name)
    found = assess(
        table, dataset=one.dataset, metric=one.metric, split=split, train=one.train, splits=splits, design=one.design,
        focus=one.focus,  # type: ignore[arg-type]
        information=information_of(one.information, table.space), model=one.model, seed=one.seed, jobs=jobs,
    )  # fmt: skip
    shown = ", ".join(f"{name} {scale * found.summary[name]:.{digits}f}" for name, (scale, digits) in SHOWN.items())
    print(f"{one.part}, {one.dataset} {one.metric}, {one.train} values, {one.design}, {one.model}: {shown}", flush=True)
    return {"wanted": asdict(one), "count": splits, "each": [dict(part) for part in found.splits], **found.to_dict()}


def keep(found: list[dict[str, Any]], out: Path) -> None:
    """All numbers as CSV files, in the order in which they are wanted."""
    order = [key(one, 0) for one in wanted(SIZES, 0)]
    found = sorted(
        found, key=lambda one: order.index(key(_wanted(one), 0)) if key(_wanted(one), 0) in order else len(order)
    )
    names = [f"{name}{end}" for name in SHOWN for end in ("", "_sd")]
    about = ("part", "dataset", "metric", "known", "design", "model", "information", "splits", "seed")
    rows = [[*_about(one), *(f"{one[name]:.6f}" for name in names)] for one in found]
    write_csv(out / "assessments.csv", [*about, *names], rows)
    columns = list(dict.fromkeys((one.dataset, one.metric) for one in wanted(SIZES, 0)))
    ceilings = [
        [*column, *(f"{best.get(name, np.nan):.6f}" for name in SHOWN)]
        for column in columns
        if (best := _best(*column))
    ]
    write_csv(out / "ceilings.csv", ["dataset", "metric", *SHOWN], ceilings)
    differences = [
        [base["train"], base["count"], _design(one), name, *(f"{value:.6f}" for value in _difference(one, base, name))]
        for one, base in _pairs(found) for name in SHOWN if name != "coverage_90_min"
    ]  # fmt: skip
    write_csv(
        out / "designs.csv", ["known", "splits", "design", "figure", "difference", "low_95", "high_95"], differences
    )


def _about(one: Mapping[str, Any]) -> list[Any]:
    information = "; ".join(map(_brief, one["information"]))
    column = (one["wanted"]["part"], *of(one))
    return [*column, one["train"], _design(one), one["model"], information, one["count"], one["wanted"]["seed"]]


def report(found: list[dict[str, Any]]) -> str:
    """All assessments as Markdown."""
    lines: list[str] = []
    for part in dict.fromkeys(one["wanted"]["part"] for one in found):
        here = [one for one in found if one["wanted"]["part"] == part]
        for column in dict.fromkeys((one["dataset"], one["metric"]) for one in here):
            lines += [f"## {part}: {' '.join(column)}", "", *_rows(one for one in here if of(one) == column), ""]
            lines += [_ceiling(*column), ""]
    lines += ["## designs against random choice, difference of means [95 %]", "", *_against_random(found), ""]
    return "\n".join(lines)


def of(one: Mapping[str, Any]) -> tuple[str, str]:
    """Data set and metric."""
    return one["dataset"], one["metric"]


def _rows(found: Any) -> list[str]:
    names = ("known values", "design", "model", "information", *SHOWN)
    rows = [
        [str(one["train"]), _design(one), one["model"], ", ".join(map(_brief, one["information"])), *_numbers(one)]
        for one in found
    ]
    return _markdown(names, rows)


def _markdown(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (names, ["---"] * len(names), *rows)]


def _numbers(one: Mapping[str, Any]) -> Iterator[str]:
    for name, (scale, digits) in SHOWN.items():
        yield f"{scale * one[name]:.{digits}f} ±{scale * one[f'{name}_sd']:.{digits}f}"


def _brief(information: str) -> str:
    return information.removeprefix(f"columns:{TABLE}::").removesuffix(f"::{SPLIT}")


def _design(one: Mapping[str, Any]) -> str:
    return f"active, {one['focus']}" if one["design"] == "active" else str(one["design"])


def _is_spread(one: Mapping[str, Any]) -> bool:
    return one["wanted"]["part"] == "structure" and one["dataset"] == "cifar10"


def _ceiling(dataset: str, metric: str) -> str:
    shown = (f"{name} {SHOWN[name][0] * value:.3f}" for name, value in _best(dataset, metric).items())
    return f"With the noise of trainings at best: {', '.join(shown)}."


@cache
def _best(dataset: str, metric: str) -> Mapping[str, float]:
    """What predictions reach that know the truth."""
    name, split = source(dataset)
    table = robnas.load(name)
    return prediction_ceiling(table, table.column(dataset, metric, split), np.random.default_rng(0)) or {}


def _pairs(found: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each design beside random choice of as many, on the same splits."""
    compared = [one for one in found if one["wanted"]["part"] == "designs" or _is_spread(one)]
    return [
        (one, base) for base in compared if base["design"] == "random" for one in compared
        if one is not base and _splits(one) == _splits(base)
    ]  # fmt: skip


def _splits(one: Mapping[str, Any]) -> tuple[int, ...]:
    return one["train"], one["count"], one["wanted"]["seed"]


def _against_random(found: Sequence[dict[str, Any]]) -> list[str]:
    rows = [
        [str(one["train"]), _design(one), *(_shown_difference(one, base, name) for name in SHOWN)]
        for one, base in _pairs(found)
    ]
    return _markdown(("known values", "design", *SHOWN), rows)


def _shown_difference(one: Mapping[str, Any], base: Mapping[str, Any], name: str) -> str:
    scale, digits = SHOWN[name]
    if name == "coverage_90_min":
        return f"{scale * (one[name] - base[name]):+.{digits}f}"
    value, low, high = (f"{scale * number:+.{digits}f}" for number in _difference(one, base, name))
    return f"{value} [{low}, {high}]"


def _difference(one: Mapping[str, Any], base: Mapping[str, Any], name: str) -> tuple[float, ...]:
    """Of means over splits, with its 95 % interval."""
    first, second = (np.array([part[name] for part in each["each"]]) for each in (one, base))
    drawn = np.random.default_rng(0).integers(len(first), size=(RESAMPLES, len(first)))
    return float((first - second).mean()), *np.quantile((first - second)[drawn].mean(axis=1), [0.025, 0.975])


if __name__ == "__main__":
    main()

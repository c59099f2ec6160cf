"""Does robustness to attacks come with robustness to corruptions? On the digits, with networks that are trained again.

    python experiments/corruptions.py --store sqlite:///runs/corruptions.db --jobs 2 --out runs/corruptions

Trains the best architectures of the bundled table by PGD at 32/255 on validation images (mean over its seeds) and as
many random ones of it, each once, with a seed that the table has not: what made them best there is no part of what is
measured here. Test images, clean, under PGD-10 at 32/255 and under the corruptions that mean something at 8×8 grey
pixels, each at five severities; their mean is ``corruptions:made``. Killed and called again, it goes on: what the store
has is not trained twice. 400 networks take some 20 core-minutes.

Prints and writes as Markdown (``corruptions.md``): accuracies of both groups; Spearman's ρ of the mean over corruptions
with PGD and clean accuracy of the same trainings, and with PGD in the bundled table, which are other trainings, with
95 % bootstrap intervals over architectures; the same ρ for each corruption. With a figure (``corruptions.png``,
``corruptions.svg``). Of the same trainings and images ρ includes the noise that both share.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import robnas
from robnas.attacks import PGD
from robnas.benchmarks import Table
from robnas.building import Measuring, Plan, Selection, Source, load_and_expand, run_plan, table_of_plan
from robnas.evaluation import Suite
from robnas.records import RecordStore, find_plan, store_status
from robnas.reports import write_pictures
from robnas.spaces import Architecture
from robnas.statistics import correlate
from robnas.training import Recipe
from robnas.types import COMMON_CORRUPTIONS, SEVERITIES, Metric, ThreatModel

ROBUST, MEAN, SPLIT = "pgd@32/255", "corruptions:made", "test"
THREAT = ThreatModel.linf("32/255")
SEED = 3  # the bundled table has 0 to 2
COLOURS = {"best": "#D55E00", "random": "#0072B2"}  # Okabe and Ito 2008


@dataclass(frozen=True)
class Group:
    """Architectures with what was measured of them, in their order."""

    name: str
    architectures: Sequence[Architecture]
    values: Mapping[str, Any]
    """Metric → accuracies, shape (architectures,)."""
    bundled: Any
    """PGD accuracies on test images in the bundled table."""

    def rho(self, first: Any, second: Any) -> str:
        """Spearman's correlation with its interval."""
        if len(self.architectures) < 3:
            return "–"
        return str(correlate(first, second, rng=np.random.default_rng(0)))

    def over_severities(self, name: str) -> Any:
        """Mean accuracy under one corruption."""
        return np.mean([self.values[Metric(name, None, "made", severity).key] for severity in SEVERITIES], axis=0)


def main() -> None:
    """Train what is missing, print and draw."""
    given = _arguments()
    bundled = robnas.load("digits")
    chosen = _chosen(bundled, given)
    table = _trained(tuple(dict.fromkeys(arch for archs in chosen.values() for arch in archs)), given)
    groups = [_group(name, archs, table, bundled) for name, archs in chosen.items() if archs]
    text = "\n".join(_report(groups, table)) + "\n"
    print(text)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "corruptions.md").write_text(text, encoding="utf-8")
    write_pictures(given.out / "corruptions", _figure(groups))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="sqlite:///runs/corruptions.db")
    parser.add_argument("--best", type=int, default=200)
    parser.add_argument("--random", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the random architectures")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/corruptions"))
    return parser.parse_args()


def _chosen(table: Table, given: argparse.Namespace) -> dict[str, list[Architecture]]:
    """The two groups; they may overlap, since the random ones stand for all."""
    best = (
        [arch for arch, _ in table.best("digits", ROBUST, count=given.best, split="validation")] if given.best else []
    )
    rows = np.random.default_rng(given.seed).choice(len(table), given.random, replace=False)
    return {"best": best, "random": [table.architectures[row] for row in rows]}


def _trained(archs: Sequence[Architecture], given: argparse.Namespace) -> Table:
    """A table of the architectures, of which the store may have some or all."""
    plan = Plan(
        name="corruptions",
        space=Selection(kind="list", listed=tuple(arch.text for arch in archs)),
        source=Source(name="digits"),
        recipe=Recipe.digits(),
        measuring=Measuring(
            suite=Suite(
                "corruptions and PGD", (PGD(THREAT, steps=10, step_size=8 / 255),), {}, False, COMMON_CORRUPTIONS
            ),
            splits=(SPLIT,),
        ),
        seeds=(SEED,),
    )
    with RecordStore(given.store) as store:
        expansion = load_and_expand(plan)
        run_plan(expansion, store, options={"jobs": given.jobs}, progress=_say)
        status = next(found for found in store_status(store) if found.plan == expansion.hash)
        if status.done < len(archs):
            raise SystemExit(f"{status.failed} of {len(archs)} trainings failed: {status.failures[:3]}")
        return table_of_plan(store, find_plan(store, expansion.hash))


def _say(done: int, total: int, text: str, /) -> None:
    print(f"\r{done} of {total}  {text[:60]:<60}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _group(name: str, archs: Sequence[Architecture], table: Table, bundled: Table) -> Group:
    rows = [table.row(arch) for arch in archs]
    values = {column.metric: column.mean[rows] for column in table.columns}
    return Group(
        name, archs, values, bundled.column("digits", ROBUST, SPLIT).mean[[bundled.row(arch) for arch in archs]]
    )


def _report(groups: Sequence[Group], table: Table) -> Iterator[str]:
    names = [name for name in COMMON_CORRUPTIONS if Metric(name, None, "made", 1).key in groups[0].values]
    images = table.column("digits", MEAN, SPLIT).facts["images"]
    missing = ", ".join(name for name in COMMON_CORRUPTIONS if name not in names) or "none"
    yield f"Accuracy (%) on {images} test images of the digits, mean ± standard deviation over architectures, and"
    yield f"Spearman's ρ [95 %] of the mean over {len(names)} corruptions × {len(SEVERITIES)} severities. Left out at"
    yield f"8×8 grey pixels: {missing}. Frost is synthetic."
    yield ""
    yield from _markdown([
        ("architectures", "trained", "clean", ROBUST, MEAN, f"ρ with {ROBUST}", "ρ with clean", "ρ with bundled PGD"),
        *(
            (
                group.name, str(len(group.architectures)),
                *(_spread(group.values[key]) for key in ("clean", ROBUST, MEAN)),
                *(group.rho(group.values[MEAN], other)
                  for other in (group.values[ROBUST], group.values["clean"], group.bundled)),
            )
            for group in groups
        ),
    ])  # fmt: skip
    yield ""
    yield "By corruption: mean accuracy (%) at severities 1 and 5, and over all; ρ of the latter."
    yield ""
    header = [
        text for group in groups for text in (f"{group.name} @1", "@5", "mean", f"ρ with {ROBUST}", "ρ with clean")
    ]
    yield from _markdown([("corruption", *header), *((name, *_line(name, groups)) for name in names)])


def _line(name: str, groups: Sequence[Group]) -> Iterator[str]:
    for group in groups:
        mean = group.over_severities(name)
        for severity in (SEVERITIES[0], SEVERITIES[-1]):
            yield f"{100 * group.values[Metric(name, None, 'made', severity).key].mean():.1f}"
        yield f"{100 * mean.mean():.1f}"
        yield from (group.rho(mean, group.values[key]) for key in (ROBUST, "clean"))


def _spread(values: Any) -> str:
    return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1) if len(values) > 1 else 0:.1f}"


def _markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(rows[0])} |"
    yield f"|{'---|' * len(rows[0])}"
    yield from (f"| {' | '.join(row)} |" for row in rows[1:])


def _figure(groups: Sequence[Group]) -> Any:
    """Corruption against PGD accuracy, and accuracy by corruption of both groups."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = [name for name in COMMON_CORRUPTIONS if Metric(name, None, "made", 1).key in groups[0].values]
    for group in reversed(groups):
        colour = COLOURS[group.name]
        label = f"{group.name} {len(group.architectures)}: ρ = {group.rho(group.values[MEAN], group.values[ROBUST])}"
        left.scatter(100 * group.values[ROBUST], 100 * group.values[MEAN], s=8, c=colour, alpha=0.6, label=label)
        values = 100 * np.array([group.over_severities(name) for name in names])
        places = np.arange(len(names)) + (0.15 if group.name == "best" else -0.15)
        right.errorbar(
            values.mean(1), places, xerr=values.std(1), fmt="o", color=colour, markersize=4, label=group.name
        )
    left.set_xlabel(f"{ROBUST} accuracy (%)")
    left.set_ylabel("mean accuracy over corruptions (%)")
    left.legend(frameon=False, fontsize=8)
    right.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    right.invert_yaxis()
    right.set_xlabel("accuracy over five severities (%)\nmean ± sd over architectures")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    return figure


if __name__ == "__main__":
    main()

"""Do sets of ranks hold the true ranks? For one architecture, for the best, for all at once, and how wide are they.

Tables are drawn around known true means: all equal, two clusters ten standard deviations apart, normal (five standard
deviations; two of them in ``narrow``), and those of the published table (PGD 8/255 on CIFAR-10), which needs
`robnas fetch nas-robbench-201`. The noise of a value has a standard deviation of .245 points and is normal, or
Student's t with 3 degrees of freedom; or it is normal and ``local``: three times that at the bottom and half of it at
the top, in the published table as measured there. It is estimated as from any table: from two seeds of each
architecture, in the published one from identical networks, which have one true mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas import load
from robnas.benchmarks import Column, LocalNoise, Noise, Table, competition_ranks, duplicate_groups, run_residuals
from robnas.statistics import RankSet, rank_sets, tied_with_best
from robnas.statistics._rank_critical import one_against_all

Floats = npt.NDArray[np.float64]
WHERE: dict[str, Any] = {"dataset": "cifar10", "metric": "pgd@8/255", "split": "test"}
SD = 0.00245
METHODS: tuple[Any, ...] = ("marginal", "stepwise", "simultaneous", "bayes")
MEASURED = (
    "one", "one, any of tied", "true best", "observed best", "all at once", "width", "width of observed best",
    "tied holds best", "tied",
)  # fmt: skip
SETTINGS = (
    ("equal", "normal"), ("clusters", "normal"), ("normal", "normal"), ("normal", "local"), ("normal", "t3"),
)  # fmt: skip
SPREAD = {"narrow": 2, "normal": 5}  # standard deviation of the true means, in that of the noise
REPEATS = {50: 40, 500: 8, 6466: 3}
_SOME = 25  # architectures whose stepwise sets are made, besides the best


def simulate(rng: np.random.Generator, repeats: int | None) -> list[dict[str, Any]]:
    """Coverage of each method in each setting, by the noise that it is told."""
    found = []
    for count in (50, 500):
        for shape, noise in SETTINGS:
            found += coverage(rng, seeded(rng, shape, noise, count), repeats or REPEATS[count])
    for noise in ("normal", "local", "t3"):
        found += coverage(rng, published(noise), repeats or REPEATS[6466])
    for source in (published("t3"), *(seeded(rng, shape, "t3", 6466) for shape in ("equal", "narrow", "normal"))):
        found += heavy_tails(rng, source, repeats or 20)
    return found


@dataclass(frozen=True)
class Source:
    """Tables of one kind."""

    shape: str
    noise: str
    truth: Floats
    sd: Floats
    """Of the noise of each value."""
    rows: npt.NDArray[np.int64]
    seeds: int = 1

    def draw(self, rng: np.random.Generator) -> Table:
        """A table of them."""
        shape = (len(self.truth), self.seeds)
        drawn = rng.standard_t(3, size=shape) / np.sqrt(3) if self.noise == "t3" else rng.normal(size=shape)
        values = self.truth[:, None] + drawn * self.sd[:, None] * np.sqrt(self.seeds)
        seeds = tuple(range(self.seeds)) if self.seeds > 1 else ()
        return Table("simulated", self.rows, [Column("cifar10", "test", "pgd@8/255", np.clip(values, 0, 1), seeds)])


def seeded(rng: np.random.Generator, shape: str, noise: str, count: int) -> Source:
    """Tables with two seeds of each architecture."""
    truth = np.full(count, 0.4)
    if shape == "clusters":
        truth += 10 * SD * (np.arange(count) % 2)
    elif shape in SPREAD:
        truth += SPREAD[shape] * SD * rng.normal(size=count)
    place = (truth - truth.min()) / max(float(np.ptp(truth)), 1e-9)
    sd = SD * (3 * (1 / 6) ** place if noise == "local" else np.ones(count))
    return Source(shape, noise, truth, sd, np.arange(count), seeds=2)


def published(noise: str) -> Source:
    """The published table: its values are the true means, and identical networks have the same."""
    table = load("nas-robbench-201")
    column = table.column(**WHERE)
    _, group = np.unique(duplicate_groups(table.rows), return_inverse=True)
    truth = (np.bincount(group, column.mean) / np.bincount(group))[group]
    sd = np.full(len(truth), SD)
    if noise == "local":
        sd = table.local_noise(**WHERE).run_sd_at(truth) / np.sqrt(column.runs)
    return Source("published", noise, truth, sd, table.rows)


def coverage(rng: np.random.Generator, source: Source, repeats: int) -> list[dict[str, Any]]:
    """Of all methods, with one noise for all and, where it is not the same for all, with the local one."""
    same = source.noise == "normal" or len(source.truth) < 100  # too few for a local one
    kinds = ("pooled",) if same else ("pooled", "local")
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(repeats):
        table = source.draw(rng)
        for kind in kinds:
            noise = table.noise(**WHERE) if kind == "pooled" else table.local_noise(**WHERE)
            for method in METHODS:
                held = holds(table, source.truth, noise, method)
                if method in ("marginal", "bayes"):
                    held |= may_be_best(table, source.truth, noise, method)
                found.setdefault((kind, method), []).append(held)
    return [row(source, kind, method, all_of) for (kind, method), all_of in found.items()]


def row(source: Source, kind: str, method: str, held: list[dict[str, float]]) -> dict[str, Any]:
    """One line of the table: means over the repeats."""
    means = {name: round(float(np.mean([each.get(name, np.nan) for each in held])), 4) for name in MEASURED}
    return {
        "shape": source.shape, "architectures": len(source.truth), "noise": source.noise, "noise told": kind,
        "method": method, "repeats": len(held),
        **{name: "" if np.isnan(mean) else mean for name, mean in means.items()},
    }  # fmt: skip


def holds(table: Table, truth: Floats, noise: Noise | LocalNoise, method: Any) -> dict[str, float]:
    """What the sets of one table hold: all ranks that true ties leave open, or one of them."""
    values, count = table.values(**WHERE), len(truth)
    low, high = competition_ranks(truth), count + 1 - competition_ranks(-truth)
    shown, best = int(values.argmax()), int(truth.argmax())
    step = -(-count // _SOME) if method == "stepwise" else 1  # each has critical values of its own
    some = np.append(np.arange(0, count, step), [shown, best])
    made = [table.architectures[row] for row in some]
    sets: list[RankSet] = rank_sets(table, made, **WHERE, noise=noise, method=method)
    first, last = np.array([(found.low, found.high) for found in sets]).T
    whole, any_ = (first <= low[some]) & (last >= high[some]), (first <= high[some]) & (last >= low[some])
    return {
        "one": float(whole[:-2].mean()),
        "one, any of tied": float(any_[:-2].mean()),
        "true best": float(first[-1] == 1),
        "observed best": float(whole[-2]),
        "all at once": float(whole.all()) if step == 1 else np.nan,
        "width": float((last - first + 1)[:-2].mean()),
        "width of observed best": float(last[-2] - first[-2] + 1),
    }


def may_be_best(table: Table, truth: Floats, noise: Noise | LocalNoise, method: Any) -> dict[str, float]:
    """Whether the set of those that may be the best holds one of the truly best, and its size."""
    tied = {arch for arch, _ in tied_with_best(table, **WHERE, noise=noise, method=method)}
    best = [table.architectures[row] for row in np.flatnonzero(truth == truth.max())]
    return {"tied holds best": float(any(arch in tied for arch in best)), "tied": float(len(tied))}


def heavy_tails(rng: np.random.Generator, source: Source, repeats: int) -> list[dict[str, Any]]:
    """Of the best only: with the critical value of normal noise, and with one drawn from the residuals themselves."""
    found: dict[str, list[dict[str, float]]] = {"marginal": [], "bootstrap": []}
    for _ in range(repeats):
        table = source.draw(rng)
        values, noise = table.values(**WHERE), table.noise(**WHERE)
        known = one_against_all(noise.sd**2, np.full(len(values), noise.sd**2), noise.degrees, 0.95)
        drawn = rng.choice(run_residuals(table.rows, table.column(**WHERE)).deviation, (200, len(values), source.seeds))
        error = drawn.mean(axis=2)
        bootstrap = np.quantile(np.abs(error[:, 1:] - error[:, :1]).max(axis=1), 0.95) / (np.sqrt(2) * noise.sd)
        for method, critical in (("marginal", known), ("bootstrap", bootstrap)):
            margin = critical * np.sqrt(2) * noise.sd
            best, shown = values[source.truth.argmax()], int(values.argmax())
            width = int((values >= values[shown] - margin).sum())
            found[method].append(
                {
                    "true best": float(values.max() <= best + margin),
                    "observed best": float((source.truth > source.truth[shown]).sum() < width),
                    "width of observed best": float(width),
                }
            )
    return [row(source, "pooled", f"{method}, the best only", held) for method, held in found.items()]

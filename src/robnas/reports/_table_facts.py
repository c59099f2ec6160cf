"""What a report says about a table, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robnas._betas import beta_text
from robnas.benchmarks import (
    Column,
    LocalNoise,
    Noise,
    NoiseKind,
    Table,
    address_of,
    measured_only,
    name_of_key,
    predicted_rows,
    tied,
)
from robnas.errors import InputError, Verbatim
from robnas.reports._corruptions import CorruptionFacts, corruption_facts
from robnas.statistics import (
    Correlation,
    ErrorSource,
    Finding,
    GeneEffect,
    Part,
    RankSet,
    Row,
    constant_in,
    correlate,
    data_quality,
    gene_effects,
    known_noise,
    leaderboard,
    metrics_of,
    parts,
    rank_set,
    root_of_seeds,
    shown_noise,
    spearman,
    standard_errors,
    strongest,
    table_ceiling,
    tied_with_best,
    unchecked,
)
from robnas.types import Progress, is_one_corruption, silent

TOP, BOTTOM = 25, 5
_FRONT = 25  # points of a Pareto front that are listed
_RESAMPLES = 200
_FEWEST = 3  # architectures of a correlation


@dataclass(frozen=True)
class MetricFacts:
    """One metric on one split of one data set."""

    metric: str
    architectures: int
    """With a measured value; all that follows is of these alone."""
    predicted: int
    """Architectures whose value is predicted."""
    runs: int
    """Trainings behind a value, at most."""
    images: int | None
    best: float
    median: float
    lowest: float
    noise: Noise | None
    """None if too few trainings were repeated to know it."""
    noise_interval: tuple[float, float] | None
    """Of its `run_sd`, 95 %."""
    best_sd: float | None
    """Standard deviation of one training of networks as accurate as the best; None where `noise` is."""
    ceiling: Correlation | None
    """Spearman correlation that a predictor of the true means would reach."""
    root_of_seeds: Correlation | None
    """√ of Spearman between two seeds; None where no three architectures have two in common."""
    with_ranking: Correlation | None
    """Spearman correlation with the metric that ranks; None for itself, or with too few architectures."""
    settings: dict[str, str | int]
    """Recipe, attack, version of the data …, where that is known."""


@dataclass(frozen=True)
class SplitFacts:
    """One split of one data set."""

    dataset: str
    split: str
    ranked_by: str
    architectures: int
    """With a value of the metric that ranks."""
    predicted: int
    """Of these, with one that is predicted. `best`, `worst` and the ranks in them are of measured and predicted values,
    all else is of measured ones."""
    metrics: tuple[MetricFacts, ...]
    best: tuple[Row, ...]
    """All rows if there are few, else the first ones."""
    worst: tuple[Row, ...]
    """The last rows that have a value, if `best` does not hold all."""
    left_out: int
    """Rows with a value between the two."""
    unmeasured: int
    """Rows without a value that `best` does not hold."""
    ranks: dict[str, tuple[int, int]]
    """Text → ranks that the noise leaves possible, of the rows shown: at least 95 %, for one; or empty."""
    tied: int | None
    """How many may be the best (at least 95 %)."""
    noise: NoiseKind | None
    """Of which noise the ranks and the tied are: that of networks of similar accuracy, or one pooled over all."""
    errors: ErrorSource
    """What the standard errors of the ranking metric are made of."""
    front: tuple[tuple[str, tuple[float, float]], ...]
    """Text, clean and robust accuracy of what nothing else beats or equals in both and beats in one."""
    front_size: int
    front_constant: tuple[str, ...]
    """Texts in the front whose networks are constant."""
    constant: int | None
    """How many networks are constant, see `robnas.statistics.constant_rows`; None where that cannot be told."""
    correlations: tuple[tuple[str, str, float], ...]
    """Spearman of each pair of metrics; nan where one is constant."""
    space: str | None
    """Key of the space that was trained in, where the table has this split of several; else None."""
    beta: float | None
    """Weight of the robust loss that was trained with, where the table has this split of several; else None."""
    source: str
    """Name of the table that was joined, in joined tables."""
    genes: tuple[GeneEffect, ...]
    """What each gene's choices come to under the metric that ranks; none where the space tells families apart."""
    corruptions: tuple[CorruptionFacts, ...] = ()
    """By corruption and severity, one per source of pixels; of these, `metrics` has only the one that ranks, if any."""

    @property
    def name(self) -> str:
        """``cifar10 test``, with its source if it has one, and space and beta where the table has several."""
        source = f"{self.source}:" if self.source else ""
        return source + " ".join(filter(None, (self.dataset, self.split, self.space, beta_text(self.beta))))

    def qualified(self, metric: str) -> str:
        """The name of a metric in the table, see `Column.address`."""
        return address_of(metric, self.source)


@dataclass(frozen=True)
class Between:
    """The ranking metric on two splits or data sets."""

    first: str
    second: str
    spearman: Correlation


@dataclass(frozen=True)
class TableFacts:
    """Everything a report says about a table."""

    name: str
    space: str
    """Name of the space."""
    architectures: int
    partition: str | None
    splits: tuple[SplitFacts, ...]
    between: tuple[Between, ...]
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]
    """What could not be checked, and why."""
    ambiguous: tuple[str, ...]
    """Metrics that were measured in several ways and are left out, with what to do."""


def table_facts(table: Table, rank_by: str | None = None, progress: Progress = silent) -> TableFacts:
    """The numbers of a report.

    Args:
        table: any with at least one column that can be asked.
        rank_by: metric by which architectures are ranked; the strongest PGD of each split if omitted.
        progress: told about the splits done.

    Raises:
        InputError: no split has the metric `rank_by`, or all columns are ambiguous.
    """
    measured = measured_only(table)
    found = parts(measured)
    if not found and table.ambiguous:
        raise next(iter(table.ambiguous.values())).error(f"table {table.name}")
    if not found:
        got = Verbatim(", ".join(f"{column.name} in {column.unit or 'no unit'}" for column in table.columns))
        raise InputError(f"table {table.name}", expected="accuracies, of which a report is made", got=got)
    metrics = [metrics_of(part.columns) for part in found]
    if rank_by is not None and all(rank_by not in known for known in metrics):
        names = metrics_of(metric for known in metrics for metric in known)
        raise InputError("--rank-by", expected=f"one of {', '.join(names)}", got=rank_by)
    splits = []
    for done, (part, known) in enumerate(zip(found, metrics, strict=True)):
        progress(done, len(found) + 1, part.name)
        by = rank_by if rank_by in known else strongest(known)
        splits.append(_split(table, measured, part, known, by))
    progress(len(found), len(found) + 1, "data quality")
    facts = TableFacts(
        table.name,
        table.space.name,
        len(table),
        table.partition,
        tuple(splits),
        tuple(_between(measured, found, splits)),
        tuple(data_quality(measured)),
        tuple(unchecked(measured)),
        tuple(str(reason.error(name_of_key(key))) for key, reason in table.ambiguous.items()),
    )
    progress(len(found) + 1, len(found) + 1, "numbers")
    return facts


def _split(whole: Table, table: Table, part: Part, metrics: Sequence[str], by: str) -> SplitFacts:
    """A part of a `table` of measured values, ranked by the `whole` table, which may have predicted ones."""
    metrics = [metric for metric in metrics if metric == by or not is_one_corruption(metric)]
    columns = {metric: part.columns[metric] for metric in metrics}
    dataset, split, ranked = part.dataset, part.split, columns[by]
    guessed = {metric: _predicted(whole, column) for metric, column in columns.items()}
    rows = leaderboard(whole, dataset, split, ranked.address, ranked.space, ranked.beta)
    known = sum(row.rank is not None for row in rows)
    few = len(rows) <= TOP + BOTTOM
    best = rows if few else rows[: min(TOP, known)]
    worst = [] if few else rows[max(known - BOTTOM, TOP) : known]
    noise = shown_noise(table, ranked)
    ranks, tied = {}, None
    if noise is not None and known > 1 and not guessed[by]:
        sets = [_ranks(table, row, ranked, noise) for row in (*best, *worst) if row.rank is not None]
        ranks = {found.architecture.text: (found.low, found.high) for found in sets}
        by_name: Any = {"metric": ranked.address, "space": ranked.space, "beta": ranked.beta}
        tied = len(tied_with_best(table, dataset=dataset, split=split, noise=noise, **by_name))
    front, constant = _front(table, ranked), constant_in(part)
    return SplitFacts(
        dataset=dataset,
        split=split,
        ranked_by=by,
        architectures=known,
        predicted=guessed[by],
        metrics=tuple(_metric(table, column, ranked, guessed[metric]) for metric, column in columns.items()),
        best=tuple(best),
        worst=tuple(worst),
        left_out=0 if few else known - len(best) - len(worst),
        unmeasured=0 if few else len(rows) - known,
        ranks=ranks,
        tied=tied,
        noise=None if noise is None else noise.kind,
        errors=standard_errors(table, ranked)[1],
        front=front[:_FRONT],
        front_size=len(front),
        front_constant=tuple(
            row.architecture.text for row in rows if row.constant and row.architecture.text in dict(front)
        ),
        constant=None if constant is None else int(constant.sum()),
        correlations=tuple(
            (first, second, _spearman(columns[first], columns[second]))
            for number, first in enumerate(metrics)
            for second in metrics[:number]
        ),
        space=part.space,
        beta=part.beta,
        source=part.source,
        genes=() if table.space.families else tuple(gene_effects(table.space, table.architectures, ranked.mean)),
        corruptions=corruption_facts(part.columns, ranked, table.architectures),
    )


def _ranks(table: Table, row: Row, column: Column, noise: Noise | LocalNoise) -> RankSet:
    arch, dataset, metric, split = row.architecture, column.dataset, column.address, column.split
    return rank_set(
        table, arch, dataset=dataset, metric=metric, split=split, noise=noise, space=column.space, beta=column.beta
    )


def _front(table: Table, ranked: Column) -> tuple[tuple[str, tuple[float, float]], ...]:
    """Clean against the ranking metric; empty where the two are not comparable, or one is missing."""
    if ranked.metric == "clean":
        return ()
    try:
        clean = address_of("clean", ranked.source)
        kind: Any = {"split": ranked.split, "space": ranked.space, "beta": ranked.beta}
        found = table.pareto(ranked.dataset, clean, ranked.address, **kind)
    except InputError:
        return ()
    return tuple((arch.text, (values[0], values[1])) for arch, values in found)


def _predicted(table: Table, column: Column) -> int:
    """How many values of the column of that name are predicted."""
    found = table.column(column.dataset, column.address, column.split, column.space, column.beta)
    return int(predicted_rows(found).sum())


def _metric(table: Table, column: Column, ranked: Column, predicted: int) -> MetricFacts:
    known = column.mean[~np.isnan(column.mean)]
    low, median, high = np.quantile(known, (0, 0.5, 1)) if len(known) else (np.nan,) * 3
    noise, shown = known_noise(table, column), shown_noise(table, column)
    return MetricFacts(
        metric=column.metric,
        architectures=len(known),
        predicted=predicted,
        runs=int(column.counts.max(initial=0)),
        images=column.facts.get("images"),
        best=float(high),
        median=float(median),
        lowest=float(low),
        noise=noise,
        noise_interval=None if noise is None else noise.interval,
        best_sd=None if shown is None else float(shown.run_sd_at(high)),
        ceiling=_ceiling(table, column, noise),
        root_of_seeds=_root_of_seeds(column),
        with_ranking=None if column is ranked else _correlation(column, ranked),
        settings={key: value for key, value in column.facts.items() if value not in ("", None)},
    )


def _ceiling(table: Table, column: Column, noise: Noise | None) -> Correlation | None:
    if noise is None or (~np.isnan(column.mean)).sum() < _FEWEST:
        return None
    return table_ceiling(table, column, np.random.default_rng(0))


def _root_of_seeds(column: Column) -> Correlation | None:
    found = root_of_seeds(column, np.random.default_rng(0))
    return None if np.isnan(found.value) else found


def _correlation(first: Column, second: Column) -> Correlation | None:
    if (~np.isnan(first.mean + second.mean)).sum() < _FEWEST:
        return None
    return correlate(tied(first.mean), tied(second.mean), rng=np.random.default_rng(0), resamples=_RESAMPLES)


def _spearman(first: Column, second: Column) -> float:
    known = ~np.isnan(first.mean + second.mean)
    return spearman(tied(first.mean)[known], tied(second.mean)[known]) if known.sum() >= _FEWEST else float("nan")


def _between(table: Table, found: Sequence[Part], splits: Sequence[SplitFacts]) -> list[Between]:
    """The ranking metric on each pair of parts that share it."""
    pairs = []
    ranked = [(one.ranked_by, part.columns[one.ranked_by]) for part, one in zip(found, splits, strict=True)]
    for number, (by, first) in enumerate(ranked):
        for other, second in ranked[number + 1 :]:
            correlation = _correlation(first, second) if by == other else None
            if correlation is not None:
                pairs.append(Between(table.column_name(first), table.column_name(second), correlation))
    return pairs

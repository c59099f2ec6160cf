"""What looks wrong in a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import (
    IDENTICAL,
    RESOLUTION,
    Column,
    Table,
    duplicate_groups,
    known_noise,
    measured_only,
    pooled_sd,
)
from robnas.statistics._constant import constant_in
from robnas.statistics._noise import shown_noise
from robnas.statistics._parts import parts
from robnas.types import WEAKER_FIRST, Metric, is_attacked, is_one_corruption

Floats = npt.NDArray[np.float64]
_FAR = 4.0  # standard deviations of training noise, from which on a network is an outlier among identical ones


@final
@dataclass(frozen=True)
class Finding:
    """One kind of doubtful value in one column."""

    check: str
    """What is doubtful."""
    column: str
    """Name of the column, or of both."""
    count: int
    """Architectures concerned."""
    examples: tuple[str, ...]
    """Texts of up to five architectures, the worst first."""
    worst: float
    """The largest violation, in accuracy."""


def data_quality(table: Table) -> list[Finding]:
    """Doubtful values of a table; those that were predicted are not looked at.

    - a stronger attack leaves more accuracy than a weaker one at the same ε (`WEAKER_FIRST`), or a larger ε more than
      a smaller one, or an attack more than there is without it, by more than the noise of their difference (3 of its
      standard deviations between trainings, or half a percentage point where none were repeated; and what it adds that
      one of them was measured on the first images only);
    - a network that learned nothing, see `constant_rows`: clean accuracy at chance level, or what one answer for all
      images reaches and the same under every attack; where the number of classes is known;
    - an outlier among identical networks: more than 4 standard deviations of training noise, where that is known, from
      its group's median, or a pair whose difference exceeds 4·√2 of them; then both are named. The noise is that of
      all networks or of those of similar accuracy (`shown_noise`, at that value of the group where it is largest),
      whichever allows more. Where few networks tell how large it is, it takes as many more deviations as make it
      equally improbable (Student's t).
    """
    table, findings = measured_only(table), []
    for part in parts(table):
        columns = part.columns
        for strong, weak, check in _ordered_pairs(columns):
            margin = np.maximum(3 * _difference_sd(table, strong, weak), RESOLUTION)
            excess = strong.mean - weak.mean - margin
            both = f"{table.column_name(strong)} > {weak.metric}"
            findings += _found(table, check, both, excess + margin, excess > 0)
        if (constant := constant_in(part)) is not None:
            clean = columns["clean"]
            chance, name = clean.constant_accuracy or 0.0, table.column_name(clean)
            findings += _found(table, "clean accuracy at chance level", name, chance - clean.mean, constant)
        for column in columns.values():
            findings += _outliers(table, column)
    return findings


def unchecked(table: Table) -> list[str]:
    """What `data_quality` could not check, and why: a line per check and split or column."""
    lines = []
    for part in parts(table):
        columns = part.columns
        if constant_in(part) is None:
            lacking = "no clean accuracy" if "clean" not in columns else "number of classes unknown"
            lines.append(f"chance level of {part.name}: {lacking}")
        if not _ordered_pairs(columns):
            lines.append(f"order of attacks on {part.name}: no two metrics whose order is known")
        noiseless = [metric for metric, column in columns.items() if known_noise(table, column) is None]
        if noiseless and tells_identical(table):
            lines.append(f"outliers of {part.name} {', '.join(_listed(noiseless))}: noise of trainings unknown")
    if not tells_identical(table):
        lines.append(f"outliers among identical networks: space {table.space.name} does not say which are identical")
    if any(is_attacked(column.metric) for column in table.columns) and (why := _attacks_unchecked(table)):
        lines.append(f"strength of the attacks: {why}")
    return lines


def _listed(metrics: Sequence[str]) -> list[str]:
    """Their names; corruptions are counted."""
    single = sum(map(is_one_corruption, metrics))
    return [key for key in metrics if not is_one_corruption(key)] + [f"{single} of corruptions"] * (single > 0)


def tells_identical(table: Table) -> bool:
    """Whether the table's space says which of its architectures are the same network."""
    return IDENTICAL in table.space.partitions


def _attacks_unchecked(table: Table) -> str:
    """Why nobody knows whether masked gradients were looked for when the attacks were made; empty if they were."""
    plan = table.provenance.get("plan")
    evaluation = plan.get("evaluation") if isinstance(plan, Mapping) else None
    checks = evaluation.get("checks") if isinstance(evaluation, Mapping) else None
    if checks is None:
        return "whether sanity checks ran is not recorded"
    return "" if checks else "the plan left out the sanity checks of its evaluations"


def _ordered_pairs(columns: Mapping[str, Column]) -> list[tuple[Column, Column, str]]:
    """(stronger, weaker, check) for every pair of metrics whose order is known."""
    pairs = []
    if "clean" in columns:
        attacked = [column for key, column in columns.items() if is_attacked(key)]  # averages over epsilons among them
        pairs += [(column, columns["clean"], "an attack leaves more accuracy than none") for column in attacked]
    parsed = {}
    for key in columns:
        try:
            parsed[key] = Metric.parse(key)
        except ValueError:  # such as an average over epsilons
            continue
    for key, metric in parsed.items():
        for other, weaker in parsed.items():
            if metric.threat is None or weaker.threat is None or metric.attack not in WEAKER_FIRST:
                continue
            if metric.threat == weaker.threat and weaker.attack in WEAKER_FIRST:
                if WEAKER_FIRST.index(metric.attack) > WEAKER_FIRST.index(weaker.attack):
                    pairs.append((columns[key], columns[other], "a stronger attack leaves more accuracy"))
            elif _rung(metric) == _rung(weaker) and metric.threat.epsilon > weaker.threat.epsilon:
                pairs.append((columns[key], columns[other], "a larger epsilon leaves more accuracy"))
    return pairs


def _rung(metric: Metric) -> tuple[str, str, str]:
    """What two metrics share that differ in ε alone."""
    return metric.attack, metric.label, metric.threat.norm if metric.threat else ""


def _difference_sd(table: Table, strong: Column, weak: Column) -> Floats:
    """Noise of the difference: both accuracies are of the same trained networks, so it is far below that of either.

    It is measured as that of an accuracy: between seeds, or between identical networks where no seeds are named. The
    mean over the first m of n images has the variance p(1 − p)·(1/m − 1/n) around that over all n.

    Returns:
        Shape (rows,).
    """
    shared = [seed for seed in strong.seeds if seed in weak.seeds]
    if shared:
        runs = np.stack([strong.seed_column(seed) - weak.seed_column(seed) for seed in shared], axis=1)
        sd, groups, _ = pooled_sd(runs.ravel(), np.repeat(np.arange(len(runs)), len(shared)))
        counts = np.maximum((~np.isnan(runs)).sum(axis=1), 1)
    else:
        sd, groups, _ = pooled_sd(strong.mean - weak.mean, duplicate_groups(table))
        groups, counts = 0 if strong.seeds or weak.seeds else groups, np.ones(len(table), dtype=np.int64)
    variance = sd**2 / counts if groups else np.full(len(table), (0.005 / 3) ** 2)
    first, second = (column.facts.get("images") for column in (strong, weak))
    fewer = abs(1 / first - 1 / second) if first and second else 0.0
    sds: Floats = np.sqrt(variance + strong.mean * (1 - strong.mean) * fewer)
    return sds


def _outliers(table: Table, column: Column) -> list[Finding]:
    noises = [noise for noise in (known_noise(table, column), shown_noise(table, column)) if noise is not None]
    if not noises:
        return []
    from scipy.special import ndtr, stdtrit

    most = np.max([float(stdtrit(one.degrees, ndtr(_FAR))) * one.run_sd_at(column.mean) for one in noises], axis=0)
    most /= np.sqrt(np.maximum(column.counts, 1))
    group = duplicate_groups(table)
    distance, limit = np.zeros(len(group)), np.full(len(group), np.inf)
    order = np.argsort(group, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        rows = members[~np.isnan(column.mean[members])]
        if len(rows) > 1:  # of a pair nobody can tell which one is off: both get their difference, as one deviation
            centre = np.median(column.mean[rows])
            distance[rows] = np.abs(column.mean[rows] - centre) * (math.sqrt(2) if len(rows) == 2 else 1)
            limit[rows] = most[rows].max()
    return _found(table, "outlier among identical networks", table.column_name(column), distance, distance > limit)


def _found(table: Table, check: str, column: str, size: np.ndarray, wrong: np.ndarray) -> list[Finding]:
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return []
    rows = rows[np.argsort(-size[rows], kind="stable")]
    examples = tuple(table.at(row).text for row in rows[:5])
    return [Finding(check, column, len(rows), examples, float(size[rows[0]]))]

"""What looks wrong in a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robnas.benchmarks import Column, Table, duplicate_groups, pooled_sd
from robnas.spaces import Architecture
from robnas.types import Metric

_CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet16-120": 120, "digits": 10}
_WEAKER_FIRST = ("fgsm", "pgd", "autoattack")


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
    """Up to five digit codes, the worst first."""
    worst: float
    """The largest violation, in accuracy."""


def data_quality(table: Table) -> list[Finding]:
    """Doubtful values of a table.

    - a stronger attack leaves more accuracy than a weaker one at the same ε (AutoAttack > PGD, PGD > FGSM), or a
      larger ε more than a smaller one, by more than the noise of their difference (3 of its standard deviations over
      identical networks, or half a percentage point where there are none);
    - clean accuracy at chance level: the network learned nothing;
    - an outlier among identical networks: more than 4 pooled standard deviations from its group's median, or a pair
      whose difference exceeds 4·√2 of them; then both are named.
    """
    findings = []
    for dataset, split in dict.fromkeys((column.dataset, column.split) for column in table.columns):
        columns = {c.metric: c for c in table.columns if (c.dataset, c.split) == (dataset, split)}
        for strong, weak, check in _ordered_pairs(columns):
            margin = 3 * _difference_sd(table, strong, weak)
            excess = strong.mean - weak.mean - margin
            findings += _found(table, check, f"{strong.name} > {weak.metric}", excess + margin, excess > 0)
        if "clean" in columns and dataset in _CLASSES:
            clean = columns["clean"]
            chance = 1 / _CLASSES[dataset]
            findings += _found(
                table, "clean accuracy at chance level", clean.name, chance - clean.mean, clean.mean < 1.1 * chance
            )
        for column in columns.values():
            findings += _outliers(table, column)
    return findings


def _ordered_pairs(columns: dict[str, Column]) -> list[tuple[Column, Column, str]]:
    """(stronger, weaker, check) for every pair of metrics whose order is known."""
    pairs = []
    parsed = {}
    for key in columns:
        try:
            parsed[key] = Metric.parse(key)
        except ValueError:  # such as an average over epsilons
            continue
    for key, metric in parsed.items():
        for other, weaker in parsed.items():
            if metric.threat is None or weaker.threat is None or metric.attack not in _WEAKER_FIRST:
                continue
            if metric.threat == weaker.threat and weaker.attack in _WEAKER_FIRST:
                if _WEAKER_FIRST.index(metric.attack) == _WEAKER_FIRST.index(weaker.attack) + 1:
                    pairs.append((columns[key], columns[other], "a stronger attack leaves more accuracy"))
            elif metric.attack == weaker.attack and metric.threat.epsilon > weaker.threat.epsilon:
                pairs.append((columns[key], columns[other], "a larger epsilon leaves more accuracy"))
    return pairs


def _difference_sd(table: Table, strong: Column, weak: Column) -> float:
    """Noise of the difference: both accuracies are of the same trained networks, so it is far below that of either."""
    sd, groups, _ = pooled_sd(strong.mean - weak.mean, duplicate_groups(table.rows))
    return sd if groups else 0.005 / 3


def _outliers(table: Table, column: Column) -> list[Finding]:
    group = duplicate_groups(table.rows)
    sd, groups, _ = pooled_sd(column.mean, group)
    if not groups or sd == 0:
        return []
    distance = np.zeros(len(group))
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(rows) > 1:  # of a pair nobody can tell which one is off: both get their difference, as one deviation
            centre = np.nanmedian(column.mean[rows])
            distance[rows] = np.abs(column.mean[rows] - centre) * (math.sqrt(2) if len(rows) == 2 else 1)
    return _found(table, "outlier among identical networks", column.name, distance, distance > 4 * sd)


def _found(table: Table, check: str, column: str, size: np.ndarray, wrong: np.ndarray) -> list[Finding]:
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return []
    rows = rows[np.argsort(-size[rows], kind="stable")]
    examples = tuple(Architecture.from_index(int(table.rows[row])).code for row in rows[:5])
    return [Finding(check, column, len(rows), examples, float(size[rows[0]]))]

"""Records side by side: one row per trial, one column per metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from robnas.errors import InputError, Verbatim
from robnas.records import Record
from robnas.spaces import Architecture
from robnas.types import Metric


@dataclass(frozen=True)
class Row:
    """The accuracies of one trial on one split."""

    architecture: Architecture
    seed: int
    split: str
    records: dict[str, Record] = field(default_factory=dict)
    """By metric key."""

    def value(self, metric: str) -> float:
        """The accuracy of a metric, or nan."""
        return self.records[metric].value if metric in self.records else math.nan

    def standard_error(self, metric: str) -> float:
        """Binomial standard error of the accuracy, or nan."""
        if metric not in self.records:
            return math.nan
        value, images = self.records[metric].value, self.records[metric].images
        return math.sqrt(value * (1 - value) / images)


def leaderboard(records: Iterable[Record], by: str) -> list[Row]:
    """Rows sorted by a metric, highest first; rows without it come last.

    Raises:
        InputError: no record has this metric.
    """
    rows: dict[tuple[str, int, str], Row] = {}
    for record in records:
        key = (record.architecture.code, record.seed, record.split)
        row = rows.setdefault(key, Row(record.architecture, record.seed, record.split))
        if record.metric in row.records and row.records[record.metric] != record:
            raise InputError(
                f"records of {record.architecture} seed {record.seed} {record.split} {record.metric}",
                expected="one",
                got=Verbatim("several, on other images, data, recipes or attacks"),
                remedy="select the records that belong together",
            )
        row.records[record.metric] = record
    known = metrics_of(rows.values())
    if by not in known:
        raise InputError("metric", expected=f"one of {', '.join(known)}", got=by)
    return sorted(rows.values(), key=lambda row: (math.isnan(row.value(by)), -row.value(by), row.architecture))


def metrics_of(rows: Iterable[Row]) -> list[str]:
    """Metric keys in the rows: clean first, then by attack and epsilon."""
    keys = {metric for row in rows for metric in row.records}
    order = ["clean", "fgsm", "pgd", "apgd", "square", "autoattack"]

    def place(key: str) -> tuple[int, str, float]:
        metric = Metric.parse(key)
        known = order.index(metric.attack) if metric.attack in order else len(order)
        return known, metric.attack, metric.threat.epsilon if metric.threat else 0.0

    return sorted(keys, key=place)


def strongest(metrics: Sequence[str], attack: str = "pgd") -> str:
    """The metric of `attack` with the largest epsilon; ``clean`` if there is none."""
    found = [key for key in metrics if Metric.parse(key).attack == attack]
    return found[-1] if found else "clean"

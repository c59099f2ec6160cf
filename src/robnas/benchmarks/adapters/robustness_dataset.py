"""The query of Jung et al. (2023), for any table with published indices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from robnas.benchmarks._runs import Floats
from robnas.benchmarks._table import Table
from robnas.benchmarks.adapters._published import PublishedIds, check_id, check_table
from robnas.benchmarks.nas_bench_201 import confusion_matrices
from robnas.errors import InputError
from robnas.spaces.nas_bench_201 import CellArchitecture
from robnas.types import COMMON_CORRUPTIONS, CONFIDENCE, SEVERITIES, Metric, is_metric

_ATTACKS = {
    "fgsm@Linf": "fgsm", "pgd@Linf": "pgd", "aa_apgd-ce@Linf": "apgd", "aa_square@Linf": "square",
    "autoattack@Linf": "autoattack",
}  # fmt: skip
_MEASURES = ("accuracy", CONFIDENCE, "cm")
_DATASETS = {"imagenet16-120": "ImageNet16-120"}
_DECIMALS = 9  # of grey levels, as they are written
Answers = dict[str, Any]


@final
class RobustnessDataset(PublishedIds):
    """Results nested as data set → key → measure → id.

    The value of an attack is a list over the epsilons in ``meta["epsilons"]`` (in grey levels), that of a corruption a
    list over the severities 1 to 5; nan where the table has no such column for the data set. Confidences are like
    accuracies or, where the authors give several, such lists by name.

    Args:
        table: with published indices and a test split.
        confusion: folder with the authors' ``{dataset}/{key}_cm.json`` and ``meta.json``, for the measure ``cm``.
    """

    keys_clean = ("clean",)
    keys_adv = tuple(_ATTACKS)
    keys_cc = tuple(sorted(COMMON_CORRUPTIONS))
    keys_all = (*keys_clean, *keys_adv, *keys_cc)

    def __init__(self, table: Table, confusion: str | Path | None = None) -> None:
        if check_table(table).published is None:
            raise InputError("table", expected="one with published indices", got=table.name)
        self.table, self.confusion = table, confusion
        self.data = tuple(_DATASETS.get(name, name) for name in table.datasets)
        parsed = [Metric.parse(key) for key in dict.fromkeys(c.metric for c in table.columns) if is_metric(key)]
        self._metrics = {"clean": ["clean"]}
        """Metric keys by the authors' key, in the order of the table."""
        for key, attack in _ATTACKS.items():
            if found := [metric.key for metric in parsed if metric.attack == attack and _is_plain(metric)]:
                self._metrics[key] = found
        known = {metric.key for metric in parsed}
        for kind in self.keys_cc:
            found = [Metric(kind, None, severity=level).key for level in SEVERITIES]
            if known & set(found):
                self._metrics[kind] = found
        self.meta: dict[str, Any] = {
            "epsilons": {key: [_grey(text) for text in found] for key, found in self._metrics.items() if "@" in key}
        }

    def id_to_string(self, i: int | str) -> str:
        """The genotype of an id."""
        return CellArchitecture(self.table.architecture(check_id(i))).genotype

    def string_to_id(self, s: str) -> str:
        """The id of a genotype.

        Raises:
            InputError: it is none.
        """
        assert self.table.published is not None
        return str(self.table.published[CellArchitecture(s).index])

    def query(
        self,
        data: Sequence[str] | str | None = None,
        key: Sequence[str] | str | None = None,
        measure: Sequence[str] | str = "accuracy",
    ) -> dict[str, dict[str, dict[str, Answers]]]:
        """Results of all architectures.

        Args:
            data: data sets, such as ``cifar10`` or ``ImageNet16-120``; all if omitted.
            key: ``clean``, attacks such as ``pgd@Linf`` or corruptions such as ``brightness``; all that there are if
                omitted. A corruption has an empty answer on a data set without any, as ImageNet16-120.
            measure: ``accuracy``, ``confidence`` or ``cm`` (counts as arrays of shape (levels, classes, classes)).

        Raises:
            InputError: an unknown data set, key or measure; the text lists those that are there.
        """
        keys = list(self._metrics) if key is None else _listed(key)
        for name in keys:
            if name not in self._metrics:
                raise InputError("key", expected=f"one of {', '.join(self._metrics)}", got=name)
        known = [of for of in _MEASURES if self._has(of)]
        for name in _listed(measure):
            if name not in known:
                raise InputError("measure", expected=" or ".join(known), got=name)
        return {
            name: {
                one: {of: answer for of in _listed(measure) if (answer := self._answer(name, one, of))} for one in keys
            }
            for name in (self.data if data is None else _listed(data))
        }

    def _has(self, measure: str) -> bool:
        """Whether there are any results of this kind."""
        return {
            "accuracy": True,
            CONFIDENCE: bool(self._parts(["clean"])),
            "cm": self.confusion is not None,
        }[measure]

    def _answer(self, data: str, key: str, measure: str) -> Answers:
        """By id; empty where nothing is."""
        if measure == "cm":
            return self._counts(data, key)
        own = next((name for name, theirs in _DATASETS.items() if theirs == data), data)
        metrics = self._metrics.get(key, [])
        parts = self._parts(metrics) if measure == CONFIDENCE else {"": metrics}
        found = {part: values for part, keys in parts.items() if (values := self._columns(own, keys)) is not None}
        if found:
            return self._by_id(found, single=key == "clean")
        if key in self.keys_cc and own in self.table.datasets and not self._has_corruptions(own):
            return {}
        wanted = metrics[-1] if measure == "accuracy" else f"{CONFIDENCE}:{metrics[-1]}"
        self.table.column(own, wanted, "test")  # the error that lists what there is
        raise AssertionError(wanted)

    def _has_corruptions(self, dataset: str) -> bool:
        metrics = [Metric.parse(c.metric) for c in self.table.columns if c.dataset == dataset and is_metric(c.metric)]
        return any(metric.severity for metric in metrics)

    def _parts(self, metrics: Sequence[str]) -> dict[str, list[str]]:
        """Names of confidence columns of these metrics, by what they are confidences of."""
        heads = [column.metric.partition(":")[0] for column in self.table.columns if ":" in column.metric]
        named = dict.fromkeys(head for head in heads if head.partition(".")[0] == CONFIDENCE)
        return {head.partition(".")[2]: [f"{head}:{metric}" for metric in metrics] for head in named}

    def _columns(self, dataset: str, keys: Iterable[str]) -> list[Floats] | None:
        """Values of every row by level, nan where there is no column; None where there is none at all."""
        known = {column.metric for column in self.table.columns if (column.dataset, column.split) == (dataset, "test")}
        if not known.intersection(keys):
            return None
        missing = np.full(len(self.table), np.nan)
        return [self.table.values(dataset, key, split="test") if key in known else missing for key in keys]

    def _by_id(self, parts: dict[str, list[Floats]], *, single: bool) -> Answers:
        assert self.table.published is not None
        answers: Answers = {}
        for row, number in enumerate(self.table.published[self.table.rows]):
            values = {
                part: float(columns[0][row]) if single else [float(column[row]) for column in columns]
                for part, columns in parts.items()
            }
            answers[str(number)] = values.get("", values)
        return answers

    def _counts(self, data: str, key: str) -> Answers:
        assert self.confusion is not None
        return {str(number): counts for number, counts in confusion_matrices(self.confusion, data, key)}


def _is_plain(metric: Metric) -> bool:
    """Whether it is in the norm that the keys name, without a label."""
    return metric.threat is not None and metric.threat.norm == "linf" and not metric.label


def _grey(key: str) -> float:
    """Grey levels of the ε of a metric."""
    threat = Metric.parse(key).threat
    assert threat is not None
    return round(255 * threat.epsilon, _DECIMALS)


def _listed(value: Sequence[str] | str) -> Sequence[str]:
    return [value] if isinstance(value, str) else value

"""The calls of NATS-Bench (Dong et al. 2021), answered from a table of robust accuracies."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from robnas.benchmarks._column import Value
from robnas.benchmarks._runs import is_number
from robnas.benchmarks._table import Table
from robnas.benchmarks.adapters._published import check_id, check_table, genotypes, percent
from robnas.benchmarks.nas_bench_201 import training_hours
from robnas.errors import InputError
from robnas.spaces.nas_bench_201 import SIZE, CellArchitecture
from robnas.types import check_split


@final
class NatsBench:
    """Index, more info, simulated training; accuracies in percent, as NATS-Bench gives them.

    Args:
        table: with published indices.
        metric: key of the metric that is called the accuracy, such as ``pgd@8/255``.
        split: whose accuracy `simulate_train_eval` returns; there is no default, because a published table may have
            test values only.

    Raises:
        InputError: the table brings no published indices, or has no such metric or split.
    """

    def __init__(self, table: Table, *, metric: str, split: str) -> None:
        check_table(table)
        if table.published is None:
            raise InputError("table", expected="one with published indices", got=table.name)
        for dataset in table.datasets:
            table.column(dataset, metric, split).check_accuracy("metric")
        self.table, self.metric, self.split = table, metric, check_split(split)
        self._genotypes = genotypes(table.published)
        self._used_time = 0.0

    def __len__(self) -> int:
        return SIZE

    def __getitem__(self, index: int) -> str:
        return self._genotypes[index]

    def arch(self, index: int) -> str:
        """The genotype of a published index."""
        return self._genotypes[check_id(index)]

    def query_index_by_arch(self, arch: object) -> int:
        """The published index of an architecture; -1 if there is none."""
        if isinstance(arch, int | np.integer):
            return int(arch) if is_number(arch) and 0 <= arch < SIZE else -1
        encoding = arch.tostr() if hasattr(arch, "tostr") else arch
        assert self.table.published is not None
        try:
            return int(self.table.published[CellArchitecture(encoding).index])
        except InputError:
            return -1

    def get_more_info(
        self, index: object, dataset: str, iepoch: int | None = None, hp: str = "50", is_random: bool = False
    ) -> dict[str, float]:
        """All metrics of an architecture, accuracies in percent: ``test-clean``, ``test-pgd@8/255`` …; means of runs.

        What the table lacks is left out, with `iepoch` also what was not measured after every epoch; the figures of the
        training are then ``train-loss``, ``train-robust`` (in percent) and ``train-per-time`` (seconds). `identical` of
        an accuracy says whether a relative answers, see `Table.query`.

        Args:
            index: published index or encoding.
            dataset: ``cifar10``, ``cifar100`` or ``ImageNet16-120``.
            iepoch: from 0 on, as NATS-Bench counts: after this epoch, where the table has learning curves; if omitted,
                after the training.
            hp: epochs of the recipe, 50.
            is_random: there is no random run: name a seed in `Table.query` instead.

        Raises:
            InputError: an epoch, recipe or random run is asked for that the table does not hold.
        """
        if not self.table.curves and iepoch is not None:
            raise self._only("iepoch", None, iepoch)
        for what, given, only in (("hp", str(hp), "50"), ("is_random", is_random, False)):
            if given != only:
                raise self._only(what, only, given)
        name = _dataset(dataset)
        number = self._known(index)
        if iepoch is not None:
            return self._after(number, name, iepoch, int(hp))
        row = self.table.row(number)
        seconds = 3600 * training_hours(CellArchitecture(self._genotypes[number]), name)
        info: dict[str, float] = {"train-all-time": seconds}
        for column in self.table.columns:
            if column.dataset == name and not math.isnan(column.mean[row]):
                value = self._peek(number, name, column.address, column.split)
                value = percent(value) if column.is_accuracy else value
                info[f"{column.split}-{column.qualified}"] = value
                if column.is_called(self.metric) and column.split == self.split:
                    info[f"{column.split}-accuracy"] = value
        return info

    def _only(self, what: str, only: object, given: object) -> InputError:
        return InputError(what, expected=f"{only}, the only one that table {self.table.name} has", got=given)

    def _after(self, number: int, name: str, iepoch: int, epochs: int) -> dict[str, float]:
        """What learning curves say of the epoch with this number, from 0 on."""
        curves = [curve for curve in self.table.curves if curve.dataset == name]
        known = sorted({epoch - 1 for curve in curves for epoch in curve.epochs})
        if not is_number(iepoch) or iepoch not in known:
            expected = f"one of {', '.join(map(str, known)) or 'none'}, after which table {self.table.name} has curves"
            raise InputError("iepoch", expected=expected, got=iepoch)
        row = self.table.row(number)
        info: dict[str, float] = {}
        for curve in curves:
            if iepoch + 1 not in curve.epochs or math.isnan(curve.after(iepoch + 1).mean[row]):
                continue
            value = self._peek(number, name, curve.metric, curve.split, iepoch + 1)
            key = "train-per-time" if curve.metric == "seconds" else f"{curve.split}-{curve.metric}"
            info[key] = percent(value) if curve.is_accuracy else value
            if curve.is_called(self.metric) and curve.split == self.split:
                info[f"{curve.split}-accuracy"] = percent(value)
        return {"train-all-time": self._seconds(number, name, iepoch + 1, epochs), **info}

    def _seconds(self, number: int, name: str, epoch: int, epochs: int) -> float:
        """Duration of the first epochs of a training: as measured where that is known, else a share of the model's."""
        row, all_of_them = self.table.row(number), tuple(range(1, epoch + 1))
        for curve in self.table.curves:
            if (curve.dataset, curve.split, curve.metric) == (name, "train", "seconds"):
                measured = float(curve.mean[row, :epoch].sum())
                if curve.epochs[:epoch] == all_of_them and not math.isnan(measured):
                    return measured
        return 3600 * training_hours(CellArchitecture(self._genotypes[number]), name) * epoch / epochs

    def simulate_train_eval(
        self, arch: object, dataset: str, iepoch: int | None = None, hp: str = "50", account_time: bool = True
    ) -> tuple[float, float, float, float]:
        """Accuracy in percent, latency (not known: nan), seconds of this training, seconds of all so far.

        The seconds are simulated, see `robnas.benchmarks.training_hours`; with `iepoch`, see `get_more_info`, they are
        those up to this epoch, as they were measured where the table knows them.

        Raises:
            InputError: as for `get_more_info`, or the table lacks this accuracy.
        """
        info = self.get_more_info(arch, dataset, iepoch, hp)
        number = self._known(arch)
        epoch = None if iepoch is None else int(iepoch) + 1
        value = self._peek(number, _dataset(dataset), self.metric, self.split, epoch)  # an error where it is missing
        if account_time:
            self._used_time += info["train-all-time"]
        return percent(value), float("nan"), info["train-all-time"], self._used_time

    def _peek(self, number: int, dataset: str, metric: str, split: str, epoch: int | None = None) -> Value:
        return self.table.peek(number, dataset=dataset, metric=metric, split=split, seed="mean", epoch=epoch)

    @property
    def used_time(self) -> float:
        """Simulated seconds so far."""
        return self._used_time

    def reset_time(self) -> None:
        """Set the simulated seconds to zero."""
        self._used_time = 0.0

    def _known(self, arch: Any) -> int:
        number = self.query_index_by_arch(arch)
        if number < 0:
            raise InputError("architecture", expected=f"a published index below {SIZE} or an encoding", got=arch)
        return number


def _dataset(name: str) -> str:
    return "imagenet16-120" if name == "ImageNet16-120" else name

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
            table.column(dataset, metric, split)
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
        """All metrics of an architecture in percent, as ``test-clean``, ``test-pgd@8/255`` …; means over the runs.

        What the table lacks is left out. `identical` of an accuracy says whether a relative answers, see `Table.query`.

        Args:
            index: published index or encoding.
            dataset: ``cifar10``, ``cifar100`` or ``ImageNet16-120``.
            iepoch: there are last epochs only.
            hp: epochs of the recipe, 50.
            is_random: there is no random run: name a seed in `Table.query` instead.

        Raises:
            InputError: an epoch, recipe or random run is asked for that the table does not hold.
        """
        for what, given, only in (("iepoch", iepoch, None), ("hp", str(hp), "50"), ("is_random", is_random, False)):
            if given != only:
                raise InputError(what, expected=f"{only}, the only one that table {self.table.name} has", got=given)
        name = _dataset(dataset)
        number = self._known(index)
        row = self.table.row(number)
        seconds = 3600 * training_hours(CellArchitecture(self._genotypes[number]), name)
        info: dict[str, float] = {"train-all-time": seconds}
        for column in self.table.columns:
            if column.dataset == name and not math.isnan(column.mean[row]):
                value = percent(self._peek(number, name, column.metric, column.split))
                info[f"{column.split}-{column.metric}"] = value
                if column.metric == self.metric and column.split == self.split:
                    info[f"{column.split}-accuracy"] = value
        return info

    def simulate_train_eval(
        self, arch: object, dataset: str, iepoch: int | None = None, hp: str = "50", account_time: bool = True
    ) -> tuple[float, float, float, float]:
        """Accuracy in percent, latency (not known: nan), seconds of this training, seconds of all so far.

        The seconds are simulated, see `robnas.benchmarks.training_hours`.

        Raises:
            InputError: as for `get_more_info`, or the table lacks this accuracy.
        """
        info = self.get_more_info(arch, dataset, iepoch, hp)
        number = self._known(arch)
        value = self._peek(number, _dataset(dataset), self.metric, self.split)  # an error where it is missing
        if account_time:
            self._used_time += info["train-all-time"]
        return percent(value), float("nan"), info["train-all-time"], self._used_time

    def _peek(self, number: int, dataset: str, metric: str, split: str) -> Value:
        return self.table.peek(number, dataset=dataset, metric=metric, split=split, seed="mean")

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

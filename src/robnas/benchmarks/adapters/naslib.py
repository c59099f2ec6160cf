"""The query of a NASLib graph (Ruchte et al. 2020): metric and data set of one architecture."""

from __future__ import annotations

from typing import Any, final

from robnas.benchmarks._column import Value
from robnas.benchmarks._runs import is_number
from robnas.benchmarks._table import Table
from robnas.benchmarks.adapters._published import check_table, percent
from robnas.errors import InputError
from robnas.spaces.nas_bench_201 import CellArchitecture

_SPLITS = {"TEST_ACCURACY": "test", "VAL_ACCURACY": "validation", "TRAIN_ACCURACY": "train"}


@final
class NaslibGraph:
    """One architecture that answers like a NASLib graph, in percent; validation and test are never the same number.

    Args:
        table: where the answers come from.
        arch: any encoding; `get_hash` gives NASLib's tuple.
        metric: key of what is called the accuracy, such as ``pgd@8/255``.
    """

    def __init__(self, table: Table, arch: object, *, metric: str) -> None:
        self.table, self.arch, self.metric = check_table(table), CellArchitecture(arch), metric

    def get_hash(self) -> tuple[int, ...]:
        """NASLib's tuple of operations."""
        encoding: tuple[int, ...] = self.arch.format("naslib")
        return encoding

    def query(
        self,
        metric: Any = None,
        dataset: str | None = None,
        path: str | None = None,
        epoch: int = -1,
        full_lh: bool = False,
        dataset_api: Any = None,
    ) -> Value | list[float]:
        """The mean accuracy in percent; its `identical` says whether a relative answers, see `Table.query`.

        Args:
            metric: NASLib's `Metric` or its name: ``TEST_ACCURACY``, ``VAL_ACCURACY`` or ``TRAIN_ACCURACY``.
            dataset: such as ``cifar10`` or ``ImageNet16-120``.
            path: not used.
            epoch: -1, after the training; or an epoch, the first being 0, where the table has learning curves.
            full_lh: whether to give the whole learning curve as a list.
            dataset_api: not used: the table is given to the constructor.

        Raises:
            InputError: the table has no such split, or an epoch or learning curve is asked for.
        """
        name = getattr(metric, "name", metric)
        if name not in _SPLITS:
            raise InputError("metric", expected=f"one of {', '.join(_SPLITS)}", got=name)
        if (epoch != -1 or full_lh) and not self.table.curves:
            raise InputError("epoch", expected="-1: the table holds last epochs only", got=epoch)
        where = "imagenet16-120" if dataset == "ImageNet16-120" else dataset
        asked: Any = {"dataset": where, "metric": self.metric, "split": _SPLITS[name], "seed": "mean"}
        if full_lh:
            found = self.table.curve(self.arch, **asked)
            self.table.charge([self.table.row(self.arch)])
            return [100 * value for value in found.tolist()]
        if epoch == -1:
            self.table.column(where, self.metric, _SPLITS[name]).check_accuracy("metric")
            return percent(self.table.query(self.arch, **asked))
        known = self.table.curve_column(where, self.metric, _SPLITS[name]).epochs
        if not is_number(epoch) or epoch + 1 not in known:
            listed = ", ".join(str(one - 1) for one in known)
            raise InputError("epoch", expected=f"-1, after the training, or one of {listed}", got=epoch)
        return percent(self.table.query(self.arch, **asked, epoch=epoch + 1))

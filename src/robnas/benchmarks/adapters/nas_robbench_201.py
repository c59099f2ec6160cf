"""The official class of NAS-RobBench-201 (Wu et al. 2024), on the published files or on a table."""

from __future__ import annotations

from pathlib import Path
from typing import final

from robnas.benchmarks._runs import Seed
from robnas.benchmarks._table import Table
from robnas.benchmarks.adapters._published import PublishedIds, check_id, check_table
from robnas.benchmarks.nas_bench_201 import either_of_the_authors
from robnas.errors import InputError, Verbatim

METRICS = {
    "val_acc": "clean", "val_fgsm_3.0_acc": "fgsm@3/255", "val_fgsm_8.0_acc": "fgsm@8/255",
    "val_pgd_3.0_acc": "pgd@3/255", "val_pgd_8.0_acc": "pgd@8/255", "autoattack": "autoattack@8/255",
}  # fmt: skip


@final
class NasRobBench201(PublishedIds):
    """Results by published index; the split is always the official test images, whatever ``val_`` suggests.

    Args:
        metapath: ``meta.json``, or ``ops.json`` of the project page; or a table with published indices, such as
            ``robnas.load("nas-robbench-201")``, which needs no file.
        datasetpath: ``NAS-RobBench-201_all.json``, or ``NAS-RobBench-201_html.json`` of the project page.

    Raises:
        DataError: a file is missing, damaged or hostile.
        InputError: a path without the other, or a table without published indices.
    """

    def __init__(self, metapath: str | Path | Table, datasetpath: str | Path | None = None) -> None:
        if isinstance(metapath, Table):
            if check_table(metapath).published is None or datasetpath is not None:
                got = Verbatim(f"{metapath.name} and {datasetpath}") if datasetpath is not None else metapath.name
                raise InputError("table", expected="one with published indices, and nothing else", got=got)
            self.table = metapath
        elif datasetpath is None:
            raise InputError("datasetpath", expected="the path of the results", got=datasetpath)
        else:
            self.table = either_of_the_authors(Path(metapath), Path(datasetpath))

    def get_result(self, dataset: str, architecture_id: int | str, metric: str) -> float:
        """The value of seed 1, as the official class gives it; AutoAttack is one run.

        The project page's file holds means of three seeds, which are given where there is no seed 1.
        """
        if metric not in list(METRICS):
            raise InputError("metric", expected=f"one of {', '.join(METRICS)}", got=metric)
        name = "imagenet16-120" if dataset == "imagenet" else dataset
        column = self.table.column(name, METRICS[metric], "test")
        seed: Seed = 1 if 1 in column.seeds and metric != "autoattack" else "mean"
        number = check_id(architecture_id)
        return float(self.table.peek(number, dataset=name, metric=METRICS[metric], split="test", seed=seed))

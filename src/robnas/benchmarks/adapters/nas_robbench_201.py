"""The official class of NAS-RobBench-201 (Wu et al. 2024), on the same two files."""

from __future__ import annotations

from pathlib import Path

from robnas.benchmarks._catalogue import entry
from robnas.benchmarks._column import Seed
from robnas.benchmarks._table import Table
from robnas.benchmarks.adapters._published import PublishedIds, check_id
from robnas.errors import InputError

METRICS = {
    "val_acc": "clean", "val_fgsm_3.0_acc": "fgsm@3/255", "val_fgsm_8.0_acc": "fgsm@8/255",
    "val_pgd_3.0_acc": "pgd@3/255", "val_pgd_8.0_acc": "pgd@8/255", "autoattack": "autoattack@8/255",
}  # fmt: skip


class NasRobBench201(PublishedIds):
    """Results by published index; the split is always the official test images, whatever ``val_`` suggests.

    Args:
        metapath: ``meta.json``.
        datasetpath: ``NAS-RobBench-201_all.json``.

    Raises:
        DataError: a file is missing, damaged or hostile.
    """

    def __init__(self, metapath: str | Path, datasetpath: str | Path) -> None:
        files = {"meta.json": Path(metapath), "NAS-RobBench-201_all.json": Path(datasetpath)}
        self.table: Table = entry("nas-robbench-201-seeds").importer(files, {})

    def get_result(self, dataset: str, architecture_id: int | str, metric: str) -> float:
        """The value of seed 1, as the official class gives it; AutoAttack is one run."""
        if metric not in list(METRICS):
            raise InputError("metric", expected=f"one of {', '.join(METRICS)}", got=metric)
        name = "imagenet16-120" if dataset == "imagenet" else dataset
        seed: Seed = "mean" if metric == "autoattack" else 1
        value = self.table.peek(
            check_id(architecture_id), dataset=name, metric=METRICS[metric], split="test", seed=seed
        )
        return float(value)

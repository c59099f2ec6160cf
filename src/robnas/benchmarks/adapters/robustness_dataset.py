"""The query of Jung et al. (2023), for any table with published indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from robnas.benchmarks._table import Table
from robnas.benchmarks.adapters._published import PublishedIds, check_id, check_table
from robnas.errors import InputError
from robnas.spaces.nas_bench_201 import CellArchitecture

_ATTACKS = {
    "clean": "clean", "fgsm@Linf": "fgsm", "pgd@Linf": "pgd", "aa_apgd-ce@Linf": "apgd", "aa_square@Linf": "square",
    "autoattack@Linf": "autoattack",
}  # fmt: skip


@final
class RobustnessDataset(PublishedIds):
    """Accuracies nested as data set → key → measure → id.

    The value of an attack is a list over the epsilons in ``meta["epsilons"]`` (in grey levels, or ``average``).

    Args:
        table: with published indices and a test split.
    """

    keys_clean = ("clean",)
    keys_adv = tuple(key for key in _ATTACKS if key != "clean")

    def __init__(self, table: Table) -> None:
        if check_table(table).published is None:
            raise InputError("table", expected="one with published indices", got=table.name)
        self.table = table
        self.data = tuple("ImageNet16-120" if name == "imagenet16-120" else name for name in table.datasets)
        epsilons: dict[str, list[float | str]] = {}
        for key in self.keys_adv:
            found = [metric.partition("@")[2] for metric in self._metrics(_ATTACKS[key])]
            if found:
                epsilons[key] = [text if text == "average" else float(text.partition("/")[0]) for text in found]
        self.meta: dict[str, Any] = {"epsilons": epsilons}

    def _metrics(self, attack: str) -> list[str]:
        """Metric keys of an attack, in the order of the table."""
        keys = dict.fromkeys(column.metric for column in self.table.columns)
        return [key for key in keys if key.partition("@")[0] == attack]

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
        self, data: Sequence[str] | str, key: Sequence[str] | str, measure: Sequence[str] | str = "accuracy"
    ) -> dict[str, dict[str, dict[str, dict[str, float | list[float]]]]]:
        """All architectures' accuracies.

        Args:
            data: data sets, such as ``cifar10`` or ``ImageNet16-120``.
            key: ``clean`` or attacks such as ``pgd@Linf``.
            measure: ``accuracy``, the only one that these tables hold.

        Raises:
            InputError: an unknown data set, key or measure; the text lists those that are there.
        """
        for name in _listed(measure):
            if name != "accuracy":
                raise InputError("measure", expected="accuracy", got=name)
        known = [*self.keys_clean, *self.meta["epsilons"]]
        for name in _listed(key):
            if name not in known:
                raise InputError("key", expected=f"one of {', '.join(known)}", got=name)
        return {
            name: {attack: {"accuracy": self._accuracies(name, _ATTACKS[attack])} for attack in _listed(key)}
            for name in _listed(data)
        }

    def _accuracies(self, data: str, attack: str) -> dict[str, float | list[float]]:
        assert self.table.published is not None
        name = "imagenet16-120" if data == "ImageNet16-120" else data
        ids = [str(number) for number in self.table.published[self.table.rows]]
        columns = [self.table.values(name, metric, split="test") for metric in self._metrics(attack)]
        if attack == "clean":
            return dict(zip(ids, columns[0].tolist(), strict=True))
        return {number: [float(column[row]) for column in columns] for row, number in enumerate(ids)}


def _listed(value: Sequence[str] | str) -> Sequence[str]:
    return [value] if isinstance(value, str) else value

"""A trainer that does nothing, for `build.py`; a module of its own because workers import it."""

from __future__ import annotations

from dataclasses import dataclass

from robnas.records import Outcome, QueuedTrial, Record
from robnas.spaces import Architecture


@dataclass(frozen=True)
class Nothing:
    """Leaves as many records as a real trial: clean and four attacks on two splits."""

    def prepare(self) -> None:
        pass

    def __call__(self, trial: QueuedTrial) -> Outcome:
        return Outcome(records(trial))


def records(trial: QueuedTrial) -> tuple[Record, ...]:
    arch = Architecture(trial.architecture)
    metrics = ("clean", "fgsm@3/255", "fgsm@8/255", "pgd@3/255", "pgd@8/255")
    return tuple(
        Record(
            architecture=arch, dataset_hash="d" * 16, split=split, recipe_hash="r" * 16, seed=trial.seed, metric=metric,
            attack_hash="" if metric == "clean" else "a" * 16, attack_seed=0, images=1000, dataset="none", value=0.5,
            seconds=0.1, torch_version="none", device="none",
        )
        for split in ("validation", "test")
        for metric in metrics
    )  # fmt: skip

"""A trainer that knows what a training would find; a worker that imports it needs no torch."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from robnas.errors import DivergedError
from robnas.records import Outcome, Record
from tests.building.trainers import value_of


@dataclass(frozen=True)
class Oracle:
    """Leaves the records of an expansion, with values of a table or else any."""

    space: object
    dataset_hash: str
    recipe_hash: str
    measurements: tuple
    values: dict = field(default_factory=dict)
    """Architecture → value of every metric."""
    seconds: float = 0.0
    marks: Path | None = None
    """A folder where each training leaves a file."""
    fails: frozenset = frozenset()
    """Architectures that diverge."""

    @classmethod
    def of(cls, expansion, **options):
        shared = expansion.plan.space.of, expansion.dataset_hash, expansion.plan.recipe.hash
        return cls(*shared, expansion.measurements, **options)

    def prepare(self):
        pass

    def __call__(self, trial):
        time.sleep(self.seconds)
        if self.marks is not None:
            (self.marks / f"{trial.architecture}-{trial.seed}-{time.monotonic_ns()}").touch()
        if trial.architecture in self.fails:
            raise DivergedError(1, 1, float("nan"))
        return Outcome(tuple(self._record(trial, **one) for one in self.measurements))

    def _record(self, trial, split, metric, attack_hash, images):
        value = self.values.get(trial.architecture)
        return Record(
            architecture=self.space.parse(trial.architecture), space=self.space.key, dataset_hash=self.dataset_hash,
            split=split, recipe_hash=self.recipe_hash, seed=trial.seed, metric=metric, attack_hash=attack_hash,
            attack_seed=trial.seed if attack_hash else 0, images=images, dataset="digits",
            value=value_of(trial, f"{split} {metric}") if value is None else value, seconds=0.1,
            torch_version="2.13.0", device="cpu",
        )  # fmt: skip

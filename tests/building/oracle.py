"""A trainer that knows what a training would find; a worker that imports it needs no torch."""

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from robnas.errors import DivergedError
from robnas.records import Curve, Outcome, Record
from tests.building.trainers import value_of


@dataclass(frozen=True)
class Oracle:
    """Leaves the records of an expansion, with values of a table or else any."""

    space: object
    dataset_hash: str
    recipe_hash: str
    measurements: tuple
    curve: tuple = ()
    epochs: int = 1
    values: dict = field(default_factory=dict)
    """Architecture → value of every metric."""
    seconds: float = 0.0
    marks: Path | None = None
    """A folder where each training leaves a file."""
    deadly: int = 0
    """The first so many trainings kill their worker; needs marks."""
    fails: frozenset = frozenset()
    """Architectures that diverge."""

    @classmethod
    def of(cls, expansion, **options):
        shared = expansion.plan.space.of, expansion.dataset_hash, expansion.plan.recipe.hash
        curve = {"curve": expansion.curve, "epochs": expansion.plan.recipe.epochs}
        return cls(*shared, expansion.measurements, **{**curve, **options})

    def prepare(self):
        pass

    def __call__(self, trial):
        time.sleep(self.seconds)
        if self.marks is not None:
            (self.marks / f"{trial.architecture}-{trial.seed}-{trial.until}-{time.monotonic_ns()}").touch()
            if len(list(self.marks.iterdir())) <= self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
        if trial.architecture in self.fails:
            raise DivergedError(1, 1, float("nan"))
        epochs = trial.until or self.epochs
        curves = tuple(self._curve(trial, tuple(range(1, epochs + 1)), **one) for one in self.curve)
        if epochs < self.epochs:
            return Outcome((), curves=curves, epochs=epochs)
        return Outcome(tuple(self._record(trial, **one) for one in self.measurements), curves=curves)

    def _curve(self, trial, epochs, split, metric, attack_hash, images):
        """Halfway to the final value after half of the epochs."""
        last = value_of(trial, f"{split} {metric}")
        return Curve(
            architecture=self.space.parse(trial.architecture), space=self.space.key, dataset_hash=self.dataset_hash,
            split=split, recipe_hash=self.recipe_hash, seed=trial.seed, metric=metric, attack_hash=attack_hash,
            attack_seed=trial.seed if attack_hash else 0, images=images, dataset="digits", epochs=epochs,
            values=tuple(last * epoch / self.epochs for epoch in epochs),
        )  # fmt: skip

    def _record(self, trial, split, metric, attack_hash, images):
        value = self.values.get(trial.architecture)
        return Record(
            architecture=self.space.parse(trial.architecture), space=self.space.key, dataset_hash=self.dataset_hash,
            split=split, recipe_hash=self.recipe_hash, seed=trial.seed, metric=metric, attack_hash=attack_hash,
            attack_seed=trial.seed if attack_hash else 0, images=images, dataset="digits",
            value=value_of(trial, f"{split} {metric}") if value is None else value, seconds=0.1,
            torch_version="2.13.0", device="cpu",
        )  # fmt: skip

"""What a trial measures after each of its epochs, and the curves that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn

from robnas._settings import content_hash, to_dict
from robnas.building._measuring import CurveMeasuring, described
from robnas.building._trial import Trial
from robnas.data import Dataset
from robnas.evaluation import Suite, evaluate
from robnas.records import OF_TRAINING, Curve
from robnas.training import EpochLog


@final
@dataclass(frozen=True, kw_only=True)
class CurveOfTrial:
    """Measures the network of one trial on validation images: a `robnas.training.Measure`.

    The attack has the seed that it has in the evaluation of the trial, so that after the last epoch the same attack on
    the same images finds the same.
    """

    trial: Trial
    measuring: CurveMeasuring
    data: Dataset
    batch_size: int
    """Images per forward pass."""
    device: torch.device | str = "cpu"

    def __call__(self, network: nn.Module, epoch: int) -> dict[str, float]:
        """Figures by names that say what was asked: a folder may hold those of a plan that has changed since."""
        found = evaluate(
            network,
            self.data,
            self._suite,
            split="validation",
            seed=self.trial.seed,
            limit=self.measuring.images,
            batch_size=self.batch_size,
            device=self.device,
        )
        return {
            _name(one.metric, "" if one.attack is None else content_hash(one.attack), one.images): one.value
            for one in found.measurements
        }

    @property
    def _suite(self) -> Suite:
        return self.measuring.suite(self.trial.recipe.attack.threat)

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """What the hashes in the curves stand for."""
        attacks = [{"name": attack.name, **to_dict(attack)} for attack in self._suite.attacks]
        return {self.trial.recipe.hash: self.trial.recipe.to_dict()} | {content_hash(one): one for one in attacks}

    def curves(self, history: Sequence[EpochLog]) -> tuple[Curve, ...]:
        """The curves of a training so far, of those epochs that have figures."""
        found = []
        size = len(self.data.split("validation"))
        for one in described(self._suite, "validation", self.measuring.images or size):
            name = _name(one["metric"], one["attack_hash"], one["images"])
            values = {log.epoch: log.measured[name] for log in history if log.measured and name in log.measured}
            found.append(self._curve(values, **one, attack_seed=self.trial.seed if one["attack_hash"] else 0))
        of_training = {
            "loss": {log.epoch: log.loss for log in history},
            "robust": {log.epoch: log.robust_accuracy for log in history if log.robust_accuracy is not None},
            "seconds": {log.epoch: log.seconds for log in history},
        }
        for metric, values in of_training.items():
            found.append(self._curve(values, split=OF_TRAINING, metric=metric, attack_hash="", images=0))
        return tuple(curve for curve in found if curve is not None)

    def _curve(self, values: Mapping[int, float], **what: Any) -> Curve | None:
        if not values:
            return None
        return Curve(
            architecture=self.trial.architecture,
            space=self.trial.space.key,
            dataset_hash=self.data.content_hash,
            recipe_hash=self.trial.recipe.hash,
            seed=self.trial.seed,
            dataset=self.data.name,
            epochs=tuple(values),
            values=tuple(values.values()),
            **what,
        )


def _name(metric: str, attack_hash: str, images: int) -> str:
    return f"{metric} on {images} validation images{attack_hash and f', attack {attack_hash}'}"

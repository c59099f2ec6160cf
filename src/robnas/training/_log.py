"""The figures of each epoch of a training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from robnas._files import write_text
from robnas.training._overfitting import is_overfitted
from robnas.training._recipe import Recipe

LOG = "log.jsonl"
_LEFT_OUT = ("attack_accuracy", "pgd_accuracy", "validation_accuracy", "measured")  # of files, where they are None
_MAY_LACK = ("robust_accuracy", *_LEFT_OUT)


@final
@dataclass(frozen=True, slots=True)
class EpochLog:
    """Figures of one epoch."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean of the objective over the epoch's images."""
    clean_accuracy: float
    """On at most 512 training images, not augmented, in evaluation mode at the end of the epoch."""
    robust_accuracy: float | None
    """On the attacked training batches, in training mode as they were trained on; None if nothing was attacked."""
    images_per_second: float
    """Training images, attack included."""
    learning_rate: float
    """Of the last step."""
    seconds: float
    """Duration of the epoch."""
    attack_accuracy: float | None = None
    """On the first 128 training images under the training attack, in evaluation mode at the end of the epoch; measured
    if that attack has a single step."""
    pgd_accuracy: float | None = None
    """Likewise under PGD with ten steps of ε/4."""
    validation_accuracy: float | None = None
    """On the first validation images under PGD with ten steps of ε/4, clean if the training attacks nothing; measured
    if the recipe stops early."""
    measured: dict[str, float] | None = None
    """What the caller of `train` has measured after the epoch; None if nothing."""

    @property
    def overfitted(self) -> bool:
        """Whether PGD breaks far more than the attack of the training: catastrophic overfitting (Wong et al. 2020)."""
        if self.attack_accuracy is None or self.pgd_accuracy is None:
            return False
        return is_overfitted(self.attack_accuracy, self.pgd_accuracy)


def overfitting(history: Sequence[EpochLog]) -> str | None:
    """One line about the epoch whose weights are the result, if it is overfitted to the training attack."""
    if not history or not (found := result_epoch(history)).overfitted:
        return None
    return (
        f"catastrophic overfitting: in epoch {found.epoch} accuracy is {found.attack_accuracy:.2f} under the training "
        f"attack of one step and {found.pgd_accuracy:.2f} under PGD; train with more steps or a smaller step size"
    )


def result_epoch(history: Sequence[EpochLog]) -> EpochLog:
    """The epoch whose weights are the result: the last one, or the first of the best where the recipe stops early."""
    return (
        max(history, key=lambda entry: (entry.validation_accuracy or 0.0, -entry.epoch))
        if _stops(history)
        else (history[-1])
    )


def is_finished(recipe: Recipe, history: Sequence[EpochLog]) -> bool:
    """Whether a training ends after these epochs."""
    if len(history) >= recipe.epochs:
        return True
    figures = [entry.validation_accuracy or 0.0 for entry in history]
    return recipe.stopping is not None and recipe.stopping.is_over(figures)


def weights_text(recipe: Recipe, history: Sequence[EpochLog] = ()) -> str:
    """Which weights are the result, in words; empty if they are simply the last ones."""
    said = []
    if recipe.averaging is not None:
        said.append(f"averaged over the steps ({recipe.averaging.name})")
    if recipe.stopping is not None:
        epoch = f"epoch {result_epoch(history).epoch} of {len(history)}" if history else "the epoch"
        said.append(f"of {epoch}, the best on validation images ({recipe.stopping.name})")
    return ", ".join(said)


def _stops(history: Sequence[EpochLog]) -> bool:
    return all(entry.validation_accuracy is not None for entry in history)


def read_entry(epoch: int, entry: Any) -> EpochLog:
    """The figures of an epoch as a file has them; `TypeError` or `ValueError` if they are none of that epoch."""
    found = EpochLog(**entry)
    plain = {key: value for key, value in asdict(found).items() if value is not None or key not in _MAY_LACK}
    measured = plain.pop("measured", {})
    if not isinstance(measured, dict) or not all(isinstance(name, str) for name in measured):
        raise ValueError(f"what was measured after epoch {epoch}: {measured!r:.80}")
    numbers = [*plain.values(), *measured.values()]
    if found.epoch != epoch or not all(type(value) in (int, float) for value in numbers):
        raise ValueError(f"figures of epoch {epoch}: {entry!r:.80}")
    return found


def to_entry(epoch: EpochLog) -> dict[str, Any]:
    """An epoch's figures for files; those of a check that was not made are left out."""
    return {name: value for name, value in asdict(epoch).items() if value is not None or name not in _LEFT_OUT}


def write_log(path: Path, history: Sequence[EpochLog]) -> None:
    """Write ``log.jsonl`` beside the checkpoint at `path`."""
    write_text(path.with_name(LOG), "".join(json.dumps(to_entry(entry)) + "\n" for entry in history))

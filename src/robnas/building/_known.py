"""What a store knows of the trials that a search asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from robnas.building._plan import Expansion
from robnas.errors import InputError, Verbatim
from robnas.records import QueuedTrial, RecordStore
from robnas.types import Split

_NAMED = ("metric", "attack_hash", "images")


@final
@dataclass(frozen=True)
class Seen:
    """What a search sees of a trial: one of the measurements of its plan, and the curve of the same metric."""

    metric: str
    attack_hash: str
    images: int
    curve: Mapping[str, Any] | None = None
    """Split, metric, attack hash and images of the curve; None if the plan has none of this metric on this split."""


def seen_of(expansion: Expansion, split: Split, metrics: Sequence[str]) -> tuple[Seen, ...]:
    """Of metrics that a plan measures on a split.

    Raises:
        InputError: it measures none such; the text lists those that it does.
    """
    name = expansion.plan.name
    splits = expansion.plan.measuring.splits
    if split not in splits:
        remedy = "add it to the splits of [evaluation], and a share for validation to [data]"
        raise InputError(
            "split", expected=f"one that plan {name} measures, {' or '.join(splits)}", got=split, remedy=remedy
        )
    known = {entry["metric"]: entry for entry in expansion.measurements if entry["split"] == split}
    curves = {entry["metric"]: entry for entry in expansion.curve if entry["split"] == split}
    found = []
    for metric in metrics:
        if metric not in known:
            raise InputError("metric", expected=f"one that plan {name} measures, {', '.join(known)}", got=metric)
        found.append(Seen(metric, known[metric]["attack_hash"], known[metric]["images"], curves.get(metric)))
    if not found or len(set(metrics)) < len(found):
        got = Verbatim(", ".join(metrics) or "none")
        raise InputError("metric", expected=f"one of {', '.join(known)}, or several, each once", got=got)
    return tuple(found)


@final
class Known:
    """Values of the trials of one plan in a store.

    Args:
        store: where they are.
        expansion: of the plan.
        split: that a search sees.
        seen: metrics that it sees.
    """

    def __init__(self, store: RecordStore, expansion: Expansion, split: Split, seen: Sequence[Seen]) -> None:
        self._store, self._seen = store, tuple(seen)
        self._stops = expansion.plan.recipe.stopping is not None
        self._where: dict[str, Any] = {
            "space": expansion.plan.space.of.key,
            "dataset_hash": expansion.dataset_hash,
            "recipe_hash": expansion.plan.recipe.hash,
            "split": split,
        }

    @property
    def metrics(self) -> int:
        """How many are seen."""
        return len(self._seen)

    @property
    def shown(self) -> str:
        """What it is about, for people."""
        return f"{self._where['split']} {' × '.join(one.metric for one in self._seen)}"

    def values(self, trials: Sequence[QueuedTrial]) -> dict[QueuedTrial, tuple[float, ...]]:
        """Trial → a value per metric, of those of these trials that were measured after their `until`."""
        whole = [trial for trial in trials if trial.until is None]
        found = self._final(whole) if whole else {}
        early = [trial for trial in trials if trial.until is not None]
        return found | (self._early(early) if early else {})

    def _early(self, trials: Sequence[QueuedTrial]) -> dict[QueuedTrial, tuple[float, ...]]:
        """Of curves; one of a training that was stopped early keeps its last value."""
        asked = {tuple(one.curve[name] for name in _NAMED) for one in self._seen if one.curve is not None}
        curves: dict[tuple[str, int], dict[str, dict[int, float]]] = {}
        for curve in self._store.curves(**self._of(trials)):
            of_trial = curve.attack_seed == (curve.seed if curve.attack_hash else 0)
            if of_trial and (curve.metric, curve.attack_hash, curve.images) in asked:
                values = dict(zip(curve.epochs, curve.values, strict=True))
                curves.setdefault((curve.architecture.text, curve.seed), {})[curve.metric] = values
        over = self._final(trials) if self._stops else {}
        found: dict[QueuedTrial, tuple[float, ...]] = {}
        for trial in trials:
            of_metric = curves.get((trial.architecture, trial.seed), {})
            values_ = [_after(of_metric.get(one.metric, {}), trial.until or 0, trial in over) for one in self._seen]
            if None not in values_:
                found[trial] = tuple(value for value in values_ if value is not None)
        return found

    def _of(self, trials: Sequence[QueuedTrial]) -> dict[str, Any]:
        """Columns that records and curves have in common."""
        return {
            "architecture": sorted({trial.architecture for trial in trials}),
            "seed": sorted({trial.seed for trial in trials}),
            "metric": sorted({one.metric for one in self._seen}),
            **self._where,
        }

    def _final(self, trials: Sequence[QueuedTrial]) -> dict[QueuedTrial, tuple[float, ...]]:
        wanted = {(one.metric, one.attack_hash, one.images) for one in self._seen}
        found: dict[tuple[str, int], dict[str, float]] = {}
        for record in self._store.records(**self._of(trials)):
            if record.has_seed_of_trial and (record.metric, record.attack_hash, record.images) in wanted:
                found.setdefault((record.architecture.text, record.seed), {})[record.metric] = record.value
        return {
            trial: tuple(values[one.metric] for one in self._seen)
            for trial in trials
            if len(values := found.get((trial.architecture, trial.seed), {})) == len(self._seen)
        }


def _after(values: Mapping[int, float], epoch: int, over: bool) -> float | None:
    """The value after an epoch; of a training that is over, the last one before it."""
    if over and values and max(values) < epoch:
        return values[max(values)]
    return values.get(epoch)

"""What a store knows of the trials that a search asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from robnas.building._plan import Expansion
from robnas.errors import InputError, Verbatim
from robnas.records import QueuedTrial, RecordStore
from robnas.types import Split


@final
@dataclass(frozen=True)
class Seen:
    """What a search sees of a trial: one of the measurements of its plan, and the curve of the same metric."""

    metric: str
    attack_hash: str
    images: int
    curve: Mapping[str, Any] | None = None
    """Attack hash and images of the curve; None if the plan has none of this metric."""


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
    found = []
    for metric in metrics:
        if metric not in known:
            raise InputError("metric", expected=f"one that plan {name} measures, {', '.join(known)}", got=metric)
        found.append(Seen(metric, known[metric]["attack_hash"], known[metric]["images"]))
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
        self._where: dict[str, Any] = {
            "space": expansion.plan.space.of.key,
            "dataset_hash": expansion.dataset_hash,
            "recipe_hash": expansion.plan.recipe.hash,
            "split": split,
        }

    @property
    def shown(self) -> str:
        """What it is about, for people."""
        return f"{self._where['split']} {' × '.join(one.metric for one in self._seen)}"

    def values(self, trials: Sequence[QueuedTrial]) -> dict[QueuedTrial, tuple[float, ...]]:
        """Trial → a value per metric, of those of these trials that were measured after their `until`."""
        whole = [trial for trial in trials if trial.until is None]
        return self._final(whole) if whole else {}

    def _final(self, trials: Sequence[QueuedTrial]) -> dict[QueuedTrial, tuple[float, ...]]:
        wanted = {(one.metric, one.attack_hash, one.images) for one in self._seen}
        found: dict[tuple[str, int], dict[str, float]] = {}
        for record in self._store.records(
            architecture=sorted({trial.architecture for trial in trials}),
            seed=sorted({trial.seed for trial in trials}),
            metric=sorted({one.metric for one in self._seen}),
            **self._where,
        ):
            of_trial = record.attack_seed == (record.seed if record.attack_hash else 0)
            if of_trial and (record.metric, record.attack_hash, record.images) in wanted:
                found.setdefault((record.architecture.text, record.seed), {})[record.metric] = record.value
        return self._whole(trials, found)

    def _whole(
        self, trials: Sequence[QueuedTrial], found: Mapping[tuple[str, int], Mapping[str, float]]
    ) -> dict[QueuedTrial, tuple[float, ...]]:
        """Of those trials of which everything was found."""
        return {
            trial: tuple(values[one.metric] for one in self._seen)
            for trial in trials
            if len(values := found.get((trial.architecture, trial.seed), {})) == len(self._seen)
        }

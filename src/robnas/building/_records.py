"""Evaluation → records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robnas._settings import content_hash, recipe_hash
from robnas.data import Dataset
from robnas.errors import InputError, Verbatim
from robnas.evaluation import Evaluation
from robnas.records import Record
from robnas.spaces import MODULES, Architecture
from robnas.types import Split

_GIVEN = {"name": "as it was given"}
"""What is known of the recipe of a network that somebody brings."""


def records_of(
    evaluation: Evaluation,
    data: Dataset,
    *,
    architecture: Architecture,
    space: str,
    recipe: Mapping[str, Any],
    recipe_hash: str,
    seed: int,
) -> tuple[list[Record], dict[str, dict[str, Any]]]:
    """Records of an evaluation, and the settings that their hashes stand for."""
    settings = {recipe_hash: dict(recipe)}
    records = []
    for measurement in evaluation.measurements:
        attack_hash = ""
        if measurement.attack is not None:
            attack_hash = content_hash(measurement.attack)
            settings[attack_hash] = dict(measurement.attack)
        records.append(
            Record(
                architecture=architecture,
                space=space,
                dataset_hash=data.content_hash,
                split=evaluation.split,
                recipe_hash=recipe_hash,
                seed=seed,
                metric=measurement.metric,
                attack_hash=attack_hash,
                attack_seed=measurement.seed,
                images=measurement.images,
                dataset=data.name,
                value=measurement.value,
                seconds=measurement.seconds,
                torch_version=measurement.torch_version,
                device=measurement.device,
                num_classes=data.num_classes,
                majority=_majority(data, evaluation.split, measurement.images),
            )
        )
    return records, settings


def module_records(name: str, data: Dataset, evaluation: Evaluation) -> tuple[list[Record], dict[str, dict[str, Any]]]:
    """Records of a network that belongs to no search space, for `RecordStore.add`.

    Its architecture is ``module=NAME,weights=HASH`` of the space ``modules``, so that it is never mixed up with one of
    a search space, nor with other weights under the same name.

    Args:
        name: what to call the network: letters and digits, with single hyphens, underscores or dots between.
        data: on which it was evaluated.
        evaluation: what `robnas.evaluate` returned.

    Raises:
        InputError: no such name, or an evaluation on other data.
    """
    if evaluation.dataset_hash != data.content_hash:
        got = Verbatim(evaluation.dataset_hash or "one of an earlier version, which does not say")
        raise InputError("evaluation", expected=f"one on {data.name}, content {data.content_hash}", got=got)
    architecture = MODULES.from_genes({"module": name, "weights": evaluation.weights})
    known = recipe_hash(_GIVEN)
    return records_of(
        evaluation, data, architecture=architecture, space=MODULES.key, recipe=_GIVEN, recipe_hash=known, seed=0
    )


def _majority(data: Dataset, split: Split, images: int) -> float:
    """Share of the most frequent class among the first images of a split."""
    counts = data.split(split).labels[:images].bincount()
    return int(counts.max()) / images

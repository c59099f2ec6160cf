"""Records as rows, and what a store keeps once for many of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from robnas._settings import content_hash
from robnas.records._record import Record
from robnas.types import Metric

_OF_IMAGES = ("num_classes", "majority")
"""What a record knows of the images asked: kept once for all records of them, among the settings, where stores of any
version have room for it."""


def images_key(record: Record) -> str:
    """Hash under which the settings have what is known of the images of a record."""
    return _hash_of_images(record.dataset_hash, record.split, record.images)


@cache
def _hash_of_images(dataset_hash: str, split: str, images: int) -> str:
    return content_hash({"dataset_hash": dataset_hash, "split": split, "images": images})


@cache
def hash_of_space(key: str) -> str:
    """Hash under which the settings have the fingerprint of a space, named by `Space.key`."""
    return content_hash({"space": key})


def facts_of_images(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """What is known of the images of records, by `images_key`."""
    return {
        images_key(record): {name: getattr(record, name) for name in _OF_IMAGES}
        for record in records
        if record.num_classes is not None
    }


def known_facts(facts: Any) -> dict[str, Any]:
    """The same of one record as its fields, from what the settings have."""
    return {name: facts[name] for name in _OF_IMAGES if name in facts} if isinstance(facts, dict) else {}


def to_row(record: Record) -> dict[str, Any]:
    """The row of a record."""
    metric = Metric.parse(record.metric)
    row = {name: getattr(record, name) for name in Record.__dataclass_fields__ if name not in _OF_IMAGES}
    return {
        **row,
        "architecture": record.architecture.text,
        "attack": metric.attack,
        "norm": metric.threat.norm if metric.threat else None,
        "epsilon": metric.threat.epsilon if metric.threat else None,
    }

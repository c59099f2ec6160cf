"""Arrays of images and labels in memory → the parts of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from robnas.data._given import Bytes, grey_levels
from robnas.data._labels import Numbers, class_numbers
from robnas.data._order import balanced_order, count_for_test, cut_in_three, hold_out_rows, validation_count
from robnas.errors import InputError
from robnas.types import SPLITS, Split, check_count

Share: TypeAlias = float | tuple[object, object]
"""A share of the images, or images and labels of their own."""
_LONGEST_NAME = 100
Part: TypeAlias = tuple[Bytes, Numbers]


@final
@dataclass(frozen=True, eq=False)
class Prepared:
    """What a data set is made of."""

    parts: dict[Split, Part]
    """Images (n, channels, height, width) and numbers of classes (n,), in the order of `SPLITS`."""
    num_classes: int
    names: tuple[str, ...]


def prepared(
    x: object,
    y: object,
    *,
    name: str,
    classes: int | Sequence[Any] | None,
    channels: str | None,
    size: int | Sequence[int] | None,
    validation: Share,
    test: Share,
    seed: int | None,
) -> Prepared:
    """See `Dataset.from_arrays`."""
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise InputError("data name", expected=f"a text of 1 to {_LONGEST_NAME} printable characters", got=name)
    if seed is not None:
        seed = check_count("seed", seed, 0)
    given = {"train": (x, y)} | {
        split: pair
        for split, share in (("validation", validation), ("test", test))
        if (pair := _pair(split, share)) is not None
    }
    images = grey_levels(name, {split: x for split, (x, _) in given.items()}, channels=channels, size=size)
    numbered, num_classes, names = class_numbers(
        name, {split: (y, len(images[split])) for split, (_, y) in given.items()}, classes
    )
    whole = {split: (images[split], numbered[split]) for split in images}
    found = _cut(whole, validation, test, seed)
    return Prepared({split: found[split] for split in SPLITS if split in found}, num_classes, names)


def _pair(split: str, share: Share) -> tuple[object, object] | None:
    """Images and labels of a split that has its own."""
    if isinstance(share, int | float | np.number) and not isinstance(share, bool):
        return None
    if not isinstance(share, tuple) or len(share) != 2:
        raise InputError(split, expected="a share of the images, or (x, y)", got=share)
    return share


def _cut(whole: dict[str, Part], validation: Share, test: Share, seed: int | None) -> dict[Split, Part]:
    """The splits, as `load_data` makes those of a file; shares are numbers where `whole` has no such part."""
    labels = whole["train"][1]
    if "test" not in whole:
        tested = count_for_test(test, len(labels))  # type: ignore[arg-type]
        held = 0 if "validation" in whole else validation_count(validation, len(labels) - tested)  # type: ignore[arg-type]
        found = _taken(whole["train"], cut_in_three(labels, validation=held, test=tested, seed=seed))
        return found | ({"validation": _shuffled(whole["validation"], seed)} if "validation" in whole else {})
    parts = {split: _shuffled(part, seed) for split, part in whole.items()}
    if "validation" not in parts:
        parts |= _taken(parts["train"], hold_out_rows(parts["train"][1], validation, seed))  # type: ignore[arg-type]
    return parts  # type: ignore[return-value]


def _shuffled(part: Part, seed: int | None) -> Part:
    order = balanced_order(part[1], seed)
    return part[0][order], part[1][order]


def _taken(part: Part, rows: dict[Split, Numbers]) -> dict[Split, Part]:
    return {split: (part[0][index], part[1][index]) for split, index in rows.items() if len(index)}

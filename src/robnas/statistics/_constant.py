"""Networks that give one answer whatever the image shows: no attack harms them, and none of them is robust."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Column, Table
from robnas.errors import InputError
from robnas.spaces import Space
from robnas.statistics._parts import Part, part_of
from robnas.types import Metric

Floats = npt.NDArray[np.float64]
_NEAR = 1.1  # times the accuracy of equally frequent answers: what a network that learned nothing may have by luck
_UNKNOWN = 2.0  # times it: how frequent the most frequent class may be where that was not recorded


def constant_rows(
    table: Table, dataset: str, split: str, space: str | Space | None = None, beta: float | None = None
) -> npt.NDArray[np.bool_] | None:
    """Rows whose network gives one answer for all images, or one that is no better, as far as accuracies tell.

    That is: the clean accuracy is below 1.1 / classes; or it is no more than the share of the most frequent class
    (twice an average one where that was not recorded) and every attack leaves it as it is, to within half an image and
    what another number of images explains.

    Args:
        table: the benchmark.
        dataset: name of the data set.
        split: ``validation`` or ``test``.
        space: key of the space that was trained in; needed where the table has clean accuracies of several.
        beta: weight of the robust loss that was trained with; likewise.

    Returns:
        Shape (rows,); None where it cannot be told: no clean accuracy, or the number of classes is not known.

    Raises:
        InputError: the table has clean accuracies of several spaces or betas, and none of them is named.
    """
    part = part_of(table, dataset, split, space, "clean", beta)
    return None if part is None else constant_in(part)


def constant_in(part: Part) -> npt.NDArray[np.bool_] | None:
    """`constant_rows` of a part of a table."""
    clean, unchanged = part.columns.get("clean"), unchanged_rows(part)
    if clean is None or unchanged is None or clean.num_classes is None:
        return None
    found: npt.NDArray[np.bool_] = unchanged | (clean.measured_mean < _NEAR / clean.num_classes)
    return found


def unchanged_rows(part: Part) -> npt.NDArray[np.bool_] | None:
    """The rows of `constant_rows` that no attack changes."""
    clean = part.columns.get("clean")
    if clean is None or clean.num_classes is None or clean.constant_accuracy is None:
        return None
    limit = clean.constant_accuracy if "majority" in clean.facts else _UNKNOWN / clean.num_classes
    attacked = [column for metric, column in part.columns.items() if _is_attack(metric)]
    found: npt.NDArray[np.bool_] = clean.measured_mean <= limit + _rounding(clean)
    measured = np.zeros(len(found), dtype=np.bool_)
    for column in attacked:
        found &= _unharmed(clean, column)
        measured |= ~np.isnan(column.measured_mean)
    return found & measured


def _is_attack(metric: str) -> bool:
    """Whether it is an accuracy under one attack; a name with a suffix, as in joined tables, is of other trainings."""
    try:
        return Metric.parse(metric).threat is not None
    except InputError:
        return False


def _unharmed(clean: Column, attacked: Column) -> npt.NDArray[np.bool_]:
    """Whether the attack leaves the clean accuracy as it is, or was not measured; shape (rows,)."""
    spread: Floats = np.zeros(len(clean.measured_mean))
    first, second = (column.facts.get("images") for column in (clean, attacked))
    if first and second and first != second:  # the first m of n images have another share of each class
        spread = 3 * np.sqrt(clean.measured_mean * (1 - clean.measured_mean) * abs(1 / first - 1 / second))
    harm = clean.measured_mean - attacked.measured_mean
    same: npt.NDArray[np.bool_] = np.abs(harm) <= spread + max(_rounding(clean), _rounding(attacked))
    return same | np.isnan(attacked.measured_mean)


def _rounding(column: Column) -> float:
    """Half an image: accuracies that differ by less are those of the same answers."""
    images = column.facts.get("images")
    return 0.5 / images / max(len(column.seeds), column.runs) if isinstance(images, int) and images > 0 else 1e-6

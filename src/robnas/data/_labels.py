"""Labels of any kind → numbers of classes, so that each says which logit is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from robnas.data._given import as_array
from robnas.errors import InputError, Verbatim, shorten
from robnas.types import check_count

Numbers = npt.NDArray[np.int64]
Values = list[int] | list[str]
_EXPECTED = "whole numbers or texts, one per image"


def class_numbers(
    name: str, given: Mapping[str, tuple[object, int]], classes: int | Sequence[Any] | None
) -> tuple[dict[str, Numbers], int, tuple[str, ...]]:
    """Numbers of classes per split, how many classes there are, and their names; no names where nobody said any.

    Args:
        name: of the data set, for errors.
        given: per split the labels, shape (n,) or (n, 1), and the number of images.
        classes: what labels may be, in the order of the logits; or names for labels that are numbers from 0; or how
            many there are; None: numbers are those of the classes, each of which occurs, and texts are sorted.

    Raises:
        InputError: labels of another kind or number, outside the classes, or fewer than 2 classes.
    """
    several = len(given) > 1
    values = {
        split: _values(f"{name}, {split} labels" if several else f"{name}, labels", labels, count)
        for split, (labels, count) in given.items()
    }
    there: set[Any] = set().union(*values.values())
    if len({type(value) for value in there}) > 1:
        raise InputError(f"labels of {name}", expected="all numbers or all texts", got=Verbatim("both"))
    texts = isinstance(next(iter(there)), str)
    order = _order(name, there, classes, texts)
    place = {value: number for number, value in enumerate(order.values)}
    if outside := sorted(there - place.keys()):
        shown = ", ".join(map(str, order.values[:6])) + ", …" * (len(order.values) > 6)
        raise InputError(f"labels of {name}", expected=f"one of the classes {shown}", got=outside[0])
    numbers = {split: np.array([place[value] for value in one], dtype=np.int64) for split, one in values.items()}
    return numbers, len(order.values), order.names


class _Order:
    """What labels may be, in the order of the logits, and what people call the classes."""

    def __init__(self, values: Sequence[Any], names: Sequence[str]) -> None:
        self.values, self.names = values, tuple(names)


def _order(name: str, there: set[Any], classes: int | Sequence[Any] | None, texts: bool) -> _Order:
    if classes is None:
        return _found(name, there, texts)
    if isinstance(classes, int | np.integer):
        count = check_count("classes", classes, 2)
        if texts:
            expected = "names in the order of the logits, because labels are texts"
            raise InputError("classes", expected=expected, got=classes, remedy="leave them out to sort the texts")
        return _Order(range(count), ())
    entries = _entries("classes", classes)
    if len(entries) < 2 or len(set(entries)) < len(entries) or len({type(entry) for entry in entries}) > 1:
        raise InputError("classes", expected="at least 2 names or numbers, each once", got=classes)
    named = isinstance(entries[0], str)
    if texts and not named:
        raise InputError("classes", expected="names, because labels are texts", got=classes)
    return _Order(range(len(entries)) if named and not texts else entries, list(map(str, entries)))


def _found(name: str, there: set[Any], texts: bool) -> _Order:
    """The order of the labels that there are."""
    values = sorted(there)
    if len(values) < 2:
        remedy = "give classes=, how many there are or their names"
        raise InputError(f"labels of {name}", expected="at least 2 classes", got=Verbatim("one"), remedy=remedy)
    if texts:
        return _Order(values, values)
    if values[0] != 0 or values[-1] != len(values) - 1:
        sort = "classes=sorted(set(y))"
        shown = shorten(values) if len(values) < 8 else f"{len(values)} from {values[0]} to {values[-1]}"
        raise InputError(
            f"labels of {name}",
            expected="each class from 0 at least once, where nobody says which there are",
            got=Verbatim(shown),
            remedy=f"give classes={values[-1] + 1} if labels are numbers of logits from 0, or {sort} if they are not"
            if values[0] >= 0
            else f"give {sort}, so that they become numbers of logits",
        )
    return _Order(values, ())


def _values(what: str, labels: object, count: int) -> Values:
    found = _entries(what, labels)
    if len(found) != count:
        raise InputError(what, expected=f"{count:,}, one per image", got=Verbatim(f"{len(found):,}"))
    return found


def _entries(what: str, labels: object) -> Values:
    """Labels as Python's numbers or texts.

    Raises:
        InputError: they are something else, such as floats, truth values or rows of zeros and a one.
    """
    if isinstance(labels, str | bytes | Mapping | Set):
        raise InputError(what, expected=_EXPECTED, got=labels)
    if isinstance(labels, Tensor) or hasattr(labels, "__array__"):
        array = as_array(what, labels)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1 or array.dtype.kind not in "iuUSOT":
            raise InputError(
                what,
                expected=_EXPECTED,
                got=Verbatim(f"{array.dtype} of shape {array.shape}"),
                remedy="y.argmax(1) if each row marks a class" if array.ndim == 2 else _remedy(array),
            )
        return _plain(what, array.tolist())
    try:
        return _plain(what, [one.item() if isinstance(one, Tensor) else one for one in labels])  # type: ignore[attr-defined]
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(what, expected=_EXPECTED, got=labels) from None


def _remedy(array: np.ndarray) -> str:
    return "y.astype(int) if they are numbers of classes" if array.dtype.kind in "bf" and array.ndim == 1 else ""


def _plain(what: str, values: list[Any]) -> Values:
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    if values and isinstance(values[0], bytes):
        values = [_decoded(what, value) for value in values]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise InputError(what, expected=_EXPECTED, got=value)
    return values


def _decoded(what: str, value: object) -> str:
    try:
        return value.decode()  # type: ignore[attr-defined,no-any-return]
    except (AttributeError, UnicodeDecodeError):
        raise InputError(what, expected=_EXPECTED, got=value) from None

"""What a data set decides of a network, so that it can be built where the images are not at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from robnas._settings import check_keys
from robnas.data import Dataset
from robnas.errors import InputError
from robnas.types import check_count

_KEYS = ("content_hash", "num_classes", "image_shape", "mean", "std")


@final
@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Classes, size and normalisation of images; the attributes are called as those of a `Dataset` are.

    Raises:
        InputError: values that belong to no data set.
    """

    content_hash: str
    """Of the data set."""
    num_classes: int
    image_shape: tuple[int, int, int]
    """Channels, height and width."""
    mean: tuple[float, ...]
    """Per channel, in [0, 1] pixels."""
    std: tuple[float, ...]
    """Per channel, in [0, 1] pixels."""

    def __post_init__(self) -> None:
        check_count("inputs num_classes", self.num_classes)
        if len(self.image_shape) != 3:
            raise InputError("inputs image_shape", expected="channels, height and width", got=self.image_shape)
        for size in self.image_shape:
            check_count("inputs image_shape", size)
        for what, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.image_shape[0] or not all(isinstance(value, float) for value in values):
                raise InputError(f"inputs {what}", expected="a number per channel", got=values)

    @classmethod
    def of(cls, data: Dataset) -> Inputs:
        """Those of a data set."""
        return cls(**{key: getattr(data, key) for key in _KEYS})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return {key: list(value) if isinstance(value := getattr(self, key), tuple) else value for key in _KEYS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Inputs:
        """The inputs of `to_dict`.

        Raises:
            InputError: a malformed entry.
        """
        check_keys("inputs entry", values, _KEYS)
        plain: dict[str, Any] = {}
        for key in _KEYS:
            plain[key] = tuple(values[key]) if isinstance(values[key], list) else values[key]
        return cls(**plain)

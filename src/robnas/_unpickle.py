"""Read pickles without running what is in them: plain containers, numbers and text, and NumPy's where allowed."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robnas.errors import DataError, Verbatim, reason

_LARGEST = 2**29  # bytes; the published files have a third of that at most
_OFTEN = 10  # times as many values as bytes: more only repeat each other
_NDARRAY = "numpy.ndarray"  # stands for the class, which a pickle may name but not call


class _Dtype:
    """A plain numeric type; its byte order follows as state."""

    def __init__(self, text: str, *_: Any) -> None:
        self.kind = np.dtype(text)
        if self.kind.kind not in "biuf":
            raise pickle.UnpicklingError(f"array of {self.kind.name}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.kind = self.kind.newbyteorder(state[1])


class _Array:
    """What NumPy's pickles begin an array with; its content follows as state.

    NumPy's own types believe such a state, which may point outside the array.
    """

    content: np.ndarray

    def __init__(self, kind: str, shape: tuple[int, ...], code: bytes) -> None:
        if kind != _NDARRAY or shape != (0,):
            raise pickle.UnpicklingError(f"array that begins with shape {shape}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, raw = state
        self.content = np.frombuffer(_bytes(raw), dtype.kind).reshape(shape, order="F" if fortran else "C").copy()


def _scalar(dtype: _Dtype, raw: bytes | str) -> Any:
    """One number of a plain type."""
    [value] = np.frombuffer(_bytes(raw), dtype.kind).tolist()
    return value


def _bytes(raw: bytes | str) -> bytes:
    return raw.encode("latin1") if isinstance(raw, str) else raw


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding}")
    return text.encode("latin1")


Allowed = Mapping[tuple[str, str], Callable[..., Any] | str]
"""What a pickle may name, by module and name, and what stands for it."""

NOTHING: Allowed = {}
"""Only what pickles need no name for: containers, numbers, text."""
ARRAYS: Allowed = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,
}
"""Plain NumPy arrays too."""
SCALARS: Allowed = {
    **ARRAYS,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
}
"""Plain NumPy arrays and single numbers of NumPy, which become Python's."""


class _Unpickler(pickle.Unpickler):
    allowed: Allowed

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return self.allowed[module, name]


def unpickled(path: Path, allowed: Allowed, *, expected: str, remedy: str, deep: bool = True) -> Any:
    """What is in a pickle, arrays as arrays.

    Args:
        path: of the file.
        allowed: what it may name.
        expected: what it has to be, in words.
        remedy: what to do if it is not.
        deep: whether arrays inside containers are unwrapped; else only those in the values of an outer dictionary.

    Raises:
        DataError: it is no such pickle, is truncated, or names anything else.
    """
    if (size := path.stat().st_size) > _LARGEST:
        raise DataError(str(path), expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{size:,}"))
    raw = path.read_bytes()
    try:
        if raw:
            _check_places(raw)
        reader = _Unpickler(io.BytesIO(raw), encoding="latin1")
        reader.allowed = allowed
        content = reader.load()
        if deep:
            return _Walk(_OFTEN * len(raw)).plain(content)
        return {key: _value(value) for key, value in content.items()} if isinstance(content, dict) else content
    except Exception as error:  # a damaged pickle can raise almost anything
        raise DataError(str(path), expected=expected, got=reason(error), remedy=remedy) from None


def _check_places(raw: bytes) -> None:
    """Refuse a number of a memo place that no pickle of this size needs; Python would make room for all below it."""
    try:
        places = [place for code, place, _ in pickletools.genops(raw) if code.name.endswith("PUT")]
    except ValueError as error:
        raise pickle.UnpicklingError(str(error)) from None
    if (most := max((place or 0 for place in places), default=0)) > len(raw):
        raise pickle.UnpicklingError(f"memo place {most:,}")


def _value(value: Any) -> Any:
    return value.content if isinstance(value, _Array) else value


class _Walk:
    """Unwraps arrays inside containers, each as often as it stands somewhere.

    A small pickle may name one container twice in the next, and so on: what stands there is then larger than memory.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    def plain(self, value: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise pickle.UnpicklingError("containers that stand in each other again and again")
        if isinstance(value, dict):
            return {key: self.plain(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self.plain, value))
        return _value(value)

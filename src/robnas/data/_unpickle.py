"""Read the pickles of published data sets without running what is in them."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from robnas.errors import DataError, Verbatim, reason

_LARGEST = 2**29  # bytes; the published files have a third of that at most
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
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        self.content = np.frombuffer(content, dtype.kind).reshape(shape, order="F" if fortran else "C").copy()


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Callable[..., Any] | str] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _ALLOWED[module, name]


def load_arrays(path: Path) -> dict[str, Any]:
    """The dictionary of arrays, lists and numbers in a pickle; byte keys become text, others than text are left out.

    Raises:
        DataError: it is no such pickle, is truncated, or names anything but plain NumPy arrays.
    """
    if (size := path.stat().st_size) > _LARGEST:
        raise DataError(str(path), expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{size:,}"))
    raw = path.read_bytes()
    try:
        if raw:
            _check_places(raw)
        content = _Unpickler(io.BytesIO(raw), encoding="latin1").load()
        if isinstance(content, dict):
            return {
                key.decode("latin1") if isinstance(key, bytes) else key: _value(value)
                for key, value in content.items()
                if isinstance(key, (bytes, str))
            }
    except Exception as error:  # a damaged pickle can raise almost anything
        raise DataError(
            str(path),
            expected="a pickle of plain NumPy arrays",
            got=reason(error),
            remedy="delete the file and download it again from its authors",
        ) from None
    raise DataError(str(path), expected="a dictionary", got=Verbatim(type(content).__name__))


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

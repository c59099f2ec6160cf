"""Read the pickles of published data sets without running what is in them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from robnas.errors import DataError, Verbatim


def _empty_array(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray:
    """What NumPy's pickles begin an array with; its content follows as state."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError(f"array that begins with shape {shape}")
    return np.ndarray((0,), np.uint8)


def _plain_dtype(text: str, *_: Any) -> np.dtype[Any]:
    kind = np.dtype(text)
    if kind.hasobject:
        raise pickle.UnpicklingError("array of objects")
    return kind


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Callable[..., Any] | type] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _plain_dtype,
    ("_codecs", "encode"): _latin1,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _ALLOWED[module, name]


def load_arrays(path: Path) -> dict[str, Any]:
    """The dictionary of arrays, lists and numbers in a pickle; byte keys become text.

    Raises:
        DataError: it is no such pickle, is truncated, or names anything but plain NumPy arrays.
    """
    try:
        content = _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can raise almost anything
        raise DataError(
            str(path),
            expected="a pickle of plain NumPy arrays",
            got=Verbatim(f"{type(error).__name__} ({error})"),
            remedy="delete the file and download it again from its authors",
        ) from None
    if not isinstance(content, dict):
        raise DataError(str(path), expected="a dictionary", got=Verbatim(type(content).__name__))
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}

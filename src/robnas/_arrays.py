"""Files .npz, bundled ones and others: named arrays, each with a hash."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robnas._content import check_content, digest
from robnas._files import write_atomically
from robnas.errors import DataError, reason

Array = npt.NDArray[Any]
_REMEDY = "install robnas again"


def write_arrays(path: Path, kind: str, arrays: Mapping[str, Array]) -> None:
    """Write arrays, each with the hash that `read_arrays` checks, atomically."""
    hashes = {f"{name} sha256": np.array(_digest(kind, name, array)) for name, array in arrays.items()}
    write_atomically(path, lambda stream: np.savez_compressed(stream, **arrays, **hashes))  # type: ignore[arg-type]


def read_arrays(path: Traversable, kind: str, *names: str, remedy: str = _REMEDY) -> tuple[Array, ...]:
    """Some arrays of a file.

    Raises:
        DataError: the file is damaged.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            found = tuple(archive[name] for name in names)
            written = [str(archive[f"{name} sha256"]) for name in names]
    except Exception as error:  # damaged bytes raise what they happen to ask for
        raise DataError(str(path), expected="arrays of robnas", got=reason(error), remedy=remedy) from None
    for name, array, known in zip(names, found, written, strict=True):
        check_content(Path(str(path)), known, _digest(kind, name, array), remedy)
    return found


def _digest(kind: str, name: str, array: Array) -> str:
    return digest(kind, name, [array])

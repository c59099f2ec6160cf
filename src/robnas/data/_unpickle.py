"""Read the pickles of published data sets without running what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from robnas._unpickle import ARRAYS, unpickled
from robnas.errors import DataError, Verbatim


def load_arrays(path: Path) -> dict[str, Any]:
    """The dictionary of arrays, lists and numbers in a pickle; byte keys become text, others than text are left out.

    Raises:
        DataError: it is no such pickle, is truncated, or names anything but plain NumPy arrays.
    """
    content = unpickled(
        path,
        ARRAYS,
        expected="a pickle of plain NumPy arrays",
        remedy="delete the file and download it again from its authors",
        deep=False,
    )
    if not isinstance(content, dict):
        raise DataError(str(path), expected="a dictionary", got=Verbatim(type(content).__name__))
    return {
        key.decode("latin1") if isinstance(key, bytes) else key: value
        for key, value in content.items()
        if isinstance(key, (bytes, str))
    }

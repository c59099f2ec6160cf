"""What `robnas build --keep-weights` keeps: a file of weights per trial."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from robnas._tensor_files import SUFFIX
from robnas.building._weights import Trained, write_weights
from robnas.errors import InputError, printable


def keep_weights(trained: Trained, folder: Path, trial: str) -> None:
    """Write the weights of the trial of that hash; where that fails, a line says why, and its records are kept."""
    try:
        write_weights(trained, folder / f"{trial}{SUFFIX}")
    except (InputError, OSError) as error:
        _say(str(folder), str(error).replace(f"{trial}{SUFFIX}", ""))


@cache
def _say(folder: str, why: str) -> None:
    """Once per worker and reason."""
    logging.getLogger("robnas").warning("weights are not kept in %s: %s", printable(folder), printable(why))


def without_weights(folder: Path, trials: Iterable[str]) -> int:
    """How many of these trials, by their hashes, have no file of weights."""
    return sum(not (folder / f"{trial}{SUFFIX}").is_file() for trial in trials)

"""Proxies as numbers that predictors read, on scales on which differences mean something."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys
from robnas.errors import InputError

Matrix = npt.NDArray[np.float64]
_SMALL = 1e-12


def _log(value: float) -> float:
    return math.log(max(abs(value), _SMALL))


SCALES: dict[str, Callable[[float], float]] = {
    "parameters": _log,
    "macs": _log,
    "convolutions": float,
    "grad_norm": _log,
    "plain": lambda value: math.copysign(math.log1p(100 * abs(value)), value),
    "snip": _log,
    "l2_norm": float,
    "fisher": _log,
    "synflow": float,
    "jacov": lambda value: -_log(value),
    "epe_nas": _log,
    "nwot": float,
    "zen": float,
    "jacobian_norm": _log,
}
"""How each proxy enters a predictor: those that spread over magnitudes by the logarithm of their size."""


def proxy_features(scores: Sequence[Mapping[str, float | None]]) -> Matrix:
    """The proxies of `SCALES` on their scales, shape (architectures, proxies); nan where a score is missing.

    Raises:
        InputError: a score of `SCALES` is not there at all, or infinite.
    """
    for row in scores:
        check_keys("scores of an architecture, for a predictor", SCALES, row)
        infinite = [name for name in SCALES if (value := row[name]) is not None and math.isinf(value)]
        if infinite:
            expected = "finite scores, None or nan for a missing one"
            raise InputError("scores of an architecture, for a predictor", expected=expected, got=row[infinite[0]])
    rows = [[(math.nan if row[name] is None else scale(row[name])) for name, scale in SCALES.items()] for row in scores]  # type: ignore[arg-type]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(SCALES))
